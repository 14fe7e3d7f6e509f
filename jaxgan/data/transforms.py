"""Random mirroring and shifting of real images, keyed by sample.

The caller folds one key a sample from the sample's global index, and separate keys for separate
transforms. So a sample looks the same whatever devices or processes share the batch.
"""

import jax
import jax.numpy as jnp

from jaxgan.types import Array


def flip_horizontally(keys: Array, x: Array) -> Array:
    """Mirrors each image left to right with probability 1/2.

    Args:
      keys: PRNG keys [batch], one a sample.
      x: images [batch, height, width, channels] of any dtype.

    Returns:
      Images of the same shape and dtype.

    Raises:
      ValueError: if x is not of rank 4, or there is not one key a sample.
    """
    _check_images(keys, x)
    flips = jax.vmap(jax.random.bernoulli)(keys)
    return jnp.where(flips[:, None, None, None], x[:, :, ::-1], x)


def random_crop(keys: Array, x: Array, padding: int) -> Array:
    """Shifts each image by up to `padding` pixels each way; reflection fills what comes in.

    The image is padded on all four sides by reflection about its border pixels (NumPy's "reflect"),
    and cropped back to its size at one of the (2 padding + 1)^2 offsets, all equally likely.

    Args:
      keys: PRNG keys [batch], one a sample.
      x: images [batch, height, width, channels] of any dtype.
      padding: pixels, from 0 to less than height and width.

    Returns:
      Images of the same shape and dtype.

    Raises:
      ValueError: if x is not of rank 4, there is not one key a sample, or padding is out of range.
    """
    _check_images(keys, x)
    batch, height, width, channels = x.shape
    if not 0 <= padding < min(height, width):
        raise ValueError(
            f"padding must be 0 or more and less than height {height} and width {width}, "
            f"got {padding}"
        )
    offsets = jax.vmap(lambda key: jax.random.randint(key, (2,), -padding, padding + 1))(keys)
    rows = _reflected(offsets[:, :1] + jnp.arange(height)[None], height)[:, :, None]
    columns = _reflected(offsets[:, 1:] + jnp.arange(width)[None], width)[:, None, :]
    # One gather of pixels, clipped: on a CPU a few times faster than slices of a padded image.
    images = jnp.arange(batch)[:, None, None]
    pixels = (images * height + rows) * width + columns
    return jnp.take(x.reshape(-1, channels), pixels, axis=0, mode="clip")


def _reflected(positions: Array, size: int) -> Array:
    """Positions up to size - 1 beyond an end, mirrored at it: -1 is 1, size is size - 2."""
    last = size - 1
    return last - jnp.abs(last - jnp.abs(positions))


def _check_images(keys: Array, x: Array) -> None:
    if x.ndim != 4:
        raise ValueError(f"x must be images [batch, height, width, channels], got shape {x.shape}")
    if keys.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"keys must hold one key a sample, [{len(x)}], got shape {tuple(keys.shape)}"
        )

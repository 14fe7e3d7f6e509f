"""Random flips and crops of real images, with one key per sample.

The caller folds each sample's key from its global index, with separate keys for each transform. So
the result does not depend on the number of devices or processes.
"""

import jax
import jax.numpy as jnp

from jaxgan.types import Array


def flip_horizontally(keys: Array, x: Array) -> Array:
    """Flips each image left to right with probability 1/2.

    Args:
      keys: PRNG keys [batch], one per sample.
      x: images [batch, height, width, channels] of any dtype.

    Returns:
      Images of the same shape and dtype.

    Raises:
      ValueError: if x is not of rank 4, or there is not one key per sample.
    """
    _check_images(keys, x)
    flips = jax.vmap(jax.random.bernoulli)(keys)
    return jnp.where(flips[:, None, None, None], x[:, :, ::-1], x)


def random_crop(keys: Array, x: Array, padding: int) -> Array:
    """Shifts each image by up to `padding` pixels in each direction, with reflected borders.

    The image is padded on all four sides by reflection about its border pixels (NumPy's "reflect"),
    and cropped back to its size at one of (2 padding + 1)^2 equally likely offsets.

    Args:
      keys: PRNG keys [batch], one per sample.
      x: images [batch, height, width, channels] of any dtype.
      padding: number of pixels; 0 or more, and less than height and width.

    Returns:
      Images of the same shape and dtype.

    Raises:
      ValueError: if x is not of rank 4, there is not one key per sample, or padding is out of
        range.
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
    # A single gather of pixels is a few times faster on CPU than slices of a padded image.
    images = jnp.arange(batch)[:, None, None]
    pixels = (images * height + rows) * width + columns
    return jnp.take(x.reshape(-1, channels), pixels, axis=0, mode="clip")


def _reflected(positions: Array, size: int) -> Array:
    """Positions reflected into 0..size - 1: -1 becomes 1, and size becomes size - 2."""
    last = size - 1
    return last - jnp.abs(last - jnp.abs(positions))


def _check_images(keys: Array, x: Array) -> None:
    if x.ndim != 4:
        raise ValueError(f"x must be images [batch, height, width, channels], got shape {x.shape}")
    if keys.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"keys must hold one key per sample, [{len(x)}], got shape {tuple(keys.shape)}"
        )

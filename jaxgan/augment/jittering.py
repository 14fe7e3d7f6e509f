"""ADA's geometric and colour transforms without its low-pass filter, which are cheaper on CPU."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.augment.affine import (
    color_jitter_matrix,
    geometric_jitter_matrix,
    sample_affine,
    transform_colors,
)
from jaxgan.augment.diff_augment import cutout as cut_out
from jaxgan.augment.value_range import check_images
from jaxgan.types import Array


def jitter(
    geometry: float = 1.0, color: float = 1.0, cutout: float = 0.0
) -> Callable[[Array, Array, Array | float], Array]:
    """Geometric and colour transforms and cutout, each with probability p.

    Unlike those of `pipeline`, geometric transforms have no low-pass filter against aliasing: at
    p = 1 white noise keeps 67% of its standard deviation, with theirs 77%.

    The set of R3GAN without the filter is `jitter(color=0.5, cutout=1.0)`, see `pipeline`.

    Args:
      geometry: probability of each transform of `geometric_jitter`, as a fraction of p; 0 for none.
      color: probability of each transform of `strong_color_jitter`, as a fraction of p.
      cutout: probability of `jaxgan.augment.cutout`, as a fraction of p.
    Returns:
      `(keys, x, strength) -> x`, for x float [batch, height, width, 1 or 3] in [-1, 1].
    Raises:
      ValueError: if a fraction is out of range, or all are 0. When applied, if samples are not
        images of 1 or 3 channels.
    Source: Karras et al. 2020, appendix B, https://arxiv.org/abs/2006.06676
    """
    fractions = {"geometry": geometry, "color": color, "cutout": cutout}
    for name, fraction in fractions.items():
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"{name} must be a fraction of p, in [0, 1], got {fraction}")
    if not any(fractions.values()):
        raise ValueError("geometry, color and cutout are all 0: set one of them above 0")

    def apply(keys: Array, x: Array, strength: Array | float) -> Array:
        count = 3 if cutout else 2
        own = jax.vmap(lambda key: jax.random.split(key, count))(keys)
        x = geometric_jitter(own[:, 0], x, geometry * strength) if geometry else x
        x = strong_color_jitter(own[:, 1], x, color * strength) if color else x
        return _random_cutout(own[:, 2], x, cutout * strength) if cutout else x

    return apply


def _random_cutout(keys: Array, x: Array, strength: Array | float) -> Array:
    pairs = jax.vmap(jax.random.split)(keys)
    due = jax.vmap(lambda key: jax.random.bernoulli(key, strength))(pairs[:, 0])
    return jnp.where(due[:, None, None, None], cut_out(pairs[:, 1], x), x)


def geometric_jitter(keys: Array, x: Array, strength: Array | float) -> Array:
    """Random flips, rotations, scalings and shifts of images, each with probability p.

    Images are resampled bilinearly, with reflection at the borders, and without the low-pass filter
    against aliasing of the authors' code.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels].
      strength: p, scalar in [0, 1].
    Raises:
      ValueError: if x has another rank or there is not one key per sample.
    Source: Karras et al. 2020, appendix B: pixel blitting and general geometric transformations.
    """
    check_images(keys, x)

    def one(key: Array, x: Array) -> Array:
        return sample_affine(x, geometric_jitter_matrix(key, (x.shape[0], x.shape[1]), strength))

    return jax.vmap(one)(keys, x)


def strong_color_jitter(keys: Array, x: Array, strength: Array | float) -> Array:
    """Random brightness, contrast, luma flip, hue and saturation, each with probability p.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, 1 or 3] in [-1, 1].
      strength: p, scalar in [0, 1].
    Returns:
      Images of the same shape, whose values may exceed [-1, 1].
    Raises:
      ValueError: if x has another shape or there is not one key per sample.
    Source: Karras et al. 2020, appendix B: color transformations.
    """
    check_images(keys, x)
    if x.shape[3] not in (1, 3):
        raise ValueError(f"color augmentation needs 1 or 3 channels, got shape {x.shape}")
    return jax.vmap(lambda key, x: transform_colors(x, color_jitter_matrix(key, strength)))(keys, x)

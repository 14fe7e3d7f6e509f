"""Diversity of images: the mean multi-scale SSIM of random pairs."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.metrics.image_quality import WINDOW, checked_images, ssim_factors
from jaxgan.types import Array

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_CHUNK = 16  # pairs at once


def ms_ssim(x: Array, y: Array, max_value: float) -> Array:
    """Multi-scale structural similarity of images.

    prod_j contrast_j^w_j, times luminance^w at the coarsest of five scales. Each scale halves the
    previous image by averaging 2 x 2 pixels; an odd side repeats its last pixel. Contrast is the
    mean over windows, as in `ssim`, and negative values count as 0. The result is the mean over
    channels. Images with a side below 161 pixels use only the first scales, as many as the 11 x 11
    window fits in (two for 28 x 28), with weights rescaled to sum to 1. The five published weights
    sum to 1.0001. Differentiable.

    Args:
      x: images [batch, height, width, channels], floats or integers.
      y: images of the same shape.
      max_value: the width of the value range; 255 for bytes, 2 for [-1, 1].
    Returns:
      Float [batch] in [0, 1]; 1 for equal images.
    Raises:
      ValueError: if x and y are not images of one shape, max_value is not positive, or the images
        are smaller than the window.
    Source: Wang, Simoncelli & Bovik 2003, equation 7, https://doi.org/10.1109/ACSSC.2003.1292216
    """
    x, y = checked_images(x, y, max_value)
    scales = _num_scales(min(x.shape[1:3]))
    total = sum(_WEIGHTS[:scales]) if scales < len(_WEIGHTS) else 1.0
    weights = [weight / total for weight in _WEIGHTS[:scales]]
    result = jnp.ones((), x.dtype)
    for scale, weight in enumerate(weights):
        luminance, contrast = ssim_factors(x, y, max_value)
        likeness = luminance * contrast if scale == scales - 1 else contrast
        result = result * _power(jnp.mean(likeness, axis=(1, 2)), weight)
        x, y = _halved(x), _halved(y)
    return jnp.mean(result, axis=1)


def ms_ssim_diversity(key: Array, images: Array, num_pairs: int, max_value: float) -> Array:
    """Mean MS-SSIM of random pairs of images; lower values mean more diverse images.

    Use it on the images of one class, and compare with the same number of real images. For a
    collapsed generator it is close to 1.

    Args:
      key: PRNG key for drawing the pairs.
      images: images of one class [num, height, width, channels], floats or integers.
      num_pairs: the number of pairs of two different images; a pair may be drawn repeatedly.
      max_value: the width of the value range; 255 for bytes, 2 for [-1, 1].
    Returns:
      Float scalar in [0, 1].
    Raises:
      ValueError: if there are fewer than two images, num_pairs or max_value is not positive, or
        the images are smaller than the window.
    Source: Odena, Olah & Shlens 2017, section 4.2, https://arxiv.org/abs/1610.09585
    """
    images = jnp.asarray(images)
    if images.ndim != 4 or len(images) < 2:
        raise ValueError(
            f"images must be [num, height, width, channels] with num >= 2, got {images.shape}"
        )
    if num_pairs < 1:
        raise ValueError(f"num_pairs must be positive, got {num_pairs}")
    first_key, other_key = jax.random.split(key)
    first = jax.random.randint(first_key, (num_pairs,), 0, len(images))
    shift = jax.random.randint(other_key, (num_pairs,), 1, len(images))

    def one(pair: Array) -> Array:
        return ms_ssim(images[pair[0]][None], images[pair[1]][None], max_value)[0]

    pairs = jnp.stack([first, (first + shift) % len(images)], axis=1)
    return jnp.mean(lax.map(one, pairs, batch_size=_CHUNK))


def _num_scales(side: int) -> int:
    """The number of scales of which the window still fits, from one to five."""
    sides = [-(-side // 2**scale) for scale in range(len(_WEIGHTS))]
    return max(1, sum(side >= WINDOW for side in sides))


def _halved(x: Array) -> Array:
    x = jnp.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)), mode="edge")
    batch, height, width, channels = x.shape
    return jnp.mean(x.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))


def _power(base: Array, exponent: float) -> Array:
    # The power has an infinite derivative at zero, and 0 * inf is NaN; hence the double where.
    return jnp.where(base > 0, jnp.where(base > 0, base, 1.0) ** exponent, 0.0)

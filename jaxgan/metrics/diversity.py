"""Variety of the images of a class: the mean multi-scale SSIM of random pairs."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.metrics.image_quality import WINDOW, checked_images, ssim_factors
from jaxgan.types import Array

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_TOGETHER = 16


def ms_ssim(x: Array, y: Array, max_value: float) -> Array:
    """Multi-scale structural similarity of images.

    prod_j contrast_j^w_j, times luminance^w at the coarsest of five scales; each scale halves the
    image before by means of 2 x 2 pixels, and an odd side repeats its last pixel. Contrast is the
    mean over windows, as in `ssim`, and one that is negative counts as 0; the result is the mean
    over channels. Images of less than 161 pixels a side have as many of the first scales as the
    11 x 11 window fits in (28 x 28: two), their weights scaled to the sum of 1; the five are as
    published, with a sum of 1.0001. Differentiable.

    Args:
      x: images [batch, height, width, channels], floats or integers.
      y: images of the same shape.
      max_value: what the brightest pixel may differ from the darkest; 255 for bytes, 2 for [-1, 1].
    Returns:
      Float [batch] in [0, 1], 1 where images are equal.
    Raises:
      ValueError: if shapes differ or are no images, max_value is not positive, or the images are
        smaller than the window.
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
    """Mean MS-SSIM of random pairs of images: the lower, the more varied they are.

    Give it the images of one class, and compare with the same number of real ones; a generator
    that has collapsed comes near 1.

    Args:
      key: PRNG key that the pairs are drawn with.
      images: of one class [num, height, width, channels], floats or integers.
      num_pairs: pairs of two different images each; the same pair may come again.
      max_value: as for `ms_ssim`.
    Returns:
      Float scalar in [0, 1].
    Raises:
      ValueError: as `ms_ssim`, or if there are no two images or no pairs are asked for.
    Source: Odena, Olah & Shlens 2017, section 4.2, https://arxiv.org/abs/1610.09585
    """
    images = jnp.asarray(images)
    if images.ndim != 4 or len(images) < 2:
        raise ValueError(
            f"images must be two or more, [num, height, width, channels], got {images.shape}"
        )
    if num_pairs < 1:
        raise ValueError(f"num_pairs must be positive, got {num_pairs}")
    first_key, other_key = jax.random.split(key)
    first = jax.random.randint(first_key, (num_pairs,), 0, len(images))
    further = jax.random.randint(other_key, (num_pairs,), 1, len(images))

    def one(places: Array) -> Array:
        return ms_ssim(images[places[0]][None], images[places[1]][None], max_value)[0]

    pairs = jnp.stack([first, (first + further) % len(images)], axis=1)
    return jnp.mean(lax.map(one, pairs, batch_size=_TOGETHER))


def _num_scales(side: int) -> int:
    """How often an image can be halved and the window still fits, five at most, one at least."""
    sides = [-(-side // 2**scale) for scale in range(len(_WEIGHTS))]
    return max(1, sum(side >= WINDOW for side in sides))


def _halved(x: Array) -> Array:
    x = jnp.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)), mode="edge")
    batch, height, width, channels = x.shape
    return jnp.mean(x.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))


def _power(base: Array, exponent: float) -> Array:
    # The power's derivative at zero is infinite, and times zero not a number: so two wheres.
    return jnp.where(base > 0, jnp.where(base > 0, base, 1.0) ** exponent, 0.0)

"""Images prepared for networks trained on image files that Pillow resized."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxgan.images.resampling import resampling_matrix
from jaxgan.types import Array

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""ImageNet's mean and standard deviation, of images in [0, 1]."""
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""The mean and standard deviation of CLIP's images in [0, 1]."""


def resized_as_files(x: Array | np.ndarray, size: tuple[int, int]) -> Array:
    """Images resized bicubically to whole numbers, as Pillow resizes images of 8 bits.

    The width is resized first and the height second, and each result is rounded and clipped, so
    that a file can hold the image. Pillow's weights have 22 binary digits: its result differs in
    fewer than one of 1,000 values, by 1. Pillow 13 resizes the height first for some images that
    are not square, which changes a third of their values by a few.

    Args:
      x: uint8 or float [batch, height, width, 1 or 3] in [0, 255]; floats are rounded first.
      size: (height, width) of the result.
    Returns:
      float32 [batch, *size, 3], whole numbers in [0, 255]. A grey image has three equal channels.
    Raises:
      ValueError: if x has another shape or dtype.
    Source: src/libImaging/Resample.c, https://github.com/python-pillow/Pillow
    """
    numbers = x.dtype == jnp.uint8 or jnp.issubdtype(x.dtype, jnp.floating)
    if not numbers or x.ndim != 4 or x.shape[3] not in (1, 3):
        raise ValueError(
            f"x must be uint8 or float [batch, height, width, 1 or 3], got {x.dtype} {x.shape}"
        )
    rows, columns = (
        jnp.asarray(resampling_matrix(old, new), jnp.float32)
        for old, new in zip(x.shape[1:3], size, strict=True)
    )
    x = _whole(jnp.asarray(x, jnp.float32))
    x = _whole(jnp.einsum("qw,bhwc->bhqc", columns, x, precision="highest"))
    x = _whole(jnp.einsum("ph,bhqc->bpqc", rows, x, precision="highest"))
    return jnp.broadcast_to(x, (*x.shape[:3], 3))


def normalized(x: Array, statistics: tuple[Sequence[float], Sequence[float]]) -> Array:
    """Images in [0, 255] minus a mean and over a standard deviation, both of images in [0, 1].

    Args:
      x: float [batch, height, width, 3].
      statistics: mean and standard deviation of each channel.
    """
    mean, deviation = (jnp.asarray(each, jnp.float32)[None, None, None] for each in statistics)
    return (x / 255.0 - mean) / deviation


def _whole(x: Array) -> Array:
    return jnp.clip(jnp.floor(x + 0.5), 0, 255)

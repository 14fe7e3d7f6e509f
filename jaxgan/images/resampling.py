"""Image resampling with the results of the Python Imaging Library (Pillow).

Resampling is a linear map along each axis, so an image is resampled by two matrix products.

>>> bicubic(jnp.ones((1, 8, 8, 3)), (2, 16)).shape
(1, 2, 16, 3)
"""

import functools

import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array


def bicubic(x: Array, size: tuple[int, int]) -> Array:
    """Images resampled with the cubic kernel (a = -1/2), antialiased when downsampling.

    When an axis shrinks, the kernel is widened by the same factor. At the borders the weights of
    pixels outside the image are dropped and the others rescaled to sum to 1 (MATLAB mirrors the
    image instead). The result is differentiable in forward and reverse mode. Near sharp edges it
    may exceed the range of x by a few percent.

    Args:
      x: float [batch, height, width, channels].
      size: (height, width) of the result.
    Returns:
      Float [batch, *size, channels] of the dtype of x, computed in float32 or wider.
    Raises:
      ValueError: if x is not a floating array of that shape, or size is not two positive ints.
    Source: Keys 1981, equation 15, https://doi.org/10.1109/TASSP.1981.1163711; Pillow's BICUBIC,
      https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters
    """
    _check(x, size)
    kind = jnp.promote_types(x.dtype, jnp.float32)
    rows, columns = (
        jnp.asarray(resampling_matrix(old, new), kind)
        for old, new in zip(x.shape[1:3], size, strict=True)
    )
    y = jnp.einsum("ph,bhwc->bpwc", rows, x.astype(kind), precision="highest")
    return jnp.einsum("qw,bpwc->bpqc", columns, y, precision="highest").astype(x.dtype)


def nearest(x: Array, size: tuple[int, int]) -> Array:
    """Images resampled by taking the nearest pixel.

    Args:
      x: float [batch, height, width, channels].
      size: (height, width) of the result.
    Returns:
      Float [batch, *size, channels] of the dtype of x.
    Raises:
      ValueError: if x is not a floating array of that shape, or size is not two positive ints.
    """
    _check(x, size)
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for old, new in zip(x.shape[1:3], size, strict=True)
    )
    return jnp.take(jnp.take(x, rows, axis=1), columns, axis=2)


@functools.lru_cache(maxsize=64)
def resampling_matrix(old: int, new: int) -> np.ndarray:
    """The matrix of `bicubic` along one axis, float64 [new, old], whose rows sum to 1.

    Args:
      old: size of the axis.
      new: size after resampling.
    Raises:
      ValueError: if a size is not positive.

    >>> print(resampling_matrix(4, 2).round(3))
    [[ 0.459  0.459  0.12  -0.037]
     [-0.037  0.12   0.459  0.459]]
    """
    if min(old, new) < 1:
        raise ValueError(f"sizes must be positive, got old={old}, new={new}")
    # Pixel i covers [i, i + 1], and the centre of new pixel j is at (j + 1/2) old / new.
    scale = old / new
    middles = (np.arange(new)[:, None] + 0.5) * scale
    distances = (np.arange(old)[None, :] + 0.5 - middles) / max(scale, 1.0)
    weights = _cubic(np.abs(distances))
    matrix = weights / weights.sum(axis=1, keepdims=True)
    matrix.setflags(write=False)  # all callers share the cached array
    return matrix


def _cubic(t: np.ndarray, a: float = -0.5) -> np.ndarray:
    # k(t) = (a + 2) t^3 - (a + 3) t^2 + 1          for t < 1
    #        a t^3 - 5 a t^2 + 8 a t - 4 a          for 1 <= t < 2
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


def _check(x: Array, size: tuple[int, int]):
    if x.ndim != 4 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"x must be float [batch, height, width, channels], got {x.dtype} {x.shape}"
        )
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be a positive (height, width), got {size}")

"""Images made larger or smaller, as the Python imaging library (PIL) does it.

Along each axis resampling is a linear map, a small matrix; an image takes two products.

>>> bicubic(jnp.ones((1, 8, 8, 3)), (2, 16)).shape
(1, 2, 16, 3)
"""

import functools

import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array


def bicubic(x: Array, size: tuple[int, int]) -> Array:
    """Images resampled by the cubic kernel with a = -1/2, antialiased where they shrink.

    The kernel is widened by the factor that an axis shrinks by. At the edges the weights of places
    outside fall away, and the others are scaled to the sum of 1 (MATLAB mirrors the image there).
    Differentiable, in either mode; values may leave the range of x by some per cent at edges in
    the image.

    Args:
      x: float [batch, height, width, channels].
      size: (height, width) of the result.
    Returns:
      Float [batch, *size, channels] of the type of x; computed in float32 at least.
    Raises:
      ValueError: if x has other axes or no floats, or size is no pair of positive ints.
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
    """Images whose pixels are the nearest ones of x; arguments and errors as for `bicubic`."""
    _check(x, size)
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for old, new in zip(x.shape[1:3], size, strict=True)
    )
    return jnp.take(jnp.take(x, rows, axis=1), columns, axis=2)


@functools.lru_cache(maxsize=64)
def resampling_matrix(old: int, new: int) -> np.ndarray:
    """What `bicubic` does along one axis: float64 [new, old], each row's weights sum to 1.

    Args:
      old: size of the axis.
      new: size wanted.
    Raises:
      ValueError: if a size is not positive.

    >>> print(resampling_matrix(4, 2).round(3))
    [[ 0.459  0.459  0.12  -0.037]
     [-0.037  0.12   0.459  0.459]]
    """
    if min(old, new) < 1:
        raise ValueError(f"sizes must be positive, got old={old}, new={new}")
    # Pixel i covers [i, i + 1]; the middle of new pixel j lies at (j + 1/2) old / new.
    scale = old / new
    middles = (np.arange(new)[:, None] + 0.5) * scale
    distances = (np.arange(old)[None, :] + 0.5 - middles) / max(scale, 1.0)
    weights = _cubic(np.abs(distances))
    matrix = weights / weights.sum(axis=1, keepdims=True)
    matrix.setflags(write=False)  # it is shared by all who ask
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

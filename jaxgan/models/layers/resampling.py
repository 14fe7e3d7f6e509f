"""Resampling by 2 with the low-pass filter [1, 3, 3, 1] of StyleGAN2 and R3GAN.

Everything outside of the images counts as 0.
"""

import jax.numpy as jnp

from jaxgan.types import Array


def upsample(x: Array) -> Array:
    """Upsample each axis by 2 with bilinear interpolation.

    y[2 n] = (x[n - 1] + 3 x[n]) / 4,  y[2 n + 1] = (3 x[n] + x[n + 1]) / 4

    Args:
      x: float [batch, *size, channels].
    Returns:
      Float [batch, *2 size, channels].

    >>> print(upsample(jnp.array([4.0, 8.0]).reshape(1, 2, 1)).ravel())
    [3. 5. 7. 6.]
    """
    for axis in range(1, x.ndim - 1):
        n = x.shape[axis]
        padded = _padded(x, axis, 1, 1)
        before, after = (_cut(padded, axis, start, n) for start in (0, 2))
        pairs = jnp.stack([(before + 3 * x) / 4, (3 * x + after) / 4], axis + 1)
        x = pairs.reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])
    return x


def downsample(x: Array) -> Array:
    """Downsample each axis by 2.

    y[n] = (x[2 n - 1] + 3 x[2 n] + 3 x[2 n + 1] + x[2 n + 2]) / 8

    Args:
      x: float [batch, *size, channels].
    Returns:
      Float [batch, *size / 2, channels], sizes rounded up.

    >>> print(downsample(jnp.array([8.0, 16.0, 0.0, 8.0]).reshape(1, 4, 1)).ravel())
    [9. 5.]
    """
    for axis in range(1, x.ndim - 1):
        n = -(-x.shape[axis] // 2)
        padded = _padded(x, axis, 1, 2 * n + 1 - x.shape[axis])
        pairs = padded.reshape(*x.shape[:axis], n + 1, 2, *x.shape[axis + 1 :])
        odd, even = (jnp.take(pairs, i, axis + 1) for i in (0, 1))  # x[2n - 1], x[2n]
        low, high = ([_cut(part, axis, start, n) for part in (odd, even)] for start in (0, 1))
        x = (low[0] + 3 * low[1] + 3 * high[0] + high[1]) / 8
    return x


def blur(x: Array, low: int, sizes: tuple[int, ...], gain: float = 1.0) -> Array:
    """Filter each axis without a change of scale.

    y[n] = gain (x[n - low] + 3 x[n - low + 1] + 3 x[n - low + 2] + x[n - low + 3]) / 8

    Args:
      x: float [batch, *size, channels].
      low: number of zeros before the first position.
      sizes: size of the result along each axis.
      gain: factor per axis.
    Returns:
      Float [batch, *sizes, channels].

    >>> print(blur(jnp.array([8.0, 16.0]).reshape(1, 2, 1), 1, (2,)).ravel())
    [9. 7.]
    """
    edge, middle = gain / 8, 3 * gain / 8
    for axis, n in zip(range(1, x.ndim - 1), sizes, strict=True):
        padded = _padded(x, axis, low, n + 3 - low - x.shape[axis])
        a, b, c, d = (_cut(padded, axis, start, n) for start in range(4))
        x = edge * (a + d) + middle * (b + c)
    return x


def _padded(x: Array, axis: int, low: int, high: int) -> Array:
    return jnp.pad(x, [(low, high) if each == axis else (0, 0) for each in range(x.ndim)])


def _cut(x: Array, axis: int, start: int, length: int) -> Array:
    return x[(slice(None),) * axis + (slice(start, start + length),)]

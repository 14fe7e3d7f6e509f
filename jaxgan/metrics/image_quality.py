"""Likeness of images to the true ones: PSNR and SSIM, and the luma on which both are reported.

>>> x = jnp.full((1, 16, 16, 1), 100.0)
>>> print(psnr(x, x + 1.0, max_value=10.0))  # 20 log10 10
[20.]
"""

import jax.numpy as jnp
from jax import lax

from jaxgan.types import Array

WINDOW, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03


def luma(x: Array) -> Array:
    """Brightness Y of ITU-R BT.601 in its studio range, not rounded, as super-resolution has it.

    Args:
      x: RGB images, [..., 3], floats or integers in [0, 255].
    Returns:
      Float [..., 1] in [16, 235]; compare it with max_value 255.
    Raises:
      ValueError: if x is not of three channels.
    Source: ITU-R BT.601-7, sections 2.5 and 3.5, https://www.itu.int/rec/R-REC-BT.601
    """
    x = jnp.asarray(x)
    if x.ndim < 1 or x.shape[-1] != 3:
        raise ValueError(f"x must be RGB, [..., 3], got {x.shape}")
    # Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255
    r, g, b = jnp.split(_as_float(x), 3, axis=-1)
    return 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0


def psnr(x: Array, y: Array, max_value: float, border: int = 0) -> Array:
    """Peak signal-to-noise ratio of images, 10 log10(max_value^2 / MSE).

    Args:
      x: images [batch, height, width, channels], floats or integers.
      y: images of the same shape.
      max_value: what the brightest pixel may differ from the darkest; 255 for bytes, 2 for [-1, 1].
      border: pixels left out on each side; papers on super-resolution leave out the scale.
    Returns:
      Float [batch], dB; infinite where images are equal.
    Raises:
      ValueError: if shapes differ or are no images, max_value is not positive, or the border
        leaves nothing.
    """
    x, y = checked_images(x, y, max_value, border)
    mse = jnp.mean((x - y) ** 2, axis=(1, 2, 3))
    return 10.0 * jnp.log10(max_value**2 / mse)


def ssim(x: Array, y: Array, max_value: float, border: int = 0) -> Array:
    """Structural similarity of images, the mean over pixels and channels.

    Windows are Gaussian, 11 x 11 with sigma 1.5, and lie within the images; variances are those of
    the window, without a correction for its size. Differentiable.

    Args:
      x: images [batch, height, width, channels], floats or integers.
      y: images of the same shape.
      max_value: what the brightest pixel may differ from the darkest; 255 for bytes, 2 for [-1, 1].
      border: pixels left out on each side.
    Returns:
      Float [batch] in [-1, 1], 1 where images are equal.
    Raises:
      ValueError: as `psnr`, or if the images without their border are smaller than the window.
    Source: Wang et al. 2004, section III-B, https://doi.org/10.1109/TIP.2003.819861
    """
    x, y = checked_images(x, y, max_value, border)
    luminance, contrast = ssim_factors(x, y, max_value)
    return jnp.mean(luminance * contrast, axis=(1, 2, 3))


def ssim_factors(x: Array, y: Array, max_value: float) -> tuple[Array, Array]:
    """Likeness of brightness, and of contrast and structure, whose product SSIM is the mean of.

    Args:
      x: images, floats [batch, height, width, channels].
      y: images of the same shape.
      max_value: as for `ssim`.
    Returns:
      Two maps over the windows that fit, [batch, height - 10, width - 10, channels].
    Raises:
      ValueError: if the images are smaller than the window.
    """
    if min(x.shape[1:3]) < WINDOW:
        raise ValueError(
            f"images must have at least {WINDOW} x {WINDOW} pixels within the border, "
            f"got {x.shape[1]} x {x.shape[2]}"
        )
    mean_x, mean_y, var_x, var_y, cov = _window_moments(x, y)
    # (2 mu_x mu_y + c1) / (mu_x^2 + mu_y^2 + c1) and (2 cov + c2) / (var_x + var_y + c2)
    c1, c2 = (_K1 * max_value) ** 2, (_K2 * max_value) ** 2
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2.0 * cov + c2) / (var_x + var_y + c2)


def _window_moments(x: Array, y: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Weighted means, variances and covariance of x and y in each window that fits.

    E x^2 - (E x)^2 would cancel in float32. The window is a product of two, so we take the moments
    along one axis, then along the other by the law of total covariance:
      cov(x, y) = E cov(x, y | row) + cov(E[x | row], E[y | row]).
    """
    offsets = jnp.arange(WINDOW, dtype=x.dtype) - WINDOW // 2
    weights = jnp.exp(-0.5 * (offsets / _SIGMA) ** 2)
    weights = weights / jnp.sum(weights)

    def mean(shifts):
        return jnp.tensordot(weights, shifts, axes=1, precision="highest")

    var_x = var_y = cov = jnp.zeros_like(x)
    for axis in (1, 2):
        xs, ys = _shifts(x, axis), _shifts(y, axis)
        x, y = mean(xs), mean(ys)
        dx, dy = xs - x[None], ys - y[None]
        var_x = mean(_shifts(var_x, axis) + dx**2)
        var_y = mean(_shifts(var_y, axis) + dy**2)
        cov = mean(_shifts(cov, axis) + dx * dy)
    return x, y, var_x, var_y, cov


def _shifts(x: Array, axis: int) -> Array:
    """The places of the window along an axis, [window, ..., size - window + 1, ...]."""
    size = x.shape[axis] - WINDOW + 1
    return jnp.stack([lax.slice_in_dim(x, k, k + size, axis=axis) for k in range(WINDOW)])


def _as_float(x: Array) -> Array:
    """At least float32: differences of bytes would wrap around."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def checked_images(x: Array, y: Array, max_value: float, border: int = 0) -> tuple[Array, Array]:
    """Both as floats, without their border, if they are images that can be compared."""
    x, y = _as_float(jnp.asarray(x)), _as_float(jnp.asarray(y))
    if x.ndim != 4 or x.shape != y.shape:
        raise ValueError(
            f"x and y must be images [batch, height, width, channels] of one shape, "
            f"got {x.shape} and {y.shape}"
        )
    if not max_value > 0:
        raise ValueError(f"max_value must be positive, got {max_value}")
    if not 0 <= 2 * border < min(x.shape[1:3]):
        raise ValueError(f"border must leave pixels of {x.shape[1]} x {x.shape[2]}, got {border}")
    inner = slice(border, x.shape[1] - border), slice(border, x.shape[2] - border)
    return x[:, *inner], y[:, *inner]

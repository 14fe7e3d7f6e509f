"""PSNR and SSIM of images, and the luma channel on which both are often reported.

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
    """The luma Y of ITU-R BT.601 in studio range, unrounded, as used in super-resolution.

    Args:
      x: RGB images [..., 3], floats or integers in [0, 255].
    Returns:
      Float [..., 1] in [16, 235]; compare such images with max_value=255.
    Raises:
      ValueError: if x does not have three channels.
    Source: ITU-R BT.601-7, sections 2.5 and 3.5, https://www.itu.int/rec/R-REC-BT.601
    """
    x = jnp.asarray(x)
    if x.ndim < 1 or x.shape[-1] != 3:
        raise ValueError(f"x must be RGB images [..., 3], got shape {x.shape}")
    # Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255
    r, g, b = jnp.split(_as_float(x), 3, axis=-1)
    return 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0


def psnr(x: Array, y: Array, max_value: float, border: int = 0) -> Array:
    """Peak signal-to-noise ratio of images, 10 log10(max_value^2 / MSE).

    Args:
      x: images [batch, height, width, channels], floats or integers.
      y: images of the same shape.
      max_value: the width of the value range; 255 for bytes, 2 for [-1, 1].
      border: pixels cropped on each side; papers on super-resolution crop as many as the scale.
    Returns:
      Float [batch] in dB; infinite for equal images.
    Raises:
      ValueError: if x and y are not images of one shape, max_value is not positive, or the border
        leaves no pixels.
    """
    x, y = checked_images(x, y, max_value, border)
    mse = jnp.mean((x - y) ** 2, axis=(1, 2, 3))
    return 10.0 * jnp.log10(max_value**2 / mse)


def ssim(x: Array, y: Array, max_value: float, border: int = 0) -> Array:
    """Structural similarity of images, the mean over pixels and channels.

    Windows are Gaussian, 11 x 11 with sigma 1.5, and lie within the images. Variances are biased
    ones (no correction for the window's size). Differentiable.

    Args:
      x: images [batch, height, width, channels], floats or integers.
      y: images of the same shape.
      max_value: the width of the value range; 255 for bytes, 2 for [-1, 1].
      border: pixels cropped on each side.
    Returns:
      Float [batch] in [-1, 1]; 1 for equal images.
    Raises:
      ValueError: if x and y are not images of one shape, max_value is not positive, or the cropped
        images are smaller than the window.
    Source: Wang et al. 2004, section III-B, https://doi.org/10.1109/TIP.2003.819861
    """
    x, y = checked_images(x, y, max_value, border)
    luminance, contrast = ssim_factors(x, y, max_value)
    return jnp.mean(luminance * contrast, axis=(1, 2, 3))


def ssim_factors(x: Array, y: Array, max_value: float) -> tuple[Array, Array]:
    """The luminance factor and the contrast-structure factor; SSIM is the mean of their product.

    Args:
      x: images, floats [batch, height, width, channels].
      y: images of the same shape.
      max_value: the width of the value range.
    Returns:
      Two maps over all windows, [batch, height - 10, width - 10, channels].
    Raises:
      ValueError: if the images are smaller than the window.
    """
    if min(x.shape[1:3]) < WINDOW:
        raise ValueError(
            f"images must have at least {WINDOW} x {WINDOW} pixels after cropping the border, "
            f"got {x.shape[1]} x {x.shape[2]}"
        )
    mean_x, mean_y, var_x, var_y, cov = _window_moments(x, y)
    # (2 mu_x mu_y + c1) / (mu_x^2 + mu_y^2 + c1) and (2 cov + c2) / (var_x + var_y + c2)
    c1, c2 = (_K1 * max_value) ** 2, (_K2 * max_value) ** 2
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2.0 * cov + c2) / (var_x + var_y + c2)


def _window_moments(x: Array, y: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Weighted means, variances and covariance of x and y in each window.

    E x^2 - (E x)^2 would cancel in float32. The window is separable, so moments are taken along one
    axis and then along the other by the law of total covariance:
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
    """All shifts of the window along an axis, [window, ..., size - window + 1, ...]."""
    size = x.shape[axis] - WINDOW + 1
    return jnp.stack([lax.slice_in_dim(x, k, k + size, axis=axis) for k in range(WINDOW)])


def _as_float(x: Array) -> Array:
    """The array as float32 or wider; differences of bytes would wrap around."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def checked_images(x: Array, y: Array, max_value: float, border: int = 0) -> tuple[Array, Array]:
    """Both as floats without their border; raises a ValueError if they cannot be compared."""
    x, y = _as_float(jnp.asarray(x)), _as_float(jnp.asarray(y))
    if x.ndim != 4 or x.shape != y.shape:
        raise ValueError(
            f"x and y must be images [batch, height, width, channels] of one shape, "
            f"got {x.shape} and {y.shape}"
        )
    if not max_value > 0:
        raise ValueError(f"max_value must be positive, got {max_value}")
    if not 0 <= 2 * border < min(x.shape[1:3]):
        raise ValueError(
            f"border must be less than half of {x.shape[1]} x {x.shape[2]} pixels, got {border}"
        )
    inner = slice(border, x.shape[1] - border), slice(border, x.shape[2] - border)
    return x[:, *inner], y[:, *inner]

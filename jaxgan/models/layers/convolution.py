"""Convolution and transposed convolution that are fast on CPU too.

On CPU they use the implementations of `convolution_cpu`, elsewhere XLA's own operators.

>>> image, kernel = jnp.ones((1, 4, 4, 3)), jnp.ones((4, 4, 3, 8))
>>> conv(image, kernel, stride=2).shape, conv_transpose(image, kernel, stride=2).shape
((1, 2, 2, 8), (1, 8, 8, 8))
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.checks import check_choice
from jaxgan.models.layers.convolution_cpu import (
    Geometry,
    Pair,
    as_pairs,
    fast,
    fast_adjoint,
    plain,
    plain_adjoint,
)
from jaxgan.types import Array

Padding = Literal["SAME", "VALID"] | Sequence[Pair]
Implementation = Literal["auto", "cpu", "xla"]

_auto: contextvars.ContextVar[Implementation] = contextvars.ContextVar("auto", default="auto")


# --- The two functions


def conv(
    x: Array,
    kernel: Array,
    stride: int | Sequence[int] = 1,
    padding: Padding = "SAME",
    implementation: Implementation = "auto",
) -> Array:
    """Convolution along one or two axes; as usual in deep learning, the kernel is not flipped.

    y[q] = sum_i x[stride q + i - low] kernel[i]

    Args:
      x: float [batch, height, width, in] or [batch, length, in].
      kernel: float [height, width, in, out] or [length, in, out].
      stride: an int for all axes, or one per axis.
      padding: "SAME" (output of size ceil(size / stride)), "VALID" (none), or (low, high) per axis.
      implementation: "xla" for XLA's operator, "cpu" for the fast forms of `convolution_cpu`,
        "auto" to choose by the default device. Only "xla" supports forward-mode differentiation.
    Returns:
      Float [batch, ..., out], the same for all implementations up to rounding.
    Raises:
      ValueError: if the shapes do not match or the implementation is unknown.
    """
    if x.ndim == kernel.ndim == 3:
        return _along_one_axis(conv, x, kernel, stride, padding, implementation)
    size, window, steps = _checked(x, kernel, stride)
    pads: Any = padding
    if isinstance(padding, str):
        pads = lax.padtype_to_pads(size, window, steps, padding)
    geometry = Geometry(size, window, steps, as_pairs(pads))
    if min(geometry.output) < 1:
        raise ValueError(f"kernel {kernel.shape} is larger than x {x.shape} with padding {padding}")
    return (fast if is_cpu(implementation) else plain)(x, kernel, geometry)


def conv_transpose(
    x: Array,
    kernel: Array,
    stride: int | Sequence[int] = 2,
    padding: Padding = "SAME",
    implementation: Implementation = "auto",
) -> Array:
    """Transposed convolution along one or two axes, as in `jax.lax.conv_transpose` and Flax.

    Args:
      x: float [batch, height, width, in] or [batch, length, in].
      kernel: float [height, width, in, out] or [length, in, out].
      stride: upsampling factor, an int for all axes or one per axis.
      padding: "SAME" (output of size * stride), "VALID" (the full output), or (low, high) per axis
        to crop from the full output of size (size - 1) * stride + kernel, as in PyTorch.
      implementation: "xla" for XLA's operator, "cpu" for the fast forms of `convolution_cpu`,
        "auto" to choose by the default device. Only "xla" supports forward-mode differentiation.
    Returns:
      Float [batch, ..., out].
    Raises:
      ValueError: if the shapes do not match or the implementation is unknown.
    """
    if x.ndim == kernel.ndim == 3:
        return _along_one_axis(conv_transpose, x, kernel, stride, padding, implementation)
    size, window, steps = _checked(x, kernel, stride)
    if isinstance(padding, str):
        pairs = zip(window, steps, strict=True)
        cut = as_pairs([_cropped(k, s, padding) for k, s in pairs])
    else:
        cut = as_pairs(padding)
    axes = zip(size, window, steps, cut, strict=True)
    height, width = ((n - 1) * s + k - low - high for n, k, s, (low, high) in axes)
    if min(height, width) < 1:
        raise ValueError(
            f"padding {padding} leaves no output for x {x.shape} and kernel {kernel.shape}"
        )
    # The adjoint of the convolution with the flipped kernel, whose output has the shape of x.
    flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    geometry = Geometry((height, width), window, steps, cut)
    return (fast_adjoint if is_cpu(implementation) else plain_adjoint)(x, flipped, geometry)


@contextlib.contextmanager
def auto_means(implementation: Implementation) -> Iterator[None]:
    """Context in which "auto" means the given implementation, to trace programs for other devices.

    Args:
      implementation: "cpu" is fast on all devices; "xla" is slow on CPU.
    """
    token = _auto.set(implementation)
    try:
        yield
    finally:
        _auto.reset(token)


def _cropped(window: int, stride: int, padding: str) -> Pair:
    """Positions that SAME and VALID crop at both ends; negative if they add zeros."""
    if padding == "VALID":
        return 0, min(window - stride, 0)
    low = max(window - stride, 0) // 2
    return low, window - stride - low


def _along_one_axis(function: Callable, x: Array, kernel: Array, stride, padding, implementation):
    stride = stride if isinstance(stride, int) else stride[0]
    padding = padding if isinstance(padding, str) else (*padding, (0, 0))
    return function(x[:, :, None], kernel[:, None], (stride, 1), padding, implementation)[:, :, 0]


def _checked(x: Array, kernel: Array, stride: int | Sequence[int]) -> tuple[Pair, Pair, Pair]:
    """Size, window and stride (height, width)."""
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[3] != kernel.shape[2]:
        raise ValueError(
            "x must be [batch, *size, in] and kernel [*size, in, out], with one or two axes of "
            f"size, got {x.shape} and {kernel.shape}"
        )
    steps = (stride, stride) if isinstance(stride, int) else (stride[0], stride[1])
    size, window = (x.shape[1], x.shape[2]), (kernel.shape[0], kernel.shape[1])
    return size, window, steps


def is_cpu(implementation: str) -> bool:
    """Whether an implementation means the fast forms for CPU.

    Raises:
      ValueError: if the implementation is unknown.
    """
    check_choice(implementation=(implementation, ("auto", "cpu", "xla")))
    implementation = _auto.get() if implementation == "auto" else implementation
    return implementation == "cpu" or (implementation == "auto" and jax.default_backend() == "cpu")

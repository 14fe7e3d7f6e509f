"""Convolution and transposed convolution, in forms that XLA runs fast on CPU too.

On CPU these are the forms of `convolution_forms`; elsewhere the plain operators.

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
    """Convolution (the kernel is not flipped) along one axis or two.

    Args:
      x: float [batch, height, width, in] or [batch, length, in].
      kernel: float [height, width, in, out] or [length, in, out].
      stride: of all axes, or one an axis.
      padding: "SAME" (output of size ceil(size / stride)), "VALID" (none), or (low, high) an axis.
      implementation: "xla" is the plain operator, "cpu" the forms of this file, "auto" what suits
        the default device. Only "xla" can be differentiated in forward mode.
    Returns:
      Float [batch, ..., out], the same to rounding whatever the implementation.
    Raises:
      ValueError: if shapes do not fit each other, or the implementation is unknown.
    """
    if x.ndim == kernel.ndim == 3:
        return _along_one_axis(conv, x, kernel, stride, padding, implementation)
    size, window, steps = _checked(x, kernel, stride)
    pads: Any = padding
    if isinstance(padding, str):
        pads = lax.padtype_to_pads(size, window, steps, padding)
    geometry = Geometry(size, window, steps, as_pairs(pads))
    if min(geometry.output) < 1:
        raise ValueError(f"kernel {kernel.shape} is larger than x {x.shape} padded by {padding}")
    return (fast if is_cpu(implementation) else plain)(x, kernel, geometry)


def conv_transpose(
    x: Array,
    kernel: Array,
    stride: int | Sequence[int] = 2,
    padding: Padding = "SAME",
    implementation: Implementation = "auto",
) -> Array:
    """Transposed convolution along one axis or two, as `jax.lax.conv_transpose` and flax have it.

    Args:
      x: float [batch, height, width, in] or [batch, length, in].
      kernel: float [height, width, in, out] or [length, in, out].
      stride: factor of enlargement of all axes, or one an axis.
      padding: "SAME" (output of size * stride), "VALID" (nothing cut off), or (low, high) an axis
        to cut off from the full output of size (size - 1) * stride + kernel, as in PyTorch.
      implementation: as for `conv`.
    Returns:
      Float [batch, ..., out].
    Raises:
      ValueError: if shapes do not fit each other, or the implementation is unknown.
    """
    if x.ndim == kernel.ndim == 3:
        return _along_one_axis(conv_transpose, x, kernel, stride, padding, implementation)
    size, window, steps = _checked(x, kernel, stride)
    if isinstance(padding, str):
        pairs = zip(window, steps, strict=True)
        cut = as_pairs([_cut_off(k, s, padding) for k, s in pairs])
    else:
        cut = as_pairs(padding)
    axes = zip(size, window, steps, cut, strict=True)
    height, width = ((n - 1) * s + k - low - high for n, k, s, (low, high) in axes)
    if min(height, width) < 1:
        raise ValueError(f"padding {padding} leaves nothing of x {x.shape}, kernel {kernel.shape}")
    # The adjoint of a convolution by the flipped kernel, which gives an output like x.
    flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    geometry = Geometry((height, width), window, steps, cut)
    return (fast_adjoint if is_cpu(implementation) else plain_adjoint)(x, flipped, geometry)


@contextlib.contextmanager
def auto_means(implementation: Implementation) -> Iterator[None]:
    """Within it "auto" is this implementation, for programs traced here that run elsewhere.

    Args:
      implementation: "cpu" runs everywhere and well; "xla" everywhere, but slowly on CPU.
    """
    token = _auto.set(implementation)
    try:
        yield
    finally:
        _auto.reset(token)


def _cut_off(window: int, stride: int, padding: str) -> Pair:
    """What SAME and VALID cut off; negative where they add zeros."""
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
            "x must be [batch, *size, in] and kernel [*size, in, out], of one or two axes, "
            f"got {x.shape} and {kernel.shape}"
        )
    steps = (stride, stride) if isinstance(stride, int) else (stride[0], stride[1])
    size, window = (x.shape[1], x.shape[2]), (kernel.shape[0], kernel.shape[1])
    return size, window, steps


def is_cpu(implementation: str) -> bool:
    """Whether an implementation means the forms for CPU; a ValueError if there is no such one."""
    if implementation not in ("auto", "cpu", "xla"):
        raise ValueError(f"implementation must be auto, cpu or xla, got {implementation!r}")
    implementation = _auto.get() if implementation == "auto" else implementation
    return implementation == "cpu" or (implementation == "auto" and jax.default_backend() == "cpu")

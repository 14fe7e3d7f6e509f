"""Convolution and transposed convolution, in forms that XLA runs fast on CPU too.

A convolution is linear in its input and in its kernel. Its two adjoints, the gradients of input
and kernel, are bilinear as well, and the derivatives of each of the three are the other two. So
the three forms below, each written to be fast on CPU, can be differentiated as often as one likes
(gradient penalties do it twice), in reverse mode. Elsewhere the plain operators are used.

>>> image, kernel = jnp.ones((1, 4, 4, 3)), jnp.ones((4, 4, 3, 8))
>>> conv(image, kernel, stride=2).shape, conv_transpose(image, kernel, stride=2).shape
((1, 2, 2, 8), (1, 8, 8, 8))
"""

import contextlib
import contextvars
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.types import Array

Pair = tuple[int, int]
Padding = Literal["SAME", "VALID"] | Sequence[Pair]
Implementation = Literal["auto", "cpu", "xla"]

_FEW = 4  # channels up to which a product a pixel, and sums, beat XLA's operator on CPU
_NARROW = 32  # channels up to which XLA's own kernel gradient takes half the time of products
_LAYOUT = ("NHWC", "HWIO", "NHWC")
_auto: contextvars.ContextVar[Implementation] = contextvars.ContextVar("auto", default="auto")


class _Geometry(NamedTuple):
    """All of a convolution that is not an array; (height, width) each."""

    size: Pair  # of the input
    window: Pair  # of the kernel
    stride: Pair
    padding: tuple[Pair, Pair]  # (low, high) an axis

    @property
    def output(self) -> Pair:
        height, width = (
            (n + low + high - k) // s + 1 for n, k, s, (low, high) in zip(*self, strict=True)
        )
        return height, width


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
    geometry = _Geometry(size, window, steps, _pairs(pads))
    if min(geometry.output) < 1:
        raise ValueError(f"kernel {kernel.shape} is larger than x {x.shape} padded by {padding}")
    return (_conv if is_cpu(implementation) else _plain)(x, kernel, geometry)


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
        cut = _pairs([_cut_off(k, s, padding) for k, s in pairs])
    else:
        cut = _pairs(padding)
    axes = zip(size, window, steps, cut, strict=True)
    height, width = ((n - 1) * s + k - low - high for n, k, s, (low, high) in axes)
    if min(height, width) < 1:
        raise ValueError(f"padding {padding} leaves nothing of x {x.shape}, kernel {kernel.shape}")
    # The adjoint of a convolution by the flipped kernel, which gives an output like x.
    flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    geometry = _Geometry((height, width), window, steps, cut)
    return (_input_adjoint if is_cpu(implementation) else _plain_adjoint)(x, flipped, geometry)


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


def _pairs(padding: Any) -> tuple[Pair, Pair]:
    (top, bottom), (left, right) = padding
    return (int(top), int(bottom)), (int(left), int(right))


def is_cpu(implementation: str) -> bool:
    """Whether an implementation means the forms for CPU; a ValueError if there is no such one."""
    if implementation not in ("auto", "cpu", "xla"):
        raise ValueError(f"implementation must be auto, cpu or xla, got {implementation!r}")
    implementation = _auto.get() if implementation == "auto" else implementation
    return implementation == "cpu" or (implementation == "auto" and jax.default_backend() == "cpu")


# --- The plain operators


def _plain(x: Array, w: Array, geometry: _Geometry) -> Array:
    return lax.conv_general_dilated(
        x, w, geometry.stride, geometry.padding, dimension_numbers=_LAYOUT
    )


def _plain_adjoint(g: Array, w: Array, geometry: _Geometry) -> Array:
    x = jax.ShapeDtypeStruct((len(g), *geometry.size, w.shape[2]), g.dtype)
    return jax.linear_transpose(lambda x: _plain(x, w, geometry), x)(g)[0]


# --- The three forms for CPU. With x the input, w the kernel, g of the shape of the output:
#   y[q] = sum_i x[s q + i - low] w[i]         convolution
#   a[m] = sum_i g[(m + low - i) / s] w[i]^T   input adjoint, where s divides
#   b[i] = sum_q x[s q + i - low]^T g[q]       kernel adjoint


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _conv(x: Array, w: Array, geometry: _Geometry) -> Array:
    if not _has_few_outputs(w, geometry):
        return _plain(x, w, geometry)
    kind = jnp.promote_types(x.dtype, jnp.float32)  # in which the products are summed
    products = jnp.einsum("bhwc,ijco->bhwijo", x, w, preferred_element_type=kind)
    products = _padded(products, geometry.padding)
    (height, width), (rows, columns) = geometry.output, geometry.window
    y = jnp.zeros((len(x), height, width, w.shape[3]), products.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        y = y + products[:, i : i + height, j : j + width, i, j]
    return y.astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _input_adjoint(g: Array, w: Array, geometry: _Geometry) -> Array:
    if _has_few_outputs(w, geometry):
        return jnp.einsum("bhwijo,ijco->bhwc", _shifted(g, geometry), w)
    # Outputs m = s n + p of one remainder p are a plain convolution of g by every s-th row of w.
    height, width = geometry.stride
    phases = [[_phase(g, w, geometry, (p, q)) for q in range(width)] for p in range(height)]
    x = jnp.stack([jnp.stack(row, axis=3) for row in phases], axis=2)
    x = x.reshape(len(g), x.shape[1] * height, x.shape[3] * width, x.shape[5])
    return x[:, : geometry.size[0], : geometry.size[1]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _kernel_adjoint(x: Array, g: Array, geometry: _Geometry) -> Array:
    w = jax.ShapeDtypeStruct((*geometry.window, x.shape[3], g.shape[3]), x.dtype)
    if _has_few_outputs(w, geometry):
        return jnp.einsum("bhwc,bhwijo->ijco", x, _shifted(g, geometry))
    if geometry.stride == (1, 1) and max(w.shape[2:]) <= _NARROW:
        return jax.linear_transpose(lambda w: _plain(x, w, geometry), w)(g)[0]
    # One matrix product for each place of the kernel, s by s places at a time: blocks of s by s
    # pixels become channels, and the convolution one of stride 1. XLA's own gradient transposes
    # both arrays, with all that is fused into them, which costs more where they are wide.
    (rows, columns), taps = geometry.output, _taps(geometry)
    blocks = _blocks(x, geometry)
    g = g.reshape(-1, g.shape[3])
    products = [
        [_transposed_product(blocks[:, i : i + rows, j : j + columns], g) for j in range(taps[1])]
        for i in range(taps[0])
    ]
    return _from_blocks(jnp.asarray(products), geometry)


def _transposed_product(x: Array, g: Array) -> Array:
    x = x.reshape(-1, x.shape[3])
    return lax.dot_general(x, g, (((0,), (0,)), ((), ())))


def _taps(geometry: _Geometry) -> Pair:
    rows, columns = (-(-k // s) for k, s in zip(geometry.window, geometry.stride, strict=True))
    return rows, columns


def _blocks(x: Array, geometry: _Geometry) -> Array:
    """The padded x with blocks of stride by stride pixels as channels, [batch, *blocks, s s in]."""
    taps, (s, t) = _taps(geometry), geometry.stride
    axes = zip(geometry.size, geometry.padding, geometry.output, taps, geometry.stride, strict=True)
    x = _padded(x, [(low, (out + k - 1) * step - n - low) for n, (low, _), out, k, step in axes])
    if (s, t) == (1, 1):
        return x
    x = x.reshape(len(x), x.shape[1] // s, s, x.shape[2] // t, t, x.shape[3])
    x = x.transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(*x.shape[:3], -1)


def _from_blocks(w: Array, geometry: _Geometry) -> Array:
    """A kernel [*taps, s s in, out] on blocks as one on pixels, [*window, in, out]."""
    (taps, more), (s, t) = w.shape[:2], geometry.stride
    w = w.reshape(taps, more, s, t, -1, w.shape[3]).transpose(0, 2, 1, 3, 4, 5)
    w = w.reshape(taps * s, more * t, *w.shape[4:])
    return w[: geometry.window[0], : geometry.window[1]]


def _forward(function: Callable) -> Callable:
    return lambda a, b, geometry: (function(a, b, geometry), (a, b))


_conv.defvjp(
    _forward(_conv),
    lambda geometry, saved, g: (
        _input_adjoint(g, saved[1], geometry),
        _kernel_adjoint(saved[0], g, geometry),
    ),
)
_input_adjoint.defvjp(
    _forward(_input_adjoint),
    lambda geometry, saved, x: (
        _conv(x, saved[1], geometry),
        _kernel_adjoint(x, saved[0], geometry),
    ),
)
_kernel_adjoint.defvjp(
    _forward(_kernel_adjoint),
    lambda geometry, saved, w: (
        _input_adjoint(saved[1], w, geometry),
        _conv(saved[0], w, geometry),
    ),
)


def _has_few_outputs(w: Any, geometry: _Geometry) -> bool:
    return geometry.stride == (1, 1) and w.shape[3] <= _FEW < w.shape[2]


def _shifted(g: Array, geometry: _Geometry) -> Array:
    """g[m + low - i] for all places i of the kernel, [batch, height, width, rows, columns, out]."""
    (height, width), (rows, columns) = geometry.size, geometry.window
    before = [(k - 1 - low) for k, (low, _) in zip(geometry.window, geometry.padding, strict=True)]
    ends = zip(geometry.size, geometry.window, before, g.shape[1:3], strict=True)
    g = _padded(g, [(b, n + k - 1 - b - m) for (n, k, b, m) in ends])
    return jnp.stack(
        [
            jnp.stack(
                [
                    g[:, rows - 1 - i : rows - 1 - i + height, columns - 1 - j :][:, :, :width]
                    for j in range(columns)
                ],
                axis=3,
            )
            for i in range(rows)
        ],
        axis=3,
    )


def _phase(g: Array, w: Array, geometry: _Geometry, remainder: Pair) -> Array:
    """The input adjoint at m = s n + p for the remainders p of the two axes."""
    taps, padding = [], []
    size = [-(-n // s) for n, s in zip(geometry.size, geometry.stride, strict=True)]
    for axis, p in enumerate(remainder):
        # m + low - i is a multiple of s for i = r, r + s, ..., and g[n + c - t] meets w[r + s t].
        s = geometry.stride[axis]
        c, r = divmod(p + geometry.padding[axis][0], s)
        count = len(range(r, geometry.window[axis], s))
        taps.append(slice(r, None, s))
        padding.append((count - 1 - c, size[axis] + c - g.shape[1 + axis]))
    w = jnp.flip(w[tuple(taps)], (0, 1)).swapaxes(2, 3)
    if 0 in w.shape[:2]:
        return jnp.zeros((len(g), *size, w.shape[3]), g.dtype)
    g = _padded(g, [(min(low, 0), min(high, 0)) for low, high in padding])
    zeros = [(max(low, 0), max(high, 0)) for low, high in padding]
    inner = _Geometry((g.shape[1], g.shape[2]), (w.shape[0], w.shape[1]), (1, 1), _pairs(zeros))
    return _conv(g, w, inner)


def _padded(x: Array, padding: Sequence[Pair]) -> Array:
    """Zeros (or, where negative, cuts) at the ends of the two axes after the first."""
    rest = [(0, 0, 0)] * (x.ndim - 3)
    zero = jnp.zeros((), x.dtype)
    return lax.pad(x, zero, [(0, 0, 0), *[(low, high, 0) for low, high in padding], *rest])

"""Convolution and its adjoint, as XLA's operators and in forms that are fast on CPU.

A convolution is linear in its input and in its kernel. Its two adjoints, the gradients with respect
to input and kernel, are bilinear too, and the derivatives of each of the three are the other two.
So the three forms below, each fast on CPU, can be differentiated any number of times in reverse
mode. Gradient penalties need two.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.types import Array

Pair = tuple[int, int]

_FEW = 4  # up to this many output channels, a product per pixel and shifted sums beat XLA on CPU
_MANY = 64  # beyond this many products per pixel, one convolution per row of the kernel is faster
_LAYOUT = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """The static parameters of a convolution, each (height, width).

    Attributes:
      size: size of the input.
      window: size of the kernel.
      stride: stride per axis.
      padding: (low, high) per axis.
    """

    size: Pair
    window: Pair
    stride: Pair
    padding: tuple[Pair, Pair]

    @property
    def output(self) -> Pair:
        """Height and width of the output."""
        height, width = (
            (n + low + high - k) // s + 1 for n, k, s, (low, high) in zip(*self, strict=True)
        )
        return height, width


def as_pairs(padding: Any) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)) as tuples of ints."""
    (top, bottom), (left, right) = padding
    return (int(top), int(bottom)), (int(left), int(right))


# --- XLA's operators


def plain(x: Array, w: Array, geometry: Geometry) -> Array:
    """XLA's convolution of x [batch, height, width, in] with w [height, width, in, out]."""
    return lax.conv_general_dilated(
        x, w, geometry.stride, geometry.padding, dimension_numbers=_LAYOUT
    )


def plain_adjoint(g: Array, w: Array, geometry: Geometry) -> Array:
    """The adjoint of `plain` in x: maps g, of the output's shape, to the input's shape."""
    x = jax.ShapeDtypeStruct((len(g), *geometry.size, w.shape[2]), g.dtype)
    return jax.linear_transpose(lambda x: plain(x, w, geometry), x)(g)[0]


# --- The three forms for CPU. With x the input, w the kernel, and g of the shape of the output:
#   y[q] = sum_i x[s q + i - low] w[i]         convolution
#   a[m] = sum_i g[(m + low - i) / s] w[i]^T   input adjoint, over i with s dividing m + low - i
#   b[i] = sum_q x[s q + i - low]^T g[q]       kernel adjoint


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def fast(x: Array, w: Array, geometry: Geometry) -> Array:
    """`plain`, fast on CPU; differentiable in reverse mode only."""
    if not _has_few_outputs(w, geometry, w.shape[2]):
        return _by_products(x, w, geometry)
    if _makes_many_products(geometry, w.shape[3]):
        return _by_rows(x, w, geometry)
    kind = jnp.promote_types(x.dtype, jnp.float32)  # the products are summed in float32 or wider
    products = jnp.einsum("bhwc,ijco->bhwijo", x, w, preferred_element_type=kind)
    products = _padded(products, geometry.padding)
    (height, width), (rows, columns) = geometry.output, geometry.window
    y = jnp.zeros((len(x), height, width, w.shape[3]), products.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        y = y + products[:, i : i + height, j : j + width, i, j]
    return y.astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def fast_adjoint(g: Array, w: Array, geometry: Geometry) -> Array:
    """`plain_adjoint`, fast on CPU; differentiable in reverse mode only."""
    few = _has_few_outputs(g, geometry, w.shape[2])
    if few and not _makes_many_products(geometry, g.shape[3]):
        return jnp.einsum("bhwijo,ijco->bhwc", _shifted(g, geometry), w)
    # Outputs m = s n + p with the same remainder p are a convolution of g with every s-th row of w.
    height, width = geometry.stride
    phases = [[_phase(g, w, geometry, (p, q)) for q in range(width)] for p in range(height)]
    x = jnp.stack([jnp.stack(row, axis=3) for row in phases], axis=2)
    x = x.reshape(len(g), x.shape[1] * height, x.shape[3] * width, x.shape[5])
    return x[:, : geometry.size[0], : geometry.size[1]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _kernel_adjoint(x: Array, g: Array, geometry: Geometry) -> Array:
    if not _has_few_outputs(g, geometry, x.shape[3]):
        return _kernel_by_convolution(x, g, geometry)
    if not _makes_many_products(geometry, g.shape[3]):
        return jnp.einsum("bhwc,bhwijo->ijco", x, _shifted(g, geometry))
    # The kernel adjoint of `_by_rows`.
    (rows, columns), out = geometry.window, g.shape[3]
    ends = [((i, rows - 1 - i), (0, 0)) for i in range(rows)]
    products = jnp.concatenate([_padded(g, each) for each in ends], axis=3)
    x, one = _one_row(x, geometry)
    w = _kernel_by_convolution(x, products, one)
    return w.reshape(columns, x.shape[3], rows, out).transpose(2, 0, 1, 3)


def _kernel_by_convolution(x: Array, g: Array, geometry: Geometry) -> Array:
    """The kernel adjoint as a convolution of x with the kernel g, dilated by the stride.

    Channels of x take the place of the batch. XLA's own gradient is the same convolution with its
    axes in another order, which XLA computes by plain loops in the body of a `scan`: up to a
    hundred times slower.
    """
    sides = [
        (low, (out - 1) * s + k - n - low)
        for n, k, s, (low, _), out in zip(*geometry, geometry.output, strict=True)
    ]
    w = lax.conv_general_dilated(
        _computed(x).transpose(3, 1, 2, 0),
        g.transpose(1, 2, 0, 3),
        (1, 1),
        sides,
        rhs_dilation=geometry.stride,
        dimension_numbers=_LAYOUT,
    )
    return w.transpose(1, 2, 0, 3)


def _computed(x: Array) -> Array:
    """Returns x from a branch, into which XLA cannot move the transposition that follows.

    XLA would compute x anew in the order of the transposed array, which takes several times as long
    as to transpose it. It ignores `optimization_barrier` on CPU.
    """
    return lax.cond(jnp.isnan(x.ravel()[:1].sum()), lambda x: x + 0.0, lambda x: x, x)


def _forward(function: Callable) -> Callable:
    return lambda a, b, geometry: (function(a, b, geometry), (a, b))


fast.defvjp(
    _forward(fast),
    lambda geometry, saved, g: (
        fast_adjoint(g, saved[1], geometry),
        _kernel_adjoint(saved[0], g, geometry),
    ),
)
fast_adjoint.defvjp(
    _forward(fast_adjoint),
    lambda geometry, saved, x: (
        fast(x, saved[1], geometry),
        _kernel_adjoint(x, saved[0], geometry),
    ),
)
_kernel_adjoint.defvjp(
    _forward(_kernel_adjoint),
    lambda geometry, saved, w: (
        fast_adjoint(saved[1], w, geometry),
        fast(saved[0], w, geometry),
    ),
)


def _has_few_outputs(outputs: Array, geometry: Geometry, channels: int) -> bool:
    return geometry.stride == (1, 1) and outputs.shape[3] <= _FEW < channels


def _makes_many_products(geometry: Geometry, outputs: int) -> bool:
    return geometry.window[0] * geometry.window[1] * outputs > _MANY


def _by_products(x: Array, w: Array, geometry: Geometry) -> Array:
    """`plain`, as one matrix product where the kernel is larger than the input.

    There XLA takes plain loops, a hundred times slower. Rows and columns of the kernel that never
    meet the input are left out.
    """
    if all(k <= n for k, n in zip(geometry.window, geometry.size, strict=True)):
        return plain(x, w, geometry)
    kept, padding = [], []
    for n, k, s, (low, high), out in zip(*geometry, geometry.output, strict=True):
        # Row i meets x[s q + i - low] for q from 0 to out - 1.
        first, last = max(low - s * (out - 1), 0), min(low + n, k)
        kept.append(slice(first, last))
        padding.append((low - first, high))
    x, w = _padded(x, padding), w[tuple(kept)]
    (height, width), (s, t) = geometry.output, geometry.stride
    shifts = itertools.product(range(w.shape[0]), range(w.shape[1]))
    windows = [
        x[:, i : i + s * (height - 1) + 1 : s, j : j + t * (width - 1) + 1 : t] for i, j in shifts
    ]
    return jnp.concatenate(windows, axis=3) @ w.reshape(-1, w.shape[3])


def _by_rows(x: Array, w: Array, geometry: Geometry) -> Array:
    """One convolution in which the rows of the kernel become channels, then shifted sums."""
    (rows, columns), out = geometry.window, w.shape[3]
    by_row = w.transpose(1, 2, 0, 3).reshape(1, columns, w.shape[2], rows * out)
    x, one = _one_row(x, geometry)
    products = _by_products(x, by_row, one).astype(jnp.promote_types(x.dtype, jnp.float32))
    height = geometry.output[0]
    y = products[:, :height, :, :out]
    for i in range(1, rows):
        y = y + products[:, i : i + height, :, i * out : (i + 1) * out]
    return y.astype(x.dtype)


def _one_row(x: Array, geometry: Geometry) -> tuple[Array, Geometry]:
    """The input with its rows padded, for a kernel of a single row."""
    x = _padded(x, (geometry.padding[0], (0, 0)))
    window, padding = (1, geometry.window[1]), ((0, 0), geometry.padding[1])
    return x, Geometry((x.shape[1], x.shape[2]), window, (1, 1), padding)


def _shifted(g: Array, geometry: Geometry) -> Array:
    """g[m + low - i] for all kernel positions i, [batch, height, width, rows, columns, out]."""
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


def _phase(g: Array, w: Array, geometry: Geometry, remainder: Pair) -> Array:
    """The input adjoint at positions m = s n + p, with a remainder p per axis."""
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
    inner = Geometry((g.shape[1], g.shape[2]), (w.shape[0], w.shape[1]), (1, 1), as_pairs(zeros))
    return fast(g, w, inner)


def _padded(x: Array, padding: Sequence[Pair]) -> Array:
    """Pad x with zeros at the ends of axes 1 and 2, or crop it where padding is negative."""
    rest = [(0, 0, 0)] * (x.ndim - 3)
    zero = jnp.zeros((), x.dtype)
    return lax.pad(x, zero, [(0, 0, 0), *[(low, high, 0) for low, high in padding], *rest])

"""Magnitude-preserving functions and layers of EDM2.

For inputs of mean square 1 that are not correlated, outputs have a mean square of about 1, whatever
the weights are: each layer uses its weights with a fixed norm, and sums and concatenations divide
by the norm of their coefficients. Scales that have to be learned are gains of their own.

Source: Karras et al. 2024, section 2 and appendix B, https://arxiv.org/abs/2312.02696, and
`training/networks_edm2.py` of https://github.com/NVlabs/edm2
"""

import math
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxgan.models.layers.convolution import conv
from jaxgan.types import Array, PyTree

_EPSILON = 1e-4  # of the root mean square
_SILU = 0.596  # root mean square of silu(x) for standard normal x


# --- Functions


def unit_magnitude(x: Array, axis: int | Sequence[int] = -1) -> Array:
    """X divided by its root mean square along the axes; pixel norm for the last axis.

    y = x / (epsilon + sqrt(mean x^2)),  epsilon = 1e-4

    Args:
      x: float [...].
      axis: over which the mean is taken.
    Returns:
      Float of the shape and dtype of x.
    Source: `normalize` of the authors' code.

    >>> print(unit_magnitude(jnp.array([3.0, -3.0])).round(2))
    [ 1. -1.]
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    square = jnp.mean(wide**2, axis, keepdims=True)
    # The inner guard keeps the gradient at 0 finite.
    root = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
    return (wide / (_EPSILON + root)).astype(x.dtype)


def mp_silu(x: Array) -> Array:
    """SiLU divided by 0.596, its root mean square for standard normal x.

    Source: Karras et al. 2024, equation 81
    """
    return jax.nn.silu(x) / _SILU


def mp_sum(a: Array, b: Array, t: float = 0.5) -> Array:
    """Sum of two inputs, ((1 - t) a + t b) / sqrt((1 - t)^2 + t^2).

    Args:
      a: float [...].
      b: float of the same shape.
      t: share of b, in [0, 1].
    Source: Karras et al. 2024, equation 88

    >>> print(f"{mp_sum(jnp.ones(()), jnp.zeros(()), 0.3):.3f}")  # 0.7 / sqrt(0.58)
    0.919
    """
    return ((1 - t) * a + t * b) / math.hypot(1 - t, t)


def mp_cat(a: Array, b: Array, t: float = 0.5) -> Array:
    """Concatenation of channels in which b has the share t, whatever their numbers are.

    sqrt((n_a + n_b) / ((1 - t)^2 + t^2)) [(1 - t) a / sqrt(n_a), t b / sqrt(n_b)]

    Args:
      a: float [..., n_a].
      b: float [..., n_b].
      t: share of b, in [0, 1].
    Returns:
      Float [..., n_a + n_b].
    Source: Karras et al. 2024, equation 103
    """
    n_a, n_b = a.shape[-1], b.shape[-1]
    c = math.sqrt((n_a + n_b) / ((1 - t) ** 2 + t**2))
    parts = [a * (c * (1 - t) / math.sqrt(n_a)), b * (c * t / math.sqrt(n_b))]
    return jnp.concatenate(parts, axis=-1)


# --- Layers


class MPFourier(nn.Module):
    """Random Fourier features of numbers, y_i = sqrt(2) cos(2 pi (f_i x + p_i)).

    The frequencies f_i ~ N(0, bandwidth^2) and phases p_i ~ U(0, 1) are in the collection
    "fourier", which is never trained.

    Attributes:
      features: number of features.
      bandwidth: standard deviation of the frequencies.
    Source: Karras et al. 2024, equation 75
    """

    features: int
    bandwidth: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, features] for x float [batch]."""
        size = (self.features,)
        f = self.variable("fourier", "frequencies", lambda: self._normal(size)).value
        p = self.variable("fourier", "phases", lambda: self._uniform(size)).value
        angle = 2 * jnp.pi * (x.astype(jnp.float32)[:, None] * f[None] + p[None])
        return (math.sqrt(2) * jnp.cos(angle)).astype(x.dtype)

    def _normal(self, shape: tuple[int, ...]) -> Array:
        key = self.make_rng("params")
        return self.bandwidth * jax.random.normal(key, shape, jnp.float32)

    def _uniform(self, shape: tuple[int, ...]) -> Array:
        return jax.random.uniform(self.make_rng("params"), shape, jnp.float32)


class MPConv(nn.Module):
    """Convolution, or linear map of the last axis, that uses each output's weights with norm 1.

    w_used = gain w / |w|,  |w| over the weights of one output

    There is no bias. Give an input a constant channel instead, as EDM2 does. Use it with
    `forced_weight_norm`, which keeps the stored weights at a fixed norm too.

    Attributes:
      features: channels of the output.
      kernel_size: sides of the kernel along each axis; () for a linear map.
    Source: Karras et al. 2024, equation 47
    """

    features: int
    kernel_size: Sequence[int] = (3, 3)

    @nn.compact
    def __call__(self, x: Array, gain: Array | float = 1.0) -> Array:
        """Float [batch, ..., features] for x [batch, ..., channels]; gain is a number or scalar."""
        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("mp_kernel", _unit_normal, shape, jnp.float32)
        w = unit_magnitude(kernel.astype(jnp.float32), _inputs(kernel))
        w = (w * (gain / math.sqrt(math.prod(shape[:-1])))).astype(x.dtype)
        return conv(x, w) if self.kernel_size else jnp.dot(x, w)


class Gain(nn.Module):
    """A learned scalar, for `MPConv`, that starts at 0 or another value."""

    start: float = 0.0

    @nn.compact
    def __call__(self) -> Array:
        """Float32 scalar."""
        return self.param("gain", nn.initializers.constant(self.start), (), jnp.float32)


def forced_weight_norm() -> optax.GradientTransformation:
    """Keep the weights of `MPConv` at a root mean square of 1 per output after each update.

    Their direction alone matters, so that a learning rate then is the angle by which an update
    turns them. Put it last: `optax.chain(optax.adam(1e-3), forced_weight_norm())`. The authors
    normalise at the start of the next training pass, with the same result.

    Returns:
      A transformation that leaves all other parameters alone.
    Raises:
      ValueError: in `update`, if the parameters are not passed to it.
    Source: Karras et al. 2024, equation 66, https://arxiv.org/abs/2312.02696
    """

    def update(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        if params is None:
            raise ValueError("forced_weight_norm needs the parameters: update(updates, state, w)")

        def leaf(path, change, w):
            if getattr(path[-1], "key", None) != "mp_kernel":
                return change
            return unit_magnitude(w + change, _inputs(w)) - w

        return jax.tree_util.tree_map_with_path(leaf, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _unit_normal(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    kernel = jax.random.normal(key, shape, dtype)
    return unit_magnitude(kernel, _inputs(kernel))


def _inputs(kernel: Array) -> tuple[int, ...]:
    """All axes of a kernel but the last, that of its outputs."""
    return tuple(range(kernel.ndim - 1))

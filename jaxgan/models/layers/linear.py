"""Layers that flax lacks, or whose results would depend on the number of devices."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.convolution import Implementation, Padding, conv, conv_transpose
from jaxgan.types import Array

# --- Dense layers and convolutions
# Like all layers here, they compute in the type of x and of the parameters. In bfloat16, what is
# broadcast is broadcast in float32, because its gradient is a sum over all places it went to: XLA
# on CPU adds in bfloat16 what is bfloat16, and loses 98 % of the sum of 50,000 numbers.


class Dense(nn.Module):
    """A linear map of the last axis, with a bias; parameters as those of flax's own Dense.

    Attributes:
      features: length of the output's last axis.
      use_bias: whether to add one; leave it out before a batch norm.
      kernel_init: draws the kernel [in, features].
    """

    features: int
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [..., features] of x [..., in]."""
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        return with_bias(self, jnp.dot(x, kernel))


class Conv(nn.Module):
    """A layer of `conv` along all axes but the first and last, with a bias.

    Attributes:
      features: channels of the output.
      kernel_size: of all axes, or one an axis.
      stride: of all axes, or one an axis.
      padding: as for `conv`.
      use_bias: whether to add one; leave it out before a batch norm.
      kernel_init: draws the kernel [*kernel_size, in, features].
      implementation: as for `conv`.
    """

    features: int
    kernel_size: int | Sequence[int] = 3
    stride: int | Sequence[int] = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    implementation: Implementation = "auto"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, *size, features] of x [batch, *size, in]."""
        return _layer(self, conv, x)


class ConvTranspose(nn.Module):
    """A layer of `conv_transpose`, with a bias; attributes as those of `Conv`."""

    features: int
    kernel_size: int | Sequence[int] = 4
    stride: int | Sequence[int] = 2
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    implementation: Implementation = "auto"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, *size, features] of x [batch, *size, in]."""
        return _layer(self, conv_transpose, x)


def _layer(layer: Conv | ConvTranspose, function: Callable, x: Array) -> Array:
    size = layer.kernel_size
    window = (size,) * (x.ndim - 2) if isinstance(size, int) else tuple(size)
    shape = (*window, x.shape[-1], layer.features)
    kernel = layer.param("kernel", layer.kernel_init, shape, jnp.float32)
    return with_bias(layer, function(x, kernel, layer.stride, layer.padding, layer.implementation))


def with_bias(layer: Any, y: Array) -> Array:
    """What a layer made plus its bias [features], if its `use_bias` says so; called within it."""
    if not layer.use_bias:
        return y
    bias = layer.param("bias", nn.initializers.zeros_init(), (layer.features,), jnp.float32)
    # Broadcast in float32: the gradient is a sum over all places.
    return (y + as_float32(bias).reshape((1,) * (y.ndim - 1) + (-1,))).astype(y.dtype)


def as_float32(x: Array) -> Array:
    """The same numbers in float32, or in float64 if they are."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def leaky_relu(x: Array) -> Array:
    """Leaky ReLU with slope 0.2 below 0."""
    return nn.leaky_relu(x, 0.2)

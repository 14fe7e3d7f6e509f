"""Dense and convolution layers, and leaky ReLU with slope 0.2."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.convolution import Implementation, Padding, conv, conv_transpose
from jaxgan.types import Array

# Like all layers of jaxgan, these compute in the dtype of x and the parameters. Parameters that are
# broadcast are broadcast in float32, because their gradient is a sum over all positions: on CPU,
# XLA sums bfloat16 numbers in bfloat16 and loses 98% of the sum of 50,000 numbers.


class Dense(nn.Module):
    """Linear map of the last axis, y = x kernel + bias; parameters are named as in `nn.Dense`.

    Attributes:
      features: length of the output's last axis.
      use_bias: whether to add a bias; leave it out before a batch norm.
      kernel_init: initialiser of the kernel [in, features].
    """

    features: int
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [..., features] for x [..., in]."""
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        return with_bias(self, jnp.dot(x, kernel))


class Conv(nn.Module):
    """Convolution layer with a bias, along one or two axes; see `jaxgan.models.conv`.

    Attributes:
      features: channels of the output.
      kernel_size: an int for all axes, or one per axis.
      stride: an int for all axes, or one per axis.
      padding: "SAME" (output of size ceil(size / stride)), "VALID" (none), or (low, high) per axis.
      use_bias: whether to add a bias; leave it out before a batch norm.
      kernel_init: initialiser of the kernel [*kernel_size, in, features].
      implementation: "auto", "cpu" or "xla".
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
        """Float [batch, *size, features] for x [batch, *size, in]."""
        return _layer(self, conv, x)


class ConvTranspose(nn.Module):
    """Transposed convolution layer with a bias; see `jaxgan.models.conv_transpose`.

    Attributes:
      features: channels of the output.
      kernel_size: an int for all axes, or one per axis.
      stride: upsampling factor, an int for all axes or one per axis.
      padding: "SAME" (output of size * stride), "VALID" (the full output), or (low, high) per axis
        to crop from the full output.
      use_bias: whether to add a bias; leave it out before a batch norm.
      kernel_init: initialiser of the kernel [*kernel_size, in, features].
      implementation: "auto", "cpu" or "xla".
    """

    features: int
    kernel_size: int | Sequence[int] = 4
    stride: int | Sequence[int] = 2
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    implementation: Implementation = "auto"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, *size, features] for x [batch, *size, in]."""
        return _layer(self, conv_transpose, x)


def _layer(layer: Conv | ConvTranspose, function: Callable, x: Array) -> Array:
    size = layer.kernel_size
    window = (size,) * (x.ndim - 2) if isinstance(size, int) else tuple(size)
    shape = (*window, x.shape[-1], layer.features)
    kernel = layer.param("kernel", layer.kernel_init, shape, jnp.float32)
    return with_bias(layer, function(x, kernel, layer.stride, layer.padding, layer.implementation))


def with_bias(layer: Any, y: Array) -> Array:
    """Add the layer's bias to y [..., features], if it has one; for use in its `__call__`."""
    if not layer.use_bias:
        return y
    bias = layer.param("bias", nn.initializers.zeros_init(), (layer.features,), jnp.float32)
    # Broadcast in float32, since the gradient is a sum over all positions.
    return (y + as_float32(bias).reshape((1,) * (y.ndim - 1) + (-1,))).astype(y.dtype)


def as_float32(x: Array) -> Array:
    """Convert x to float32, unless it is float64."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def leaky_relu(x: Array) -> Array:
    """Leaky ReLU with slope 0.2 below 0."""
    return nn.leaky_relu(x, 0.2)

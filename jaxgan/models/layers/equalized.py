"""Layers with an equalised learning rate, as in Progressive GAN and StyleGAN.

Kernels start with standard deviation 1 and are scaled by 1 / sqrt(fan_in) when they are used. Under
Adam, whose steps do not depend on the size of gradients, all layers then learn at the same relative
speed.

Source: Karras et al. 2018, section 4.1, https://arxiv.org/abs/1710.10196
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.convolution import conv
from jaxgan.models.layers.linear import as_float32, leaky_relu, with_bias
from jaxgan.models.layers.resampling import blur, downsample
from jaxgan.types import Array


class EqualizedDense(nn.Module):
    """Linear map of the last axis with an equalised learning rate.

    y = m (x kernel / sqrt(fan_in) + bias),  kernel ~ N(0, 1 / m^2) at the start

    Attributes:
      features: length of the output's last axis.
      lr_multiplier: m, the factor of the learning rate.
      bias_init: the initial bias.
    """

    features: int
    lr_multiplier: float = 1.0
    bias_init: float = 0.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [..., features] for x [..., in]."""
        m = self.lr_multiplier
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1 / m), shape, jnp.float32)
        constant = nn.initializers.constant(self.bias_init)
        bias = self.param("bias", constant, (self.features,), jnp.float32)
        y = jnp.dot(x, kernel * (m / math.sqrt(x.shape[-1])))
        # Broadcast in float32, since the gradient is a sum over the batch.
        return (y + m * as_float32(bias).reshape((1,) * (y.ndim - 1) + (-1,))).astype(y.dtype)


class EqualizedConv(nn.Module):
    """Convolution with an equalised learning rate, which may halve the size.

    y = conv(x, kernel) / sqrt(fan_in) + bias,  kernel ~ N(0, 1) at the start

    Sizes are halved, rounded up, behind the low-pass filter [1, 3, 3, 1]. As in the official code,
    images are padded once, in front of both.

    Attributes:
      features: channels of the output.
      kernel_size: 1 or 3, along all axes.
      down: whether to halve the size.
      use_bias: whether to add a bias.
    """

    features: int
    kernel_size: int = 3
    down: bool = False
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, *size, features] for x [batch, *size, in], or half the size."""
        k, axes = self.kernel_size, x.ndim - 2
        shape = (k,) * axes + (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape, jnp.float32)
        kernel = kernel / math.sqrt(math.prod(shape[:-1]))
        if k == 1:  # a linear map commutes with the filter; this order is cheaper
            y = jnp.dot(downsample(x) if self.down else x, kernel.reshape(shape[-2:]))
        elif self.down:
            halves = [-(-n // 2) for n in x.shape[1:-1]]
            y = conv(blur(x, 2, tuple(2 * n + 1 for n in halves)), kernel, 2, "VALID")
        else:
            y = conv(x, kernel)
        return with_bias(self, y)


def activated(x: Array, gain: float = 1.0, clamp: float | None = None) -> Array:
    """Leaky ReLU of slope 0.2 that about keeps the mean square, y = gain sqrt(2) act(x).

    Args:
      x: float array.
      gain: factor.
      clamp: the largest absolute value of y / gain; None for no bound.
    """
    return clamped(leaky_relu(x) * (gain * math.sqrt(2)), gain, clamp)


def clamped(x: Array, gain: float = 1.0, clamp: float | None = None) -> Array:
    """Limit x to [-gain clamp, gain clamp]; None for no bound."""
    return x if clamp is None else jnp.clip(x, -gain * clamp, gain * clamp)

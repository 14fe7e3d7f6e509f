"""Convolutions whose kernels are scaled per sample by a style, and demodulated (StyleGAN2)."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.convolution import Implementation, conv, conv_transpose
from jaxgan.models.layers.equalized import EqualizedDense, activated, clamped
from jaxgan.models.layers.keys import layer_keys
from jaxgan.models.layers.linear import as_float32, with_bias
from jaxgan.models.layers.resampling import blur
from jaxgan.types import Array


def modulated_conv(
    x: Array,
    kernel: Array,
    styles: Array,
    demodulate: bool = True,
    up: bool = False,
    implementation: Implementation = "auto",
) -> Array:
    """Convolution with a kernel per sample, w'_io = s_i w_io / sqrt(sum_ik (s_i w_iok)^2 + eps).

    The sum is over input channels i and kernel positions k, for each output channel o. If x has
    independent channels of variance 1, so has the output.

    Args:
      x: float [batch, *size, in].
      kernel: float [*window, in, out].
      styles: s, float [batch, in].
      demodulate: whether to divide by the root.
      up: double the size by a transposed convolution and the low-pass filter [1, 3, 3, 1]. The
        kernel is then flipped, as in the official code.
      implementation: see `jaxgan.models.conv`.
    Returns:
      Float [batch, *size, out], or twice the size.
    Source: Karras et al. 2020, section 2.2, https://arxiv.org/abs/1912.04958
    """
    # y_o = d_o conv(s_i x_i, w_io),  d_o = 1 / sqrt(sum_i s_i^2 sum_k w_iok^2 + eps)
    # Scaling inputs and outputs was the fastest form on two CPU cores, in milliseconds forward and
    # with gradients, for 32 samples of 28x28 and 32 channels: 5 and 53; a convolution per sample
    # (vmap) 36 and 183; a product with patches per sample 72 and 192; a grouped convolution 46 and
    # 15,000. Upsampled, a transposed convolution and a filter of its output take a third of the
    # time of one convolution of kernel size 6, and of a convolution of the upsampled input.
    y = _scaled(x, styles)
    if up:
        flipped = jnp.flip(kernel, tuple(range(kernel.ndim - 2)))
        y = conv_transpose(y, flipped, 2, "VALID", implementation)
        y = blur(y, 1, tuple(2 * n for n in x.shape[1:-1]), gain=2.0)
    else:
        y = conv(y, kernel, 1, "SAME", implementation)
    if not demodulate:
        return y
    s, w = as_float32(styles), as_float32(kernel)
    squares = jnp.sum(w**2, axis=tuple(range(w.ndim - 2)))
    return _scaled(y, jax.lax.rsqrt(jnp.dot(s**2, squares) + 1e-8))


def _scaled(x: Array, factors: Array) -> Array:
    """Multiply x [batch, *size, channels] by factors [batch, channels]."""
    # Broadcast in float32, since the gradient is a sum over all positions.
    rows = as_float32(factors).reshape(len(x), *[1] * (x.ndim - 2), -1)
    return (x * rows).astype(x.dtype)


class SynthesisLayer(nn.Module):
    """Modulated convolution, noise, bias and leaky ReLU.

    y = act(modulated_conv(x, kernel, A w) + noise_strength n + bias)

    The noise n has one value per position. In training, and with noise="random", each sample's is
    drawn from its own key. The constant noise is part of the model state.

    Attributes:
      features: channels of the output.
      size: of the output, at most twice that of the input if `up`.
      up: whether to double the size first; what exceeds `size` is cropped.
      clamp: largest absolute value of the output, None for no bound.
      use_bias: whether to add a bias.
    """

    features: int
    size: tuple[int, ...]
    up: bool = False
    clamp: float | None = None
    use_bias: bool = True

    @nn.compact
    def __call__(
        self, x: Array, w: Array, keys: Array | None, noise: str, gain: float = 1.0
    ) -> Array:
        """Float [batch, *size, features] for x [batch, *size, in] and w [batch, dim].

        `noise` is "random", "const" or "none"; random noise needs one key per sample.
        """
        shape = (3,) * len(self.size) + (x.shape[-1], self.features)
        styles = EqualizedDense(x.shape[-1], bias_init=1.0, name="affine")(w)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape, jnp.float32)
        y = modulated_conv(x, kernel, styles, up=self.up)
        y = y[(slice(None), *map(slice, self.size))]
        strength = self.param("noise_strength", nn.initializers.zeros, (), jnp.float32)
        n = self._noise(keys, noise)
        if n is not None:
            # Broadcast in float32, since the gradient is a sum over all positions.
            y = (y + as_float32(strength) * n[..., None]).astype(y.dtype)
        return activated(with_bias(self, y), gain, self.clamp)

    def _noise(self, keys: Array | None, noise: str) -> Array | None:
        """The noise n, float32 [batch or 1, *size]; None for none."""

        def drawn(key: Array) -> Array:
            return jax.random.normal(key, self.size, jnp.float32)

        constant = self.variable("noise", "noise_const", lambda: drawn(self.make_rng("params")))
        if noise == "const":
            return constant.value[None]
        if noise == "none":
            return None
        if keys is None:
            raise ValueError("keys are missing: random noise needs one PRNG key per sample")
        return jax.vmap(drawn)(layer_keys(keys, self.path))


class ToRGB(nn.Module):
    """Modulated 1x1 convolution without demodulation, to the channels of the image.

    Attributes:
      features: channels of the image.
      clamp: largest absolute value of the output, None for no bound.
      use_bias: whether to add a bias.
    """

    features: int
    clamp: float | None = None
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """Float [batch, *size, features] for x [batch, *size, in] and w [batch, dim]."""
        shape = (1,) * (x.ndim - 2) + (x.shape[-1], self.features)
        styles = EqualizedDense(x.shape[-1], bias_init=1.0, name="affine")(w)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape, jnp.float32)
        y = modulated_conv(x, kernel, styles / math.sqrt(x.shape[-1]), demodulate=False)
        return clamped(with_bias(self, y), 1.0, self.clamp)

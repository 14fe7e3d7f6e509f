"""The networks of SRGAN: super-resolution by a residual network, and the judge of its images."""

import math
from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.linear import Conv, Dense, leaky_relu
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array, DiscriminatorOutput

_SMALLEST_PATCH = 16
_BRANCH_SHARE = 0.1  # of the usual deviation, in the last weights of a branch without a norm


# --- Layers


class PReLU(nn.Module):
    """max(x, 0) + a min(x, 0) with a learnt slope a for each channel.

    Attributes:
      slope: at the start.
    Source: He et al. 2015, equation 1, https://arxiv.org/abs/1502.01852
    """

    slope: float = 0.25

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [..., channels] of x [..., channels]."""
        a = self.param("slope", nn.initializers.constant(self.slope), (x.shape[-1],), jnp.float32)
        # Broadcast in float32 at least, for its gradient is a sum over all places.
        a = a.astype(jnp.promote_types(a.dtype, jnp.float32)).reshape((1,) * (x.ndim - 1) + (-1,))
        return jnp.where(x >= 0, x, (a * x).astype(x.dtype))


def depth_to_space(x: Array, factor: int = 2) -> Array:
    """Blocks of factor by factor pixels made of the channels of one.

    y[factor h + i, factor w + j, c] = x[h, w, (i factor + j) channels + c]

    Args:
      x: [batch, height, width, factor^2 channels].
      factor: of enlargement.
    Returns:
      [batch, factor height, factor width, channels].
    Raises:
      ValueError: if the channels are no multiple of factor^2.

    >>> depth_to_space(jnp.arange(4).reshape(1, 1, 1, 4))[0, :, :, 0]
    Array([[0, 1],
           [2, 3]], dtype=int32)
    """
    batch, height, width, channels = x.shape
    if channels % factor**2:
        raise ValueError(f"{channels} channels are no multiple of factor^2 = {factor**2}")
    x = x.reshape(batch, height, width, factor, factor, -1).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, height * factor, width * factor, -1)


class SubPixelConv(nn.Module):
    """A convolution to factor^2 times the channels, laid out as an image larger by the factor.

    All pixels of a block start with the same weights, so it starts as a convolution followed by
    nearest-neighbour enlargement, without checkerboards.

    Attributes:
      features: channels of the output.
      factor: of enlargement.
      kernel_size: of the convolution.
      kernel_init: draws the kernel of one pixel of a block, [*kernel_size, in, features].
    Source: Shi et al. 2016, https://arxiv.org/abs/1609.05158; Aitken et al. 2017 (the start),
      https://arxiv.org/abs/1707.02937
    """

    features: int
    factor: int = 2
    kernel_size: int = 3
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, factor height, factor width, features] of x [batch, height, width, in]."""
        pixels = self.factor**2

        def alike(key, shape, dtype=jnp.float32):
            one = self.kernel_init(key, (*shape[:-1], shape[-1] // pixels), dtype)
            return jnp.tile(one, pixels)

        y = Conv(self.features * pixels, self.kernel_size, kernel_init=alike, name="conv")(x)
        return depth_to_space(y, self.factor)


# --- The generator


class SRResNet(nn.Module):
    """Low-resolution images to ones larger by the scale, through residual blocks.

    With the defaults it is the paper's generator. The last layer is linear, as there: images reach
    the ends of their range, where a tanh would want infinite values and pass no gradient. Clip
    them when they are looked at.

    Attributes:
      scale: of enlargement, a power of 2; each factor of 2 is one sub-pixel convolution.
      features: channels of all hidden layers.
      blocks: residual blocks.
      norm: "batch" as in the paper; "none" trains faster and as well on pixel losses. The residual
        branches then start with small weights, so that each block is close to the identity.
      channels: of the output; None: those of the input.
      output: after the last layer, if anything.
    Source: Ledig et al. 2017, section 2.1.1 and figure 4, https://arxiv.org/abs/1609.04802
    """

    scale: int = 4
    features: int = 64
    blocks: int = 16
    norm: Literal["batch", "none"] = "batch"
    channels: int | None = None
    output: Callable[[Array], Array] | None = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool, axis_name: str | None = None) -> Array:
        """Images float [batch, scale h, scale w, channels] of image [batch, h, w, c] in [-1, 1].

        Raises:
          ValueError: if image is no image, scale no power of 2, or norm unknown.
        """
        self._check(image)

        def conv(x: Array, share: float = 1.0) -> Array:
            if self.norm == "batch":
                x = Conv(self.features, use_bias=False)(x)
                return BatchNorm()(x, train, axis_name)
            init = nn.initializers.variance_scaling(share**2, "fan_in", "truncated_normal")
            return Conv(self.features, kernel_init=init)(x)

        x = start = PReLU()(Conv(self.features, 9)(image))
        for _ in range(self.blocks):
            x = x + conv(PReLU()(conv(x)), _BRANCH_SHARE)
        x = start + conv(x, _BRANCH_SHARE)
        for _ in range(int(math.log2(self.scale))):
            x = PReLU()(SubPixelConv(self.features)(x))
        x = Conv(self.channels or image.shape[-1], 9)(x)
        return x if self.output is None else self.output(x)

    def _check(self, image: Array):
        if image.ndim != 4 or not jnp.issubdtype(image.dtype, jnp.floating):
            raise ValueError(
                "image must be float [batch, height, width, channels], "
                f"got {image.dtype} {image.shape}"
            )
        if self.scale < 2 or self.scale & (self.scale - 1):
            raise ValueError(f"scale must be 2, 4, 8 or a higher power of 2, got {self.scale}")
        if self.norm not in ("batch", "none"):
            raise ValueError(f"norm must be batch or none, got {self.norm!r}")


# --- The discriminator


class SRGANDiscriminator(nn.Module):
    """Eight convolutions of size 3 with leaky ReLU 0.2, every other halving the size, to logits.

    It sees the images alone, not the low-resolution ones: with a condition, wrap it in
    `jaxgan.without_condition`.

    Attributes:
      features: channels at the samples' own size; with each halving but the first twice as many.
      hidden: width of the dense layer before the logit.
      norm: "batch" after all but the first convolution, as in the paper; "spectral" of all
        weights; "none", as critics with a gradient penalty need it.
    Source: Ledig et al. 2017, section 2.1.1 and figure 4, https://arxiv.org/abs/1609.04802
    """

    features: int = 64
    hidden: int = 1024
    norm: Literal["batch", "spectral", "none"] = "batch"

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool, axis_name: str | None = None
    ) -> DiscriminatorOutput:
        """Logits [batch] of samples [batch, height, width, channels], with the size of the start.

        The features are the values before the last layer, [batch, hidden].

        Raises:
          ValueError: if x has other axes or is smaller than 16, or norm is unknown.
        """
        if x.ndim != 4 or min(x.shape[1:3]) < _SMALLEST_PATCH:
            raise ValueError(
                f"x must be [batch, height, width, channels] of size {_SMALLEST_PATCH} or more, "
                f"got shape {x.shape}"
            )
        if self.norm not in ("batch", "spectral", "none"):
            raise ValueError(f"norm must be batch, spectral or none, got {self.norm!r}")

        def linear(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train) if self.norm == "spectral" else layer(x)

        for place in range(8):
            normed = self.norm == "batch" and place > 0
            layer = Conv(
                self.features * 2 ** (place // 2), 3, stride=1 + place % 2, use_bias=not normed
            )
            x = linear(layer, x)
            x = BatchNorm()(x, train, axis_name) if normed else x
            x = leaky_relu(x)
        x = leaky_relu(linear(Dense(self.hidden), x.reshape(len(x), -1)))
        return DiscriminatorOutput(linear(Dense(1), x)[:, 0], x)

"""The networks of SRGAN: the super-resolution network SRResNet and its discriminator."""

import math
from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.models.layers.linear import Conv, Dense, leaky_relu
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array, DiscriminatorOutput

_SMALLEST_PATCH = 16
_BRANCH_SCALE = (
    0.1  # of the usual standard deviation, for the last weights of a branch without norm
)


# --- Layers


class PReLU(nn.Module):
    """Parametric ReLU, max(x, 0) + a min(x, 0), with a learned slope a per channel.

    Attributes:
      slope: initial value of a.
    Source: He et al. 2015, equation 1, https://arxiv.org/abs/1502.01852
    """

    slope: float = 0.25

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [..., channels] for x [..., channels]."""
        a = self.param("slope", nn.initializers.constant(self.slope), (x.shape[-1],), jnp.float32)
        # Broadcast in float32 or wider, since the gradient is a sum over all positions.
        a = a.astype(jnp.promote_types(a.dtype, jnp.float32)).reshape((1,) * (x.ndim - 1) + (-1,))
        return jnp.where(x >= 0, x, (a * x).astype(x.dtype))


def depth_to_space(x: Array, factor: int = 2) -> Array:
    """Pixel shuffle: rearranges channels into factor x factor blocks of pixels.

    y[factor h + i, factor w + j, c] = x[h, w, (i factor + j) channels + c]

    Args:
      x: [batch, height, width, factor^2 channels].
      factor: upscaling factor.
    Returns:
      [batch, factor height, factor width, channels].
    Raises:
      ValueError: if the number of channels is not divisible by factor^2.

    >>> depth_to_space(jnp.arange(4).reshape(1, 1, 1, 4))[0, :, :, 0]
    Array([[0, 1],
           [2, 3]], dtype=int32)
    """
    batch, height, width, channels = x.shape
    if channels % factor**2:
        raise ValueError(
            f"x must have channels divisible by factor^2 = {factor**2}, got {channels}"
        )
    x = x.reshape(batch, height, width, factor, factor, -1).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, height * factor, width * factor, -1)


class SubPixelConv(nn.Module):
    """Sub-pixel convolution: a convolution to factor^2 times the channels, then a pixel shuffle.

    All pixels of a block have the same initial weights. So it starts as a convolution followed by
    nearest-neighbour upsampling, without checkerboard artefacts.

    Attributes:
      features: channels of the output.
      factor: upscaling factor.
      kernel_size: kernel size of the convolution.
      kernel_init: initialiser of the kernel of one pixel of a block, [*kernel_size, in, features].
    Source: Shi et al. 2016, https://arxiv.org/abs/1609.05158; Aitken et al. 2017 (initialisation),
      https://arxiv.org/abs/1707.02937
    """

    features: int
    factor: int = 2
    kernel_size: int = 3
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, factor height, factor width, features] for x [batch, height, width, in]."""
        pixels = self.factor**2

        def repeated(key, shape, dtype=jnp.float32):
            one = self.kernel_init(key, (*shape[:-1], shape[-1] // pixels), dtype)
            return jnp.tile(one, pixels)

        y = Conv(self.features * pixels, self.kernel_size, kernel_init=repeated, name="conv")(x)
        return depth_to_space(y, self.factor)


# --- The generator


class SRResNet(nn.Module):
    """Super-resolution generator of residual blocks.

    | | published | here by default |
    |---|---|---|
    | residual blocks | 16 | the same |
    | channels | 64 | the same |
    | slopes of PReLU | not said | one per channel |
    | last layer | linear | the same |
    | parameters, RGB | not said | 1,548,547 |

    With a linear output images reach the ends of their range, where tanh would need infinite inputs
    and has no gradient. Clip the output to view it.

    Attributes:
      scale: upscaling factor, a power of 2; each factor of 2 is one sub-pixel convolution.
      features: channels of all hidden layers.
      blocks: number of residual blocks.
      norm: "batch" for batch norm, as in the paper; "none", which trains faster and as well with
        pixel losses. Without norm the residual branches start with small weights, so that each
        block is close to the identity.
      channels: channels of the output; None for those of the input.
      output: function applied to the last layer; None for a linear output.
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
        """Images float [batch, scale h, scale w, channels] for image [batch, h, w, c] in [-1, 1].

        Raises:
          ValueError: if image has another shape, scale is not a power of 2, or norm is unknown.
        """
        self._check(image)

        def conv(x: Array, scale: float = 1.0) -> Array:
            if self.norm == "batch":
                x = Conv(self.features, use_bias=False)(x)
                return BatchNorm()(x, train, axis_name)
            init = nn.initializers.variance_scaling(scale**2, "fan_in", "truncated_normal")
            return Conv(self.features, kernel_init=init)(x)

        x = start = PReLU()(Conv(self.features, 9)(image))
        for _ in range(self.blocks):
            x = x + conv(PReLU()(conv(x)), _BRANCH_SCALE)
        x = start + conv(x, _BRANCH_SCALE)
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
            raise ValueError(f"scale must be a power of 2 such as 2 or 4, got {self.scale}")
        check_choice(norm=(self.norm, ("batch", "none")))


# --- The discriminator


class SRGANDiscriminator(nn.Module):
    """Discriminator of eight 3x3 convolutions, every other of which halves the size.

    The activation is leaky ReLU with slope 0.2. The network takes images only, not their
    low-resolution versions: in a conditional GAN wrap it in `jaxgan.without_condition`.

    | | published | here by default |
    |---|---|---|
    | channels | twice each 64, 128, 256 and 512 | the same |
    | dense layer | 1,024 | the same |
    | padding of convolutions of stride 2 | (1, 1) in PyTorch codes | (0, 1) |
    | parameters for images of 96 pixels, RGB | not said | 23,563,649 |

    Attributes:
      features: channels of the first two convolutions, doubled with each pair of convolutions.
      hidden: width of the dense layer before the logit.
      norm: "batch" for batch norm after all but the first convolution, as in the paper; "spectral"
        for spectral norm of all weights; "none", which critics with a gradient penalty need.
    Source: Ledig et al. 2017, section 2.1.1 and figure 4, https://arxiv.org/abs/1609.04802
    """

    features: int = 64
    hidden: int = 1024
    norm: Literal["batch", "spectral", "none"] = "batch"

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool, axis_name: str | None = None
    ) -> DiscriminatorOutput:
        """Logits [batch] for samples [batch, height, width, channels] of the size used in `init`.

        The features are the values before the last layer, [batch, hidden].

        Raises:
          ValueError: if x has another rank or is smaller than 16 pixels, or norm is unknown.
        """
        if x.ndim != 4 or min(x.shape[1:3]) < _SMALLEST_PATCH:
            raise ValueError(
                f"x must be [batch, height, width, channels] of at least {_SMALLEST_PATCH} pixels "
                f"per side, got shape {x.shape}"
            )
        check_choice(norm=(self.norm, ("batch", "spectral", "none")))

        def linear(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train) if self.norm == "spectral" else layer(x)

        for i in range(8):
            normed = self.norm == "batch" and i > 0
            width = self.features * 2 ** (i // 2)
            layer = Conv(width, 3, stride=1 + i % 2, use_bias=not normed)
            x = linear(layer, x)
            x = BatchNorm()(x, train, axis_name) if normed else x
            x = leaky_relu(x)
        x = leaky_relu(linear(Dense(self.hidden), x.reshape(len(x), -1)))
        return DiscriminatorOutput(linear(Dense(1), x)[:, 0], x)

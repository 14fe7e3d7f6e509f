"""The synthesis network of StyleGAN2: from styles to images."""

import math
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.models.layers.equalized import EqualizedConv
from jaxgan.models.layers.modulated import SynthesisLayer, ToRGB
from jaxgan.models.layers.resampling import upsample
from jaxgan.types import Array

Architecture = Literal["skip", "resnet", "orig"]
ARCHITECTURES = ("skip", "resnet", "orig")
_HALF = math.sqrt(0.5)  # the gain of each of two branches, which keeps the variance of their sum


def cropped(x: Array, size: tuple[int, ...]) -> Array:
    """The first positions of x [batch, *size, channels] along each axis."""
    return x[(slice(None), *map(slice, size))]


class SynthesisNetwork(nn.Module):
    """Blocks of modulated convolutions, each of twice the size of the one before.

    Blocks are called b4, b8 ... after their size, and their layers as in the official code.

    Attributes:
      sizes: of the blocks, smallest first.
      features: channels per block.
      channels: of the image.
      architecture: "skip" adds the blocks' images, "resnet" has residual blocks, "orig" neither.
      clamp: largest absolute value of activations, None for no bound.
    """

    sizes: tuple[tuple[int, ...], ...]
    features: tuple[int, ...]
    channels: int
    architecture: Architecture = "skip"
    clamp: float | None = None

    @nn.compact
    def __call__(self, ws: Array, keys: Array | None, noise: str) -> Array:
        """Images [batch, *size, channels] for styles ws [batch, 2 * blocks, dim].

        The layers use them in turn; an image of a block uses the style of the layer after it.
        """
        check_choice(architecture=(self.architecture, ARCHITECTURES))
        x = image = None
        for i, (size, width) in enumerate(zip(self.sizes, self.features, strict=True)):
            last = i == len(self.sizes) - 1
            block = SynthesisBlock(
                *(width, size, self.architecture, self.channels, last, self.clamp),
                name=f"b{max(size)}",
            )
            first = max(2 * i - 1, 0)
            x, image = block(x, image, ws[:, first : 2 * i + 2], keys, noise)
        assert image is not None  # the last block makes one
        return image


class SynthesisBlock(nn.Module):
    """One block: a learned constant or an upsampling layer, a layer, and an image.

    Attributes:
      features: channels.
      size: of the block's output.
      architecture: see `SynthesisNetwork`.
      channels: of the image.
      last: whether it is the last block, which always makes an image.
      clamp: see `SynthesisNetwork`.
    """

    features: int
    size: tuple[int, ...]
    architecture: str
    channels: int
    last: bool
    clamp: float | None

    @nn.compact
    def __call__(
        self, x: Array | None, image: Array | None, ws: Array, keys: Array | None, noise: str
    ) -> tuple[Array, Array | None]:
        """The block's activations and image, from those of the block before and its styles."""
        residual = x is not None and self.architecture == "resnet"
        gain = _HALF if residual else 1.0
        if x is None:
            shape = (*self.size, self.features)
            constant = self.param("const", nn.initializers.normal(1.0), shape, jnp.float32)
            # Broadcast in float32, since the gradient is a sum over the batch.
            y = jnp.broadcast_to(constant.astype(jnp.float32), (len(ws), *shape)).astype(ws.dtype)
        else:
            up = SynthesisLayer(self.features, self.size, True, self.clamp, name="conv0")
            y = up(x, ws[:, 0], keys, noise)
        layer = SynthesisLayer(self.features, self.size, clamp=self.clamp, name="conv1")
        y = layer(y, ws[:, 0 if x is None else 1], keys, noise, gain)
        if x is not None and residual:
            skip = EqualizedConv(self.features, 1, use_bias=False, name="skip")(x)
            y = cropped(upsample(skip), self.size) * gain + y
        if image is not None:
            image = cropped(upsample(image), self.size)
        if self.last or self.architecture == "skip":
            own = ToRGB(self.channels, self.clamp, name="torgb")(y, ws[:, -1])
            image = own if image is None else image + own
        return y, image

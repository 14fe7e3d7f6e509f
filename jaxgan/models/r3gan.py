"""The networks of R3GAN (configuration E): residual blocks without normalisation.

Each stage has twice the size of the one before: 4, 8, 16, 32 for images of 32 pixels, and 7, 14, 28
for images of 28 (see `jaxgan.models.levels.level_sizes`). Sizes that are not multiples are cropped.
At initialisation activations have a variance of about 1, and the last kernel of each block is 0, so
that blocks start as the identity.

Source: Huang et al. 2024, section 4 and appendix, https://arxiv.org/abs/2501.05441
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.models.layers.grouped import GroupedConv
from jaxgan.models.layers.labels import LabelEmbedding, check_given
from jaxgan.models.layers.linear import Dense, leaky_relu
from jaxgan.models.layers.resampling import downsample, upsample
from jaxgan.models.levels import level_sizes, one_each
from jaxgan.types import Array, DiscriminatorOutput

# A leaky ReLU of slope a multiplies the mean square of a symmetric variable by (1 + a^2) / 2.
_GAIN = math.sqrt(2 / (1 + 0.2**2))


def scaled_normal(gain: float = 1.0) -> Callable:
    """Initial weights from N(0, gain^2 / fan_in), which multiply the mean square by gain^2.

    Source: He et al. 2015, section 2.2, https://arxiv.org/abs/1502.01852
    """
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


# --- The networks


class R3GANGenerator(nn.Module):
    """Generator of residual stages with bilinear upsampling.

    | for CIFAR-10 | published | here by default |
    |---|---|---|
    | stages | 4, from 4 to 32 pixels | from at most 7 pixels to the size of the samples |
    | channels | 768 in every stage | 32 |
    | residual blocks per stage | 2 | 1 |
    | groups of the 3x3 convolutions | 96, of 16 channels each | 4, of 16 |
    | width inside a block | twice the channels | the same |
    | parameters with 64 latents | 20,732,160 | 56,416 |

    `published_r3gan` has the published sizes, for other data too.

    Attributes:
      shape: shape of one sample, [height, width, channels] or [length, channels].
      features: channels, for all stages or per stage, smallest stage first.
      blocks: number of residual blocks, for all stages or per stage.
      cardinality: groups of the blocks' 3x3 convolutions, for all stages or per stage; it must
        divide expansion * features. The paper's groups have 16 channels.
      expansion: width inside a block, as a multiple of features.
      num_classes: number of classes or attributes of a conditional network, which takes labels too
        and appends their embedding to the latents.
      embedding: length of the label embedding.
      output: function applied to the last layer; None for a linear output, as published.
    """

    shape: Sequence[int] = (28, 28, 1)
    features: int | Sequence[int] = 32
    blocks: int | Sequence[int] = 1
    cardinality: int | Sequence[int] = 4
    expansion: int = 2
    num_classes: int | None = None
    embedding: int = 64
    output: Callable[[Array], Array] | None = None

    @nn.compact
    def __call__(
        self,
        latents: Array,
        labels: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> Array:
        """Samples [batch, *shape] for latents [batch, dim] and, with classes, labels int [batch].

        Raises:
          ValueError: if shape, features, blocks, cardinality or labels are invalid.
        """
        check_given(labels, self.num_classes)
        sizes = level_sizes(self.shape)[::-1]
        x = latents
        if self.num_classes is not None and labels is not None:
            embed = LabelEmbedding(self.num_classes, self.embedding, scaled_normal())
            x = jnp.concatenate([x, embed(labels).astype(x.dtype)], axis=1)
        for i, (size, stage) in enumerate(zip(sizes, _stages(self, len(sizes)), strict=True)):
            if i == 0:
                x = GenerativeBasis(size, stage.width)(x)
            else:
                x = upsample(_widened(x, stage.width))[(slice(None), *map(slice, size))]
            for _ in range(stage.blocks):
                x = stage.block()(x)
        x = _linear(self.shape[-1])(x)
        return x if self.output is None else self.output(x)


class R3GANDiscriminator(nn.Module):
    """Discriminator of residual stages with bilinear downsampling.

    Sizes are those of `R3GANGenerator`, published and here; for CIFAR-10 the published network has
    20,683,776 parameters.

    With classes the logit is the scalar product of the sample's vector and the label's embedding.

    Attributes:
      features: channels, for all stages or per stage, largest stage first.
      blocks: number of residual blocks, for all stages or per stage.
      cardinality: groups of the blocks' 3x3 convolutions, for all stages or per stage; it must
        divide expansion * features.
      expansion: width inside a block, as a multiple of features.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
      embedding: length of the label embedding; 768 for CIFAR-10 as published.
    """

    features: int | Sequence[int] = 32
    blocks: int | Sequence[int] = 1
    cardinality: int | Sequence[int] = 4
    expansion: int = 2
    num_classes: int | None = None
    embedding: int = 64

    @nn.compact
    def __call__(
        self,
        x: Array,
        labels: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> DiscriminatorOutput:
        """Logits [batch] for samples [batch, ...] and, with classes, labels int [batch].

        The features are the values before the last layer, [batch, width].

        Raises:
          ValueError: if samples, features, blocks, cardinality or labels are invalid.
        """
        check_given(labels, self.num_classes)
        for i, stage in enumerate(_stages(self, len(level_sizes(x.shape[1:])))):
            x = _linear(stage.width)(x) if i == 0 else _widened(downsample(x), stage.width)
            for _ in range(stage.blocks):
                x = stage.block()(x)
        features = DiscriminativeBasis()(x)
        if self.num_classes is None or labels is None:
            return DiscriminatorOutput(_linear(1)(features)[:, 0], features)
        gain = 1 / math.sqrt(self.embedding)
        rows = LabelEmbedding(self.num_classes, self.embedding, scaled_normal(gain))(labels)
        y = _linear(self.embedding)(features)
        return DiscriminatorOutput(jnp.einsum("bc,bc->b", y, rows.astype(y.dtype)), features)


class _Published(NamedTuple):
    side: int
    features: tuple[int, ...]
    cardinality: tuple[int, ...]


_PUBLISHED = {
    "cifar10": _Published(32, (768,) * 4, (96,) * 4),
    "ffhq64": _Published(64, (768,) * 4 + (384,), (96,) * 4 + (48,)),
    "ffhq256": _Published(256, (768,) * 4 + (384, 192, 96), (96,) * 4 + (48, 24, 12)),
    "imagenet32": _Published(32, (1536,) * 4, (96,) * 4),
    "imagenet64": _Published(64, (1536,) * 5, (96,) * 5),
}


def published_r3gan(
    data: Literal["cifar10", "ffhq64", "ffhq256", "imagenet32", "imagenet64"],
    num_classes: int | None = None,
) -> tuple[R3GANGenerator, R3GANDiscriminator]:
    """The networks of the published sizes for colour images, for 64 latents.

    Args:
      data: what they were trained on; the number is the height and width, 32 for CIFAR-10.
      num_classes: number of classes of conditional networks.
    Raises:
      ValueError: if data is unknown.
    Source: the presets in train.py of https://github.com/brownvc/R3GAN
    """
    check_choice(data=(data, tuple(_PUBLISHED)))
    side, features, cardinality = _PUBLISHED[data]
    generator = R3GANGenerator((side, side, 3), features, 2, cardinality, num_classes=num_classes)
    discriminator = R3GANDiscriminator(
        features[::-1], 2, cardinality[::-1], num_classes=num_classes, embedding=features[0]
    )
    return generator, discriminator


# --- Layers


class R3GANBlock(nn.Module):
    """Residual bottleneck block, initialised to the identity.

    y = x + conv1x1(act(groupedconv3x3(act(conv1x1(x))))),  act = leaky ReLU of slope 0.2

    For L blocks and an input of mean square 1, the initial mean square is L^-1/2 after the first
    activation and 1 / L after the second.

    Attributes:
      cardinality: groups of the 3x3 convolution; it must divide expansion * channels.
      expansion: width inside the block, as a multiple of the channels.
      num_blocks: L, the number of blocks in the network.
    Source: Huang et al. 2024, section 4, https://arxiv.org/abs/2501.05441; initialisation of Zhang
      et al. 2019 (Fixup), section 3, https://arxiv.org/abs/1901.09321
    """

    cardinality: int = 4
    expansion: int = 2
    num_blocks: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, *size, channels] for x of the same shape.

        Raises:
          ValueError: if cardinality does not divide expansion * channels.
        """
        width = x.shape[-1]
        inner = self.expansion * width
        if self.cardinality < 1 or inner < 1 or inner % self.cardinality:
            raise ValueError(
                f"cardinality={self.cardinality} must divide expansion * features = "
                f"{self.expansion} * {width}"
            )
        # Fixup: L^(-1 / (2 m - 2)) = L^(-1/4) for m = 3 linear maps, the last of which starts at 0
        init = scaled_normal(_GAIN * self.num_blocks ** (-1 / 4))
        h = leaky_relu(Dense(inner, kernel_init=init)(x))
        h = GroupedConv(inner, self.cardinality, kernel_init=init)(h)
        return x + Dense(width, False, nn.initializers.zeros_init())(leaky_relu(h))


class GenerativeBasis(nn.Module):
    """A learned map per channel, scaled by a linear function of the latents.

    y[b, ..., c] = (W z_b)[c] basis[..., c]

    Attributes:
      size: size of the maps, [height, width] or [length].
      features: number of channels.
    """

    size: Sequence[int]
    features: int

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        """Float [batch, *size, features] for latents [batch, dim]."""
        shape = (*self.size, self.features)
        basis = self.param("basis", nn.initializers.normal(1.0), shape, jnp.float32)
        weights = _linear(self.features)(latents).reshape(-1, *[1] * len(self.size), self.features)
        # Broadcast in float32, since the gradient is a sum over the batch.
        basis = basis[None].astype(jnp.promote_types(basis.dtype, jnp.float32))
        return (weights * basis).astype(latents.dtype)


class DiscriminativeBasis(nn.Module):
    """The scalar product of each channel with a learned map."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, channels] for x [batch, *size, channels]."""
        positions = math.prod(x.shape[1:-1])
        init = nn.initializers.normal(positions**-0.5)
        basis = self.param("basis", init, (*x.shape[1:-1], x.shape[-1]), jnp.float32)
        x = x.reshape(len(x), positions, -1)
        return jnp.einsum("bpc,pc->bc", x, basis.reshape(positions, -1))


class _Stage(NamedTuple):
    width: int
    blocks: int
    block: Callable[[], R3GANBlock]


def _stages(network: R3GANGenerator | R3GANDiscriminator, number: int) -> list[_Stage]:
    widths, blocks, cardinalities = (
        one_each(name, getattr(network, name), number)
        for name in ("features", "blocks", "cardinality")
    )
    block = functools.partial(R3GANBlock, expansion=network.expansion, num_blocks=sum(blocks))
    return [
        _Stage(width, count, functools.partial(block, cardinality))
        for width, count, cardinality in zip(widths, blocks, cardinalities, strict=True)
    ]


def _linear(features: int) -> Dense:
    return Dense(features, use_bias=False, kernel_init=scaled_normal())


def _widened(x: Array, width: int) -> Array:
    return x if x.shape[-1] == width else _linear(width)(x)

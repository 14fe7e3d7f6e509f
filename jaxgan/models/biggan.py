"""The networks of BigGAN, for images and signals of any size.

The latents are split into one chunk per level (hierarchical latents): the first one becomes the
smallest level, and each block gets the next one, with a shared embedding of the label, as the input
of its batch norms. All weights but the embedding have spectral norm and start orthogonal.

| | published for CIFAR-10 | here by default |
|---|---|---|
| channels of the generator | 384 | 64 |
| channels of the discriminator | 192 | 64 |
| latents | 80, chunks of 20 | any multiple of the number of levels |
| shared embedding | 128 | 128 |
| self-attention | at 16 x 16 in both | none; `attention=(16,)` |
| biases before batch norms | yes | none, since batch norm cancels them |
| classes | projection | projection, class logits, or cosines with proxies |

`published_biggan` has the published sizes. For samples of less variety and higher quality, draw
latents from `jaxgan.latents.truncated_normal`; for batch statistics that fit the final weights, see
`jaxgan.standing_statistics`.

Source: Brock et al. 2019, section 3 and appendix B, https://arxiv.org/abs/1809.11096; the author's
code, https://github.com/ajbrock/BigGAN-PyTorch; for CIFAR-10,
https://github.com/POSTECH-CVLab/PyTorch-StudioGAN
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.labels import (
    CosineHead,
    LabelEmbedding,
    ModulatedBatchNorm,
    ProjectionHead,
    check_class_options,
    check_given,
)
from jaxgan.models.layers.linear import Conv, Dense
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.models.levels import level_sizes, one_each
from jaxgan.models.resnet import DownBlock, halvings, repeat, sum_pool
from jaxgan.types import Array, DiscriminatorOutput

_ORTHOGONAL = nn.initializers.orthogonal()


# --- The networks


class BigGANGenerator(nn.Module):
    """Generator of residual blocks, each with its own chunk of the latents.

    Attributes:
      shape: shape of one sample, [height, width, channels] or [length, channels].
      features: channels, for all levels or per level, smallest level first.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
      embedding: length of the label embedding that all blocks share.
      attention: sizes (along the longest axis) after whose block a self-attention layer follows.
      output: function applied to the last layer; None for a linear output.
    """

    shape: Sequence[int] = (32, 32, 3)
    features: int | Sequence[int] = 64
    num_classes: int | None = None
    embedding: int = 128
    attention: Sequence[int] = ()
    output: Callable[[Array], Array] | None = jnp.tanh

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
          ValueError: if shape, features, attention or labels are invalid, or dim is not a multiple
            of the number of levels.
        """
        check_given(labels, self.num_classes)
        sizes = level_sizes(self.shape)[::-1]
        widths = one_each("features", self.features, len(sizes))
        _check_attention(self.attention, sizes[1:])
        first, *chunks = _chunks(latents, len(sizes))
        if self.num_classes is not None and labels is not None:
            shared = LabelEmbedding(self.num_classes, self.embedding, _ORTHOGONAL)(labels)
            chunks = [jnp.concatenate([shared.astype(c.dtype), c], axis=1) for c in chunks]
        layer = Dense(math.prod(sizes[0]) * widths[0], kernel_init=_ORTHOGONAL)
        x = SpectralNorm(layer)(first, train=train).reshape(len(first), *sizes[0], widths[0])
        for size, width, chunk in zip(sizes[1:], widths[1:], chunks, strict=True):
            attends = max(size) in self.attention
            x = BigGANBlock(width, use_bias=attends)(x, chunk, train, axis_name)
            x = x[(slice(None), *map(slice, size))]
            x = _attention()(x, train) if attends else x
        x = nn.relu(BatchNorm()(x, train, axis_name))
        x = SpectralNorm(Conv(self.shape[-1], 3, kernel_init=_ORTHOGONAL))(x, train=train)
        return x if self.output is None else self.output(x)


class BigGANDiscriminator(nn.Module):
    """Discriminator of residual blocks with spectral norm in all layers and global sum pooling.

    Attributes:
      features: channels, for all blocks or per block.
      down_blocks: number of blocks that halve the size, which come first. By default as many as
        leave at most 8 positions per axis, and at least one.
      flat_blocks: number of blocks after them.
      num_classes: number of classes or attributes of a conditional network, which takes labels too
        and uses a projection in the last layer.
      auxiliary_classes: number of class logits of an auxiliary classifier, which ignores the labels
        that it receives: classes; twice as many for TAC and ADC; one more for the multi-hinge loss.
      embedding: length of the embedding of ContraGAN and ReACGAN. The class logits are then its
        cosines with a proxy per class, and the features are the embedding, of length 1.
      attention: sizes (along the longest axis) after whose halving block a self-attention layer
        follows.
    """

    features: int | Sequence[int] = 64
    down_blocks: int | None = None
    flat_blocks: int = 2
    num_classes: int | None = None
    auxiliary_classes: int | None = None
    embedding: int | None = None
    attention: Sequence[int] = ()

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

        The features are the sums over all positions, [batch, width], or the embedding.

        Raises:
          ValueError: if features, attention or labels are invalid, an option excludes another, or
            samples are too small for the blocks.
        """
        self._check(labels)
        down = halvings(x.shape, self.down_blocks, self.flat_blocks)
        halved = [tuple(n // 2 ** (block + 1) for n in x.shape[1:-1]) for block in range(down)]
        _check_attention(self.attention, halved)
        for block, width in enumerate(one_each("features", self.features, down + self.flat_blocks)):
            x = DownBlock(width, block < down, block == 0, True, _ORTHOGONAL)(x, train)
            if block < down and max(halved[block]) in self.attention:
                x = _attention()(x, train)
        return self._heads(sum_pool(nn.relu(x)), labels, train)

    def _heads(self, features: Array, labels: Array | None, train: bool) -> DiscriminatorOutput:
        def linear(width: int, use_bias: bool = True) -> Array:
            layer = Dense(width, use_bias, kernel_init=_ORTHOGONAL)
            return SpectralNorm(layer)(features, train=train)

        if self.num_classes is not None and labels is not None:
            head = ProjectionHead(self.num_classes, True, _ORTHOGONAL, _ORTHOGONAL)
            return DiscriminatorOutput(head(features, labels, train), features)
        logits = linear(1)[:, 0]
        if self.auxiliary_classes is None:
            return DiscriminatorOutput(logits, features)
        if self.embedding is None:
            class_logits = linear(self.auxiliary_classes, use_bias=False)
            return DiscriminatorOutput(logits, features, class_logits)
        cosines = CosineHead(self.auxiliary_classes, self.embedding, True, _ORTHOGONAL)
        return DiscriminatorOutput(logits, *cosines(features, train))

    def _check(self, labels: Array | None):
        check_class_options(self.num_classes, self.auxiliary_classes)
        if self.auxiliary_classes is None:
            check_given(labels, self.num_classes)
            if self.embedding is not None:
                raise ValueError(
                    f"embedding={self.embedding} needs auxiliary_classes, whose proxies it is "
                    "compared with"
                )


def published_biggan(
    data: Literal["cifar10", "imagenet128"],
) -> tuple[BigGANGenerator, BigGANDiscriminator]:
    """BigGAN's networks of the published sizes, conditional and with a projection.

    Args:
      data: "cifar10", for 80 latents and images of 32 pixels, as in StudioGAN; or "imagenet128",
        for 120 latents and images of 128 pixels, as in the paper.
    Returns:
      Generator and discriminator: 9.4 and 2.4, or 70.4 and 88.0 million parameters.
    Raises:
      ValueError: if data is unknown.
    Source: Brock et al. 2019, tables 1 and 4; the code named above.
    """
    check_choice(data=(data, ("cifar10", "imagenet128")))
    if data == "cifar10":
        generator = BigGANGenerator((32, 32, 3), 384, 10, attention=(16,))
        return generator, BigGANDiscriminator(192, num_classes=10, attention=(16,))
    widths = (1536, 1536, 768, 384, 192, 96)
    generator = BigGANGenerator((128, 128, 3), widths, 1000, attention=(64,))
    return generator, BigGANDiscriminator(widths[::-1], 5, 1, 1000, attention=(64,))


# --- Parts


class BigGANBlock(nn.Module):
    """Residual block that doubles the size, with batch norms modulated by a vector per sample.

    y = conv(relu(bn(conv(up(relu(bn(x, c)))), c))) + up(conv1x1(x))

    Attributes:
      features: channels of the output.
      use_bias: whether to add a bias per channel to the output. A later batch norm cancels it,
        unless attention comes first.
    """

    features: int
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: Array, c: Array, train: bool, axis_name: str | None = None) -> Array:
        """Float [batch, *2 size, features] for x [batch, *size, channels] and c [batch, dim]."""

        def activated(x: Array) -> Array:
            return nn.relu(ModulatedBatchNorm()(x, c, train, axis_name))

        def normed(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train)

        inner = Conv(self.features, 3, use_bias=False, kernel_init=_ORTHOGONAL)
        outer = Conv(self.features, 3, use_bias=self.use_bias, kernel_init=_ORTHOGONAL)
        h = normed(inner, repeat(activated(x)))
        h = normed(outer, activated(h))
        # A linear map per position commutes with upsampling; this order is cheaper.
        return h + repeat(normed(Dense(self.features, False, _ORTHOGONAL), x))


def _attention() -> SelfAttention:
    return SelfAttention(spectral_norm=True, kernel_init=_ORTHOGONAL)


def _chunks(latents: Array, number: int) -> list[Array]:
    """Equal parts of latents [batch, dim], one per level."""
    if latents.ndim != 2 or latents.shape[1] < number or latents.shape[1] % number:
        raise ValueError(
            f"latents must be [batch, dim] with a multiple of {number} as dim, one chunk per level "
            f"of the samples, got shape {latents.shape}"
        )
    return jnp.split(latents, number, axis=1)


def _check_attention(attention: Sequence[int], sizes: list[tuple[int, ...]]):
    known = [max(size) for size in sizes]
    if set(attention) - set(known):
        raise ValueError(
            f"attention must be sizes after blocks, from {known}, got {tuple(attention)}"
        )

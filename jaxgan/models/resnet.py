"""The residual networks of SN-GAN, for images and signals of any size.

The generator doubles the size with each block, from at most 7 positions per axis to the size of the
samples (see `jaxgan.models.levels.level_sizes`). The published one for CIFAR-10 goes from 4 to 32.

Source: Miyato et al. 2018, appendix B.4 and tables 3 and 4, https://arxiv.org/abs/1802.05957, and
the authors' code, https://github.com/pfnet-research/sngan_projection
"""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.labels import ConditionalBatchNorm, ProjectionHead, check_given
from jaxgan.models.layers.linear import Conv, Dense
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.models.levels import level_sizes, one_each
from jaxgan.types import Array, DiscriminatorOutput

_GLOROT = nn.initializers.glorot_uniform()
_BEFORE_RELU = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")
_SMALLEST = 8  # size at which the discriminator stops halving


# --- The networks


class ResNetGenerator(nn.Module):
    """Generator of residual blocks with batch norm and nearest-neighbour upsampling.

    | for CIFAR-10 | published | here by default |
    |---|---|---|
    | channels | 256 | 64 |
    | blocks | 3 | the same |
    | biases that a batch norm cancels | yes | no |
    | parameters with 128 latents | 4,276,739 | 368,195 |

    Attributes:
      shape: shape of one sample, [height, width, channels] or [length, channels].
      features: channels, for all levels or per level, smallest level first.
      num_classes: number of classes or attributes of a conditional network, which takes labels too;
        the scale and bias of the blocks' batch norms depend on the label.
      output: function applied to the last layer; None for a linear output.
    """

    shape: Sequence[int] = (32, 32, 3)
    features: int | Sequence[int] = 64
    num_classes: int | None = None
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
          ValueError: if shape, features or labels are invalid.
        """
        check_given(labels, self.num_classes)
        sizes = level_sizes(self.shape)[::-1]
        widths = one_each("features", self.features, len(sizes))
        x = Dense(math.prod(sizes[0]) * widths[0], kernel_init=_GLOROT)(latents)
        x = x.reshape(len(x), *sizes[0], widths[0])
        for size, width in zip(sizes[1:], widths[1:], strict=True):
            x = UpBlock(width, self.num_classes)(x, labels, train, axis_name)
            x = x[(slice(None), *map(slice, size))]
        x = nn.relu(BatchNorm()(x, train, axis_name))
        x = Conv(self.shape[-1], 3, kernel_init=_GLOROT)(x)
        return x if self.output is None else self.output(x)


class ResNetDiscriminator(nn.Module):
    """Discriminator of residual blocks with spectral norm in all layers and global sum pooling.

    | for CIFAR-10 | published | here by default |
    |---|---|---|
    | channels | 128 | 64 |
    | blocks that halve the size, and others | 2 and 2 | the same |
    | bias of the last layer | only for larger images | yes |
    | parameters | 1,053,824 | 264,769 |

    Attributes:
      features: channels, for all blocks or per block.
      down_blocks: number of blocks that halve the size, which come first. By default as many as
        leave at most 8 positions per axis, and at least one. The last position of an odd size is
        dropped.
      flat_blocks: number of blocks after them.
      num_classes: number of classes or attributes of a conditional network, which takes labels too
        and uses a projection in the last layer.
    """

    features: int | Sequence[int] = 64
    down_blocks: int | None = None
    flat_blocks: int = 2
    num_classes: int | None = None

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

        The features are the sums over all positions, [batch, width].

        Raises:
          ValueError: if features or labels are invalid, or samples are too small for the blocks.
        """
        check_given(labels, self.num_classes)
        down = halvings(x.shape, self.down_blocks, self.flat_blocks)
        for block, width in enumerate(one_each("features", self.features, down + self.flat_blocks)):
            x = DownBlock(width, halve=block < down, first=block == 0)(x, train)
        features = sum_pool(nn.relu(x))
        if self.num_classes is not None and labels is not None:
            logits = ProjectionHead(self.num_classes, spectral_norm=True)(features, labels, train)
        else:
            logits = SpectralNorm(Dense(1, kernel_init=_GLOROT))(features, train=train)[:, 0]
        return DiscriminatorOutput(logits, features)


def published_sngan() -> tuple[ResNetGenerator, ResNetDiscriminator]:
    """The networks of the published sizes for CIFAR-10, for 128 latents."""
    return ResNetGenerator((32, 32, 3), 256), ResNetDiscriminator(128)


def halvings(shape: tuple[int, ...], down_blocks: int | None, flat_blocks: int) -> int:
    """The number of blocks of a discriminator that halve the size.

    Args:
      shape: of a batch of samples.
      down_blocks: that number if it is chosen; by default as many as leave at most 8 positions per
        axis, and at least one.
      flat_blocks: number of blocks after them, which is checked too.
    Raises:
      ValueError: if a number is negative, or samples have another shape or are too small.
    """
    if len(shape) not in (3, 4):
        raise ValueError(
            "x must be [batch, height, width, channels] or [batch, length, channels], "
            f"got shape {shape}"
        )
    default = max(1, math.ceil(math.log2(max(shape[1:-1]) / _SMALLEST)))
    down = default if down_blocks is None else down_blocks
    if min(down, flat_blocks) < 0:
        raise ValueError(f"down_blocks={down} and flat_blocks={flat_blocks} must not be negative")
    if min(shape[1:-1]) < 2**down:
        raise ValueError(
            f"down_blocks={down} needs samples of at least {2**down} positions per axis, "
            f"got {shape[1:]}"
        )
    return down


# --- Blocks


class UpBlock(nn.Module):
    """Residual block that doubles the size, with batch norm and a linear skip connection.

    y = conv(relu(bn(conv(up(relu(bn(x))))))) + up(conv1x1(x))

    Attributes:
      features: channels of the output.
      num_classes: number of classes of conditional batch norms; None for unconditional ones.
    """

    features: int
    num_classes: int | None = None

    @nn.compact
    def __call__(
        self, x: Array, labels: Array | None, train: bool, axis_name: str | None = None
    ) -> Array:
        """Float [batch, *2 size, features] for x [batch, *size, channels]."""

        def activated(x):
            if self.num_classes is not None and labels is not None:
                return nn.relu(ConditionalBatchNorm(self.num_classes)(x, labels, train, axis_name))
            return nn.relu(BatchNorm()(x, train, axis_name))

        # No biases, since a later batch norm would cancel them.
        h = repeat(activated(x))
        h = Conv(self.features, 3, use_bias=False, kernel_init=_BEFORE_RELU)(h)
        h = Conv(self.features, 3, use_bias=False, kernel_init=_BEFORE_RELU)(activated(h))
        # A linear map per position commutes with upsampling; this order is cheaper.
        return h + repeat(Dense(self.features, use_bias=False, kernel_init=_GLOROT)(x))


class DownBlock(nn.Module):
    """Residual block with spectral norm that can halve the size by average pooling.

    y = pool(conv(relu(conv(relu(x))))) + conv1x1(pool(x))

    If neither size nor channels change, the skip connection is the identity.

    Attributes:
      features: channels of the output.
      halve: whether to halve the size.
      first: whether it is the network's first block, which has no ReLU in front and uses the width
        of its output inside, not that of its input.
      wide: use the width of the output inside other blocks too, as BigGAN does.
      kernel_init: initialiser of all kernels; None for SN-GAN's.
    """

    features: int
    halve: bool = True
    first: bool = False
    wide: bool = False
    kernel_init: Callable | None = None

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Float [batch, *size, features], or half the size, for x [batch, *size, channels]."""

        def normed(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train)

        inner = self.features if self.first or self.wide else x.shape[-1]
        inside = self.kernel_init or _BEFORE_RELU
        h = x if self.first else nn.relu(x)
        h = normed(Conv(inner, 3, kernel_init=inside), h)
        h = normed(Conv(self.features, 3, kernel_init=inside), nn.relu(h))
        if not self.halve and x.shape[-1] == self.features:
            return x + h
        # Pooling first is cheaper; it commutes with the linear map.
        h, x = (mean_pool(h), mean_pool(x)) if self.halve else (h, x)
        return h + normed(Dense(self.features, kernel_init=self.kernel_init or _GLOROT), x)


# --- Resampling


def repeat(x: Array) -> Array:
    """Nearest-neighbour upsampling of x [batch, *size, channels] by 2 along each axis."""
    for axis in range(1, x.ndim - 1):
        x = jnp.stack([x, x], axis + 1).reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])
    return x


def mean_pool(x: Array) -> Array:
    """Average pooling of x [batch, *size, channels] by 2; an odd last position is dropped."""
    for axis in range(1, x.ndim - 1):
        n = x.shape[axis] // 2
        pairs = x[(slice(None),) * axis + (slice(2 * n),)]
        pairs = pairs.reshape(*x.shape[:axis], n, 2, *x.shape[axis + 1 :])
        first, second = (jnp.take(pairs, i, axis + 1) for i in (0, 1))
        x = (first + second) / 2
    return x


def sum_pool(x: Array) -> Array:
    """Sums [batch, channels] of x [batch, *size, channels] over all positions, in float32."""
    kind = jnp.promote_types(x.dtype, jnp.float32)
    return jnp.sum(x, tuple(range(1, x.ndim - 1)), kind).astype(x.dtype)

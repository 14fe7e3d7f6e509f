"""The DCGAN's networks for images of any size and, along one axis, for signals.

Each level of the generator multiplies the size by the stride, from at most 7 up to the samples';
the discriminator goes the same way down. A size that is no multiple is cut to fit.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.labels import ConditionalBatchNorm, ProjectionHead, concatenate_labels
from jaxgan.models.layers.linear import Conv, ConvTranspose, Dense, leaky_relu
from jaxgan.models.layers.normalization import BatchNorm, around_one
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.models.levels import default_features, level_sizes
from jaxgan.types import Array, DiscriminatorOutput

_NORMAL = nn.initializers.normal(0.02)


class DCGANGenerator(nn.Module):
    """Transposed convolutions with batch norm and ReLU, from latents to samples [batch, *shape].

    With the defaults and shape (64, 64, 3) it is the paper's generator at half its width: 4x4x512,
    8x8x256, 16x16x128, 32x32x64, 64x64x3, with kernels of 4 instead of 5, which cover every
    place equally often. Weights start as N(0, 0.02).

    Attributes:
      shape: of one sample, [height, width, channels] or [length, channels].
      features: channels of each level, the smallest first; None: 64 below the samples' own level
        and twice as many with each level further down, 1,024 at most. With one more than that, the
        last ones are on the samples' own level, and a convolution of size 5 makes the samples of
        them.
      kernel_size: of the transposed convolutions.
      stride: factor of size between levels.
      num_classes: makes the network conditional: it takes labels too.
      condition_by: how: by further latents, or by a scale and a bias of each batch norm, which
        takes Adam several times as long to learn, since each class has its own.
      output: after the last layer; None leaves it linear.
    Source: Radford et al. 2016, section 3 and figure 1, https://arxiv.org/abs/1511.06434
    """

    shape: Sequence[int] = (28, 28, 1)
    features: Sequence[int] | None = None
    kernel_size: int = 4
    stride: int = 2
    num_classes: int | None = None
    condition_by: Literal["concatenate", "batch_norm"] = "concatenate"
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
        """Samples [batch, *shape] of latents [batch, dim] and, with classes, labels int [batch].

        Raises:
          ValueError: if shape, features or labels do not fit.
        """
        sizes = level_sizes(self.shape, self.stride)[::-1]
        channels = self.shape[-1]
        features = self.features or default_features(len(sizes) - 1)
        if len(features) not in (len(sizes) - 1, len(sizes)):
            raise ValueError(
                f"features must be {len(sizes) - 1} or {len(sizes)} for levels {sizes}, "
                f"got {features}"
            )
        _check_way("condition_by", self.condition_by, ("concatenate", "batch_norm"))
        x = concatenate_labels(latents, labels, self.num_classes)  # checks them too
        by_norm = self.condition_by == "batch_norm"
        x = latents if by_norm else x

        def activated(x):
            if by_norm and self.num_classes is not None and labels is not None:
                return nn.relu(ConditionalBatchNorm(self.num_classes)(x, labels, train, axis_name))
            return nn.relu(BatchNorm(scale_init=around_one())(x, train, axis_name))

        x = Dense(math.prod(sizes[0]) * features[0], use_bias=False, kernel_init=_NORMAL)(x)
        x = activated(x.reshape(len(x), *sizes[0], features[0]))
        extra = len(features) == len(sizes)
        for size, width in zip(sizes[1:], [*features[1:], channels], strict=not extra):
            last = not extra and size == sizes[-1]
            x = ConvTranspose(
                width, self.kernel_size, self.stride, use_bias=last, kernel_init=_NORMAL
            )(x)
            x = x[(slice(None), *map(slice, size))]
            x = x if last else activated(x)
        if extra:
            x = Conv(channels, 5, kernel_init=_NORMAL)(x)
        return x if self.output is None else self.output(x)


class DCGANDiscriminator(nn.Module):
    """Strided convolutions with leaky ReLU 0.2, from samples to logits.

    Attributes:
      features: channels of each level, the largest level first; None: 64 and twice as many with
        each level, 1,024 at most.
      kernel_size: of the convolutions.
      stride: factor of size between levels.
      norm: "batch" after all but the first convolution, as in the paper; "spectral" of all
        weights; "none", as critics with a gradient penalty need it.
      num_classes: makes the network conditional: it takes labels too.
      condition_by: how: as further channels of the samples, or by projection in the last layer.
      auxiliary_classes: makes it an auxiliary classifier: it takes no heed of labels, but tells
        the class of its samples too.
    Source: Radford et al. 2016, section 3, https://arxiv.org/abs/1511.06434
    """

    features: Sequence[int] | None = None
    kernel_size: int = 4
    stride: int = 2
    norm: Literal["batch", "spectral", "none"] = "batch"
    num_classes: int | None = None
    condition_by: Literal["concatenate", "projection"] = "concatenate"
    auxiliary_classes: int | None = None

    @nn.compact
    def __call__(
        self,
        x: Array,
        labels: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> DiscriminatorOutput:
        """Logits [batch] of samples [batch, ...] and, with classes, labels int [batch].

        The features are the values before the last layer, [batch, width]; with auxiliary classes
        there are class logits [batch, auxiliary_classes] too.

        Raises:
          ValueError: if samples or labels do not fit, or an option is unknown.
        """
        levels = len(level_sizes(x.shape[1:], self.stride)) - 1
        features = self.features or default_features(levels)[::-1]
        _check_way("norm", self.norm, ("batch", "spectral", "none"))
        _check_way("condition_by", self.condition_by, ("concatenate", "projection"))
        spectral = self.norm == "spectral"

        def linear(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train) if spectral else layer(x)

        if self.num_classes is not None and self.auxiliary_classes is not None:
            raise ValueError(
                f"give num_classes={self.num_classes} or "
                f"auxiliary_classes={self.auxiliary_classes}, not both"
            )
        if self.auxiliary_classes is None:
            concatenated = concatenate_labels(x, labels, self.num_classes)  # checks labels too
            x = x if self.condition_by == "projection" else concatenated
        for level, width in enumerate(features):
            normed = self.norm == "batch" and level > 0
            layer = Conv(
                width, self.kernel_size, self.stride, use_bias=not normed, kernel_init=_NORMAL
            )
            x = linear(layer, x)
            x = BatchNorm(scale_init=around_one())(x, train, axis_name) if normed else x
            x = leaky_relu(x)
        x = x.reshape(len(x), -1)
        class_logits = None
        if self.auxiliary_classes is not None:
            class_logits = linear(Dense(self.auxiliary_classes, kernel_init=_NORMAL), x)
        if self.condition_by == "projection" and self.num_classes and labels is not None:
            logits = ProjectionHead(self.num_classes, spectral)(x, labels, train)
        else:
            logits = linear(Dense(1, kernel_init=_NORMAL), x)[:, 0]
        return DiscriminatorOutput(logits, x, class_logits)


def _check_way(name: str, value: str, known: tuple[str, ...]):
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")

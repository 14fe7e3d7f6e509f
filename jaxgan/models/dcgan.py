"""The networks of DCGAN, for images of any size and for one-dimensional signals.

Each level of the generator multiplies the size by the stride, from at most 7 up to the size of the
samples, and the discriminator divides it in the same steps. Sizes that are not multiples are
cropped.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.models.layers.labels import (
    ConditionalBatchNorm,
    ProjectionHead,
    check_class_options,
    concatenate_labels,
)
from jaxgan.models.layers.linear import Conv, ConvTranspose, Dense, leaky_relu
from jaxgan.models.layers.normalization import BatchNorm, around_one
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.models.levels import default_features, level_sizes
from jaxgan.types import Array, DiscriminatorOutput

_NORMAL = nn.initializers.normal(0.02)


class DCGANGenerator(nn.Module):
    """Generator of transposed convolutions with batch norm and ReLU.

    | for images of 64 pixels | published | here by default |
    |---|---|---|
    | channels, smallest level first | 1024, 512, 256, 128 | 512, 256, 128, 64 |
    | kernel size | 5 | 4, which covers all positions equally often |
    | initial weights | N(0, 0.02^2) | the same |
    | scale and bias of the first batch norm | per position and channel | per channel |
    | bias of the last layer | no | yes |
    | parameters with 100 latents, RGB | 18,885,760 in the authors' code | 3,576,707 |

    PyTorch's DCGAN example, whose last layer has no bias, has 3,576,704. Its generator's update
    shows the samples of the discriminator's update again, where `jaxgan.updates.alternating` draws
    new ones. `published_dcgan` has the published channels and kernels.

    Attributes:
      shape: shape of one sample, [height, width, channels] or [length, channels].
      features: channels of each level below the samples' size, smallest level first; or of the
        largest level, and twice as many at each smaller one, up to 1,024. With one more entry,
        the last one is the width at the samples' size, followed by a convolution of size 5.
      kernel_size: kernel size of the transposed convolutions.
      stride: factor of size between levels.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
      condition_by: "concatenate" appends the label to the latents; "batch_norm" gives each class
        its own scale and bias in each batch norm, which Adam takes several times as long to learn.
      output: function applied to the last layer; None for a linear output.
    Source: Radford et al. 2016, section 3 and figure 1, https://arxiv.org/abs/1511.06434
    """

    shape: Sequence[int] = (28, 28, 1)
    features: int | Sequence[int] = 64
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
        """Samples [batch, *shape] for latents [batch, dim] and, with classes, labels int [batch].

        Raises:
          ValueError: if shape, features or labels are invalid, or an option is unknown.
        """
        sizes = level_sizes(self.shape, self.stride)[::-1]
        channels = self.shape[-1]
        features = self.features
        if isinstance(features, int):
            features = default_features(len(sizes) - 1, features)
        if len(features) not in (len(sizes) - 1, len(sizes)):
            raise ValueError(
                f"features must have {len(sizes) - 1} or {len(sizes)} entries for levels {sizes}, "
                f"got {features}"
            )
        check_choice(condition_by=(self.condition_by, ("concatenate", "batch_norm")))
        x = concatenate_labels(latents, labels, self.num_classes)  # checks the labels too
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
    """Discriminator of strided convolutions with leaky ReLU (slope 0.2).

    | for images of 64 pixels | published | here by default |
    |---|---|---|
    | channels, largest level first | 128, 256, 512, 1024 | 64, 128, 256, 512 |
    | kernel size | 5 | 4 |
    | biases of the first convolution and the last layer | no | yes |
    | parameters, RGB | 17,232,768 in the authors' code | 2,765,633 |

    PyTorch's DCGAN example, without these biases, has 2,765,568.

    Attributes:
      features: channels of each level, largest level first; or of the largest level, and twice
        as many at each smaller one, up to 1,024.
      kernel_size: kernel size of the convolutions.
      stride: factor of size between levels.
      norm: "batch" for batch norm after all but the first convolution, as in the paper; "spectral"
        for spectral norm of all weights; "none", which critics with a gradient penalty need.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
      condition_by: "concatenate" appends the label to the samples' channels; "projection" uses a
        projection in the last layer.
      auxiliary_classes: number of classes of an auxiliary classifier, which ignores the labels that
        it receives and returns class logits.
    Source: Radford et al. 2016, section 3, https://arxiv.org/abs/1511.06434
    """

    features: int | Sequence[int] = 64
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
        """Logits [batch] for samples [batch, ...] and, with classes, labels int [batch].

        The output also has the values before the last layer as features [batch, width], and with
        auxiliary classes class logits [batch, auxiliary_classes].

        Raises:
          ValueError: if samples or labels have another shape, or an option is unknown.
        """
        levels = len(level_sizes(x.shape[1:], self.stride)) - 1
        features = self.features
        if isinstance(features, int):
            features = default_features(levels, features)[::-1]
        check_choice(norm=(self.norm, ("batch", "spectral", "none")))
        check_choice(condition_by=(self.condition_by, ("concatenate", "projection")))
        check_class_options(self.num_classes, self.auxiliary_classes)
        spectral = self.norm == "spectral"

        def linear(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train) if spectral else layer(x)

        if self.auxiliary_classes is None:
            concatenated = concatenate_labels(x, labels, self.num_classes)  # checks the labels too
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


def published_dcgan(channels: int = 3) -> tuple[DCGANGenerator, DCGANDiscriminator]:
    """The networks of the published sizes, for 100 latents and images of 64 pixels.

    Source: Radford et al. 2016, figure 1; the authors' code, https://github.com/Newmu/dcgan_code
    """
    features = (1024, 512, 256, 128)
    generator = DCGANGenerator((64, 64, channels), features, kernel_size=5)
    return generator, DCGANDiscriminator(features[::-1], kernel_size=5)

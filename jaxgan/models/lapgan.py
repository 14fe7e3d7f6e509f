"""The networks of one level of LAPGAN, which generate the band of detail of a low-pass image.

Their condition is the low-pass image l or, with classes, the tuple (l, labels). The coarsest level
has no l and can use any networks for small images; the paper's are fully connected. See
`jaxgan.images.pyramid` for the bands and for sampling coarse to fine.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.linear import Conv, Dense
from jaxgan.types import Array, DiscriminatorOutput

Condition = Array | tuple[Array, Array]


class LAPGANGenerator(nn.Module):
    """Generator of convolutions with ReLU, from noise and a low-pass image to a band.

    The noise forms one or more additional channels. The label forms another one: its one-hot
    vector is mapped to a plane by a dense layer and ReLU. The output is linear; bands of images in
    [-1, 1] are in [-2, 2].

    | for CIFAR-10 | published | here by default |
    |---|---|---|
    | channels of the hidden layers | 128, 128 | 16, 16 |
    | kernel sizes | 7, 7, 5 | 5, 3, 3 |
    | noise | one channel, uniform in [-1, 1] | the same, in the recipe |
    | parameters, RGB | 837,763 | 4,371 |

    Attributes:
      features: channels of each hidden layer.
      kernel_sizes: kernel size of each layer including the last, so one entry more than features.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
    Source: Denton et al. 2015, section 3.1, https://arxiv.org/abs/1506.05751; the authors' code,
      https://github.com/facebookarchive/eyescream
    """

    features: Sequence[int] = (16, 16)
    kernel_sizes: Sequence[int] = (5, 3, 3)
    num_classes: int | None = None

    @nn.compact
    def __call__(self, latents: Array, condition: Condition) -> Array:
        """Bands [batch, height, width, channels], of the shape of the low-pass images.

        Args:
          latents: noise [batch, height, width, n] or [batch, height * width * n].
          condition: low-pass images l float [batch, height, width, channels] or, with classes,
            (l, labels) with labels int [batch].
        Raises:
          ValueError: if latents, l or labels have another shape, or an attribute is invalid.
        """
        low, labels = _checked(condition, self.num_classes)
        if len(self.kernel_sizes) != len(self.features) + 1:
            raise ValueError(
                f"kernel_sizes must have {len(self.features) + 1} entries, one more than features, "
                f"got {tuple(self.kernel_sizes)}"
            )
        planes = [_noise_planes(latents, low), low, *_label_planes(labels, low, self.num_classes)]
        x = jnp.concatenate(planes, axis=-1)
        *sizes, last = self.kernel_sizes
        for width, size in zip(self.features, sizes, strict=True):
            x = nn.relu(Conv(width, size)(x))
        return Conv(low.shape[-1], last)(x)


class LAPGANDiscriminator(nn.Module):
    """Discriminator of the sum of band and low-pass image: convolutions with ReLU, a dense layer.

    The label forms an additional channel, as in `LAPGANGenerator`.

    | for CIFAR-10 | published | here by default |
    |---|---|---|
    | channels | 128, 128 | 16, 32 |
    | kernel size, strides | 5, (1, 2) | the same |
    | borders | dropped | padded by zeros, to support small images |
    | parameters at 32 pixels, RGB | 437,889 | 22,241 |

    Attributes:
      features: channels of each convolution.
      strides: stride of each convolution; (2, 2) halves the time per step.
      kernel_size: kernel size of the convolutions.
      dropout: fraction of values dropped before the last layer in training.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
    Source: Denton et al. 2015, section 3.1, https://arxiv.org/abs/1506.05751; the authors' code,
      https://github.com/facebookarchive/eyescream
    """

    features: Sequence[int] = (16, 32)
    strides: Sequence[int] = (1, 2)
    kernel_size: int = 5
    dropout: float = 0.5
    num_classes: int | None = None

    @nn.compact
    def __call__(
        self, band: Array, condition: Condition, *, keys: Array, train: bool
    ) -> DiscriminatorOutput:
        """Logits [batch] for bands h, with the values before dropout [batch, width] as features.

        Args:
          band: float [batch, height, width, channels].
          condition: low-pass images l of the same shape or, with classes, (l, labels) with labels
            int [batch].
          keys: one PRNG key per sample.
          train: whether dropout is active.
        Raises:
          ValueError: if band, l or labels have another shape, or an attribute is invalid.
        """
        low, labels = _checked(condition, self.num_classes)
        if len(self.strides) != len(self.features):
            raise ValueError(
                f"strides must have {len(self.features)} entries, as many as features, "
                f"got {tuple(self.strides)}"
            )
        if band.shape != low.shape:
            raise ValueError(
                "band and low-pass image must have the same shape, "
                f"got {band.shape} and {low.shape}"
            )
        planes = [low + band, *_label_planes(labels, low, self.num_classes)]
        x = jnp.concatenate(planes, axis=-1)
        for width, stride in zip(self.features, self.strides, strict=True):
            x = nn.relu(Conv(width, self.kernel_size, stride)(x))
        features = x.reshape(len(x), -1)
        logits = Dense(1)(Dropout(self.dropout)(features, keys, train))
        return DiscriminatorOutput(logits[:, 0], features)


def published_lapgan() -> tuple[LAPGANGenerator, LAPGANDiscriminator]:
    """The networks of the finest level for CIFAR-10, with the published channels and kernels."""
    return LAPGANGenerator((128, 128), (7, 7, 5)), LAPGANDiscriminator((128, 128), (1, 2))


def _checked(condition: Condition, num_classes: int | None) -> tuple[Array, Array | None]:
    """The low-pass image and, with classes, the labels of a condition."""
    low, labels = condition if isinstance(condition, tuple | list) else (condition, None)
    if (labels is None) != (num_classes is None):
        raise ValueError(
            "condition must be the low-pass image without num_classes and (image, labels) with "
            f"it; got num_classes={num_classes} and {'no ' if labels is None else ''}labels"
        )
    if jnp.ndim(low) != 4:
        raise ValueError(
            "the low-pass image must be [batch, height, width, channels], "
            f"got shape {jnp.shape(low)}"
        )
    return low, labels


def _noise_planes(latents: Array, low: Array) -> Array:
    """Latents as channels [batch, height, width, n] of an image's size."""
    batch, height, width, _ = low.shape
    if len(latents) != batch or latents.size % (batch * height * width):
        raise ValueError(
            f"latents must hold noise for every pixel, [{batch}, {height}, {width}, n], "
            f"got shape {latents.shape}"
        )
    return latents.reshape(batch, height, width, -1)


def _label_planes(labels: Array | None, low: Array, num_classes: int | None) -> list[Array]:
    """The label or attributes as a channel [batch, height, width, 1]; nothing without classes."""
    if labels is None or num_classes is None:
        return []
    batch, height, width, _ = low.shape
    if jnp.shape(labels)[:1] != (batch,):
        raise ValueError(f"labels must be int [{batch}], got shape {jnp.shape(labels)}")
    rows = one_hot(labels, num_classes).astype(low.dtype)
    plane = nn.relu(Dense(height * width, name="label")(rows))
    return [plane.reshape(batch, height, width, 1)]

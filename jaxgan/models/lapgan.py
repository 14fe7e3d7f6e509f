"""The networks of one level of a LAPGAN: bands of detail for a given low-pass image.

Their condition is the low-pass image l or, with classes, the tuple (l, labels). The coarsest level
has no l: any generator of small images will do, in the paper a fully connected one. See
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
    """Convolutions with ReLU from noise and a low-pass image to the band that it lacks.

    The noise is one channel more (or several), and so is the label: its one-hot vector goes
    through a dense layer and ReLU to a plane. Nothing bounds the band, which for images in [-1, 1]
    lies in [-2, 2]. The authors have 128 channels and kernels of 7, 7 and 5 for CIFAR-10, and noise
    from U(-1, 1).

    Attributes:
      features: channels of each hidden layer.
      kernel_sizes: of each layer, the last too: one more.
      num_classes: makes the network take labels too.
    Source: Denton et al. 2015, section 3.1, https://arxiv.org/abs/1506.05751; the authors' code,
      https://github.com/facebookarchive/eyescream
    """

    features: Sequence[int] = (16, 16)
    kernel_sizes: Sequence[int] = (5, 3, 3)
    num_classes: int | None = None

    @nn.compact
    def __call__(self, latents: Array, condition: Condition) -> Array:
        """Bands [batch, height, width, channels] of the shape of the low-pass images.

        Args:
          latents: noise [batch, height, width, n], or as vectors [batch, height * width * n].
          condition: low-pass images l float [batch, height, width, channels] or, with classes,
            (l, labels) with labels int [batch].
        Raises:
          ValueError: if latents, l, labels or the attributes do not fit.
        """
        low, labels = _checked(condition, self.num_classes)
        if len(self.kernel_sizes) != len(self.features) + 1:
            raise ValueError(
                f"kernel_sizes must be {len(self.features) + 1}, one more than features, "
                f"got {tuple(self.kernel_sizes)}"
            )
        planes = [_noise_planes(latents, low), low, *_label_planes(labels, low, self.num_classes)]
        x = jnp.concatenate(planes, axis=-1)
        *sizes, last = self.kernel_sizes
        for width, size in zip(self.features, sizes, strict=True):
            x = nn.relu(Conv(width, size)(x))
        return Conv(low.shape[-1], last)(x)


class LAPGANDiscriminator(nn.Module):
    """Two convolutions with ReLU, dropout and a dense layer, on the sum of band and low-pass image.

    So it sees the image l + h, as it should look. The label is one channel more, as in
    `LAPGANGenerator`. The authors have 128 channels for CIFAR-10; they pad nothing, we pad with
    zeros, so that small images fit too.

    Attributes:
      features: channels of each convolution.
      strides: of each convolution; (2, 2) halves the time of a step.
      kernel_size: of the convolutions.
      dropout: share of values dropped before the last layer in training.
      num_classes: makes the network take labels too.
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
        """Logits [batch] of bands h, and the values before dropout [batch, width] as features.

        Args:
          band: float [batch, height, width, channels].
          condition: low-pass images l of the same shape or, with classes, (l, labels) with labels
            int [batch].
          keys: one PRNG key a sample.
          train: whether to drop values.
        Raises:
          ValueError: if band, l, labels or the attributes do not fit.
        """
        low, labels = _checked(condition, self.num_classes)
        if len(self.strides) != len(self.features):
            raise ValueError(
                f"strides must be {len(self.features)}, as many as features, "
                f"got {tuple(self.strides)}"
            )
        if band.shape != low.shape:
            raise ValueError(f"band {band.shape} and low-pass image {low.shape} must be alike")
        planes = [low + band, *_label_planes(labels, low, self.num_classes)]
        x = jnp.concatenate(planes, axis=-1)
        for width, stride in zip(self.features, self.strides, strict=True):
            x = nn.relu(Conv(width, self.kernel_size, stride)(x))
        features = x.reshape(len(x), -1)
        logits = Dense(1)(Dropout(self.dropout)(features, keys, train))
        return DiscriminatorOutput(logits[:, 0], features)


def _checked(condition: Condition, num_classes: int | None) -> tuple[Array, Array | None]:
    """The low-pass image, and the labels of a network with classes."""
    low, labels = condition if isinstance(condition, tuple | list) else (condition, None)
    if (labels is None) != (num_classes is None):
        raise ValueError(
            "condition must be the low-pass image alone without num_classes and (image, labels) "
            f"with it; num_classes={num_classes}, labels are {'' if labels is None else 'not '}None"
        )
    if jnp.ndim(low) != 4:
        raise ValueError(
            "the low-pass image must be [batch, height, width, channels], "
            f"got shape {jnp.shape(low)}"
        )
    return low, labels


def _noise_planes(latents: Array, low: Array) -> Array:
    """Latents as channels [batch, height, width, n] of the size of an image."""
    batch, height, width, _ = low.shape
    if len(latents) != batch or latents.size % (batch * height * width):
        raise ValueError(
            f"latents must be noise for every pixel, [{batch}, {height}, {width}, n], "
            f"got shape {latents.shape}"
        )
    return latents.reshape(batch, height, width, -1)


def _label_planes(labels: Array | None, low: Array, num_classes: int | None) -> list[Array]:
    """The label as a plane [batch, height, width, 1], in a network with classes."""
    if labels is None or num_classes is None:
        return []
    batch, height, width, _ = low.shape
    if jnp.shape(labels) != (batch,):
        raise ValueError(f"labels must be int [{batch}], got shape {jnp.shape(labels)}")
    rows = one_hot(labels, num_classes).astype(low.dtype)
    plane = nn.relu(Dense(height * width, name="label")(rows))
    return [plane.reshape(batch, height, width, 1)]

"""Discriminators on frozen, pretrained features: Projected GAN.

    features of a frozen network -> frozen random mixing -> one small trained network per scale

Only the small networks have parameters. The random mixing is part of the model state, so
checkpoints keep it. The pretrained weights belong to the extractor, a function, and are not part of
any checkpoint: a resumed run reads them again from the installed package. Gradients flow through
both to the samples.

Source: Sauer et al. 2021, section 3, https://arxiv.org/abs/2111.01007, and the authors' code,
https://github.com/autonomousvision/projected-gan
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.checks import check_choice
from jaxgan.models.imagenet.features import vgg16
from jaxgan.models.imagenet.weights import pretrained
from jaxgan.models.layers.convolution import conv
from jaxgan.models.layers.labels import LabelEmbedding, check_given
from jaxgan.models.layers.linear import Conv, Dense, as_float32, leaky_relu
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array, DiscriminatorOutput

Extractor = Callable[[Array], Sequence[Array]]
Norm = Literal["batch", "none"]

_WINDOW, _PADDING = 4, ((1, 1), (1, 1))  # of the heads' convolutions
_EMBEDDING, _CLASS_CHANNELS = 128, 64


# --- The network


class ProjectedDiscriminator(nn.Module):
    """Several discriminators, each of one scale of frozen features.

    | | published | here |
    |---|---|---|
    | features | EfficientNet-lite0, strides 4, 8, 16, 32 | any function, such as `vgg16_maps` |
    | images | enlarged to 224 pixels | enlarged to `resize` pixels |
    | channel mixing | 1x1, to 64, 128, 256, 512 channels | `channels` times 1, 2, 4, 8 |
    | scale mixing | 1x1 convolutions in the code, 3x3 in the paper | 1x1, or `mixing_kernel` |
    | random weights | PyTorch's default in the code, Kaiming in the paper | as in the code |
    | strided layers of the heads | 4, 3, 2, 1 | as many, if 4 positions per axis are left |
    | channels of their last layer | 512 | 8 `features` |
    | statistics of batch norm | per device | of the global batch |
    | biases before batch norm | yes, cancelled by it | no |

    Augmentation is not part of the network, see `GAN.augmentation`.

    Attributes:
      extractor: frozen function from images [batch, height, width, channels] to feature maps
        [batch, ..., channels], finest first, which treats each image by itself.
      channels: of the mixed features of the finest scale.
      features: channels of the heads' widest layer, divided by 8.
      resize: height and width to which smaller images are resized; None for images as they are.
      norm: "batch", or "none" for gradient penalties, which need samples judged by themselves.
      mixing_kernel: kernel size of the mixing of scales.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
    Source: Sauer et al. 2021, section 3.2, https://arxiv.org/abs/2111.01007
    """

    extractor: Extractor
    channels: int = 64
    features: int = 64
    resize: int | None = None
    norm: Norm = "batch"
    mixing_kernel: int = 1
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
        """Logits [batch, n] of all scales for images [batch, ...] and, with classes, labels.

        The features are the last maps before the logits, one [batch, ..., channels] per scale.

        Raises:
          ValueError: if norm or labels are invalid, or a feature map is too small.
        """
        check_choice(norm=(self.norm, ("batch", "none")))
        check_given(labels, self.num_classes)
        if self.resize is not None and min(x.shape[1:3]) < self.resize:
            x = resized(x, self.resize)
        maps = [each.astype(x.dtype) for each in self.extractor(x)]
        logits, last = [], []
        for i, mixed in enumerate(FrozenMixing(self.channels, self.mixing_kernel)(maps)):
            most = len(maps) - i
            head = ProjectedHead(self.features, most, self.norm, self.num_classes)
            judged, h = head(mixed, labels, train, axis_name)
            logits.append(judged.reshape(len(x), -1))
            last.append(h)
        return DiscriminatorOutput(jnp.concatenate(logits, axis=1), tuple(last))


def published_projected(
    extractor: Extractor, num_classes: int | None = None
) -> ProjectedDiscriminator:
    """The discriminator with the published sizes, for any extractor.

    Args:
      extractor: see `ProjectedDiscriminator`; four maps of strides 4, 8, 16 and 32 as published.
      num_classes: number of classes of a conditional network.
    Source: train.py of https://github.com/autonomousvision/projected-gan
    """
    return ProjectedDiscriminator(extractor, 64, 64, resize=224, num_classes=num_classes)


def vgg16_maps(x: Array) -> tuple[Array, ...]:
    """Feature maps of VGG16 trained on ImageNet, of strides 2, 4, 8 and 16, as an extractor.

    The weights are read when the function is traced, so that sampling does not need them.

    Args:
      x: images [batch, height, width, 1 or 3] in [-1, 1], at least 16 x 16 pixels.
    Returns:
      relu2_2, relu3_3, relu4_3 and relu5_3, [batch, height / s, width / s, channels].
    Raises:
      ValueError: if the weights are not installed, or x has another shape or dtype.
    Source: Simonyan & Zisserman 2015, table 1, D, https://arxiv.org/abs/1409.1556
    """
    return vgg16(pretrained("vgg16").convolutions, x)[1:]


# --- Frozen random mixing


class FrozenMixing(nn.Module):
    """Mixing of channels and then of scales by random convolutions that are never trained.

    u_i = C_i f_i,  v_n = S_n up(u_n),  v_i = S_i up(u_i + v_(i + 1))

    C_i are 1x1 convolutions. `up` is bilinear to the size of the next finer map, and doubles the
    finest. Every map of the result thus contains all coarser ones.

    Attributes:
      channels: c; u_i has c, 2 c, 4 c, ... channels, finest first, and v_i has c, c, 2 c, ...
      kernel_size: of S_i.
    Source: Sauer et al. 2021, section 3.2
    """

    channels: int = 64
    kernel_size: int = 1

    @nn.compact
    def __call__(self, maps: Sequence[Array]) -> tuple[Array, ...]:
        """Mixed maps [batch, ..., channels] for feature maps [batch, height, width, channels]."""
        sizes = [tuple(2 * n for n in maps[0].shape[1:3]), *(f.shape[1:3] for f in maps)]
        mixed: tuple[Array, ...] = ()
        for i in reversed(range(len(maps))):
            u = FrozenConv(self.channels * 2**i, 1, name=f"channels_{i}")(maps[i])
            u = u + mixed[0] if mixed else u
            width = self.channels * 2 ** max(i - 1, 0)
            scales = FrozenConv(width, self.kernel_size, name=f"scales_{i}")
            mixed = (scales(enlarged(u, sizes[i])), *mixed)
        return mixed


class FrozenConv(nn.Module):
    """A random convolution in the collection "projection", which no optimizer sees.

    Kernel and bias are from U(-b, b) with b = fan_in^(-1/2), the default of PyTorch's `Conv2d`.

    Attributes:
      features: channels of the output.
      kernel_size: height and width of the kernel.
    """

    features: int
    kernel_size: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Float [batch, height, width, features] for x [batch, height, width, channels]."""
        window, channels = (self.kernel_size, self.kernel_size), x.shape[-1]
        bound = (self.kernel_size**2 * channels) ** -0.5

        def start(shape: tuple[int, ...]) -> Array:
            key = self.make_rng("params")
            return jax.random.uniform(key, shape, jnp.float32, -bound, bound)

        shape = (*window, channels, self.features)
        kernel = self.variable("projection", "kernel", start, shape).value
        bias = self.variable("projection", "bias", start, (self.features,)).value
        y = conv(x, kernel.astype(x.dtype))
        return (as_float32(y) + bias[None, None, None]).astype(x.dtype)


# --- Trained heads


class ProjectedHead(nn.Module):
    """A discriminator of one scale: strided convolutions with spectral norm, then patch logits.

    With classes, the patches' vectors are multiplied by a vector of the label.

    Attributes:
      features: channels of the last layer divided by 8; earlier layers have half as many each, at
        least `features`.
      halvings: number of strided layers; fewer if less than 4 positions per axis would be left.
      norm: "batch" or "none".
      num_classes: number of classes of a conditional head.
    Source: `SingleDisc` and `SingleDiscCond` of https://github.com/autonomousvision/projected-gan
    """

    features: int = 64
    halvings: int = 4
    norm: Norm = "batch"
    num_classes: int | None = None

    @nn.compact
    def __call__(
        self, x: Array, labels: Array | None, train: bool, axis_name: str | None = None
    ) -> tuple[Array, Array]:
        """Logits [batch, height, width] and the maps before them, for maps [batch, ...].

        Raises:
          ValueError: if the maps have fewer than 4 positions per axis.
        """
        if min(x.shape[1:3]) < _WINDOW:
            raise ValueError(
                f"a head needs maps of at least {_WINDOW} x {_WINDOW} positions, got "
                f"{x.shape[1]} x {x.shape[2]}: set resize to a larger size"
            )
        plain = self.norm == "none"
        fitting = int(math.log2(min(x.shape[1:3]) / _WINDOW))
        for i in reversed(range(min(self.halvings, fitting))):
            width = max(8 * self.features // 2**i, self.features)
            x = SpectralNorm(Conv(width, _WINDOW, 2, _PADDING, use_bias=plain))(x, train=train)
            x = leaky_relu(x if plain else BatchNorm()(x, train, axis_name))
        width = 1 if self.num_classes is None else _CLASS_CHANNELS
        y = SpectralNorm(Conv(width, _WINDOW, 1, "VALID", use_bias=False))(x, train=train)
        if self.num_classes is None or labels is None:
            return y[..., 0], x
        embedding = LabelEmbedding(self.num_classes, _EMBEDDING, nn.initializers.normal(1.0))
        vectors = leaky_relu(Dense(width)(embedding(labels)))
        return jnp.einsum("bhwc,bc->bhw", y, vectors.astype(y.dtype)) / math.sqrt(width), x


# --- Resampling


def enlarged(x: Array, size: tuple[int, ...]) -> Array:
    """Bilinear resampling that keeps the corners, as PyTorch's with `align_corners=True`.

    y[k] = x(k (old - 1) / (new - 1)) along each axis, interpolated linearly

    Args:
      x: float [batch, height, width, channels].
      size: (height, width) of the result.
    Returns:
      Float [batch, *size, channels] of the dtype of x.

    >>> print(enlarged(jnp.array([0.0, 3.0]).reshape(1, 1, 2, 1), (1, 4)).ravel())
    [0. 1. 2. 3.]
    """
    rows, columns = (
        jnp.asarray(_corner_matrix(old, new), x.dtype)
        for old, new in zip(x.shape[1:3], size, strict=True)
    )
    y = jnp.einsum("ph,bhwc->bpwc", rows, x, precision="highest")
    return jnp.einsum("qw,bpwc->bpqc", columns, y, precision="highest")


@functools.lru_cache(maxsize=64)
def _corner_matrix(old: int, new: int) -> np.ndarray:
    places = np.linspace(0, old - 1, new)[:, None]
    return np.maximum(0, 1 - np.abs(places - np.arange(old)[None])).astype(np.float32)


def resized(x: Array, size: int) -> Array:
    """Square images by bilinear resampling without antialiasing, as the authors resize.

    Args:
      x: float [batch, height, width, channels].
      size: height and width of the result.
    Returns:
      Float [batch, size, size, channels] of the dtype of x.
    """
    return jax.image.resize(x, (len(x), size, size, x.shape[-1]), "linear", antialias=False)

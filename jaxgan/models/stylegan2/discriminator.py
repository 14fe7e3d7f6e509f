"""The discriminator of StyleGAN2."""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice, check_positive
from jaxgan.models.layers.equalized import EqualizedConv, EqualizedDense, activated
from jaxgan.models.layers.labels import check_given
from jaxgan.models.layers.minibatch import MinibatchStd
from jaxgan.models.layers.resampling import downsample
from jaxgan.models.levels import level_sizes
from jaxgan.models.stylegan2.generator import channels
from jaxgan.models.stylegan2.mapping import MappingNetwork
from jaxgan.models.stylegan2.synthesis import ARCHITECTURES, Architecture
from jaxgan.parallel.global_batch import gather, sample_index
from jaxgan.types import Array, DiscriminatorOutput

_HALF = math.sqrt(0.5)  # the gain of each of two branches, which keeps the variance of their sum


class StyleGAN2Discriminator(nn.Module):
    """Discriminator of StyleGAN2, for images of any size above 7 and signals.

    With classes, the logit is the scalar product of the sample's vector and the label's, made by a
    mapping network.

    | | published | here |
    |---|---|---|
    | channels at size s | min(32,768 / s, 512); ADA, 256 pixels: 16,384 | min(1,024 / s, 64) |
    | architecture | resnet (CIFAR-10: orig) | resnet |
    | minibatch standard deviation | groups of 4 to 32 samples, interleaved | 4, consecutive |
    | label's mapping | 8 layers | 8 layers |
    | bound of activations | 256 in float16 (ADA) | none |

    Attributes:
      channel_base: channels times size, where that is below channel_max.
      channel_max: the largest number of channels.
      group_size: number of consecutive samples per group of the minibatch standard deviation; if
        it does not divide the batch, the largest smaller number that does. None for none.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
      mapping_layers: number of layers of the label's mapping network.
      architecture: "resnet" as published, "skip" or "orig".
      clamp: largest absolute value of activations, None for no bound.
    Source: Karras et al. 2020, https://arxiv.org/abs/1912.04958 and
      https://arxiv.org/abs/2006.06676; https://github.com/NVlabs/stylegan2-ada-pytorch
    """

    channel_base: int = 1024
    channel_max: int = 64
    group_size: int | None = 4
    num_classes: int | None = None
    mapping_layers: int = 8
    architecture: Architecture = "resnet"
    clamp: float | None = None

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
          ValueError: if an attribute, samples or labels are invalid.
        """
        check_choice(architecture=(self.architecture, ARCHITECTURES))
        check_given(labels, self.num_classes)
        sizes = level_sizes(x.shape[1:])
        widths = channels(sizes, self.channel_base, self.channel_max)
        h: Array | None = None
        image: Array | None = x
        for i, size in enumerate(sizes[:-1]):
            block = DiscriminatorBlock(
                *(widths[i], widths[i + 1], self.architecture, self.clamp), name=f"b{max(size)}"
            )
            h, image = block(h, image)
        assert h is not None  # there are at least two sizes
        name = f"b{max(sizes[-1])}"
        dim = 1 if self.num_classes is None else widths[-1]
        last = Epilogue(widths[-1], dim, self.group_size, self.architecture, self.clamp, name=name)
        features, y = last(h, image, axis_name)
        if labels is None:
            return DiscriminatorOutput(y[:, 0], features)
        mapping = MappingNetwork(dim, self.mapping_layers, self.num_classes, name="mapping")
        rows = mapping(None, labels).astype(y.dtype)
        return DiscriminatorOutput(jnp.einsum("bc,bc->b", y, rows) / math.sqrt(dim), features)


class DiscriminatorBlock(nn.Module):
    """One block, which halves the size.

    Attributes:
      features: channels inside.
      features_out: channels of the output.
      architecture: see `StyleGAN2Discriminator`.
      clamp: see `StyleGAN2Discriminator`.
    """

    features: int
    features_out: int
    architecture: str
    clamp: float | None

    @nn.compact
    def __call__(self, x: Array | None, image: Array | None) -> tuple[Array, Array | None]:
        """The block's activations and, with skips, the image at half the size."""
        if image is not None:
            own = EqualizedConv(self.features, 1, name="fromrgb")(image)
            own = activated(own, 1.0, self.clamp)
            x = own if x is None else x + own
            image = downsample(image) if self.architecture == "skip" else None
        assert x is not None  # the first block has the image
        y = activated(EqualizedConv(self.features, name="conv0")(x), 1.0, self.clamp)
        residual = self.architecture == "resnet"
        gain = _HALF if residual else 1.0
        y = EqualizedConv(self.features_out, down=True, name="conv1")(y)
        y = activated(y, gain, self.clamp)
        if residual:
            skip = EqualizedConv(self.features_out, 1, True, False, name="skip")(x)
            y = skip * gain + y
        return y, image


class Epilogue(nn.Module):
    """The last block: minibatch standard deviation, a convolution and two dense layers.

    Attributes:
      features: channels.
      dim: length of the output.
      group_size: see `StyleGAN2Discriminator`.
      architecture: see `StyleGAN2Discriminator`.
      clamp: see `StyleGAN2Discriminator`.
    """

    features: int
    dim: int
    group_size: int | None
    architecture: str
    clamp: float | None

    @nn.compact
    def __call__(self, x: Array, image: Array | None, axis_name: str | None) -> tuple[Array, Array]:
        """Features [batch, features] and the output [batch, dim]."""
        if image is not None:
            x = x + activated(EqualizedConv(self.features, 1, name="fromrgb")(image))
        if self.group_size is not None:
            x = with_std(x, self.group_size, axis_name)
        x = activated(EqualizedConv(self.features, name="conv")(x), 1.0, self.clamp)
        x = x.reshape(len(x), -1)
        features = activated(EqualizedDense(self.features, name="fc")(x))
        return features, EqualizedDense(self.dim, name="out")(features)


def with_std(x: Array, group_size: int, axis_name: str | None) -> Array:
    """Append the standard deviation of groups of samples to the channels of x.

    Groups cross devices where they have to, so that they do not depend on the number of devices.
    """
    check_positive(group_size=group_size)
    devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
    size = max(n for n in range(1, group_size + 1) if devices * len(x) % n == 0)
    crossing = len(x) % size > 0
    y: Any = MinibatchStd(size).apply({}, gather(x, axis_name) if crossing else x)
    return jnp.take(y, sample_index(len(x), axis_name), axis=0) if crossing else y

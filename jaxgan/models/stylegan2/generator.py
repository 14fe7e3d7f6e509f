"""The generator of StyleGAN2: mapping, style mixing or truncation, and synthesis."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.models.layers.labels import are_attributes, check_given, one_hot
from jaxgan.models.levels import level_sizes
from jaxgan.models.stylegan2.mapping import MappingNetwork
from jaxgan.models.stylegan2.styles import (
    mixed,
    mixing_draws,
    moved_average,
    repeated,
    truncated,
)
from jaxgan.models.stylegan2.synthesis import Architecture, SynthesisNetwork
from jaxgan.types import Array, PyTree

Noise = Literal["const", "random", "none"]


class StyleGAN2Generator(nn.Module):
    """Generator of StyleGAN2, for images of any size above 7 and signals.

    Sizes halve, rounded up, down to at most 7: 4, 8, 16, 32 for images of 32 pixels, and 7, 14, 28
    for images of 28.

    | | published | here |
    |---|---|---|
    | channels at size s | min(32,768 / s, 512); ADA, 256 pixels: 16,384 | min(1,024 / s, 64) |
    | mapping | 8 layers (CIFAR-10: 2) of width 512 | 2 layers of width 128 |
    | smallest size | 4 | 4 to 7 |
    | bound of activations | 256 in float16 (ADA) | none |
    | mixed styles | one place per batch | one place per sample |
    | average of w | of all classes | per class |

    `jaxgan.models.published_stylegan2` has the published sizes.

    Latents [batch, dim] are mapped to one style w per sample, and w is repeated for all layers.
    Styles [batch, num_styles, w_dim] may be given instead of latents; they are used as they are, as
    path lengths and projection need it.

    Attributes:
      shape: shape of one sample, [height, width, channels] or [length, channels].
      channel_base: channels times size, where that is below channel_max.
      channel_max: the largest number of channels.
      w_dim: length of a style, and width of the mapping network.
      mapping_layers: number of layers of the mapping network.
      num_classes: number of classes or attributes of a conditional network, which takes labels too.
      architecture: "skip" as published; "resnet" or "orig".
      clamp: largest absolute value of activations, None for no bound.
      style_mixing: probability that, in training, a sample's layers from a random one on take their
        style from a second latent, which is normal.
      noise: outside of training "const", the same for all samples, "random" or "none".
      truncation: psi, by which styles are moved to their average outside of training, w' = centre +
        psi (w - centre); 1 for no truncation. The centre is the average of the sample's class.
      truncation_layers: the number of layers, from the first on, whose styles are truncated; None
        for all.
      average_decay: decay of the averages of w, which are part of the model state.
    Source: Karras et al. 2020, https://arxiv.org/abs/1912.04958 and
      https://arxiv.org/abs/2006.06676; https://github.com/NVlabs/stylegan2-ada-pytorch
    """

    shape: Sequence[int] = (28, 28, 1)
    channel_base: int = 1024
    channel_max: int = 64
    w_dim: int = 128
    mapping_layers: int = 2
    num_classes: int | None = None
    architecture: Architecture = "skip"
    clamp: float | None = None
    style_mixing: float = 0.9
    noise: Noise = "const"
    truncation: float = 1.0
    truncation_layers: int | None = None
    average_decay: float = 0.995

    @property
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the blocks, smallest first."""
        return tuple(level_sizes(self.shape)[::-1])

    @property
    def num_styles(self) -> int:
        """Number of styles per sample."""
        return 2 * len(self.sizes)

    @nn.compact
    def __call__(
        self,
        latents: Array,
        labels: Array | None = None,
        *,
        train: bool,
        keys: Array | None = None,
        axis_name: str | None = None,
    ) -> Array:
        """Samples [batch, *shape] for latents [batch, dim] and, with classes, labels int [batch].

        Raises:
          ValueError: if an attribute or labels are invalid, or keys are missing in training.
        """
        check_choice(noise=(self.noise, ("const", "random", "none")))
        synthesis = SynthesisNetwork(
            self.sizes,
            channels(self.sizes, self.channel_base, self.channel_max),
            self.shape[-1],
            self.architecture,
            self.clamp,
            name="synthesis",
        )
        noise = "random" if train else self.noise
        if latents.ndim == 3:
            return synthesis(latents, keys, noise)
        check_given(labels, self.num_classes)
        mapping, number = _mapping_of(self), self.num_styles
        w = mapping(latents, labels)
        centre = self._centre(w, labels, train, axis_name)
        if not train:
            cutoff = number if self.truncation_layers is None else self.truncation_layers
            return synthesis(truncated(w, centre, self.truncation, cutoff, number), keys, noise)
        if self.style_mixing == 0:
            return synthesis(repeated(w, number), keys, noise)
        if keys is None:
            raise ValueError("keys are missing: style mixing needs one PRNG key per sample")
        z, begin = mixing_draws(keys, latents.shape[1:], number, self.style_mixing)
        second = mapping(z.astype(latents.dtype), labels)
        return synthesis(mixed(w, second, begin, number), keys, noise)

    def _centre(self, w: Array, labels: Array | None, train: bool, axis_name: str | None) -> Array:
        """The average style of each sample's class [batch or 1, dim], updated in training.

        Attributes have one average for all samples.
        """
        classes = self.num_classes
        if classes is None or labels is None or are_attributes(labels):
            classes = labels = None
        shape = (self.w_dim,) if classes is None else (classes, self.w_dim)
        average = self.variable("averages", "w_avg", jnp.zeros, shape, jnp.float32)
        if train and not self.is_initializing():
            new = (jax.lax.stop_gradient(w), labels, self.average_decay, axis_name)
            average.value = moved_average(average.value, *new)
        if classes is None or labels is None:
            return average.value[None]
        rows = one_hot(labels, classes).astype(jnp.float32)
        return rows @ average.value


def make_styles(generator: StyleGAN2Generator) -> Callable[..., Array]:
    """The styles of a generator as a function, for `jaxgan.terms.path_length`.

    Returns:
      `(params, latents, labels=None) -> ws` [batch, num_styles, w_dim], from the generator's
      parameters, without mixing or truncation.
    """
    mapping, number = _mapping_of(generator), generator.num_styles

    def styles(params: PyTree, latents: Array, labels: Array | None = None) -> Array:
        w: Any = mapping.apply({"params": params["mapping"]}, latents, labels)
        return repeated(w, number)

    return styles


def _mapping_of(generator: StyleGAN2Generator) -> MappingNetwork:
    """The mapping network, whose parameters are called "mapping" among the generator's."""
    number = generator.mapping_layers
    return MappingNetwork(generator.w_dim, number, generator.num_classes, name="mapping")


def mapping_of_params(params: PyTree) -> tuple[MappingNetwork, int]:
    """The mapping network and the number of styles per sample, from a generator's parameters."""
    own = params["mapping"]
    layers = sum(name.startswith("fc") for name in own)
    classes = len(own["embed"]["kernel"]) if "embed" in own else None
    width = own["fc0"]["kernel"].shape[1]
    return MappingNetwork(width, layers, classes, name="mapping"), 2 * len(params["synthesis"])


def channels(sizes: Sequence[Sequence[int]], base: int, largest: int) -> tuple[int, ...]:
    """Channels at each size, min(base / size, largest).

    >>> channels(((4, 4), (64, 64), (256, 256)), 32_768, 512)
    (512, 512, 128)
    """
    return tuple(max(1, min(base // max(size), largest)) for size in sizes)

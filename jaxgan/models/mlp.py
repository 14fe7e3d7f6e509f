"""Fully connected networks: a generator and a discriminator for small images and 2-D data."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.labels import check_class_options, concatenate_labels
from jaxgan.models.layers.linear import Dense, leaky_relu
from jaxgan.types import Array, DiscriminatorOutput


class MLPGenerator(nn.Module):
    """Generator of dense layers.

    The defaults suit MNIST with standard normal latents of dimension 100: widths 256, 1024 and 784,
    leaky ReLU with slope 0.2, and a sigmoid output for images in [0, 1].

    Attributes:
      shape: shape of one sample.
      hidden: widths of the hidden layers.
      activation: activation of the hidden layers.
      output: function applied to the last layer; None for a linear output.
      num_classes: number of classes or attributes of a conditional network, which takes labels too
        and appends them to the latents.
    Source: Mirza & Osindero 2014 (labels), https://arxiv.org/abs/1411.1784
    """

    shape: Sequence[int] = (28, 28, 1)
    hidden: Sequence[int] = (256, 1024)
    activation: Callable[[Array], Array] = leaky_relu
    output: Callable[[Array], Array] | None = nn.sigmoid
    num_classes: int | None = None

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None) -> Array:
        """Samples [batch, *shape] for latents [batch, dim] and, with classes, labels int [batch].

        Raises:
          ValueError: if labels are missing, unexpected, or not int [batch] in range.
        """
        x = concatenate_labels(latents, labels, self.num_classes)
        for width in self.hidden:
            x = self.activation(Dense(width)(x))
        x = Dense(math.prod(self.shape))(x)
        x = x if self.output is None else self.output(x)
        return x.reshape(len(x), *self.shape)


class MLPDiscriminator(nn.Module):
    """Discriminator of dense layers with dropout.

    The defaults suit MNIST: widths 1024, 512 and 1, leaky ReLU with slope 0.2, and dropout 0.3.

    Attributes:
      hidden: widths of the hidden layers.
      dropout: fraction of hidden values dropped in training.
      activation: activation of the hidden layers.
      num_classes: number of classes or attributes of a conditional network, which takes labels too
        and appends them to the samples.
      auxiliary_classes: number of classes of an auxiliary classifier, which ignores the labels that
        it receives and returns class logits.
    Source: Mirza & Osindero 2014 (labels), https://arxiv.org/abs/1411.1784; Odena et al. 2017
      (auxiliary classifier), https://arxiv.org/abs/1610.09585
    """

    hidden: Sequence[int] = (1024, 512)
    dropout: float = 0.3
    activation: Callable[[Array], Array] = leaky_relu
    num_classes: int | None = None
    auxiliary_classes: int | None = None

    @nn.compact
    def __call__(
        self, x: Array, labels: Array | None = None, *, keys: Array, train: bool
    ) -> Array | DiscriminatorOutput:
        """Logits [batch] for samples [batch, ...] and, with classes, labels int [batch].

        With auxiliary classes it returns a `DiscriminatorOutput`, whose features are the values of
        the last hidden layer [batch, width], with class logits [batch, auxiliary_classes].

        Raises:
          ValueError: if labels are missing, unexpected, or not int [batch] in range, or both
            num_classes and auxiliary_classes are given.
        """
        check_class_options(self.num_classes, self.auxiliary_classes)
        x = x.reshape(len(x), -1)
        if self.auxiliary_classes is None:
            x = concatenate_labels(x, labels, self.num_classes)
        for width in self.hidden:
            x = self.activation(Dense(width)(x))
            x = Dropout(self.dropout)(x, keys, train)
        logits = jnp.squeeze(Dense(1)(x), axis=1)
        if self.auxiliary_classes is None:
            return logits
        return DiscriminatorOutput(logits, x, Dense(self.auxiliary_classes)(x))

"""Fully connected players: the textbook vanilla GAN, and small ones for 2-D problems."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.labels import concatenate_labels
from jaxgan.models.layers.linear import Dense, leaky_relu
from jaxgan.types import Array, DiscriminatorOutput


class MLPGenerator(nn.Module):
    """Dense layers from latents [batch, dim] to samples [batch, *shape].

    The defaults, with latents from N(0, 1) of dimension 100, are the textbook network for MNIST:
    256-1024-784, leaky ReLU 0.2, and a sigmoid, as images are scaled to [0, 1].

    Attributes:
      shape: of one sample.
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      output: after the last layer; None leaves it linear.
      num_classes: makes the network conditional: it takes labels too, as further latents.
    Source: of the condition, Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784
    """

    shape: Sequence[int] = (28, 28, 1)
    hidden: Sequence[int] = (256, 1024)
    activation: Callable[[Array], Array] = leaky_relu
    output: Callable[[Array], Array] | None = nn.sigmoid
    num_classes: int | None = None

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None) -> Array:
        """Samples [batch, *shape] of latents [batch, dim] and, with classes, labels int [batch].

        Raises:
          ValueError: if labels are missing, not wanted, or not int [batch] in range.
        """
        x = concatenate_labels(latents, labels, self.num_classes)
        for width in self.hidden:
            x = self.activation(Dense(width)(x))
        x = Dense(math.prod(self.shape))(x)
        x = x if self.output is None else self.output(x)
        return x.reshape(len(x), *self.shape)


class MLPDiscriminator(nn.Module):
    """Dense layers from samples [batch, ...] to logits [batch].

    The defaults are the textbook network for MNIST: 1024-512-1, leaky ReLU 0.2, dropout 0.3.

    Attributes:
      hidden: widths of the hidden layers.
      dropout: share of hidden values dropped in training.
      activation: after each hidden layer.
      num_classes: makes the network conditional: it takes labels too, as further values.
      auxiliary_classes: makes it an auxiliary classifier: it takes no heed of labels, but tells
        the class of its samples too.
    Source: of the condition, Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784; of the
      classifier, Odena et al. 2017, https://arxiv.org/abs/1610.09585
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
        """Logits [batch] of samples [batch, ...] and, with classes, labels int [batch].

        With auxiliary classes a `DiscriminatorOutput`: the values of the last hidden layer
        [batch, width] as features, and class logits [batch, auxiliary_classes].

        Raises:
          ValueError: if labels are missing, not wanted, or not int [batch] in range; or if both
            num_classes and auxiliary_classes are given.
        """
        if self.num_classes is not None and self.auxiliary_classes is not None:
            raise ValueError(
                f"give num_classes={self.num_classes} or "
                f"auxiliary_classes={self.auxiliary_classes}, not both"
            )
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

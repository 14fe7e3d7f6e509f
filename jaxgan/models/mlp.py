"""Fully connected players: the textbook vanilla GAN, and small ones for 2-D problems."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers import Dropout
from jaxgan.types import Array


def leaky_relu(x: Array) -> Array:
    """Leaky ReLU with slope 0.2 below 0."""
    return nn.leaky_relu(x, 0.2)


class MLPGenerator(nn.Module):
    """Dense layers from latents [batch, dim] to samples [batch, *shape].

    The defaults, with latents from N(0, 1) of dimension 100, are the textbook network for MNIST:
    256-1024-784, leaky ReLU 0.2, and a sigmoid, as images are scaled to [0, 1].

    Attributes:
      shape: of one sample.
      hidden: widths of the hidden layers.
      activation: after each hidden layer.
      output: after the last layer; None leaves it linear.
    """

    shape: Sequence[int] = (28, 28, 1)
    hidden: Sequence[int] = (256, 1024)
    activation: Callable[[Array], Array] = leaky_relu
    output: Callable[[Array], Array] | None = nn.sigmoid

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        """Samples [batch, *shape] of latents [batch, dim]."""
        x = latents
        for width in self.hidden:
            x = self.activation(nn.Dense(width)(x))
        x = nn.Dense(math.prod(self.shape))(x)
        x = x if self.output is None else self.output(x)
        return x.reshape(len(x), *self.shape)


class MLPDiscriminator(nn.Module):
    """Dense layers from samples [batch, ...] to logits [batch].

    The defaults are the textbook network for MNIST: 1024-512-1, leaky ReLU 0.2, dropout 0.3.

    Attributes:
      hidden: widths of the hidden layers.
      dropout: share of hidden values dropped in training.
      activation: after each hidden layer.
    """

    hidden: Sequence[int] = (1024, 512)
    dropout: float = 0.3
    activation: Callable[[Array], Array] = leaky_relu

    @nn.compact
    def __call__(self, x: Array, *, keys: Array, train: bool) -> Array:
        """Logits [batch] of samples [batch, ...]."""
        x = x.reshape(len(x), -1)
        for width in self.hidden:
            x = self.activation(nn.Dense(width)(x))
            x = Dropout(self.dropout)(x, keys, train)
        return jnp.squeeze(nn.Dense(1)(x), axis=1)

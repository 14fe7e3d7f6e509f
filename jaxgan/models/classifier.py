"""A small classifier of images or signals, whose hidden layer serves as features for metrics."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.linear import Conv, Dense
from jaxgan.types import Array

_SMALLEST = 7


class Classified(NamedTuple):
    """What a classifier says of samples: features [batch, width], class logits [batch, classes]."""

    features: Array
    logits: Array


class ImageClassifier(nn.Module):
    """Convolutions that halve the size until at most 7 places an axis are left, a dense layer.

    Attributes:
      num_classes: how many there are.
      width: channels of the first convolution; each further one has twice as many.
      features: of the dense layer before the logits, which are what metrics look at.
      dropout: of these features, in training.
    """

    num_classes: int
    width: int = 32
    features: int = 64
    dropout: float = 0.5

    @nn.compact
    def __call__(self, x: Array, *, keys: Array, train: bool) -> Classified:
        """Features and logits of samples [batch, height, width, channels] or [batch, length, ...].

        Raises:
          ValueError: if samples have no spatial axis.
        """
        if x.ndim < 3:
            raise ValueError(f"samples must be images or signals [batch, ...], got {x.shape}")
        width = self.width
        while max(x.shape[1:-1]) > _SMALLEST or width == self.width:
            x, width = nn.relu(Conv(width, 5, 2)(x)), 2 * width
        x = x.reshape(len(x), -1)
        features = nn.relu(Dense(self.features)(x))
        logits = Dense(self.num_classes)(Dropout(self.dropout)(features, keys, train))
        return Classified(features, logits.astype(jnp.float32))

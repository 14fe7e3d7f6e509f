"""A small classifier of images or signals, whose hidden layer gives features for metrics."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.linear import Conv, Dense
from jaxgan.types import Array

_SMALLEST = 7  # size at which the convolutions stop


class Classified(NamedTuple):
    """Output of a classifier.

    Attributes:
      features: [batch, width].
      logits: class logits, float32 [batch, classes].
    """

    features: Array
    logits: Array


class ImageClassifier(nn.Module):
    """Convolutions that halve the size down to at most 7 positions per axis, then dense layers.

    Attributes:
      num_classes: number of classes.
      width: channels of the first convolution; the width doubles with each one.
      features: width of the dense layer before the logits, whose values metrics use.
      dropout: fraction of these features dropped in training.
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
            raise ValueError(
                "samples must be images [batch, height, width, channels] or signals "
                f"[batch, length, channels], got shape {x.shape}"
            )
        width = self.width
        while max(x.shape[1:-1]) > _SMALLEST or width == self.width:
            x, width = nn.relu(Conv(width, 5, 2)(x)), 2 * width
        x = x.reshape(len(x), -1)
        features = nn.relu(Dense(self.features)(x))
        logits = Dense(self.num_classes)(Dropout(self.dropout)(features, keys, train))
        return Classified(features, logits.astype(jnp.float32))

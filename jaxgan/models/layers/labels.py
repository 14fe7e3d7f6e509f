"""How networks take class labels: as inputs, in normalisation layers, by projection.

Labels are int [batch] in 0 ... num_classes - 1. One out of range raises a ValueError where its
value is known; inside a compiled step it turns all that is made of it into NaN.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.layers.linear import Dense
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array

# --- As inputs


def one_hot(labels: Array, num_classes: int) -> Array:
    """Float32 [batch, num_classes]: 1 at the label, 0 elsewhere.

    Args:
      labels: int [batch] in 0 ... num_classes - 1.
      num_classes: number of classes.
    Raises:
      ValueError: if labels are not int [batch], or a known one is out of range (an unknown one
        gives a row of NaN).

    >>> print(one_hot(jnp.array([2, 0]), 3))
    [[0. 0. 1.]
     [1. 0. 0.]]
    """
    return _rows(jnp.eye(num_classes), labels)


def concatenate_labels(x: Array, labels: Array | None, num_classes: int | None) -> Array:
    """Adds to x [batch, ..., channels] one channel a class: 1 for the label, 0 for the others.

    For vectors that is the label as further entries, for images as constant maps.

    Args:
      x: float [batch, ..., channels].
      labels: int [batch]; None for a network without classes, which leaves x as it is.
      num_classes: number of classes; None for a network without.
    Returns:
      [batch, ..., channels + num_classes] of the type of x.
    Raises:
      ValueError: if only one of labels and num_classes is given, or labels are not int [batch] in
        range.
    Source: Mirza & Osindero 2014, section 3.2, https://arxiv.org/abs/1411.1784
    """
    check_given(labels, num_classes)
    if labels is None or num_classes is None:
        return x
    rows = one_hot(labels, num_classes).astype(x.dtype)
    rows = _at_every_place(rows, x)
    return jnp.concatenate([x, jnp.broadcast_to(rows, (*x.shape[:-1], num_classes))], axis=-1)


def check_given(labels: Array | None, num_classes: int | None):
    """Raises a ValueError if a network with classes gets no labels, or one without gets some."""
    if labels is None and num_classes is not None:
        raise ValueError(f"labels are missing: the network has num_classes={num_classes}")
    if labels is not None and num_classes is None:
        raise ValueError("labels are given, but the network has num_classes=None")


# --- Inside networks


class LabelEmbedding(nn.Module):
    """A learnt vector for each class.

    Attributes:
      num_classes: number of classes.
      features: length of a vector.
      embedding_init: of the vectors, as one matrix [num_classes, features]; by default their
        lengths are about 1.
    """

    num_classes: int
    features: int
    embedding_init: Callable[..., Array] = nn.initializers.variance_scaling(
        1.0, "fan_in", "normal", out_axis=0
    )

    @nn.compact
    def __call__(self, labels: Array) -> Array:
        """Vectors [batch, features] of labels int [batch].

        Raises:
          ValueError: if labels are not int [batch] in range.
        """
        shape = (self.num_classes, self.features)
        table = self.param("embedding", self.embedding_init, shape, jnp.float32)
        # Taken in float32: the gradient is a sum over the samples of a class.
        return _rows(table.astype(jnp.float32), labels).astype(table.dtype)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a scale and a bias for each class.

    Attributes:
      num_classes: number of classes.
      momentum: as in `BatchNorm`.
      epsilon: as in `BatchNorm`.
    Source: Dumoulin et al. 2017, section 2.2, https://arxiv.org/abs/1610.07629; in GANs, Miyato &
      Koyama 2018, https://arxiv.org/abs/1802.05637
    """

    num_classes: int
    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, labels: Array, train: bool, axis_name: str | None = None) -> Array:
        """Normalised x [batch, ..., channels] for labels int [batch].

        Raises:
          ValueError: if labels are not int [batch] in range.
        """

        def row(name: str, init: Callable[..., Array]) -> Array:
            table = LabelEmbedding(self.num_classes, x.shape[-1], init, name=name)
            # Broadcast in float32, like a bias: the gradient is a sum over all places.
            return _at_every_place(table(labels).astype(jnp.float32), x)

        y = BatchNorm(False, False, self.momentum, self.epsilon)(x, train, axis_name)
        y = row("scale", nn.initializers.ones) * y + row("bias", nn.initializers.zeros)
        return y.astype(x.dtype)


class ProjectionHead(nn.Module):
    """A discriminator's last layer, whose logit depends on the label by a scalar product.

    logit = w h + b + e_y h, with a learnt vector e_y for each class y

    Attributes:
      num_classes: number of classes.
      spectral_norm: use w and the matrix of all e_y divided by their largest singular value.
    Source: Miyato & Koyama 2018, equation 3, https://arxiv.org/abs/1802.05637
    """

    num_classes: int
    spectral_norm: bool = False

    @nn.compact
    def __call__(self, features: Array, labels: Array, train: bool | None = None) -> Array:
        """Logits [batch] of features h [batch, dim] and labels int [batch].

        `train` is needed with spectral norm only.

        Raises:
          ValueError: if the shapes do not fit, a label is out of range, or spectral norm is not
            told whether to train.
        """
        if features.ndim != 2:
            raise ValueError(f"features must be [batch, dim], got shape {features.shape}")
        _check_number(labels, features)

        def run(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train) if self.spectral_norm else layer(x)

        unconditional = jnp.squeeze(run(Dense(1), features), axis=1)
        embedding = run(LabelEmbedding(self.num_classes, features.shape[-1]), labels)
        return unconditional + jnp.sum(embedding * features, axis=1)


def _rows(table: Array, labels: Array) -> Array:
    """Rows [batch, ...] of a table [num_classes, ...], NaN for a label out of range."""
    num_classes = len(table)
    if jnp.ndim(labels) != 1 or not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise ValueError(
            f"labels must be int [batch], got {jnp.result_type(labels)} {list(jnp.shape(labels))}"
        )
    if not isinstance(labels, jax.core.Tracer):
        wrong = np.asarray(labels)[(np.asarray(labels) < 0) | (np.asarray(labels) >= num_classes)]
        if wrong.size:
            raise ValueError(f"labels must lie in 0 ... {num_classes - 1}, got {wrong[0]}")
    # Indexing would count negative labels from the end.
    labels = jnp.asarray(labels, jnp.int32)
    return jnp.take(
        table, jnp.where(labels < 0, num_classes, labels), axis=0, mode="fill", fill_value=jnp.nan
    )


def _at_every_place(rows: Array, x: Array) -> Array:
    """Rows [batch, n] with as many axes as x [batch, ..., channels]."""
    _check_number(rows, x)
    return rows.reshape(len(rows), *[1] * (x.ndim - 2), rows.shape[-1])


def _check_number(labels: Array, x: Array):
    if jnp.shape(labels)[:1] != x.shape[:1]:
        raise ValueError(
            f"labels must be one a sample, got {jnp.shape(labels)[:1]} for {x.shape[:1]} samples"
        )

"""Layers and functions for class labels: concatenation, conditional batch norm, last layers.

Labels are int [batch] from 0 to num_classes - 1. A label out of range raises a ValueError if its
value is known. Inside a compiled step everything computed from it becomes NaN.

In place of labels, all of them take attributes: numbers that describe a sample, such as an angle or
several binary properties, float [batch, num_classes]. A label is the same as its one-hot vector,
and a learned vector per class becomes the sum of these vectors, weighted by the attributes.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.layers.linear import Dense, as_float32
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array

# --- As inputs


def one_hot(labels: Array, num_classes: int) -> Array:
    """One-hot vectors, float32 [batch, num_classes]: 1 at the label, 0 elsewhere.

    Args:
      labels: int [batch] from 0 to num_classes - 1; or attributes float [batch, num_classes], which
        are returned as they are.
      num_classes: number of classes, or of attributes.
    Raises:
      ValueError: if labels are neither int [batch] nor attributes of that width, or one is out of
        range. If traced by JAX, a label out of range gives a row of NaN instead.

    >>> print(one_hot(jnp.array([2, 0]), 3))
    [[0. 0. 1.]
     [1. 0. 0.]]
    """
    if are_attributes(labels):
        return _checked_attributes(labels, num_classes)
    return _rows(jnp.eye(num_classes, dtype=jnp.float32), labels)


def are_attributes(labels: Array) -> bool:
    """Whether a condition holds attributes, float [batch, n], rather than labels int [batch]."""
    return jnp.ndim(labels) == 2 and jnp.issubdtype(jnp.result_type(labels), jnp.floating)


def concatenate_labels(x: Array, labels: Array | None, num_classes: int | None) -> Array:
    """Append one-hot labels, or attributes, to the channels of x, at every position.

    Args:
      x: float [batch, ..., channels].
      labels: int [batch], or attributes float [batch, num_classes]; None for a network without
        classes, which leaves x unchanged.
      num_classes: number of classes; None for a network without classes.
    Returns:
      [batch, ..., channels + num_classes] of the dtype of x.
    Raises:
      ValueError: if only one of labels and num_classes is given, or labels are neither int [batch]
        in range nor attributes of that width.
    Source: Mirza & Osindero 2014, section 3.2, https://arxiv.org/abs/1411.1784
    """
    check_given(labels, num_classes)
    if labels is None or num_classes is None:
        return x
    rows = one_hot(labels, num_classes).astype(x.dtype)
    rows = at_all_positions(rows, x)
    return jnp.concatenate([x, jnp.broadcast_to(rows, (*x.shape[:-1], num_classes))], axis=-1)


def check_given(labels: Array | None, num_classes: int | None):
    """Check that labels are passed if and only if the network has classes.

    Raises:
      ValueError: if not.
    """
    if labels is None and num_classes is not None:
        raise ValueError(
            f"labels are missing: the network has num_classes={num_classes}. Pass the data as "
            "jaxgan.Batch(x, labels), and jaxgan.Plan(conditional=True) to fit"
        )
    if labels is not None and num_classes is None:
        raise ValueError(
            "the network received labels but has no classes: set num_classes, or pass no labels"
        )


def check_class_options(num_classes: int | None, auxiliary_classes: int | None):
    """Check that a discriminator is either conditional or an auxiliary classifier, not both.

    Raises:
      ValueError: if both numbers of classes are given.
    """
    if num_classes is not None and auxiliary_classes is not None:
        raise ValueError(
            "num_classes and auxiliary_classes exclude each other, "
            f"got {num_classes} and {auxiliary_classes}: set one of them to None"
        )


# --- Inside networks


class LabelEmbedding(nn.Module):
    """A learned vector per class.

    Attributes:
      num_classes: number of classes.
      features: length of a vector.
      embedding_init: initialiser of the matrix [num_classes, features] of all vectors; by default
        vectors have norms of about 1.
    """

    num_classes: int
    features: int
    embedding_init: Callable[..., Array] = nn.initializers.variance_scaling(
        1.0, "fan_in", "normal", out_axis=0
    )

    @nn.compact
    def __call__(self, labels: Array) -> Array:
        """Vectors [batch, features] for labels int [batch].

        For attributes a, float [batch, num_classes], they are sums of the vectors e of all classes,
        sum_k a_k e_k.

        Raises:
          ValueError: if labels are neither int [batch] in range nor attributes of that width.
        """
        shape = (self.num_classes, self.features)
        table = self.param("embedding", self.embedding_init, shape, jnp.float32)
        # Gathered in float32, since the gradient is a sum over the samples of a class.
        return _rows(table.astype(jnp.float32), labels).astype(table.dtype)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a scale and a bias per class.

    Attributes:
      num_classes: number of classes.
      momentum: decay of the running averages.
      epsilon: added to the variance.
    Source: Dumoulin et al. 2017, section 2.2, https://arxiv.org/abs/1610.07629; in GANs, Miyato &
      Koyama 2018, https://arxiv.org/abs/1802.05637
    """

    num_classes: int
    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, labels: Array, train: bool, axis_name: str | None = None) -> Array:
        """Normalised x [batch, ..., channels] for labels int [batch].

        For attributes a, float [batch, num_classes], scale and bias are linear in a.

        Raises:
          ValueError: if labels are neither int [batch] in range nor attributes of that width.
        """

        def row(name: str, init: Callable[..., Array]) -> Array:
            table = LabelEmbedding(self.num_classes, x.shape[-1], init, name=name)
            # Broadcast in float32, since the gradient is a sum over all positions.
            return at_all_positions(table(labels).astype(jnp.float32), x)

        y = BatchNorm(False, False, self.momentum, self.epsilon)(x, train, axis_name)
        y = row("scale", nn.initializers.ones) * y + row("bias", nn.initializers.zeros)
        return y.astype(x.dtype)


class ModulatedBatchNorm(nn.Module):
    """Batch normalisation whose scale and bias are linear functions of a vector per sample.

    y = (1 + W_s c) (x - mean) / sqrt(var + epsilon) + W_b c

    Both matrices have spectral norm.

    Attributes:
      momentum: decay of the running averages.
      epsilon: added to the variance.
      kernel_init: initialiser of W_s and W_b.
    Source: Brock et al. 2019 (BigGAN), appendix B, https://arxiv.org/abs/1809.11096
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    kernel_init: Callable = nn.initializers.orthogonal()

    @nn.compact
    def __call__(self, x: Array, c: Array, train: bool, axis_name: str | None = None) -> Array:
        """Normalised x [batch, ..., channels] for vectors c [batch, dim]."""

        def row(name: str) -> Array:
            layer = Dense(x.shape[-1], False, self.kernel_init, name=name)
            # Broadcast in float32, since the gradient is a sum over all positions.
            return at_all_positions(as_float32(SpectralNorm(layer)(c, train=train)), x)

        y = BatchNorm(False, False, self.momentum, self.epsilon)(x, train, axis_name)
        return ((1.0 + row("scale")) * y + row("bias")).astype(x.dtype)


class ProjectionHead(nn.Module):
    """The last layer of a projection discriminator.

    logit = w h + b + e_y h, with a learned vector e_y per class y

    Attributes:
      num_classes: number of classes.
      spectral_norm: divide w and the matrix of all e_y by their largest singular value.
      kernel_init: initialiser of w.
      embedding_init: initialiser of the matrix of all e_y, [num_classes, dim].
    Source: Miyato & Koyama 2018, equation 3, https://arxiv.org/abs/1802.05637
    """

    num_classes: int
    spectral_norm: bool = False
    kernel_init: Callable = nn.initializers.lecun_normal()
    embedding_init: Callable = LabelEmbedding.embedding_init

    @nn.compact
    def __call__(self, features: Array, labels: Array, train: bool | None = None) -> Array:
        """Logits [batch] for features h [batch, dim] and labels int [batch].

        Labels may be attributes a, float [batch, num_classes], with e_y = sum_k a_k e_k.
        `train` is required with spectral norm and ignored otherwise.

        Raises:
          ValueError: if a shape is wrong, a label is out of range, or `train` is missing with
            spectral norm.
        """
        if features.ndim != 2:
            raise ValueError(f"features must be [batch, dim], got shape {features.shape}")
        _check_number(labels, features)

        def run(layer: nn.Module, x: Array) -> Array:
            return SpectralNorm(layer)(x, train=train) if self.spectral_norm else layer(x)

        unconditional = jnp.squeeze(run(Dense(1, kernel_init=self.kernel_init), features), axis=1)
        vectors = LabelEmbedding(self.num_classes, features.shape[-1], self.embedding_init)
        embedding = run(vectors, labels)
        return unconditional + jnp.sum(embedding * features, axis=1)


class CosineHead(nn.Module):
    """An embedding of the features, and its cosines with a learned vector (proxy) per class.

    h = W features + b,  cos_k = h v_k / (|h| |v_k|)

    The terms of `jaxgan.terms.contrastive` compare samples with each other and with their proxies.

    Attributes:
      num_classes: number of classes.
      embedding: length of h and of the proxies v_k.
      spectral_norm: divide W by its largest singular value.
      kernel_init: initialiser of W and of the matrix of proxies, [embedding, num_classes].
    Source: Kang & Park 2020 (ContraGAN), section 3, https://arxiv.org/abs/2006.12681
    """

    num_classes: int
    embedding: int
    spectral_norm: bool = False
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, features: Array, train: bool | None = None) -> tuple[Array, Array]:
        """Unit vectors h / |h| [batch, embedding] and cosines [batch, num_classes].

        `train` is required with spectral norm and ignored otherwise.

        Raises:
          ValueError: if features are not [batch, dim], or `train` is missing with spectral norm.
        """
        if features.ndim != 2:
            raise ValueError(f"features must be [batch, dim], got shape {features.shape}")
        layer = Dense(self.embedding, kernel_init=self.kernel_init)
        h = SpectralNorm(layer)(features, train=train) if self.spectral_norm else layer(features)
        shape = (self.embedding, self.num_classes)
        proxies = self.param("proxies", self.kernel_init, shape, jnp.float32)
        h = unit_vectors(h)
        return h, jnp.dot(h, unit_vectors(proxies.T).T)


def unit_vectors(x: Array) -> Array:
    """Rows x / |x| of x [batch, dim], of its dtype; a row of zeros stays zero."""
    wide = as_float32(x)
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(wide), axis=1, keepdims=True))
    # Scaled first, since squares of very large or small numbers do not fit into float32.
    wide = wide / jnp.where(largest > 0, largest, 1.0)
    square = jnp.sum(wide**2, axis=1, keepdims=True)
    return (wide * jax.lax.rsqrt(jnp.where(largest > 0, square, 1.0))).astype(x.dtype)


def _rows(table: Array, labels: Array) -> Array:
    """Rows [batch, dim] of a table [num_classes, dim]; NaN for a label out of range.

    For attributes they are sums of the table's rows.
    """
    num_classes = len(table)
    if are_attributes(labels):
        return jnp.dot(_checked_attributes(labels, num_classes), table, precision="highest")
    if jnp.ndim(labels) != 1 or not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise ValueError(
            f"labels must be int [batch], got {_kind(labels)}; attributes are float "
            f"[batch, {num_classes}]"
        )
    if not isinstance(labels, jax.core.Tracer):
        wrong = np.asarray(labels)[(np.asarray(labels) < 0) | (np.asarray(labels) >= num_classes)]
        if wrong.size:
            raise ValueError(f"labels must be from 0 to {num_classes - 1}, got {wrong[0]}")
    # Indexing would count negative labels from the end.
    labels = jnp.asarray(labels, jnp.int32)
    return jnp.take(
        table, jnp.where(labels < 0, num_classes, labels), axis=0, mode="fill", fill_value=jnp.nan
    )


def _checked_attributes(rows: Array, num_classes: int) -> Array:
    if jnp.shape(rows)[1] != num_classes:
        raise ValueError(
            f"attributes must be float [batch, {num_classes}], as wide as the network's "
            f"num_classes, got {_kind(rows)}"
        )
    return jnp.asarray(rows, jnp.float32)


def _kind(labels: Array) -> str:
    return f"{jnp.result_type(labels)} {list(jnp.shape(labels))}"


def at_all_positions(rows: Array, x: Array) -> Array:
    """Rows [batch, n] with as many axes as x [batch, ..., channels]."""
    _check_number(rows, x)
    return rows.reshape(len(rows), *[1] * (x.ndim - 2), rows.shape[-1])


def _check_number(labels: Array, x: Array):
    if jnp.shape(labels)[:1] != x.shape[:1]:
        raise ValueError(
            "labels must be one per sample, "
            f"got {jnp.shape(labels)[:1]} labels for {x.shape[:1]} samples"
        )

"""Classes by comparison of samples with each other: ContraGAN and ReACGAN.

Both need a discriminator whose features are embeddings of length 1 and whose class logits are their
cosines with a proxy per class, see `jaxgan.models.CosineHead`.

>>> import jax.numpy as jnp
>>> embedding, cosines = jnp.eye(2), jnp.eye(2)  # two samples, both at their own proxy
>>> print(f"{contrastive_loss(embedding, cosines, jnp.array([0, 1])):.4f}")  # log(1 + 1 / e)
0.3133
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.parallel.global_batch import gather
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.terms.classes import at_labels, check_labels, class_logits_of
from jaxgan.types import Array, DiscriminatorOutput, PyTree, Term


class _Similarities(NamedTuple):
    own: Array  # [batch], cosine of each sample with the proxy of its class
    pairs: Array  # [batch, batch], cosines of two samples
    same: Array  # [batch, batch], whether they have the same class


def contrastive_loss(
    embedding: Array,
    cosines: Array,
    labels: Array,
    temperature: float = 1.0,
    axis_name: str | None = None,
) -> Array:
    """Conditional contrastive loss (2C): samples are drawn to their class, away from all others.

    With s_i the cosine of sample i with the proxy of its class and s_ij that of two samples,
    mean_i -log (e^{s_i/t} + sum_{j != i, c_j = c_i} e^{s_ij/t}) / (e^{s_i/t} + sum_{j != i}
    e^{s_ij/t}).

    Args:
      embedding: unit vectors float [batch, dim], of the samples here.
      cosines: with the proxies of all classes, float [batch, classes].
      labels: int [batch] in 0..classes - 1.
      temperature: t, positive.
      axis_name: mapped device axis; samples are compared across devices.
    Returns:
      float32 scalar, nats; NaN for labels out of range that are traced.
    Raises:
      ValueError: if shapes or dtypes do not fit, a concrete label is out of range or missing, or
        temperature is not positive.
    Source: Kang & Park 2020 (ContraGAN), section 3, https://arxiv.org/abs/2006.12681
    """
    _check_positive(temperature)
    own, pairs, same = _similarities(embedding, cosines, labels, axis_name)
    others = ~jnp.eye(len(own), dtype=bool)
    scores = jnp.concatenate([own[:, None], pairs], axis=1) / temperature
    positive = jax.nn.logsumexp(scores, 1, where=_with_own(same & others))
    return jnp.mean(jax.nn.logsumexp(scores, 1, where=_with_own(others)) - positive)


def data_to_data_cross_entropy(
    embedding: Array,
    cosines: Array,
    labels: Array,
    temperature: float = 0.5,
    margin: float = 0.98,
    axis_name: str | None = None,
) -> Array:
    """Data-to-data cross-entropy (D2D-CE): proxies attract, samples of other classes repel.

    With s_i and s_ij as in `contrastive_loss`, a_i = min(s_i - m, 0) / t and r_ij = max(s_ij -
    (1 - m), 0) / t, it is mean_i -log e^{a_i} / (e^{a_i} + sum_{j: c_j != c_i} e^{r_ij}). Samples
    nearer to their proxy than the margin m, and pairs less similar than 1 - m, exert no force.

    The authors' code also subtracts max_j of (s_ij - 1 + m) / t from all r_ij of a sample, but not
    from a_i, so that other classes count less than in the paper's equation, which this is.

    Args:
      embedding: unit vectors float [batch, dim], of the samples here.
      cosines: with the proxies of all classes, float [batch, classes].
      labels: int [batch] in 0..classes - 1.
      temperature: t, positive.
      margin: m.
      axis_name: mapped device axis; samples are compared across devices.
    Returns:
      float32 scalar, nats; NaN for labels out of range that are traced.
    Raises:
      ValueError: if shapes or dtypes do not fit, a concrete label is out of range or missing, or
        temperature is not positive.
    Source: Kang et al. 2021 (ReACGAN), section 3, https://arxiv.org/abs/2111.01118
    """
    _check_positive(temperature)
    own, pairs, same = _similarities(embedding, cosines, labels, axis_name)
    attraction = jnp.minimum(own - margin, 0.0) / temperature
    repulsion = jnp.maximum(pairs - (1.0 - margin), 0.0) / temperature
    scores = jnp.concatenate([attraction[:, None], repulsion], axis=1)
    return jnp.mean(jax.nn.logsumexp(scores, 1, where=_with_own(~same)) - attraction)


def contrastive_terms(weight: float = 1.0, temperature: float = 1.0) -> tuple[Term, Term]:
    """Both players' terms of ContraGAN: the discriminator's on real samples.

    Args:
      weight: of each term; 1 in the paper.
      temperature: of `contrastive_loss`.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`.
    Source: Kang & Park 2020, https://arxiv.org/abs/2006.12681
    """
    _check_positive(temperature)

    def loss(output: DiscriminatorOutput, labels: PyTree, axis_name: str | None) -> Array:
        return contrastive_loss(*_parts(output), labels, temperature, axis_name)

    return _both("contrastive", loss, weight)


def data_to_data_terms(
    weight: float = 0.5, temperature: float = 0.5, margin: float = 0.98
) -> tuple[Term, Term]:
    """Both players' terms of ReACGAN: the discriminator's on real samples.

    Args:
      weight: of each term. The defaults are the authors' for CIFAR-10.
      temperature: of `data_to_data_cross_entropy`.
      margin: of the same.
    Returns:
      One of the GAN's `penalties` and one of its `generator_terms`.
    Source: Kang et al. 2021, https://arxiv.org/abs/2111.01118
    """
    _check_positive(temperature)

    def loss(output: DiscriminatorOutput, labels: PyTree, axis_name: str | None) -> Array:
        parts = _parts(output)
        return data_to_data_cross_entropy(*parts, labels, temperature, margin, axis_name)

    return _both("data_to_data", loss, weight)


def _both(name: str, loss: Callable[..., Array], weight: float) -> tuple[Term, Term]:
    def of_real(real_output, condition, axis_name):
        return loss(real_output, condition, axis_name)

    def of_fake(fake_output, condition, axis_name):
        return loss(fake_output, condition, axis_name)

    return (
        penalty(of_real, weight, name=f"{name}_discriminator"),
        generator_term(of_fake, weight, name=f"{name}_generator"),
    )


def _parts(output: DiscriminatorOutput) -> tuple[Array, Array]:
    cosines = class_logits_of(output)
    embedding = output.features
    if not hasattr(embedding, "ndim") or embedding.ndim != 2:
        raise ValueError(
            "features must be one array of unit vectors [batch, dim], got "
            f"{type(embedding).__name__}: return what jaxgan.models.CosineHead gives"
        )
    return embedding, cosines


def _similarities(
    embedding: Array, cosines: Array, labels: Array, axis_name: str | None
) -> _Similarities:
    check_labels(cosines, labels)
    if not isinstance(labels, jax.core.Tracer) and (np.asarray(labels) < 0).any():
        raise ValueError("labels must all be known: samples of unknown class cannot be compared")
    embedding, cosines = (gather(x.astype(jnp.float32), axis_name) for x in (embedding, cosines))
    labels = gather(jnp.asarray(labels, jnp.int32), axis_name)
    in_range = (labels >= 0) & (labels < cosines.shape[1])
    # As in `classes.labelled_mean`: a NaN that arises only for labels out of range.
    valid = jnp.sqrt(jnp.where(in_range, 1.0, -1.0).astype(jnp.float32))
    pairs = jnp.dot(embedding, embedding.T, precision="highest")
    return _Similarities(
        at_labels(cosines, labels) * valid, pairs, labels[:, None] == labels[None, :]
    )


def _with_own(mask: Array) -> Array:
    """The mask of pairs, with a column in front for the proxies, which always count."""
    return jnp.concatenate([jnp.ones((len(mask), 1), bool), mask], axis=1)


def _check_positive(temperature: float):
    if not 0.0 < temperature < math.inf:
        raise ValueError(f"temperature must be positive and finite, got {temperature}")

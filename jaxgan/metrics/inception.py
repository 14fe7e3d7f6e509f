"""The Inception score: how sure a classifier is of each sample, and how varied its answers are."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_finite
from jaxgan.types import Array


class InceptionScore(NamedTuple):
    """Mean and standard deviation over splits; the deviation is 0 for one split."""

    mean: float
    standard_deviation: float


def inception_score(logits: Features, splits: int = 1) -> InceptionScore:
    """The exponential of the mutual information of samples and their classes.

    exp E_x KL(p(y|x) | p(y)), p(y) being the mean over the split's samples. It knows no real
    samples. Name it after the classifier: the published numbers are those of Inception.

    Args:
      logits: of generated samples, floats [num, classes]; shuffled, if they come class by class.
      splits: parts of consecutive samples that are scored apart; as even as can be.
    Returns:
      Mean and standard deviation over the splits, each score in [1, classes], in float64.
    Raises:
      ValueError: if the logits are of another shape or not finite, or there are not as many
        samples as splits.
    Source: Salimans et al. 2016, section 4, https://arxiv.org/abs/1606.03498

    >>> inception_score(np.array([[0.0, 99.0], [99.0, 0.0]])).mean  # sure, and of either class
    2.0
    """
    if np.ndim(logits) != 2 or np.size(logits) == 0:
        raise ValueError(f"logits must be [num, classes], got {np.shape(logits)}")
    if not 1 <= splits <= len(logits):
        raise ValueError(f"splits must be from 1 to the {len(logits)} samples, got {splits}")
    check_finite("logits", logits)
    edges = [i * len(logits) // splits for i in range(splits + 1)]
    with jax.enable_x64(True):
        scores = [
            float(_score(jnp.asarray(logits[start:end])))
            for start, end in itertools.pairwise(edges)
        ]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


@jax.jit
def _score(logits: Array) -> Array:
    # KL(p(y|x) | p(y)) = sum_y p(y|x) (log p(y|x) - log p(y))
    log_p = jax.nn.log_softmax(logits.astype(float), axis=1)
    log_mean = jax.nn.logsumexp(log_p, axis=0) - jnp.log(len(log_p))
    return jnp.exp(jnp.mean(jnp.sum(jnp.exp(log_p) * (log_p - log_mean[None]), axis=1)))

"""Discriminator rejection sampling."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.checks import check_key, check_positive
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.refinement.proposals import Propose, Refined
from jaxgan.types import Array, PyTree

_EPSILON = 1e-8


class Bound(NamedTuple):
    """What log density ratios are compared with.

    Attributes:
      log_max: the largest log ratio, a scalar, or [num] for samples with a bound of their own.
      shift: gamma; 0 for exact rejection sampling, negative for a higher acceptance rate. Of the
        same shape.
    """

    log_max: Array
    shift: Array


def rejection_bound(log_ratios: Array, percentile: float | None = None) -> Bound:
    """The bound estimated from a generator's samples.

    Args:
      log_ratios: of many samples, float [num]; the paper takes 10,000.
      percentile: of F over these samples, at which half of the proposals are accepted, as in the
        paper (95, and 80 for ImageNet); None for exact rejection sampling.
    Raises:
      ValueError: if percentile is not between 0 and 100.
    Source: Azadi et al. 2019, section 3, https://arxiv.org/abs/1810.06758
    """
    if percentile is not None and not 0 < percentile < 100:
        raise ValueError(f"percentile must lie between 0 and 100, got {percentile}")
    d = log_ratios.astype(jnp.float32)
    log_max = jnp.max(d)
    if percentile is None:
        return Bound(log_max, jnp.zeros_like(log_max))
    return Bound(log_max, jnp.percentile(_shifted(d, log_max), percentile))


def acceptance_probability(log_ratios: Array, bound: Bound) -> Array:
    """The probability of each sample to be accepted, float32 [num].

      F = d - d_max - log(1 - exp(d - d_max - epsilon)),  p = sigmoid(F - gamma)

    With gamma = 0 this is exp(d - d_max). Samples above the bound are always accepted.

    Args:
      log_ratios: d, float [num].
      bound: see `rejection_bound`.
    Source: Azadi et al. 2019, equations 4 and 5, https://arxiv.org/abs/1810.06758
    """
    d = log_ratios.astype(jnp.float32)
    return jax.nn.sigmoid(_shifted(d, bound.log_max) - bound.shift)


def _shifted(d: Array, log_max: Array) -> Array:
    below = jnp.minimum(d - log_max, 0.0)
    return below - jnp.log(-jnp.expm1(below - _EPSILON))


def rejection_sample(
    key: Array, propose: Propose, index: Array, bound: Bound, most: int = 1_000, chunk: int = 250
) -> Refined:
    """Samples of the data distribution, as far as the density ratio is right.

    Each sample has proposals of its own until one is accepted, so sample i depends on the key and i
    alone. Proposals above the bound are too rare in the result; estimate the bound from many
    samples.

    Args:
      key: PRNG key.
      propose: see `Propose`; always called with `chunk` indices, so that a compiled function
        compiles once.
      index: of the samples, int [num].
      bound: see `rejection_bound`.
      most: largest number of proposals per sample.
      chunk: number of proposals per call.
    Raises:
      ValueError: if a sample has no accepted proposal, or key is no PRNG key.
    Source: Azadi et al. 2019, algorithm 1, https://arxiv.org/abs/1810.06758
    """
    check_key(key)
    check_positive(most=most, chunk=chunk)
    bounds = jax.tree.map(lambda part: jnp.broadcast_to(part, index.shape), bound)
    pending, found, proposals = np.arange(len(index)), _Found(len(index)), 0
    for attempt in range(most):
        propose_key, accept_key = jax.random.split(jax.random.fold_in(key, attempt))
        proposals += len(pending)
        left = []
        for rows in np.split(pending, range(chunk, len(pending), chunk)):
            padded = np.resize(rows, chunk)
            x, d = propose(propose_key, index[padded])
            p = acceptance_probability(d, Bound(*(part[padded] for part in bounds)))
            u = jax.vmap(jax.random.uniform)(sample_keys(accept_key, index[padded]))
            accepted = np.asarray(u < p)[: len(rows)]
            found.keep(rows[accepted], np.flatnonzero(accepted), x, d)
            left.append(rows[~accepted])
        pending = np.concatenate(left)
        if not len(pending):
            acceptance = len(index) / proposals
            return Refined(found.x, jnp.asarray(found.log_ratios), proposals, acceptance)
    raise ValueError(
        f"{len(pending)} of {len(index)} samples had no accepted proposal in {most:,}: allow more "
        "of them, or accept more with rejection_bound(..., percentile=80)"
    )


class _Found:
    """Rows of samples as they are accepted."""

    def __init__(self, num: int):
        self.x: PyTree = None
        self.log_ratios = np.zeros(num, np.float32)

    def keep(self, to: np.ndarray, rows: np.ndarray, x: PyTree, log_ratios: Array):
        """Put rows of proposals in their places."""
        if self.x is None:
            num = len(self.log_ratios)
            self.x = jax.tree.map(lambda leaf: np.zeros((num, *leaf.shape[1:]), leaf.dtype), x)
        for old, new in zip(jax.tree.leaves(self.x), jax.tree.leaves(x), strict=True):
            old[to] = np.asarray(new)[rows]
        self.log_ratios[to] = np.asarray(log_ratios)[rows]

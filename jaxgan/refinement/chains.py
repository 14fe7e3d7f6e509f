"""Metropolis-Hastings with a generator's samples as proposals."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.checks import check_key, check_positive
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.refinement.proposals import Propose, Refined
from jaxgan.types import Array, PyTree


def metropolis_hastings(
    key: Array, propose: Propose, index: Array, start: Array, steps: int = 640
) -> tuple[Refined, np.ndarray]:
    """The last samples of independent Metropolis-Hastings chains, one per sample.

      accept x' with probability min(1, exp(d(x') - d(x))),  d = log p_data / p_generator

    A chain starts at a real sample, which it must leave: one that accepts no proposal is started
    again from its first proposal.

    Args:
      key: PRNG key.
      propose: see `Propose`.
      index: of the samples, int [num]; sample i depends on the key, i and its start alone.
      start: log ratios of real samples that were not used for training, float [num].
      steps: number of proposals per chain, K.
    Returns:
      The samples, and the log ratios along the chains, float32 [steps, num].
    Raises:
      ValueError: if steps is not positive, start has another shape, or key is no PRNG key.
    Source: Turner et al. 2019, algorithm 1, https://arxiv.org/abs/1811.11357
    """
    check_key(key)
    check_positive(steps=steps)
    if start.shape != index.shape:
        raise ValueError(f"start must be [num] = {list(index.shape)}, got {list(start.shape)}")
    x, d, moved, trace = _chain(key, propose, index, start, steps)
    proposals = steps * len(index)
    accepted = int((np.diff(trace, axis=0, prepend=np.asarray(start)[None]) != 0).sum())
    stuck = ~moved
    if bool(jnp.any(stuck)):
        # The same proposals again, of which the first is accepted as nothing precedes it.
        again = jnp.where(stuck, -jnp.inf, start.astype(jnp.float32))
        other = _chain(key, propose, index, again, steps)
        x = jax.tree.map(lambda old, new: jnp.where(_rows(stuck, old), new, old), x, other[0])
        d = jnp.where(stuck, other[1], d)
        trace = np.where(np.asarray(stuck), other[3], trace)
    return Refined(x, d, proposals, accepted / proposals), trace


def _chain(
    key: Array, propose: Propose, index: Array, start: Array, steps: int
) -> tuple[PyTree, Array, Array, np.ndarray]:
    """Last samples, their log ratios, whether the chains moved, and the log ratios of all steps."""
    d = start.astype(jnp.float32)
    x, moved, trace = None, jnp.zeros(len(index), bool), []
    for step in range(steps):
        propose_key, accept_key = jax.random.split(jax.random.fold_in(key, step))
        new_x, new_d = propose(propose_key, index)
        u = jax.vmap(jax.random.uniform)(sample_keys(accept_key, index))
        accepted = jnp.log(u) < new_d - d
        x = new_x if x is None else jax.tree.map(_chosen(accepted), new_x, x)
        d = jnp.where(accepted, new_d, d)
        moved = moved | accepted
        trace.append(np.asarray(d))
    return x, d, moved, np.stack(trace)


def _chosen(accepted: Array):
    return lambda new, old: jnp.where(_rows(accepted, new), new, old)


def _rows(mask: Array, like: Array) -> Array:
    return mask.reshape(-1, *[1] * (like.ndim - 1))

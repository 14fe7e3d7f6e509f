"""Batch statistics of a generator's present weights, in place of averages over training."""

import jax
import jax.numpy as jnp

from jaxgan.players import PassOptions, generate
from jaxgan.types import GAN, Array, PlayerState, PyTree, Weights


def batch_statistics(
    key: Array,
    gan: GAN,
    weights: Weights | PlayerState,
    index: Array,
    condition: PyTree = None,
) -> PyTree:
    """The generator's model state with the batch statistics of one batch of its samples.

    Args:
      key: PRNG key of the batch.
      gan: the GAN.
      weights: of the generator, see `jaxgan.players.generator_weights`.
      index: indices of the samples, int [batch].
      condition: of the samples, [batch, ...].
    Returns:
      The model state, in which means and variances of the collection "batch_stats" are those of
      this batch; the rest is unchanged, and so are statistics that training does not update.
    Raises:
      ValueError: if the model state has no such collection.
    """
    leaves, structure = jax.tree.flatten_with_path(weights.model_state)
    chosen = [i for i, (path, _) in enumerate(leaves) if _is_statistic(path)]
    if not chosen:
        raise ValueError(
            "the generator has no batch statistics: standing statistics are for generators with "
            "batch norm, whose model state has a collection 'batch_stats'"
        )
    old = [leaf for _, leaf in leaves]

    def after_pass(running: list[Array]) -> list[Array]:
        replaced = dict(zip(chosen, running, strict=True))
        state = jax.tree.unflatten(structure, (replaced.get(i, x) for i, x in enumerate(old)))
        options = PassOptions(condition, train=True)
        new = generate(key, gan, Weights(weights.params, state), index, options).model_state
        return [jax.tree.leaves(new)[i] for i in chosen]

    # A running average becomes r' = m r + (1 - m) s with this batch's statistic s. From r = 0 it is
    # s = r' / (1 - m), where m is the derivative of r'.
    after, derivative = jax.vjp(after_pass, [jnp.zeros_like(old[i]) for i in chosen])
    (momentum,) = derivative([jnp.ones_like(x) for x in after])
    for i, r, m in zip(chosen, after, momentum, strict=True):
        old[i] = jnp.where(m < 1, r / jnp.where(m < 1, 1 - m, 1.0), old[i])
    return jax.tree.unflatten(structure, old)


def _is_statistic(path: tuple) -> bool:
    return any(getattr(part, "key", None) == "batch_stats" for part in path)

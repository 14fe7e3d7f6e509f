"""Random numbers of penalties, which depend on the key and on the global sample index only."""

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import num_samples, sample_index, sample_keys
from jaxgan.types import Array, PyTree


def index_of(x: PyTree, index: Array | None) -> Array:
    """The global indices of samples: 0, 1, ... where none are given."""
    return sample_index(num_samples(x)) if index is None else index


def normal_like(key: Array, x: PyTree, index: Array) -> PyTree:
    """Standard normal numbers for all floating values of samples, 0 for the others."""
    leaves, structure = jax.tree.flatten(x)
    keys = jax.random.split(key, len(leaves))

    def like(key: Array, leaf: Array) -> Array:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.zeros_like(leaf)
        draw = jax.vmap(lambda own: jax.random.normal(own, leaf.shape[1:], leaf.dtype))
        return draw(sample_keys(key, index))

    return jax.tree.unflatten(structure, map(like, keys, leaves))


def one_per_logit(key: Array, x: PyTree, index: Array | None, pack: int) -> Array:
    """U(0, 1) [batch]: one number per sample or pack, by the global index of its first."""
    keys = sample_keys(key, index_of(x, index)[::pack])
    draws = jax.vmap(lambda key: jax.random.uniform(key, dtype=jnp.float32))(keys)
    return jnp.repeat(draws, pack)


def per_sample(numbers: Array, x: Array) -> Array:
    """Numbers [batch] as [batch, 1, ...], so that they multiply samples."""
    return numbers.reshape(-1, *[1] * (x.ndim - 1))

"""Random numbers of penalties, which depend on the key and on the global sample index only."""

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.types import Array


def index_of(x: Array, index: Array | None) -> Array:
    """The global indices of samples: 0, 1, ... where none are given."""
    return sample_index(len(x)) if index is None else index


def one_per_logit(key: Array, x: Array, index: Array | None, pack: int) -> Array:
    """U(0, 1) [batch, 1, ...]: one number per sample or pack, by the global index of its first."""
    keys = sample_keys(key, index_of(x, index)[::pack])
    draws = jax.vmap(lambda key: jax.random.uniform(key, dtype=jnp.float32))(keys)
    return jnp.repeat(draws, pack).reshape(-1, *[1] * (x.ndim - 1))

"""Arrays for tests, and trees of them compared."""

import jax
import jax.numpy as jnp
import numpy as np


def rng():
    return np.random.default_rng(0)


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def random_image(*shape):
    return rng().integers(0, 256, shape, dtype=np.uint8)


def count(tree):
    """The number of values in a tree, such as parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def bits(tree):
    """The bits of each leaf of a tree; PRNG keys are arrays too."""

    def raw(x):
        is_key = jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(x) if is_key else x).tobytes()

    return [raw(x) for x in jax.tree.leaves(tree)]

"""A pool of earlier generated samples, from which the discriminator is shown half of its fakes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import gather, num_samples, sample_index, sample_keys
from jaxgan.types import Array, PyTree


class Pool(NamedTuple):
    """Earlier generated samples.

    Attributes:
      samples: arrays [size, ...], as the generator returns them; zeros where none is yet.
      filled: how many there are, int32 scalar.
    """

    samples: PyTree
    filled: Array


def init_pool(size: int, x: PyTree) -> Pool | None:
    """An empty pool for samples such as x [batch, ...]; None for size 0."""
    if size == 0:
        return None
    samples = jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape[1:]), leaf.dtype), x)
    return Pool(samples, jnp.zeros((), jnp.int32))


def exchange(
    key: Array, pool: Pool | None, x: PyTree, index: Array, axis_name: str | None = None
) -> tuple[PyTree, Pool | None]:
    """Show new samples or earlier ones, and keep new ones in the pool.

    While the pool fills up, samples are shown and kept. Then each is either shown or, with
    probability 1/2, changes places with a random sample of the pool, which is shown instead. One
    sample follows the other, in the order of the global batch.

    Args:
      key: PRNG key; each sample has its own, folded from its index.
      pool: the pool, the same on all devices; None to show x.
      x: generated samples [batch, ...].
      index: indices int32 [batch] of the samples in the global batch.
      axis_name: the mapped device axis, or None.
    Returns:
      `(shown, pool)`: samples [batch, ...], and the pool after the whole global batch.
    Source: Shrivastava et al. 2017, section 2.3, https://arxiv.org/abs/1612.07828; the exchange is
      that of Zhu et al. 2017, section 4, https://arxiv.org/abs/1703.10593, in the authors' code
    """
    if pool is None:
        return x, None
    keys = sample_keys(key, gather(index, axis_name))
    whole = jax.tree.map(lambda leaf: gather(leaf, axis_name), x)
    new, shown = jax.lax.scan(_exchange_one, pool, (keys, whole))
    own = sample_index(num_samples(x), axis_name)  # rows, which micro-batches number anew
    return jax.tree.map(lambda leaf: leaf[own], shown), new


def _exchange_one(pool: Pool, given: tuple[Array, PyTree]) -> tuple[Pool, PyTree]:
    key, x = given
    coin_key, place_key = jax.random.split(key)
    size = num_samples(pool.samples)
    full = pool.filled == size
    swapped = full & jax.random.bernoulli(coin_key)
    place = jnp.where(full, jax.random.randint(place_key, (), 0, size), pool.filled)
    kept = jnp.logical_or(~full, swapped)

    earlier = jax.tree.map(lambda leaf: leaf[place], pool.samples)
    shown = jax.tree.map(lambda old, new: jnp.where(swapped, old, new), earlier, x)
    samples = jax.tree.map(
        lambda leaf, old, new: leaf.at[place].set(jnp.where(kept, new, old).astype(leaf.dtype)),
        pool.samples,
        earlier,
        x,
    )
    return Pool(samples, jnp.minimum(pool.filled + 1, size)), shown

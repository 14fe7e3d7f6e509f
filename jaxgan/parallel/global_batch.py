"""Access to the global batch from one device: sample indices, per-sample keys, and reductions.

All randomness is derived from a sample's index in the global batch, and every operation across
samples covers the global batch. Therefore results do not depend on the number of devices.
"""

from typing import TypeVar

import jax
import jax.numpy as jnp

from jaxgan.types import Array, PyTree

T = TypeVar("T")


def sample_index(batch_size: int, axis_name: str | None = None) -> Array:
    """Global indices int32 [batch_size] of the samples on this device.

    Args:
      batch_size: number of samples on this device; the same on every device.
      axis_name: the mapped device axis, or None if the whole batch is on one device.

    >>> sample_index(3)
    Array([0, 1, 2], dtype=int32)
    """
    index = jnp.arange(batch_size, dtype=jnp.int32)
    if axis_name is None:
        return index
    return index + jax.lax.axis_index(axis_name) * batch_size


def num_samples(x: PyTree) -> int:
    """The number of samples in arrays [batch, ...], one or a tree of them.

    >>> num_samples({"image": jnp.zeros((3, 8, 8)), "sound": jnp.zeros((3, 100))})
    3
    """
    return len(jax.tree.leaves(x)[0])


def sample_keys(key: Array, index: Array) -> Array:
    """One key per sample, [batch], derived from its global index by `fold_in`."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, index)


def gather(x: Array, axis_name: str | None = None) -> Array:
    """The global batch [devices * batch, ...] of x [batch, ...], in sample order."""
    if axis_name is None:
        return x
    return jax.lax.all_gather(x, axis_name, tiled=True)


def mean_over_devices(tree: T, axis_name: str | None = None) -> T:
    """The mean of every leaf over the devices; the tree itself if there is no device axis."""
    if axis_name is None:
        return tree
    return jax.lax.pmean(tree, axis_name)

"""Devices: a mesh of them, and arrays placed on them."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.types import PyTree

AXIS = "batch"
"""Name of the device axis; give it as `axis_name` to a step that `pmap_step` wraps."""


def make_mesh(devices: int | Sequence[Any] | None = None) -> Mesh:
    """A one-dimensional mesh over the batch.

    Args:
      devices: how many of `jax.devices()`, or which; all of them if not given.
    Raises:
      ValueError: if there are fewer devices than asked for.
    """
    chosen = select_devices(devices)
    return Mesh(np.asarray(chosen), (AXIS,))


def select_devices(devices: int | Sequence[Any] | None = None) -> list:
    """The devices meant: all, the first so many, or those given.

    Raises:
      ValueError: if there are fewer devices than asked for, or, with several processes, if not all
        of them are meant.
    """
    if devices is None:
        return jax.devices()
    if not isinstance(devices, int):
        return list(devices)
    present = jax.devices()
    if jax.process_count() > 1 and devices != len(present):
        raise ValueError(
            f"devices={devices}, but {jax.process_count()} processes have {len(present)} devices "
            "and train on all of them"
        )
    if not 1 <= devices <= len(present):
        raise ValueError(
            f"requested devices={devices}, found {len(present)} ({present[0].platform}); on a CPU "
            "more can be simulated with XLA_FLAGS=--xla_force_host_platform_device_count=N"
        )
    return present[:devices]


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """The tree's arrays, whole on every device of a mesh; for a state that comes from elsewhere.

    With several processes each has the whole tree, on devices of its own or in NumPy arrays.
    """
    whole = NamedSharding(mesh, PartitionSpec())
    if jax.process_count() == 1:
        return jax.device_put(tree, whole)
    return jax.tree.map(lambda x: _made_global(x, whole), tree)


def split_batch(batch: PyTree, mesh: Mesh, batch_axis: int = 0) -> PyTree:
    """A global batch out of what each process has of it, split over the mesh's devices.

    Args:
      batch: NumPy arrays, this process's contiguous slice along `batch_axis`; the slices are
        equally long and in the order of the processes.
      mesh: over all devices of all processes.
      batch_axis: the axis that is split.
    """
    split = NamedSharding(mesh, PartitionSpec(*[None] * batch_axis, AXIS))
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(split, x), batch)


def _made_global(x: Any, sharding: NamedSharding) -> jax.Array:
    if isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        data = _made_global(jax.random.key_data(x), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
    local = np.asarray(x)
    return jax.make_array_from_process_local_data(sharding, local, local.shape)

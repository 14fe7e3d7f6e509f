"""Selection of devices, and placement of arrays on a device mesh."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.types import PyTree

AXIS = "batch"
"""Name of the device axis; pass it as `axis_name` when making a step for `pmap_step`."""


def make_mesh(devices: int | Sequence[Any] | None = None) -> Mesh:
    """A one-dimensional device mesh, whose axis splits the batch.

    Args:
      devices: number of devices, or a list of devices; all of `jax.devices()` if None.
    Raises:
      ValueError: if more devices are requested than there are.
    """
    chosen = select_devices(devices)
    return Mesh(np.asarray(chosen), (AXIS,))


def select_devices(devices: int | Sequence[Any] | None = None) -> list:
    """The devices to train on.

    Args:
      devices: number of devices, or a list of devices; all of `jax.devices()` if None.
    Raises:
      ValueError: if more devices are requested than there are, or, with several processes, fewer
        than all.
    """
    if devices is None:
        return jax.devices()
    if not isinstance(devices, int):
        return list(devices)
    present = jax.devices()
    if jax.process_count() > 1 and devices != len(present):
        raise ValueError(
            f"requested devices={devices}, but {jax.process_count()} processes train on all of "
            f"their {len(present)} devices: leave devices out"
        )
    if not 1 <= devices <= len(present):
        raise ValueError(
            f"requested devices={devices}, found {len(present)} ({present[0].platform}); to "
            "simulate more on a CPU set XLA_FLAGS=--xla_force_host_platform_device_count=N"
        )
    return present[:devices]


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """Copy a tree of arrays to every device of a mesh, for example a restored state.

    Args:
      tree: arrays on any device or NumPy arrays; with several processes, each passes the whole
        tree.
      mesh: target devices.
    """
    whole = NamedSharding(mesh, PartitionSpec())
    if jax.process_count() == 1:
        return jax.device_put(tree, whole)
    return jax.tree.map(lambda x: _made_global(x, whole), tree)


def split_batch(batch: PyTree, mesh: Mesh, batch_axis: int = 0) -> PyTree:
    """A global batch, split over the devices of a mesh, from the slices of all processes.

    Args:
      batch: NumPy arrays, this process's contiguous slice along `batch_axis`. All slices have the
        same length and are in the order of the processes.
      mesh: all devices of all processes.
      batch_axis: axis that is split.
    """
    split = NamedSharding(mesh, PartitionSpec(*[None] * batch_axis, AXIS))
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(split, x), batch)


def _made_global(x: Any, sharding: NamedSharding) -> jax.Array:
    if isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        data = _made_global(jax.random.key_data(x), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
    local = np.asarray(x)
    return jax.make_array_from_process_local_data(sharding, local, local.shape)

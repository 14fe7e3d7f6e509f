"""Wrappers that run a training step on several devices: `jit` over a mesh, or `pmap`.

Both give the same numbers. The state has no device axis in either, so states and checkpoints can be
exchanged between them.
"""

import functools
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.parallel.devices import AXIS, make_mesh, select_devices
from jaxgan.types import PyTree


@functools.cache
def convolution_options() -> dict[str, str]:
    """XLA options for `jax.jit` that make convolutional networks train faster on this backend.

    On CPU with jaxlib 0.10 they restrict the YNN library to reductions, because its convolutions
    are about half as fast as XLA's own for DCGAN-sized networks. Dense networks are faster without
    this option. On other backends, and where XLA does not know the option, the result is empty.
    """
    if jax.default_backend() != "cpu" or not version("jaxlib").startswith("0.10."):
        return {}
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}
    try:
        jax.jit(lambda x: x + 1.0, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


def jit_step(
    step: Callable,
    mesh: Mesh | None = None,
    *,
    batch_axis: int = 0,
    donate: bool = False,
    compiler_options: dict[str, str] | None = None,
) -> Callable:
    """A step jitted over a mesh: the batch is split over the devices, the state is replicated.

    Args:
      step: `step(key, state, batch, *constants) -> (state, metrics)`, made with axis_name=None.
        Constants are replicated on every device.
      mesh: from `make_mesh`; all devices if None.
      batch_axis: axis of the batch's arrays that is split; 1 if a round has several discriminator
        updates.
      donate: reuse the memory of the old state, which cannot be used after the call.
      compiler_options: XLA options for this step; on CPU see `convolution_options`.
    Returns:
      A function of the same signature. It raises a ValueError if the batch cannot be split evenly.
    """
    mesh = make_mesh() if mesh is None else mesh
    whole = NamedSharding(mesh, PartitionSpec())
    split = NamedSharding(mesh, PartitionSpec(*[None] * batch_axis, AXIS))
    jitted = jax.jit(
        lambda key, state, batch, constants: step(key, state, batch, *constants),
        in_shardings=(whole, whole, split, whole),
        out_shardings=whole,
        donate_argnums=(1,) if donate else (),
        compiler_options=compiler_options,
    )

    def parallel_step(key, state, batch, *constants):
        check_divides(batch, mesh.size, batch_axis)
        return jitted(key, state, batch, constants)

    return parallel_step


def pmap_step(
    step: Callable,
    devices: int | Sequence[Any] | None = None,
    *,
    batch_axis: int = 0,
    donate: bool = False,
) -> Callable:
    """A step mapped over devices, each with its contiguous slice of the batch.

    Args:
      step: `step(key, state, batch, *constants) -> (state, metrics)`, made with
        `axis_name=jaxgan.parallel.AXIS`; otherwise each device would train on its own slice only.
      devices: number of devices, or a list of devices; all if None.
      batch_axis: axis of the batch's arrays that is split; 1 if a round has several discriminator
        updates.
      donate: reuse the memory of the old state, which cannot be used after the call.
    Returns:
      A function of the same signature, for the whole batch and a state without a device axis.
      It raises a ValueError if the batch cannot be split evenly.
    Raises:
      ValueError: if more devices are requested than there are, or there are several processes.
    """
    chosen = select_devices(devices)
    if jax.process_count() > 1:
        raise ValueError(
            f"pmap supports a single process, got {jax.process_count()}: use jit over a mesh"
        )
    mapped = jax.pmap(
        lambda key, state, batch, constants: step(key, state, batch, *constants),
        axis_name=AXIS,
        in_axes=(None, None, batch_axis, None),
        out_axes=None,
        devices=chosen,
        donate_argnums=(1,) if donate else (),
    )

    def slices(x):
        shape = (*x.shape[:batch_axis], len(chosen), -1, *x.shape[batch_axis + 1 :])
        return x.reshape(shape)

    checked = False

    def parallel_step(key, state, batch, *constants):
        nonlocal checked
        check_divides(batch, len(chosen), batch_axis)
        output = mapped(key, state, jax.tree.map(slices, batch), constants)
        if not checked:  # only once, since the check waits for the devices
            _check_replicated(output)
            checked = True
        return output

    return parallel_step


def _check_replicated(tree: PyTree):
    # With out_axes=None pmap silently takes the first device's value if the devices differ.
    for x in jax.tree.leaves(tree):
        x = jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x
        shards = [np.asarray(shard.data) for shard in x.addressable_shards]
        if not all(np.array_equal(shards[0], other, equal_nan=True) for other in shards[1:]):
            raise ValueError(
                "the step returned different states on different devices: "
                "make it with axis_name=jaxgan.parallel.AXIS, "
                "and pass axis_name to layers that keep statistics, such as batch norm"
            )


def check_divides(batch: PyTree, devices: int, batch_axis: int = 0):
    """Check that the batch's arrays can be split evenly over the devices.

    Args:
      batch: a pytree of arrays.
      devices: number of devices.
      batch_axis: axis that is split.
    Raises:
      ValueError: if the axis is missing or its size is not divisible by the number of devices.
    """
    for x in jax.tree.leaves(batch):
        if x.ndim <= batch_axis or x.shape[batch_axis] % devices:
            raise ValueError(
                f"axis {batch_axis} of a batch of shape {x.shape} is not divisible by {devices} "
                f"devices: use a batch size that is a multiple of {devices}"
            )

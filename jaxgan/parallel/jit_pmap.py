"""The same step on one device or many: `jit` over a mesh, or `pmap`. Both give the same numbers.

State has no device axis in either, so a state, or a checkpoint, moves freely between them.
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
    """XLA options for `jax.jit` under which convolutional networks train faster on this backend.

    On CPU under jaxlib 0.10 only reductions go through the YNN library then: it runs the
    convolutions of a DCGAN at half the speed of XLA's own. (Dense networks are faster without.)
    Elsewhere, and where XLA does not know the option, there are none.
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
    """A step jitted over a mesh: the batch is split over its devices, the state is on each.

    Args:
      step: `step(key, state, batch, *constants) -> (state, metrics)`, made with axis_name=None.
        Constants are whole on every device.
      mesh: from `make_mesh`; all devices if not given.
      batch_axis: the axis of the batch's arrays that is split; 1 with several turns a round.
      donate: reuse the old state's memory; it cannot be used after the call then.
      compiler_options: XLA's, for this step; on CPU see `convolution_options`.
    Returns:
      A function of the same signature. It raises a ValueError if the batch cannot be split.
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
        `axis_name=jaxgan.parallel.AXIS`: without it each device would go its own way.
      devices: how many, or which; all if not given.
      batch_axis: the axis of the batch's arrays that is split; 1 with several turns a round.
      donate: reuse the old state's memory; it cannot be used after the call then.
    Returns:
      A function of the same signature, for the whole batch and a state without a device axis.
      It raises a ValueError if the batch cannot be split.
    Raises:
      ValueError: if there are fewer devices than asked for, or several processes.
    """
    chosen = select_devices(devices)
    if jax.process_count() > 1:
        raise ValueError("pmap runs in one process: use jit over a mesh with several")
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
        if not checked:  # once: it waits for the devices
            _check_replicated(output)
            checked = True
        return output

    return parallel_step


def _check_replicated(tree: PyTree):
    # pmap believes out_axes=None and would go on with the first device's value.
    for x in jax.tree.leaves(tree):
        x = jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x
        shards = [np.asarray(shard.data) for shard in x.addressable_shards]
        if not all(np.array_equal(shards[0], other, equal_nan=True) for other in shards[1:]):
            raise ValueError(
                "the step gives different results on different devices: "
                "make it with axis_name=jaxgan.parallel.AXIS, "
                "and let layers that keep statistics (batch norm) reduce over it"
            )


def check_divides(batch: PyTree, devices: int, batch_axis: int = 0):
    """Raises a ValueError if the batch's arrays cannot be split evenly over the devices."""
    for x in jax.tree.leaves(batch):
        if x.ndim <= batch_axis or x.shape[batch_axis] % devices:
            raise ValueError(
                f"axis {batch_axis} of a batch of shape {x.shape} does not divide over {devices} "
                "devices: choose a batch size that is a multiple of their number"
            )

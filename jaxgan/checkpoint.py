"""A pytree of arrays on disk and back, by Orbax: complete or not there at all."""

from pathlib import Path

import jax
import orbax.checkpoint as ocp

from jaxgan.types import PyTree


def save(directory: str | Path, tree: PyTree) -> None:
    """Writes a tree of arrays to a new directory; it appears under its name once complete.

    Raises:
      ValueError: if the directory is there already.
    """
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(Path(directory).absolute(), tree)


def restore(directory: str | Path, target: PyTree) -> PyTree:
    """The tree of arrays in a directory, on the first device.

    Args:
      directory: written by `save`.
      target: arrays, or `jax.ShapeDtypeStruct`s, in the structure that was saved.
    Raises:
      FileNotFoundError: if the directory is not there.
      ValueError: if the structure or a shape is another.
    """
    path = Path(directory).absolute()
    if not path.is_dir():
        raise FileNotFoundError(f"no saved state at {directory}")
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), target
    )
    with ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(path, abstract)

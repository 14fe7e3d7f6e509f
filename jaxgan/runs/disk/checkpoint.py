"""Checkpoints of a run, by Orbax: each is complete and undamaged, or it is not used.

Checkpoints are numbered folders. Orbax writes each to a temporary folder in the background and
renames it. A digest of all bits, saved with the state, detects damage.
"""

import contextlib
import datetime
import errno
import functools
import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax.sharding import Sharding
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from jaxgan.runs.disk.orbax_errors import deepest, ignore_late_answers, reason, system_code
from jaxgan.runs.settings.options import Keep
from jaxgan.types import Array, PyTree

# Orbax logs every save at length, and failures with many tracebacks; our errors report them.
logging.getLogger("absl").setLevel(logging.CRITICAL)


PASSING = frozenset(
    (errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)
"""Errors of the operating system that may not recur."""
_TRIES = 50


class CheckpointError(OSError):
    """A checkpoint that cannot be written or read; the message says which and why.

    If it could not be written, the error has an `errno`, and its `filename` is the folder.
    """


class Restored(NamedTuple):
    """A restored state.

    Attributes:
      number: the number of its checkpoint.
      state: the state.
      damaged: numbers and messages of damaged checkpoints: all later ones, and earlier ones whose
        metrics are damaged.
    """

    number: int
    state: PyTree
    damaged: tuple[tuple[int, str], ...]


# --- Writing


@contextlib.contextmanager
def open_manager(directory: Path, keep: Keep) -> Iterator[ocp.CheckpointManager]:
    """Open a folder of checkpoints to `save` to; it is created if it does not exist.

    Raises:
      CheckpointError: if the folder cannot be used or, on leaving, if the last save has failed.
    """
    ignore_late_answers()
    try:
        _remove_unfinished(directory)
        manager = ocp.CheckpointManager(directory.absolute(), options=_options(keep))
    except Exception as error:
        raise _unwritten(directory, error) from error
    try:
        yield manager
        finish(manager)
    finally:
        with contextlib.suppress(Exception):  # errors have been reported
            manager.close()


def _options(keep: Keep) -> ocp.CheckpointManagerOptions:
    policies: list[Any] = [LatestN(n=keep.last)]
    best: Callable | None = None
    if keep.metric is not None:
        worst = -math.inf if keep.mode == "max" else math.inf
        best = functools.partial(_value, metric=keep.metric, default=worst)
        policies.append(
            BestN(
                get_metric_fn=best,
                reverse=keep.mode == "min",
                n=1,
                keep_checkpoints_without_metrics=False,
            )
        )
    return ocp.CheckpointManagerOptions(
        preservation_policy=AnyPreservationPolicy(policies=policies),
        best_fn=best,
        best_mode=keep.mode,
    )


def _remove_unfinished(directory: Path):
    """Remove the remains of interrupted saves, some of which may still be shutting down."""
    if jax.process_index() > 0:
        return
    for path in directory.glob(f"*{ocp.utils.TMP_DIR_SUFFIX}*"):
        for _ in range(_TRIES):
            if not path.exists():
                break
            try:
                shutil.rmtree(path)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                    raise
                time.sleep(0.1)


def _value(metrics: Mapping[str, float], metric: str, default: float) -> float:
    return metrics.get(metric, default)


def save(
    manager: ocp.CheckpointManager,
    number: int,
    state: PyTree,
    metrics: Mapping[str, float] | None = None,
):
    """Start saving a state; training may continue, and overwrite it, at once.

    Args:
      manager: from `open_manager`.
      number: number of the checkpoint, greater than all earlier ones.
      state: a pytree of arrays.
      metrics: values that determine the best checkpoint; without them it is not a candidate.
    Raises:
      CheckpointError: if this save cannot start, or the previous one has failed.
    """
    # A copy that nothing else overwrites: steps donate their arrays.
    tree = _snapshot(state)
    try:
        manager.save(number, args=ocp.args.StandardSave(tree), metrics=metrics, force=True)
    except Exception as error:
        raise _unwritten(manager.directory, error) from error


def finish(manager: ocp.CheckpointManager):
    """Wait until the last save is complete.

    Raises:
      CheckpointError: if it has failed.
    """
    try:
        manager.wait_until_finished()
    except Exception as error:
        raise _unwritten(manager.directory, error) from error


def _unwritten(directory: os.PathLike, error: Exception) -> CheckpointError:
    code = system_code(error)
    why = reason(error) if code is None else os.strerror(code)
    place = str(directory)
    return CheckpointError(code or errno.EIO, f"a checkpoint cannot be written: {why}", place)


def _raise_if_not_damage(error: Exception, path: Path):
    """Raise errors that do not mean damage: the checkpoint may be readable later."""
    cause, code = deepest(error), system_code(error)
    if isinstance(cause, MemoryError | jax.errors.JaxRuntimeError):
        raise cause
    if code in PASSING:
        raise OSError(code, f"a checkpoint cannot be read now: {os.strerror(code)}", str(path))


@jax.jit
def _snapshot(state: PyTree) -> dict[str, PyTree]:
    return {"digest": digest(state), "state": jax.tree.map(jnp.copy, state)}


def digest(tree: PyTree) -> Array:
    """A uint32 checksum of every bit of a tree's arrays, the same on any devices.

    d = 1 + sum over leaves l and positions i of mix(bits_li + h(l, i)), modulo 2^32

    A single changed word is always detected, since mix is a bijection. Several are detected with
    high probability.
    """
    total = jnp.ones((), jnp.uint32)
    for place, leaf in enumerate(jax.tree.leaves(tree)):
        words = _words(leaf).ravel()
        index = jnp.arange(words.size, dtype=jnp.uint32)
        places = index * jnp.uint32(0x9E3779B1) + jnp.uint32(place * 0x85EBCA77 % 2**32)
        total = total + jnp.sum(_mixed(words + places), dtype=jnp.uint32)
    return total


def _mixed(x: Array) -> Array:
    # A bijective integer hash: https://github.com/skeeto/hash-prospector
    x = (x ^ (x >> 16)) * jnp.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * jnp.uint32(0xD35A2D97)
    return x ^ (x >> 15)


def _words(leaf: Array) -> Array:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if leaf.dtype == jnp.bool_:
        leaf = leaf.astype(jnp.uint8)
    unsigned = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32, 8: jnp.uint32}[leaf.dtype.itemsize]
    return jax.lax.bitcast_convert_type(leaf, unsigned).astype(jnp.uint32)


# --- Reading


def numbers(directory: Path) -> list[int]:
    """The numbers of the checkpoints in a folder, in order, including damaged ones."""
    if not directory.is_dir():
        return []
    names = [path.name for path in directory.iterdir() if path.name.isdecimal()]
    return sorted(int(name) for name in names if name == str(int(name)))


def best_number(directory: Path, keep: Keep) -> int:
    """The number of the best checkpoint by the metric of `keep`.

    Raises:
      CheckpointError: if no checkpoint has the metric.
    """
    values = {number: _metrics(directory / str(number)) or {} for number in numbers(directory)}
    known = {number: found[keep.metric] for number, found in values.items() if keep.metric in found}
    if not known:
        raise CheckpointError(f"no checkpoint in {directory} has the metric {keep.metric}")
    return (max if keep.mode == "max" else min)(known, key=lambda number: (known[number], number))


def _metrics(path: Path) -> dict[str, float] | None:
    """The metrics of a checkpoint; empty if it has none, None if they are damaged."""
    try:
        found = json.loads((path / "metrics" / "metrics").read_text())
    except (OSError, ValueError):
        return None if (path / "metrics").exists() else {}
    return found if isinstance(found, dict) else None


def _check_metrics(directory: Path, number: int):
    """Raise a CheckpointError for damaged metrics, which Orbax cannot read."""
    if _metrics(directory / str(number)) is None:
        raise CheckpointError(
            f"checkpoint {number} in {directory} is damaged: its metrics cannot be read. Delete "
            "its folder `metrics` to use it, but not as the best one"
        )


def restore(
    directory: Path, number: int, target: PyTree, sharding: Sharding | None = None
) -> PyTree:
    """Restore the state of a checkpoint.

    Args:
      directory: folder of the checkpoints.
      number: number of the checkpoint.
      target: arrays or `jax.ShapeDtypeStruct`s in the structure that was saved.
      sharding: sharding of all arrays; None for the first device.
    Raises:
      CheckpointError: if the checkpoint is missing, damaged, or of another structure.
      OSError: if it cannot be read now, although it may be intact.
    """
    ignore_late_answers()
    sharding = sharding or jax.sharding.SingleDeviceSharding(jax.devices()[0])
    tree = {"digest": jax.ShapeDtypeStruct((), jnp.uint32), "state": target}
    abstract = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree
    )
    path = directory.absolute() / str(number) / "default"
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            found = checkpointer.restore(path, abstract)
    except Exception as error:  # Orbax and TensorStore raise many kinds
        _raise_if_not_damage(error, directory / str(number))
        raise CheckpointError(
            f"checkpoint {number} in {directory} cannot be read: {reason(error)}"
        ) from error
    if int(jax.jit(digest)(found["state"])) != int(found["digest"]):
        raise CheckpointError(
            f"checkpoint {number} in {directory} is damaged: its checksum has changed"
        )
    return found["state"]


def restore_latest(
    directory: Path, target: PyTree, sharding: Sharding | None = None
) -> Restored | None:
    """Restore the last state that can be read; None if there are no checkpoints.

    Args:
      directory: folder of the checkpoints.
      target: arrays or `jax.ShapeDtypeStruct`s in the structure that was saved.
      sharding: sharding of all arrays; None for the first device.
    Raises:
      CheckpointError: if there are checkpoints and none can be read.
    """
    damaged: list[tuple[int, str]] = []
    state = None
    for number in reversed(numbers(directory)):
        try:
            _check_metrics(directory, number)
            if state is None:
                state = number, restore(directory, number, target, sharding)
        except CheckpointError as error:
            damaged.append((number, str(error)))
    if state is not None:
        return Restored(*state, tuple(damaged))
    if damaged:
        raise CheckpointError(
            f"none of the {len(damaged)} checkpoints in {directory} can be read; they are left as "
            f"they are. The last one: {damaged[0][1]}"
        )
    return None


def quarantine(directory: Path, number: int) -> Path:
    """Move a damaged checkpoint to a name that is never read; returns the new path."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
    place = directory / f"damaged-{number}-{stamp}"
    shutil.move(directory / str(number), place)
    return place

"""States of a run on disk and back, by Orbax: each is complete and sound, or it does not count.

Checkpoints lie in numbered folders. Orbax writes one aside and renames it, in the background; a
digest of all bits, saved with the state, tells whether they came back as they went.
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

# Orbax reports each save at length, and failures with many tracebacks; errors say them here.
logging.getLogger("absl").setLevel(logging.CRITICAL)


PASSING = frozenset(
    (errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)
"""Errors of the operating system that another try may not meet."""
_TRIES = 50


class CheckpointError(OSError):
    """A checkpoint that cannot be written or read; the message says which and why.

    One that could not be written has an `errno`, and the folder is its `filename`.
    """


class Restored(NamedTuple):
    """A state that was read, the number it was saved under, and which others are damaged.

    `damaged` holds numbers and messages: all later ones, and earlier ones without sound metrics.
    """

    number: int
    state: PyTree
    damaged: tuple[tuple[int, str], ...]


# --- Writing


@contextlib.contextmanager
def open_manager(directory: Path, keep: Keep) -> Iterator[ocp.CheckpointManager]:
    """The checkpoints of a folder, which is made if it is not there, to `save` to.

    Raises:
      CheckpointError: if the folder cannot be used, or, at the end, if the last save has failed.
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
        with contextlib.suppress(Exception):  # what failed has been said
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
    """Removes what is left of saves that were cut short; one that failed may still be ending."""
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
    """Starts to save a state under a number; training may go on, and overwrite it, at once.

    Args:
      manager: from `open_manager`.
      number: greater than all that are there.
      state: arrays.
      metrics: values by which the best is found; without them it is not a candidate.
    Raises:
      CheckpointError: if this save cannot begin, or the one before has failed.
    """
    # A copy that nobody else will overwrite, for steps give their arrays away.
    tree = _snapshot(state)
    try:
        manager.save(number, args=ocp.args.StandardSave(tree), metrics=metrics, force=True)
    except Exception as error:
        raise _unwritten(manager.directory, error) from error


def finish(manager: ocp.CheckpointManager):
    """Waits until the last save is complete.

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
    """Errors that say nothing about the checkpoint: it may be read another time."""
    cause, code = deepest(error), system_code(error)
    if isinstance(cause, MemoryError | jax.errors.JaxRuntimeError):
        raise cause
    if code in PASSING:
        raise OSError(code, f"a checkpoint cannot be read now: {os.strerror(code)}", str(path))


@jax.jit
def _snapshot(state: PyTree) -> dict[str, PyTree]:
    return {"digest": digest(state), "state": jax.tree.map(jnp.copy, state)}


def digest(tree: PyTree) -> Array:
    """A uint32 scalar that depends on every bit of a tree's arrays, the same on any devices.

    d = 1 + sum over leaves l and places i of mix(bits_li + h(l, i)), modulo 2^32

    One changed word always changes it, for mix maps words one to one; several do, but by chance.
    """
    total = jnp.ones((), jnp.uint32)
    for place, leaf in enumerate(jax.tree.leaves(tree)):
        words = _words(leaf).ravel()
        index = jnp.arange(words.size, dtype=jnp.uint32)
        places = index * jnp.uint32(0x9E3779B1) + jnp.uint32(place * 0x85EBCA77 % 2**32)
        total = total + jnp.sum(_mixed(words + places), dtype=jnp.uint32)
    return total


def _mixed(x: Array) -> Array:
    # An integer hash, one to one: https://github.com/skeeto/hash-prospector
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
    """The numbers of the checkpoints in a folder, in order; damaged ones among them."""
    if not directory.is_dir():
        return []
    names = [path.name for path in directory.iterdir() if path.name.isdecimal()]
    return sorted(int(name) for name in names if name == str(int(name)))


def best_number(directory: Path, keep: Keep) -> int:
    """The number of the best checkpoint by the metric that the run was told to look at.

    Raises:
      CheckpointError: if no checkpoint has it.
    """
    values = {number: _metrics(directory / str(number)) or {} for number in numbers(directory)}
    known = {number: found[keep.metric] for number, found in values.items() if keep.metric in found}
    if not known:
        raise CheckpointError(f"no checkpoint in {directory} has a metric to be best by")
    return (max if keep.mode == "max" else min)(known, key=lambda number: (known[number], number))


def _metrics(path: Path) -> dict[str, float] | None:
    """The metrics of a checkpoint; empty if it was saved without, None if they are damaged."""
    try:
        found = json.loads((path / "metrics" / "metrics").read_text())
    except (OSError, ValueError):
        return None if (path / "metrics").exists() else {}
    return found if isinstance(found, dict) else None


def _check_metrics(directory: Path, number: int):
    """Raises a CheckpointError if there are damaged metrics: Orbax would stumble over them."""
    if _metrics(directory / str(number)) is None:
        raise CheckpointError(
            f"checkpoint {number} in {directory} is damaged: its metrics cannot be read (without "
            "its folder `metrics` it would do, but not count for the best)"
        )


def restore(
    directory: Path, number: int, target: PyTree, sharding: Sharding | None = None
) -> PyTree:
    """The state saved under a number.

    Args:
      directory: of the checkpoints.
      number: which.
      target: arrays or `jax.ShapeDtypeStruct`s in the structure that was saved.
      sharding: where all arrays go; the first device if not given.
    Raises:
      CheckpointError: if it is not there, damaged, or of another structure.
      OSError: if the system refuses to read it, which says nothing about it.
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
            f"checkpoint {number} in {directory} is damaged: its digest is not as saved"
        )
    return found["state"]


def restore_latest(
    directory: Path, target: PyTree, sharding: Sharding | None = None
) -> Restored | None:
    """The last state that can be read; None if there are no checkpoints.

    Arguments are those of `restore`.

    Raises:
      CheckpointError: if there are checkpoints, and none can be read.
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
            f"none of the {len(damaged)} checkpoints in {directory} can be read, all are left as "
            f"they are; the last one: {damaged[0][1]}"
        )
    return None


def quarantine(directory: Path, number: int) -> Path:
    """Moves a damaged checkpoint out of the way, to a name that no one reads; gives its place."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
    place = directory / f"damaged-{number}-{stamp}"
    shutil.move(directory / str(number), place)
    return place

"""Multi-process training: connecting processes, their slices of the batch, and agreement checks."""

import contextlib
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

WAIT = 300  # seconds until all processes must have connected


class Addresses(NamedTuple):
    """How the processes of a run connect; all None to use the cluster's environment.

    Attributes:
      coordinator: HOST:PORT of process 0, reachable from all processes.
      num_processes: number of processes.
      process_id: index of this process.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def start_processes(addresses: Addresses, tell: Callable[[str], None] = lambda text: None):
    """Connect this process to the others; call it before any other use of JAX.

    Args:
      addresses: all three values, or none on a cluster that JAX supports (SLURM, Cloud TPU, Open
        MPI, Kubernetes).
      tell: called with a message before waiting.
    Raises:
      ValueError: if only some values are given, one is invalid, or no cluster is found.
      ConnectionError: if the processes do not connect within five minutes.
    """
    given = [value is not None for value in addresses]
    if any(given) and not all(given):
        raise ValueError(
            "multi-process training needs all of coordinator, num_processes and process_id, "
            f"got {addresses._asdict()}"
        )
    if all(given):
        _check(addresses)
    # JAX's handler of SIGTERM would replace the run's own.
    jax.config.update("jax_enable_preemption_service", False)
    where = f" at {addresses.coordinator}" if all(given) else ""
    tell(f"waiting up to {WAIT} s for the other processes of this run{where}")
    try:
        _join(addresses)
    except ValueError as error:  # raised by JAX if it finds no cluster
        raise ValueError(
            "found no cluster environment (SLURM, Cloud TPU, Open MPI or Kubernetes): give "
            f"coordinator, num_processes and process_id ({error})"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise ConnectionError(f"the processes could not connect, {addresses}: {error}") from error


def _join(addresses: Addresses):
    """Connect in a thread, since JAX ignores Ctrl-C while waiting and aborts on a timeout."""
    failed: list[Exception] = []

    def join():
        try:
            jax.distributed.initialize(*addresses, initialization_timeout=WAIT + 3600)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=join, daemon=True)
    thread.start()
    thread.join(WAIT)
    if thread.is_alive():
        where = addresses.coordinator or "the cluster's coordinator"
        raise ConnectionError(
            f"not all processes connected to {where} within {WAIT} s: start all of them, with a "
            "coordinator that each can reach"
        )
    if failed:
        raise failed[0]


def _check(addresses: Addresses):
    coordinator, num, number = addresses
    assert coordinator is not None
    assert num is not None
    assert number is not None
    host, _, port = coordinator.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 2**16
    if not host or not is_port:
        raise ValueError(f"coordinator must be HOST:PORT, got {coordinator!r}")
    if not 0 <= number < num:
        raise ValueError(f"process_id must be from 0 to {num - 1}, got {number}")


def in_cluster() -> bool:
    """Whether this is one of several processes of a cluster job, by environment variables."""
    sizes = [os.environ.get(name, "1") for name in ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")]
    return any(size.isdigit() and int(size) > 1 for size in sizes)


def device_problem() -> str | None:
    """One line saying why JAX finds no device; None if it finds one."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter if there is no GPU
        reason = str(error).partition("\n")[0] or "no such device was found"
        platforms = os.environ.get("JAX_PLATFORMS", "")
        return f"JAX cannot start with JAX_PLATFORMS={platforms!r}: {reason}; use JAX_PLATFORMS=cpu"
    return None


def is_writer() -> bool:
    """Whether this process writes the files of the run: logs, images, the configuration."""
    return jax.process_index() == 0


def own_slice(batch_size: int) -> slice:
    """The slice of the global batch that belongs to this process.

    Args:
      batch_size: size of the global batch.
    Raises:
      ValueError: if the batch size is not divisible by the number of processes.

    >>> own_slice(8)
    slice(0, 8, None)
    """
    count, number = jax.process_count(), jax.process_index()
    if batch_size % count:
        raise ValueError(
            f"batch_size={batch_size} is not divisible by {count} processes: "
            f"use a multiple of {count}"
        )
    rows = batch_size // count
    return slice(number * rows, (number + 1) * rows)


def largest(numbers: list[int]) -> list[int]:
    """The maximum of each number over all processes, which must all call it at the same point."""
    if jax.process_count() == 1:
        return numbers
    everyones = multihost_utils.process_allgather(np.asarray(numbers, np.int32))
    return np.max(everyones, axis=0).tolist()


def check_same(**texts: str):
    """Check that texts are the same in all processes, which must all call it at the same point.

    Args:
      texts: texts by what they describe.
    Raises:
      ValueError: in every process, if a text differs.
    """
    for name, text in texts.items():
        number = zlib.crc32(text.encode()) >> 1  # fits int32
        most, least = largest([number, -number])
        if most != -least:
            raise ValueError(f"the processes of a run must agree on the {name}, here it is {text}")


@contextlib.contextmanager
def all_or_none() -> Iterator[None]:
    """Context in which a failure of one process makes all fail, so that none waits forever.

    All processes must enter it at the same point, and its body must not wait for other processes.

    Raises:
      ChildProcessError: if the body succeeded here but failed in another process.
    """
    failed = 1
    try:
        yield
        failed = 0
    finally:
        (anywhere,) = largest([failed])
    if anywhere:
        raise ChildProcessError("another process of this run has failed: see its error message")

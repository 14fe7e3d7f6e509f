"""Several processes that train one model: their start, their slices, what they agree on."""

import contextlib
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

WAIT = 300  # seconds for all processes to meet


class Addresses(NamedTuple):
    """Where the processes of a run meet; all None when the cluster's environment says so.

    `coordinator` is HOST:PORT of process 0, which all others can reach.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def start_processes(addresses: Addresses, tell: Callable[[str], None] = lambda text: None):
    """Joins this process to the others; before anything else is done with jax.

    Args:
      addresses: all three, or none on a cluster that jax knows (SLURM, Cloud TPU, Open MPI,
        Kubernetes).
      tell: called with what is waited for.
    Raises:
      ValueError: if only some are given, they are no good, or no cluster is found.
      ConnectionError: if the others do not answer, or not within five minutes.
    """
    given = [value is not None for value in addresses]
    if any(given) and not all(given):
        raise ValueError(
            "several processes need all of coordinator, num_processes and process_id, "
            f"got {addresses._asdict()}"
        )
    if all(given):
        _check(addresses)
    # Not jax's own watch for SIGTERM, which would take the run's own away.
    jax.config.update("jax_enable_preemption_service", False)
    place = f" at {addresses.coordinator}" if all(given) else ""
    tell(f"waiting for the other processes of this run{place}, {WAIT} s at most")
    try:
        _join(addresses)
    except ValueError as error:  # of jax: it found no cluster
        raise ValueError(
            "no cluster's environment was found (looked for SLURM, Cloud TPU, Open MPI and "
            f"Kubernetes): give coordinator, num_processes and process_id ({error})"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise ConnectionError(f"the processes did not meet at {addresses}: {error}") from error


def _join(addresses: Addresses):
    """Waits in a thread of its own: jax is deaf to Ctrl-C, and aborts where it gives up."""
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
            f"not all processes came to {where} within {WAIT} s: start every one of them, with a "
            "coordinator that it can reach"
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
        raise ValueError(f"process_id must lie in 0..{num - 1}, got {number}")


def in_cluster() -> bool:
    """Whether the environment is that of one of several processes of a cluster's job."""
    sizes = [os.environ.get(name, "1") for name in ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")]
    return any(size.isdigit() and int(size) > 1 for size in sizes)


def device_problem() -> str | None:
    """Why jax finds no device to run on, in a line; None if it finds one."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter where there is no GPU
        reason = str(error).partition("\n")[0] or "no such device was found"
        asked = os.environ.get("JAX_PLATFORMS", "")
        return f"jax cannot start with JAX_PLATFORMS={asked!r}: {reason}; JAX_PLATFORMS=cpu works"
    return None


def is_writer() -> bool:
    """Whether this process writes what one must write: logs, pictures, the configuration."""
    return jax.process_index() == 0


def own_slice(batch_size: int) -> slice:
    """The rows of the global batch that are this process's.

    Raises:
      ValueError: if the batch does not divide over the processes.

    >>> own_slice(8)
    slice(0, 8, None)
    """
    count, number = jax.process_count(), jax.process_index()
    if batch_size % count:
        raise ValueError(
            f"batch_size={batch_size} does not divide over {count} processes: "
            "choose a multiple of their number"
        )
    rows = batch_size // count
    return slice(number * rows, (number + 1) * rows)


def largest(numbers: list[int]) -> list[int]:
    """The largest of each number over all processes, which must all ask at the same point."""
    if jax.process_count() == 1:
        return numbers
    everyones = multihost_utils.process_allgather(np.asarray(numbers, np.int32))
    return np.max(everyones, axis=0).tolist()


def check_same(**texts: str):
    """Raises a ValueError in every process if a text is not the same in all of them.

    They must all ask at the same point.
    """
    for name, text in texts.items():
        number = zlib.crc32(text.encode()) >> 1  # fits int32
        most, least = largest([number, -number])
        if most != -least:
            raise ValueError(f"the processes of a run must agree on the {name}, here it is: {text}")


@contextlib.contextmanager
def all_or_none() -> Iterator[None]:
    """What fails in one process fails in all of them, so that none waits for it in vain.

    They must all come here at the same point, and what is done inside must not wait for others.

    Raises:
      ChildProcessError: if it went well here, but not in another process.
    """
    failed = 1
    try:
        yield
        failed = 0
    finally:
        (anywhere,) = largest([failed])
    if anywhere:
        raise ChildProcessError("another process of this run has failed; its message says why")

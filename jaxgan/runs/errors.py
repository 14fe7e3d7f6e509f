"""Errors of the disk, the memory and other processes, explained in a line that says what to do."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jax

from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.folder import CHECKPOINTS
from jaxgan.training.plan import Plan


@contextlib.contextmanager
def explaining_disk_errors(out: Path) -> Iterator[None]:
    """Explains errors of the disk: which run they stopped, and how to resume it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # it is not the system's, but explained already
            raise
        place = "" if error.filename is None else f" ({error.filename})"
        raise OSError(f"{error.strerror}{place}: {_left(out)}") from error


def _left(out: Path) -> str:
    if not (out / "config.json").is_file():
        return f"the run in {out} could not start; fix this, then start it again"
    found = checkpoint.numbers(out / CHECKPOINTS)
    kept = f"its last checkpoint, of round {found[-1]}, is kept" if found else "nothing is saved"
    return f"the run in {out} stopped, {kept}; fix this, then resume with: jaxgan resume {out}"


@contextlib.contextmanager
def explaining_memory_errors(plan: Plan) -> Iterator[None]:
    """Explains what to do when memory runs out."""
    try:
        yield
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise ValueError(
            f"out of memory with --batch-size {plan.batch_size} and --accumulate "
            f"{plan.accumulate}: reduce the batch size, or increase --accumulate"
        ) from error


@contextlib.contextmanager
def explaining_process_errors() -> Iterator[None]:
    """Explains the loss of another process of the run."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if jax.process_count() == 1:
            raise
        reason = str(error).strip().splitlines()[0][:200]
        raise ConnectionError(f"another process of this run ended or is gone: {reason}") from error

"""The folder of a run, and the lock that keeps other processes from writing to it."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from jaxgan.parallel import processes

CHECKPOINTS = "checkpoints"
LOCK = ".lock"
HOLDER = ".holder.json"
UNFINISHED = ".config.part.json"  # left by an interrupted start


def free_folder(name: str) -> Path:
    """The first of runs/NAME, runs/NAME-2, ... that does not exist."""
    number = 1
    while (folder := Path("runs", name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return folder


@contextlib.contextmanager
def held_folder(out: Path) -> Iterator[None]:
    """Lock a folder for this run. A folder in which no run started is left as it was.

    The lock ends with the process. Of several processes of one run, only the writer takes it.

    Args:
      out: a new, empty or run folder; others are not touched.
    Raises:
      FileExistsError: if the folder contains something else, or another process has locked it.
    """
    if not processes.is_writer():
        yield
        return
    check_name(out)
    _check_ours(out)
    made = _made(out)
    lock = FileLock(out / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FileExistsError(f"{out} is in use by another run{_holder(out)}{_hint()}") from None
    try:
        _write_holder(out / HOLDER)
        yield
    finally:
        _give_back(out, lock, made)


def _write_holder(path: Path):
    try:
        path.write_text(json.dumps(_me()))
    except OSError as error:
        error.filename = error.filename or str(path)  # missing when the disk is full
        raise


def _give_back(out: Path, lock: FileLock, made: list[Path]):
    begun = (out / "config.json").exists()
    # Before the release: afterwards, the files may be those of another process. The lock file of a
    # run stays, since a process that has opened it must not lock a file that others cannot see.
    for name in (HOLDER,) if begun else (UNFINISHED, HOLDER, LOCK):
        with contextlib.suppress(OSError):
            (out / name).unlink(missing_ok=True)
    lock.release()
    if not begun:
        with contextlib.suppress(OSError):  # something has been put into it
            for folder in made or [out]:
                folder.rmdir()


def _made(out: Path) -> list[Path]:
    """Create a folder and its parents; returns those that were missing, the deepest first."""
    missing = [folder for folder in (out, *out.parents) if not os.path.exists(folder)]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        for folder in missing:
            with contextlib.suppress(OSError, ValueError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise
        raise ValueError(f"{str(out)!r} cannot be a folder: {error}") from error
    return missing


def check_name(out: Path):
    """Raise a ValueError unless checkpoints can be written to a folder of this name."""
    place = str(out.absolute())
    if place != place.encode("utf-8", "replace").decode():
        raise ValueError(
            f"--out must be a UTF-8 path, which checkpoints need, got {place!a}: give another "
            "folder"
        )


def check_new(out: Path):
    """Check that a new run can use a folder.

    Raises:
      FileExistsError: if the folder is not empty.
      ValueError: if its path is not UTF-8.
    """
    check_name(out)
    others = _others(out)
    if others:
        raise FileExistsError(f"{out} is not empty, it contains {min(others)}: give a new folder")


def _check_ours(out: Path):
    others = _others(out)
    if others and "config.json" not in others:
        raise FileExistsError(
            f"{out} is not a run folder, it contains {min(others)}: give a new folder"
        )


def _others(out: Path) -> set[str]:
    if not os.path.exists(out):  # unlike Path.exists, it accepts impossible names
        return set()
    if not out.is_dir():
        raise FileExistsError(f"{out} is a file: give a folder")
    return {path.name for path in out.iterdir()} - {LOCK, HOLDER, UNFINISHED}


def _me() -> dict:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"process": os.getpid(), "machine": platform.node(), "since": since}


def _holder(out: Path) -> str:
    try:
        holder = json.loads((out / HOLDER).read_text())
        return " (process {process} on {machine}, since {since})".format(**holder)
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _hint() -> str:
    if not processes.in_cluster():
        return ""
    return "; to train with all processes of a job, use --distributed"

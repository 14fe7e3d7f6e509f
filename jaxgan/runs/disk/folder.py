"""A run's folder: found, and held so that no other process writes to it."""

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
UNFINISHED = ".config.part.json"  # a start was cut short


def free_folder(name: str) -> Path:
    """The first of runs/NAME, runs/NAME-2, ... that is not there."""
    number = 1
    while (folder := Path("runs", name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return folder


@contextlib.contextmanager
def held_folder(out: Path) -> Iterator[None]:
    """Holds a folder for this run alone; it is given back if no run came to be in it.

    The system frees it when the process ends, however it ends. Of several processes of one run
    only the writer holds it.

    Args:
      out: new, empty, or a run's; other folders are not touched.
    Raises:
      FileExistsError: if there is something else in it, or another run holds it.
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
        raise FileExistsError(f"{out} is held by another run{_holder(out)}{_hint()}") from None
    try:
        _write_holder(out / HOLDER)
        yield
    finally:
        _give_back(out, lock, made)


def _write_holder(path: Path):
    try:
        path.write_text(json.dumps(_me()))
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say
        raise


def _give_back(out: Path, lock: FileLock, made: list[Path]):
    begun = (out / "config.json").exists()
    # Before it is free: another process may take it from then on, and its files are not ours. A
    # run's lock stays: one who opened it must not hold what others no longer see.
    for name in (HOLDER,) if begun else (UNFINISHED, HOLDER, LOCK):
        with contextlib.suppress(OSError):
            (out / name).unlink(missing_ok=True)
    lock.release()
    if not begun:
        with contextlib.suppress(OSError):  # somebody put something in
            for folder in made or [out]:
                folder.rmdir()


def _made(out: Path) -> list[Path]:
    """Makes a folder with those above it; gives those that were not there, the lowest first."""
    missing = [folder for folder in (out, *out.parents) if not os.path.exists(folder)]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        for folder in missing:
            with contextlib.suppress(OSError, ValueError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise
        raise ValueError(f"there can be no folder {str(out)!r}: {error}") from error
    return missing


def check_name(out: Path):
    """Raises a ValueError unless checkpoints can be written to a folder of this name."""
    place = str(out.absolute())
    if place != place.encode("utf-8", "replace").decode():
        raise ValueError(
            f"--out must lie at a path in UTF-8, as checkpoints do, got {place!a}: give another "
            "folder"
        )


def check_new(out: Path):
    """Raises a FileExistsError unless a folder is empty or missing.

    Raises a ValueError if its path is not UTF-8.
    """
    check_name(out)
    others = _others(out)
    if others:
        raise FileExistsError(f"{out} is not empty ({min(others)}, ...): give a new folder")


def _check_ours(out: Path):
    others = _others(out)
    if others and "config.json" not in others:
        raise FileExistsError(
            f"{out} holds other things than a run ({min(others)}, ...): give a new folder"
        )


def _others(out: Path) -> set[str]:
    if not os.path.exists(out):  # other than Path.exists, also if there can be no such name
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
    return "; processes of one job join each other with --distributed"

"""Atomic file writes: a file is written completely or not at all."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def append_text(path: Path, text: str):
    """Append lines, all of them or none; a line that an earlier crash cut off is ended first."""
    with path.open("a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            text = text if file.read(1) == b"\n" else "\n" + text
        remaining = memoryview(text.encode())
        try:
            while remaining:
                remaining = remaining[file.write(remaining) :]
        except OSError as error:
            error.filename = error.filename or str(path)  # unset when the disk is full
            file.truncate(end)
            raise


def holds_text(path: Path, text: str) -> bool:
    """Whether a file holds exactly this text."""
    return path.is_file() and path.read_bytes() == text.encode()


def check_replaceable(path: Path):
    """Check that a file can be written, before the work that fills it.

    Raises:
      OSError: if `replace_file` would fail: path is a folder, or its folder is not writable.
    """
    if os.path.isdir(path):  # unlike Path.is_dir, it accepts invalid names too
        raise IsADirectoryError(f"{path} is a folder: give a file name")
    folder = next(each for each in path.absolute().parents if os.path.exists(each))
    if not folder.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {folder} is a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{path} cannot be written: {folder} is read-only")


def replace_file(path: Path, write: Callable[[Path], Any]):
    """Write a temporary file in the same folder, then rename it to `path`.

    Args:
      path: file to create or replace; its folder is created if needed.
      write: writes the content to the temporary path that it receives.
    Raises:
      OSError: if writing fails; a file that existed before is then unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        error.filename = error.filename or str(path)  # unset when the disk is full
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_new_folder(path: Path):
    """Check that a folder can be made, before the work that fills it.

    Raises:
      OSError: if `new_folder` would fail: there is a file or a folder with files, or its folder is
        not writable.
    """
    if os.path.isdir(path) and os.access(path, os.R_OK) and not os.listdir(path):
        return
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists: give a new folder, or remove it")
    check_replaceable(path)


def new_folder(path: Path, write: Callable[[Path], Any]):
    """Fill a temporary folder beside `path`, then rename it.

    Args:
      path: a folder that does not exist or is empty; the one above is created if needed.
      write: writes the files into the temporary folder that it receives.
    Raises:
      OSError: if writing fails; then there is no folder.
    """
    temporary = path.with_name(f".{path.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed
    temporary.mkdir(parents=True)
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def save_figure(figure: "Figure", path: Path):
    """Save a figure as an image file, atomically."""
    replace_file(path, lambda temporary: figure.savefig(temporary, dpi=110))

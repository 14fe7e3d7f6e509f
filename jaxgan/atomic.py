"""Files that are written whole or not at all."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def append_text(path: Path, text: str):
    """Adds whole lines, or none of them; a line that a crash cut off before is ended."""
    with path.open("a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            text = text if file.read(1) == b"\n" else "\n" + text
        left = memoryview(text.encode())
        try:
            while left:
                left = left[file.write(left) :]
        except OSError as error:
            error.filename = error.filename or str(path)  # a full disk does not say
            file.truncate(end)
            raise


def holds_text(path: Path, text: str) -> bool:
    """Whether a file holds exactly this text."""
    return path.is_file() and path.read_bytes() == text.encode()


def check_replaceable(path: Path):
    """Raises an OSError if it is plain, before any work, that `replace_file` will fail."""
    if os.path.isdir(path):  # other than Path.is_dir, also if there can be no such name
        raise IsADirectoryError(f"{path} is a folder: give a file")
    folder = next(each for each in path.absolute().parents if os.path.exists(each))
    if not folder.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {folder} is a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{path} cannot be written: {folder} is read-only")


def replace_file(path: Path, write: Callable[[Path], Any]):
    """Writes beside the file and renames: it is whole, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        write(beside)
        os.replace(beside, path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say
        raise
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def save_figure(figure: "Figure", path: Path):
    """A figure as a picture, whole or not at all."""
    replace_file(path, lambda beside: figure.savefig(beside, dpi=110))

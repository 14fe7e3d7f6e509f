"""The console, which never ends a run: what cannot be shown is left out."""

import contextlib
import os
import sys
from pathlib import Path
from typing import IO, TextIO, cast

import typer
from rich.console import Console


class _Shown:
    """A text stream whose errors end nothing: its reader may go away, its disk may be full.

    Characters that its encoding lacks, and bytes of file names that are no text, are escaped.
    """

    def __init__(self, stream: TextIO | None):
        self._stream = stream  # None where the process was started without
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            if self._stream is not None:
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    escaped = text.encode(self.encoding, "backslashreplace")
                    self._stream.write(escaped.decode(self.encoding))
        return len(text)

    def flush(self):
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be none or no file
            return self._stream is not None and self._stream.isatty()
        return False


def make_console(stderr: bool = False, quiet: bool = False) -> Console:
    """A console on stdout or stderr, as they are now, whose errors end nothing."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=cast(IO[str], _Shown(stream)), quiet=quiet)


def hold_streams():
    """Puts the null device where a standard stream was closed at the start.

    Else the next file to be opened, such as a checkpoint, takes its number, and with it all that
    libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one


def let_go():
    """Gives up standard streams that cannot be written.

    The interpreter's own last flush would complain, and change the status of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):  # there may be no file behind it
                number = stream.fileno()
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        except ValueError:
            pass  # it is closed


def count(help_text: str, default: str = "the recipe's") -> typer.models.OptionInfo:
    """An option that is a positive number."""
    return typer.Option(min=1, help=help_text, show_default=default)


def at_home(path: Path | None) -> Path | None:
    """A path whose ~ is the home folder, also where no shell has put it there (--out='~/x')."""
    try:
        return None if path is None else path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from error


def say(console: Console, text: str):
    """Prints a line as it is, and whole: a path that is broken cannot be copied."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)

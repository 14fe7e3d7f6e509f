"""Console output whose errors never end a run: what cannot be shown is dropped."""

import contextlib
import os
import sys
from typing import IO, Any, TextIO, cast

import typer
from rich.console import Console


class _Shown:
    """A text stream that ignores errors, such as a closed pipe or a full disk.

    Characters that its encoding lacks, and undecodable bytes of file names, are escaped.
    """

    def __init__(self, stream: TextIO | None):
        self._stream = stream  # None if the process was started without one
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
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
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it may not be a file
            return self._stream is not None and self._stream.isatty()
        return False


def make_console(stderr: bool = False, quiet: bool = False) -> Console:
    """Make a console on the present stdout or stderr that ignores errors."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=cast(IO[str], _Shown(stream)), quiet=quiet, emoji=False)


def hold_streams():
    """Replace standard streams that were closed at the start by the null device.

    Otherwise the next file to be opened, such as a checkpoint, would take their number and receive
    everything that libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one


def let_go():
    """Drop standard streams that cannot be written.

    Otherwise the interpreter's last flush would fail and change the exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):  # it may not be a file
                number = stream.fileno()
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        except ValueError:
            pass  # the stream is closed


def count(help_text: str, default: str = "the recipe's") -> typer.models.OptionInfo:
    """Make an option that takes a positive integer."""
    return typer.Option(min=1, help=help_text, show_default=default)


def at_home(path: Any) -> Any:
    """Expand ~ in a path, or in each of several, for shells that do not (--out='~/x')."""
    if isinstance(path, list | tuple):
        return [at_home(each) for each in path]
    try:
        return None if path is None else path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from error


def say(console: Console, text: str):
    """Print a line unchanged and unwrapped, so that paths can be copied."""
    console.print(text, highlight=False, markup=False, emoji=False, soft_wrap=True)

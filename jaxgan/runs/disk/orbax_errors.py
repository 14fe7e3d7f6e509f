"""Errors of Orbax and TensorStore, in short."""

import functools
import logging
import re
import sys
from pathlib import Path

LONGEST_REASON = 300  # characters


def system_code(error: Exception) -> int | None:
    """The error code of the operating system, which TensorStore reports as text."""
    if code := re.search(r"os_error_code='(\d+)'", str(deepest(error))):
        return int(code[1])
    return getattr(deepest(error), "errno", None)


def reason(error: BaseException) -> str:
    """The cause of an error in one line: TensorStore lists its settings over pages."""
    error = deepest(error)
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."


def deepest(error: BaseException) -> BaseException:
    """The first cause of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@functools.cache
def ignore_late_answers():
    """Silence reads and writes that are pending when Orbax gives up because one file failed.

    Orbax has closed its event loop by then, and each late answer would print a traceback.
    """
    before = sys.unraisablehook

    def hook(unraisable):
        code = getattr(unraisable.object, "cr_code", None)
        is_coroutine_of_orbax = code is not None and "orbax" in Path(code.co_filename).parts
        if not is_coroutine_of_orbax and str(unraisable.exc_value) != "Event loop is closed":
            before(unraisable)

    sys.unraisablehook = hook
    logging.getLogger("asyncio").addFilter(lambda record: not _is_late(record.getMessage()))


def _is_late(message: str) -> bool:
    return "exception was never retrieved" in message and "orbax" in message

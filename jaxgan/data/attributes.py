"""Attributes: numbers that describe each sample, such as an angle or several binary properties.

Networks take them as conditions in place of class labels. Their values are used as they are.
"""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.checks import closest

LARGE = 10.0  # networks learn slowly from larger numbers
MAX_NAMES, FIRST_NAMES = 10, 4  # all names up to 10 attributes, otherwise the first 4


class Attributes(NamedTuple):
    """Numbers that describe each sample.

    Attributes:
      names: of all numbers; those of a column of several numbers are called pose[0], pose[1], ...
      rows: of all samples, float32 [N, numbers].
    """

    names: tuple[str, ...]
    rows: np.ndarray


def check_columns(wanted: Sequence[str], known: Sequence[str], where: str | Path):
    """Check that there are columns of these names, and each is named once.

    Args:
      wanted: their names, as given with --condition.
      known: names of the columns that there are.
      where: the file or folder that has them, for errors.
    Raises:
      ValueError: if not; it names the columns that there are.
    """
    for number, name in enumerate(wanted):
        if name not in known:
            there = ", ".join(known) or "none"
            raise ValueError(
                f"{where} has no column {name!r} of attributes.{closest(name, known)} "
                f"Columns: {there}"
            )
        if name in wanted[:number]:
            raise ValueError(f"condition names the column {name!r} twice")


def numbers(values: Any, column: str, record: Callable[[int], str]) -> np.ndarray:
    """A column of numbers as float32 [N, n], with n = 1 for single numbers.

    Args:
      values: one for each record: a number, a boolean, or a list of numbers; or an array [N] or
        [N, n] of them.
      column: the column and its file, for errors.
      record: names a record by its position, for errors.
    Raises:
      ValueError: if a value is missing, a text, non-finite, or a list of another length.
    """
    try:
        found = _finite(np.asarray(values))
    except ValueError:  # of lists that differ in length
        found = None
    if found is None:
        plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
        _name_wrong(plain, column, record)
    elif found.ndim in (1, 2) and found.size:
        return found.reshape(len(found), -1)
    raise ValueError(f"{column} must have one number or one list of numbers per sample")


def _name_wrong(values: list[Any], column: str, record: Callable[[int], str]):
    """Raises a ValueError that names the first value that is not like the first one, or wrong."""
    shape = (len(values[0]),) if isinstance(values[0], list) else ()
    wanted = f"{shape[0]} finite numbers" if shape else "a finite number"
    for number, value in enumerate(values):
        if not _has_numbers(value, shape):
            is_missing = value is None or (isinstance(value, str) and not value)
            got = "nothing" if is_missing else reprlib.repr(value)
            raise ValueError(
                f"{column} of {record(number)} must be {wanted}, got {got}: correct it, or leave "
                "that sample out"
            )


def _has_numbers(value: Any, shape: tuple[int, ...]) -> bool:
    try:
        array = np.asarray(value)
    except ValueError:
        return False
    return array.shape == shape and _finite(array) is not None


def _finite(values: np.ndarray) -> np.ndarray | None:
    """Numbers or booleans as float32; None if there is something else, or not finite."""
    if values.dtype.kind not in "biuf":
        return None
    with np.errstate(over="ignore"):  # of numbers that float32 cannot hold
        found = values.astype(np.float32)
    return found if np.isfinite(found).all() else None


def joined(columns: Mapping[str, np.ndarray]) -> Attributes:
    """Columns [N, n] beside each other."""
    names = [
        each
        for name, column in columns.items()
        for each in ([name] if column.shape[1] == 1 else _numbered(name, column.shape[1]))
    ]
    return Attributes(tuple(names), np.concatenate(list(columns.values()), axis=1))


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}[{number}]" for number in range(count)]


# --- In messages


def ranges(attributes: Attributes) -> str:
    """The attributes with their ranges, in words.

    >>> ranges(Attributes(("age", "smiling"), np.array([[0, 1], [97, -1]], np.float32)))
    'age 0..97, smiling -1..1'
    """
    low, high = attributes.rows.min(axis=0), attributes.rows.max(axis=0)
    each = [f"{name} {a:g}..{b:g}" for name, a, b in zip(attributes.names, low, high, strict=True)]
    return ", ".join(each if len(each) <= MAX_NAMES else (*each[:FIRST_NAMES], "…"))


def too_large(attributes: Attributes) -> str | None:
    """A warning about numbers too large to learn from; None if there are none."""
    largest = np.abs(attributes.rows).max(axis=0)
    names = [name for name, size in zip(attributes.names, largest, strict=True) if size > LARGE]
    if not names:
        return None
    shown = ", ".join(names if len(names) <= MAX_NAMES else (*names[:FIRST_NAMES], "…"))
    return (
        f"attributes reach {largest.max():g} in size ({shown}), and networks learn slowly from "
        f"numbers beyond {LARGE:g}: scale them, such as to 0..1"
    )

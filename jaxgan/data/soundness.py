"""Checks of arrays: errors for invalid samples, and warnings about suspicious ones."""

from typing import Any

import numpy as np

MAX_VALUES = 10**6  # checked by heuristics, so that calling fit often stays cheap
NOISE = 1e-11  # relative rounding noise in float64; columns that vary less are constant


# --- Errors


def plain_array(x: Any, named: str) -> np.ndarray:
    """Any array-like as a NumPy array without a mask.

    Args:
      x: the array-like.
      named: its name in messages.

    Raises:
      ValueError: if values are masked, or samples differ in shape.
    """
    try:
        masked = np.ma.asarray(x)  # also of a list of masked arrays
    except ValueError as error:
        raise ValueError(
            f"{named} is not an array: do all samples have the same shape? ({error})"
        ) from None
    count = int(masked.mask.sum()) if masked.dtype.names is None else 0
    if count:
        raise ValueError(
            f"{named} is masked at {count} of {masked.size} values: leave out these samples, or "
            "fill in values, such as x.filled(x.mean())"
        )
    return np.asarray(masked.data)


def check_layout(x: np.ndarray, name: str):
    """Raises a ValueError if images [N, H, W, C] have their axes in another order."""
    if x.ndim != 4 or x.shape[3] <= 4:
        return
    first, second, third, fourth = x.shape
    is_square = third == fourth
    if second <= 4 < third and (x.dtype == np.uint8 or second == 3 or is_square):
        raise ValueError(
            f"{name}: x of shape {x.shape} looks like images with channels first, but would mean "
            f"{second}x{third} pixels with {fourth} channels: pass [N, H, W, C], "
            "np.moveaxis(x, 1, -1)"
        )
    if first == second and third in (1, 3):
        raise ValueError(
            f"{name}: x of shape {x.shape} looks like images with samples last: pass "
            "[N, H, W, C], np.moveaxis(x, -1, 0)"
        )


def check_bytes(
    x: np.ndarray,
    name: str,
    advice: str = "pass x * 255, or x.astype(np.float32) to train on 0.0 and 1.0",
):
    """Raises a ValueError if a channel of uint8 samples [N, ..., C] holds 0 and 1 only."""
    for part in (x[:100], x):  # the first samples nearly always suffice
        highest = part.max(axis=tuple(range(part.ndim - 1))) if x.ndim > 2 else part.max()
        if not (highest == 1).any():
            return
    where = (
        "" if (highest == 1).all() else f" in {_listing('channel', np.flatnonzero(highest == 1))}"
    )
    raise ValueError(
        f"{name}: uint8 means 0..255, but x holds 0 and 1 only{where}, which would be almost "
        f"black: {advice}"
    )


def checked_floats(x: np.ndarray, named: str) -> np.ndarray:
    """Any floats [N, ...] as float32.

    Args:
      x: the floats.
      named: their name in messages.

    Raises:
      ValueError: if a value is non-finite (the error gives the first such sample), or if different
        values become equal in float32.
    """
    with np.errstate(over="ignore"):  # values that overflow in float32 are reported below
        made = x.astype(np.float32, copy=False)
    # A sample's sum is finite only if all its values are: one cheap pass finds the few suspects.
    with np.errstate(over="ignore", invalid="ignore"):
        suspects = np.flatnonzero(~np.isfinite(made.reshape(len(made), -1).sum(axis=1)))
    bad = [index for index in suspects if not np.isfinite(made[index]).all()]
    if bad:
        raise ValueError(
            f"{named}: sample {bad[0]} holds NaN or infinity (in float32); "
            f"{len(bad)} of {len(made)} samples do{_empty_columns(made)}"
        )
    if x.dtype.itemsize > 4:
        _check_precision(x, made, named)
    return made


def _empty_columns(x: np.ndarray) -> str:
    """A note on the columns of a table that hold no finite value."""
    if x.ndim != 2:
        return ""
    empty = np.flatnonzero(~np.isfinite(x).any(axis=0))
    return f"; no finite value in {_listing('column', empty)}" if len(empty) else ""


def _check_precision(x: np.ndarray, made: np.ndarray, named: str):
    """Raises a ValueError if a column loses its differences in float32."""
    width = x.shape[-1] if x.ndim > 1 else 1
    rows, rounded = (some_rows(array).reshape(-1, width) for array in (x, made))
    largest, std = np.abs(rows).max(axis=0), rows.std(axis=0)
    error = np.abs(rounded - rows).max(axis=0)
    lost = np.flatnonzero((error > 0.01 * std) & (std > NOISE * largest))
    if len(lost):
        column = lost[0]
        counts = [len(np.unique(array[:, column])) for array in (rows, rounded)]
        raise ValueError(
            f"{named}: float32 cannot hold the differences in {_listing('column', lost)}: "
            f"{counts[0]} values near {rows[:, column].mean():.7g} become {counts[1]}: standardise "
            "first, (x - x.mean(0)) / x.std(0)"
        )


def some_rows(x: np.ndarray) -> np.ndarray:
    """Evenly spaced samples: all of them, or as many as the heuristics need."""
    wanted = max(100, MAX_VALUES * len(x) // x.size)
    return x[:: -(-len(x) // wanted)]


# --- Warnings


def doubts(
    x: np.ndarray, labels: np.ndarray | None, low: float | None, high: float | None
) -> list[str]:
    """Warnings about suspicious training data, one text each.

    Args:
      x: samples [N, ...] as they are in the dataset.
      labels: labels int [N], not all -1, if the networks receive them; otherwise None.
      low: the lower end of the samples' range, or None.
      high: the upper end, or None.
    """
    rows = some_rows(x)
    found = [_layout(x.shape), None if labels is None else _absent_classes(labels)]
    if low is None or high is None:
        found.append(_scale(rows))
    else:
        found.append(_narrow(rows, low, high))
    return [text for text in found if text is not None]


def _layout(shape: tuple[int, ...]) -> str | None:
    """A warning about arrays that may have channels first."""
    if len(shape) in (3, 4) and shape[1] <= 4 and min(shape[2:]) > 16:
        wanted = "[N, H, W, C]" if len(shape) == 4 else "[N, length, channels]"
        return (
            f"samples of shape {shape[1:]} have {shape[-1]} channels: if channels come first, pass "
            f"{wanted}, np.moveaxis(x, 1, -1)"
        )
    return None


def _absent_classes(labels: np.ndarray) -> str | None:
    """A warning about class numbers that never occur."""
    present = np.unique(labels[labels >= 0])
    count = int(present[-1]) + 1
    missing = count - len(present)
    if not missing:
        return None
    absent = np.setdiff1d(np.arange(min(count, len(present) + 3)), present)
    verbs = "never occurs and stays" if missing == 1 else "never occur and stay"
    advice = "labels - 1" if absent[0] == 0 and missing == 1 else "np.unique, return_inverse=True"
    return (
        f"{_listing('class', absent, missing)} of {count} {verbs} untrained: unless intended, "
        f"number the classes from 0 without gaps ({advice})"
    )


def _narrow(rows: np.ndarray, low: float, high: float) -> str | None:
    """A warning about samples that use a small part of their range."""
    least, most = float(rows.min()), float(rows.max())
    if not 0 < most - least < (high - low) / 8:
        return None
    return (
        f"samples lie in {least:g}..{most:g}, a small part of their range {low:g}..{high:g}: "
        "rescale them to the whole range, or pass floats"
    )


def _scale(rows: np.ndarray) -> str | None:
    """A warning about floats that are far from unit scale."""
    if rows.ndim > 2:
        least, most = float(rows.min()), float(rows.max())
        if max(-least, most) <= 16:
            return None
        return (
            f"float samples are used as they are, and these lie in {least:.4g}..{most:.4g}, too "
            "far for networks: scale them to about -1..1, or pass images in 0..255 as uint8"
        )
    mean = rows.mean(axis=0, dtype=np.float64)
    std = rows.std(axis=0, dtype=np.float64)
    # a small std means nothing in sparse columns, such as the border of flattened digits
    at_minimum = (rows == rows.min(axis=0)).mean(axis=0)
    small = (std < 0.01) & (at_minimum <= 0.5)
    shifted = np.abs(mean) > 100 * np.where(at_minimum == 1, 1.0, np.maximum(std, 0.01))
    far = np.flatnonzero(small | (std > 100) | shifted)
    if not len(far):
        return None
    one = far[0]
    return (
        f"{_listing('column', far)} of {rows.shape[1]} {'is' if len(far) == 1 else 'are'} far from "
        f"unit scale (column {one} has mean {mean[one]:.3g} and standard deviation "
        f"{std[one]:.3g}), which networks hardly learn: standardise the columns, "
        "(x - x.mean(0)) / x.std(0)"
    )


def _listing(word: str, numbers: Any, count: int | None = None) -> str:
    """A short list, such as 'columns 0, 3, 4 and 12 more'."""
    count = len(numbers) if count is None else count
    shown = ", ".join(str(int(number)) for number in numbers[:3])
    plural = "es" if word == "class" else "s"
    return f"{word}{plural if count > 1 else ''} {shown}" + (
        f" and {count - 3} more" if count > 3 else ""
    )

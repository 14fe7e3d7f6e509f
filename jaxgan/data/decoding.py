"""Reads records, one by one with checks or all into one array."""

import warnings
from collections.abc import Mapping

import numpy as np

from jaxgan.data.dataset import Dataset
from jaxgan.data.domains import unpaired
from jaxgan.data.records import Records
from jaxgan.data.soundness import check_bytes

MESSAGES_SHOWN = 3


def read_sample(records: Records, number: int) -> tuple[np.ndarray, int | np.ndarray]:
    """One sample, checked against the records' shape, dtype and classes.

    Args:
      records: the records to read from.
      number: the number of the record.

    Returns:
      The sample [*shape] and its label, -1 for an unlabelled sample, or attributes float32 [n].

    Raises:
      ValueError: if the record cannot be read, has another shape, dtype or label, or has a
        non-finite value.
    """
    x, label = records.read(number)
    named = f"{records.name}: record {number}"
    if x.shape != records.shape or x.dtype != records.dtype:
        raise ValueError(
            f"{named} has shape {x.shape} and dtype {x.dtype}, "
            f"expected {records.shape} and {records.dtype}"
        )
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        raise ValueError(f"{named} holds NaN or infinity")
    if records.attributes is not None:
        return x, records.attributes.rows[number]
    label = -1 if label is None or records.num_classes is None else int(label)
    most = (records.num_classes or 0) - 1
    if not -1 <= label <= most:
        raise ValueError(f"{named} has label {label}, expected -1..{most}")
    return x, label


def check_fraction(max_bad_fraction: float) -> None:
    """Raises a ValueError unless the fraction lies in 0..1."""
    if not 0 <= max_bad_fraction <= 1:
        raise ValueError(f"max_bad_fraction must lie in 0..1, got {max_bad_fraction}")


def too_many_bad(count: int, size: int, max_bad_fraction: float) -> bool:
    """Whether bad records exceed the allowed fraction, or all records are bad."""
    return count > 0 and (count / size > max_bad_fraction or count >= size)


def reject_bad(
    name: str, size: int, bad: Mapping[int, str], max_bad_fraction: float, what: str = "records"
) -> None:
    """Raises a ValueError that shows the first bad records if there are too many."""
    count = len(bad)
    if not too_many_bad(count, size, max_bad_fraction):
        return
    messages = list(dict.fromkeys(bad.values()))
    shown = "".join(f"\n  {message}" for message in messages[:MESSAGES_SHOWN])
    more = (
        f"\n  and {len(messages) - MESSAGES_SHOWN} more" if len(messages) > MESSAGES_SHOWN else ""
    )
    raise ValueError(
        f"{name}: {count} of {size} {what} ({count / size:.2%}) so far "
        f"cannot be read, and max_bad_fraction={max_bad_fraction} is the limit:{shown}{more}"
    )


def decode(records: Records, max_bad_fraction: float = 0.01) -> Dataset:
    """All samples in one array in memory; records that cannot be read are left out.

    Args:
      records: the records to read.
      max_bad_fraction: the largest fraction of records that may be bad, 0..1; 0 allows none.

    Returns:
      Dataset in the order of the records, with labels int32 if they have classes, or attributes
      float32. Its `bad` holds a message for each record that was left out.

    Raises:
      ValueError: if more records are bad, or fewer than 2 are left. The error says how many are bad
        and shows the first ones.
    """
    check_fraction(max_bad_fraction)
    if records.sides:
        decoded = unpaired(*(decode(side, max_bad_fraction) for side in records.sides))
        assert isinstance(decoded, Dataset)  # as both sides are
        return decoded._replace(left_out=records.left_out)
    x = np.empty((records.size, *records.shape), records.dtype)
    labels = records.empty_conditions(records.size)
    bad: dict[int, str] = {}
    for number in range(records.size):  # threads do not help: image decoders hold the GIL
        try:
            x[number], labels[number] = read_sample(records, number)
        except ValueError as error:
            bad[number] = str(error)
            reject_bad(records.name, records.size, bad, max_bad_fraction)
    x, labels = _without(bad, x), _without(bad, labels)
    if len(x) < 2:
        raise ValueError(f"{records.name}: needs at least 2 samples, got {len(x)}")
    if x.dtype == np.uint8 and records.high == 255.0:
        check_bytes(x, records.name, "save the images with 255 instead of 1")
    condition = None if records.condition_width is None else labels
    if bad and records.class_names:
        _warn_of_empty_classes(records, labels)
    dataset = Dataset(x, condition, records.low, records.high, records.name, tuple(bad.values()))
    return dataset._replace(
        class_names=records.class_names,
        left_out=records.left_out,
        attribute_names=() if records.attributes is None else records.attributes.names,
    )


def _warn_of_empty_classes(records: Records, labels: np.ndarray) -> None:
    present = set(labels.tolist())
    names = enumerate(records.class_names or ())
    empty = [name for number, name in names if number not in present]
    if empty:
        warnings.warn(
            f"{records.name}: no readable sample of the classes {', '.join(empty)}", stacklevel=3
        )


def _without(bad: dict[int, str], rows: np.ndarray) -> np.ndarray:
    """The rows without the bad ones, moved up in place; a copy could double the memory."""
    if not bad:
        return rows
    kept = [number for number in range(min(bad), len(rows)) if number not in bad]
    for row, number in enumerate(kept, start=min(bad)):
        rows[row] = rows[number]
    return rows[: min(bad) + len(kept)]

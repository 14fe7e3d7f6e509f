"""Unpaired images of two domains, such as horses and zebras: each side has an order of its own."""

import functools
from collections.abc import Callable

import numpy as np

from jaxgan.data.dataset import Dataset
from jaxgan.data.records import Records, Sample

CHANNELS = (1, 3)


def unpaired(a: Dataset | Records, b: Dataset | Records) -> Dataset | Records:
    """Two data sets side by side along the channels, A first; training draws them independently.

    Sample i holds image i of each side; the shorter side starts again when it ends. Training does
    not use these pairs: every batch holds images of A in an order of A, and images of B in an order
    of B. Grey images beside colour images become RGB. Labels are left out.

    Args:
      a: images of the first domain.
      b: images of the second, of the same height, width and range; the number may differ.

    Returns:
      Samples [height, width, 2 or 6], a Dataset if both are in memory, otherwise Records.

    Raises:
      ValueError: if a side does not hold images, or they differ in size, range or dtype.
    """
    _check(a, b)
    channels = max(a.shape[-1], b.shape[-1])
    size, name = max(a.size, b.size), f"unpaired:{a.name},{b.name}"
    if isinstance(a, Dataset) and isinstance(b, Dataset):
        rows = [np.resize(np.arange(each.size), size) for each in (a, b)]
        x = np.concatenate(
            [_in_channels(each.x, channels)[own] for each, own in zip((a, b), rows, strict=True)],
            axis=-1,
        )
        both = Dataset(x, None, a.low, a.high, name, (*a.bad, *b.bad))
        return both._replace(left_out=(*a.left_out, *b.left_out), sides=(a.size, b.size))
    sides = tuple(_as_records(each, channels) for each in (a, b))
    shape = (*a.shape[:2], 2 * channels)
    read = functools.partial(_read_both, tuple((side.read, side.size) for side in sides))
    found = Records(read, size, shape, sides[0].dtype, None, a.low, a.high, name)
    return found._replace(left_out=(*a.left_out, *b.left_out), sides=sides)


def _check(a: Dataset | Records, b: Dataset | Records):
    for each in (a, b):
        if len(each.shape) != 3 or each.shape[-1] not in CHANNELS:
            raise ValueError(
                f"unpaired data are images of two domains, grey or RGB; {each.name} has samples of "
                f"shape {each.shape}"
            )
    if a.shape[:2] != b.shape[:2]:
        raise ValueError(
            f"both sides of unpaired data must have one size: {a.name} has {_sides(a)}, {b.name} "
            f"has {_sides(b)} (height x width); give both a size, such as "
            "unpaired:folder:A@64,folder:B@64"
        )
    ranges = [(each.low, each.high, _dtype(each)) for each in (a, b)]
    if ranges[0] != ranges[1]:
        shown = [f"{low}..{high} ({dtype})" for low, high, dtype in ranges]
        raise ValueError(
            f"both sides of unpaired data must have one range and dtype: {a.name} has {shown[0]}, "
            f"{b.name} has {shown[1]}; save both as uint8 images"
        )


def _sides(data: Dataset | Records) -> str:
    return f"{data.shape[0]}x{data.shape[1]}"


def _dtype(data: Dataset | Records) -> np.dtype:
    return data.x.dtype if isinstance(data, Dataset) else data.dtype


def _in_channels(x: np.ndarray, channels: int) -> np.ndarray:
    """Images with a grey channel repeated where there are to be three."""
    return np.broadcast_to(x, (*x.shape[:-1], channels))


# --- Records: functions of modules, which worker processes can be handed


def _as_records(data: Dataset | Records, channels: int) -> Records:
    """One side, without its labels and with the given number of channels."""
    if isinstance(data, Dataset):
        read: Callable[[int], Sample] = functools.partial(_read_row, data.x, channels)
        dtype = data.x.dtype
    else:
        read, dtype = functools.partial(_read_image, data.read, channels), data.dtype
    shape = (*data.shape[:2], channels)
    return Records(read, data.size, shape, dtype, None, data.low, data.high, data.name)


def _read_row(x: np.ndarray, channels: int, number: int) -> Sample:
    return _in_channels(x[number], channels), None


def _read_image(read: Callable[[int], Sample], channels: int, number: int) -> Sample:
    return _in_channels(read(number)[0], channels), None


def _read_both(sides: tuple[tuple[Callable[[int], Sample], int], ...], number: int) -> Sample:
    return np.concatenate([read(number % size)[0] for read, size in sides], axis=-1), None

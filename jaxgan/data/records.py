"""Samples that are read one by one, for data sets that need not fit in memory."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Sample = tuple[np.ndarray, int | None]


class Records(NamedTuple):
    """Samples [*shape] to be read by number, in their own range, with labels or without.

    `read(number)` gives a sample and its label (None if the set has none) for numbers from 0 to
    size - 1. It raises a ValueError that names the file or record that cannot be read, and can be
    pickled, since worker processes call it. `class_names` holds the name of each class, in order.
    `left_out` counts what was found and not taken, such as "4 .txt". The other fields mean what
    they do in `Dataset`.
    """

    read: Callable[[int], Sample]
    size: int
    shape: tuple[int, ...]
    dtype: np.dtype
    num_classes: int | None
    low: float | None
    high: float | None
    name: str
    class_names: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()

    @property
    def num_bytes(self) -> int:
        """Size in memory once all samples are decoded."""
        return self.size * math.prod(self.shape) * self.dtype.itemsize

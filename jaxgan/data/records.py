"""Samples that are read one by one, for datasets that may not fit in memory."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.attributes import Attributes

Sample = tuple[np.ndarray, int | None]


class Records(NamedTuple):
    """Samples to be read by number, with or without labels or attributes.

    Attributes:
      read: maps a number in 0..size - 1 to a sample and its label, which is None for unlabelled
        data. Raises a ValueError that names a file or record that cannot be read. Must be
        picklable, because worker processes call it.
      size: the number of samples.
      shape: the shape of one sample.
      dtype: the dtype of samples, uint8 or float32.
      num_classes: the number of classes; None without labels.
      low: the lower end of the data's range, or None for unbounded data.
      high: the upper end of the range, or None.
      name: the name in messages and reports.
      class_names: the name of each class, in order, or None.
      left_out: counts of the files that were skipped, such as "4 .txt".
      sides: the `Records` of equal parts of the channels that are drawn independently of each
        other, see `jaxgan.data.unpaired`; empty for samples that are drawn as they are.
      attributes: numbers that describe each sample, in place of labels; or None.
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
    sides: tuple[Any, ...] = ()  # of `Records`: a field cannot name its own class
    attributes: Attributes | None = None

    @property
    def num_bytes(self) -> int:
        """The size in memory of all decoded samples."""
        return self.size * math.prod(self.shape) * self.dtype.itemsize

    @property
    def condition_width(self) -> int | None:
        """The number of attributes or of classes, `num_classes` of networks; None without them."""
        return self.num_classes if self.attributes is None else len(self.attributes.names)

    def empty_conditions(self, num: int) -> np.ndarray:
        """An array for the conditions of some samples: int32 [num], or float32 [num, n]."""
        if self.attributes is None:
            return np.empty(num, np.int32)
        return np.empty((num, len(self.attributes.names)), np.float32)


def image_records(
    read: Callable[[int], Sample],
    size: int,
    shape: tuple[int, ...],
    name: str,
    class_names: tuple[str, ...] | None = None,
    left_out: tuple[str, ...] = (),
) -> Records:
    """Records of images, uint8 in 0..255; the arguments are attributes of `Records`."""
    return Records(
        read,
        size=size,
        shape=shape,
        dtype=np.dtype(np.uint8),
        num_classes=None if class_names is None else len(class_names),
        low=0.0,
        high=255.0,
        name=name,
        class_names=class_names,
        left_out=left_out,
    )

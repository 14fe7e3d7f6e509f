"""A data set is one array in memory with the range its values live in, and maybe labels."""

from typing import Any, NamedTuple, TypeVar

import numpy as np

from jaxgan.types import Array, Range

AnyArray = TypeVar("AnyArray", np.ndarray, Array)


class Dataset(NamedTuple):
    """Samples x [N, ...] (uint8 or float32) in their own range, labels int32 [N] or None.

    A label is a class, 0 or more, or -1 for a sample that has none.
    `low` and `high` bound the data by nature (0..16 for digits, 0..255 for uint8 images); both are
    None where nothing does, and then the values are used as they are. `bad` says which records
    could not be read and were left out. `class_names` and `left_out` mean what they do in
    `jaxgan.data.Records`.
    """

    x: np.ndarray
    condition: np.ndarray | None
    low: float | None
    high: float | None
    name: str
    bad: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many samples there are."""
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.x.shape[1:]

    @property
    def num_classes(self) -> int | None:
        """The largest label and one; None without labels."""
        if self.condition is None or self.condition.max() < 0:
            return None
        return int(self.condition.max()) + 1


def scale(x: AnyArray, source_range: Range, target_range: Range) -> AnyArray:
    """The affine map that takes the ends of one range to the ends of another.

    Args:
      x: any real array of NumPy or JAX, traced ones too; values outside the range are not clipped.
      source_range: (low, high) that x lives in.
      target_range: (low, high) to map them to.

    Returns:
      float32 of the same shape and kind.

    Raises:
      ValueError: if the source range is empty.

    >>> scale(np.array([0, 51, 255], np.uint8), (0, 255), (-1, 1)).tolist()
    [-1.0, -0.6000000238418579, 1.0]
    """
    low, high = source_range
    if not low < high:
        raise ValueError(f"source_range must be (low, high) with low < high, got {source_range}")
    # y = (x - centre) factor + middle: about the centre, rounding never leaves a symmetric target,
    # and NumPy and XLA (which would merge a division into the product) give the same bits there
    start, stop = target_range
    centre, middle = np.float32((low + high) / 2), np.float32((start + stop) / 2)
    factor = np.float32((stop - start) / (high - low))
    return (x.astype(np.float32) - centre) * factor + middle


def to_model_range(
    x: AnyArray, low: float | None, high: float | None, model_range: Range | None
) -> AnyArray:
    """Bring samples from the data's own range [low, high] into the range the networks work in.

    Args:
      x: samples [batch, ...], uint8 or float32, NumPy or JAX.
      low: the data's own lower end, or None for unbounded data.
      high: the upper end, or None.
      model_range: the generator's output range, (-1, 1) for tanh; None leaves values as they are.

    Returns:
      float32 [batch, ...]; the same values if there is no range on either side.
    """
    if low is None or high is None or model_range is None:
        return x.astype(np.float32)
    return scale(x, (low, high), model_range)


def to_own_range(
    x: AnyArray, low: float | None, high: float | None, model_range: Range | None
) -> AnyArray:
    """Bring samples of a generator back into the data's own range: undo `to_model_range`.

    Returns:
      float32 [batch, ...], neither rounded nor clipped.
    """
    if low is None or high is None or model_range is None:
        return x.astype(np.float32)
    return scale(x, model_range, (low, high))


def from_arrays(x: Any, condition: Any = None, name: str = "arrays") -> Dataset:
    """A data set of arrays you already have.

    Args:
      x: samples [N, ...] with N >= 2. uint8 is taken as images in 0..255, and [N, H, W] becomes
        [N, H, W, 1]; floats become float32 and are used as they are.
      condition: integer labels [N], each 0 or more, or -1 for an unlabelled sample; or None.
      name: what errors and reports call it.

    Raises:
      ValueError: if there are too few samples, axes or values, if the dtype is no good, if a
        float is not finite (the error gives the index of the first bad sample), or if labels do
        not match.

    >>> images = from_arrays(np.zeros((5, 8, 8), np.uint8), condition=[0, 1, 2, 1, 0])
    >>> images.x.shape, images.low, images.high
    ((5, 8, 8, 1), 0.0, 255.0)
    """
    x = np.asarray(x)
    if x.ndim < 2:
        raise ValueError(f"{name}: x must be [N, ...] of rank 2 or more, got shape {x.shape}")
    if len(x) < 2:
        raise ValueError(f"{name}: needs at least 2 samples, got {len(x)}")
    if x.size == 0:
        raise ValueError(f"{name}: samples are empty, x has shape {x.shape}")
    labels = None if condition is None else _checked_labels(condition, len(x), name)
    if x.dtype == np.uint8:
        x = x[..., None] if x.ndim == 3 else x
        return Dataset(x, labels, 0.0, 255.0, name)
    return Dataset(_checked_floats(x, name), labels, None, None, name)


def _checked_floats(x: np.ndarray, name: str) -> np.ndarray:
    if x.dtype not in (np.float16, np.float32, np.float64):
        raise ValueError(
            f"{name}: x has dtype {x.dtype}; give uint8 (images, 0..255) or float32 "
            "(float16 and float64 are converted)"
        )
    with np.errstate(over="ignore"):  # what overflows in float32 is reported as not finite below
        x = x.astype(np.float32, copy=False)
    # a sample's sum is finite only if the sample is: one cheap pass, and the rare rest looked at
    with np.errstate(over="ignore", invalid="ignore"):
        suspects = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1).sum(axis=1)))
    for index in suspects:
        if not np.isfinite(x[index]).all():
            raise ValueError(f"{name}: sample {index} holds NaN or infinity (in float32)")
    return x


def _checked_labels(condition: Any, size: int, name: str) -> np.ndarray:
    labels = np.asarray(condition)
    if labels.shape != (size,):
        raise ValueError(
            f"{name}: condition must hold one label a sample, shape ({size},), got {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"{name}: condition must hold integer labels, got dtype {labels.dtype}")
    if labels.min() < -1 or labels.max() > np.iinfo(np.int32).max:
        raise ValueError(
            f"{name}: labels must be int32 and 0 or more, or -1 for unlabelled, "
            f"got {labels.min()}..{labels.max()}"
        )
    return labels.astype(np.int32)

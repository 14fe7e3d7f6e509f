"""The picture that suits the samples: images, waveforms, points in the plane."""

from collections.abc import Sequence

import numpy as np

from jaxgan.plots.grids import is_image, is_waveform, sample_grid, waveform_grid
from jaxgan.plots.points import scatter_over_density
from jaxgan.plots.rendering import rendered

_MOST = 1024  # samples of classes in a picture: 8 of each of 128, or one of each of 1,024
_ROWS = 128


def has_picture(shape: Sequence[int]) -> bool:
    """Whether samples of this shape can be shown: images, waveforms, points in the plane."""
    return is_image(shape) or is_waveform(shape) or tuple(shape) == (2,)


def picture(
    samples: np.ndarray,
    low: float | None,
    high: float | None,
    real: np.ndarray | None = None,
    num_classes: int | None = None,
) -> np.ndarray | None:
    """A grid of images or waveforms, or points in the plane.

    Args:
      samples: [n, ...] in the data's own range.
      low: its lower end; None for the samples' own.
      high: its upper end; None for the samples' own.
      real: real points [m, 2], shown as a density.
      num_classes: if given, samples are those of `class_rows`, for as many classes as there are
        samples. One class per row, or a square grid in their order where they are more than 128.
    Returns:
      uint8 [height, width, 3]; None if such samples have no picture.
    """
    shape = samples.shape[1:]
    if not has_picture(shape):
        return None
    num_classes = None if num_classes is None else min(num_classes, len(samples))
    if shape == (2,):
        labels = None if num_classes is None else class_rows(len(samples), num_classes)
        return rendered(scatter_over_density(samples, real, labels))
    low = float(samples.min()) if low is None else low
    high = float(samples.max()) + 1e-6 if high is None else high
    columns, names = None, None
    if num_classes is not None and num_classes <= _ROWS:
        columns, names = len(samples) // num_classes, [str(c) for c in range(num_classes)]
    if is_image(shape):
        return sample_grid(samples, low, high, columns, names)
    return rendered(waveform_grid(samples, low, high, columns, names))


def num_pictured(
    shape: Sequence[int], num_classes: int | None = None, in_threes: bool = False
) -> int:
    """How many samples a picture shows if nothing else is asked for; as many of each class.

    Of more than 128 classes there are fewer than 8 each, and of more than 1,024 the first ones.
    """
    points = tuple(shape) == (2,)
    if num_classes is None:
        return 24 if in_threes else 2000 if points else 64
    shown = min(num_classes, _MOST)
    wanted, most = (2, _MOST) if in_threes else (2000, 2000) if points else (8, _MOST)
    return shown * min(wanted, most // shown)


def class_rows(num: int, num_classes: int) -> np.ndarray:
    """Labels int32 [num], so that a grid of num samples has one class a row.

    Raises:
      ValueError: if the classes do not get equally many.
    """
    if num % num_classes:
        raise ValueError(f"num={num} is not a multiple of the {num_classes} classes")
    return np.repeat(np.arange(num_classes, dtype=np.int32), num // num_classes)

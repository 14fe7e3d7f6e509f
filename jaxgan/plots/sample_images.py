"""One image of many samples: a grid of images or waveforms, or points in the plane."""

from collections.abc import Sequence

import numpy as np

from jaxgan.plots.grids import is_image, is_waveform, sample_grid, waveform_grid
from jaxgan.plots.points import scatter_over_density
from jaxgan.plots.rendering import rendered

_MAX_SAMPLES = 1024  # of a grid with classes: 8 per class for 128 classes, 1 for 1,024
_MAX_ROWS = 128
_MAX_NAME = 16  # characters


def is_plottable(shape: Sequence[int]) -> bool:
    """Whether samples of this shape can be shown: images, waveforms or points in the plane."""
    return is_image(shape) or is_waveform(shape) or tuple(shape) == (2,)


def sample_image(
    samples: np.ndarray,
    low: float | None,
    high: float | None,
    real: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    columns: int | None = None,
) -> np.ndarray | None:
    """Samples as one image: a grid of images or waveforms, or a scatter plot of points.

    Args:
      samples: [n, ...] in the data's own range.
      low: the lower end of that range; None for the samples' minimum.
      high: the upper end of that range; None for the samples' maximum.
      real: real points [m, 2], shown as a density.
      classes: the names of all classes, if the samples are ordered as `class_rows` has them. A grid
        then shows one class per row, with its name, or its number where the name is long or not
        ASCII; with more than 128 classes it is a square grid in the same order.
      columns: samples per row of a grid; the number per class or a square grid if not given.
    Returns:
      uint8 [height, width, 3]; None if samples of this shape cannot be shown, see `is_plottable`.
    """
    shape = samples.shape[1:]
    if not is_plottable(shape):
        return None
    classes = None if classes is None else classes[: len(samples)]
    if shape == (2,):
        labels = None if classes is None else class_rows(len(samples), len(classes))
        return rendered(scatter_over_density(samples, real, labels))
    low = float(samples.min()) if low is None else low
    high = float(samples.max()) + 1e-6 if high is None else high
    texts = None
    if classes is not None and len(classes) <= _MAX_ROWS and columns is None:
        columns, texts = len(samples) // len(classes), _row_texts(classes)
    if is_image(shape):
        return sample_grid(samples, low, high, columns, texts)
    return rendered(waveform_grid(samples, low, high, columns, texts))


def _row_texts(names: Sequence[str]) -> list[str]:
    """Names that fit into a margin and that its font has, numbers in place of others."""
    fit = (name.isascii() and name.isprintable() and 0 < len(name) <= _MAX_NAME for name in names)
    return [name if fits else str(i) for i, (name, fits) in enumerate(zip(names, fit, strict=True))]


def num_plotted(
    shape: Sequence[int], num_classes: int | None = None, in_threes: bool = False
) -> int:
    """The default number of samples that `sample_image` shows, the same number for each class.

    Args:
      shape: the shape of one sample.
      num_classes: the number of classes; None for unconditional samples.
      in_threes: whether each sample stands beside its input and its target.
    Returns:
      A number of samples. There are 8 images per class up to 128 classes and fewer beyond; of more
      than 1,024 classes only the first 1,024 are shown.
    """
    points = tuple(shape) == (2,)
    if num_classes is None:
        return 24 if in_threes else 2000 if points else 64
    shown = min(num_classes, _MAX_SAMPLES)
    wanted, most = (2, _MAX_SAMPLES) if in_threes else (2000, 2000) if points else (8, _MAX_SAMPLES)
    return shown * min(wanted, most // shown)


def class_rows(num: int, num_classes: int) -> np.ndarray:
    """Labels int32 [num] for a grid of num samples with one class per row.

    Raises:
      ValueError: if num is not a multiple of num_classes.
    """
    if num % num_classes:
        raise ValueError(f"num must be a multiple of the {num_classes} classes, got {num}")
    return np.repeat(np.arange(num_classes, dtype=np.int32), num // num_classes)

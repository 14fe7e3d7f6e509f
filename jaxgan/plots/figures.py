"""Grids of images as figures, to stand among others."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from jaxgan.plots.grids import sample_grid
from jaxgan.plots.style import WIDTH


def samples(
    images: np.ndarray,
    low: float,
    high: float,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """The `sample_grid` of images as a figure.

    Args:
      images: [n, height, width, 1 or 3].
      low: the value shown black.
      high: the value shown white.
      columns: images a row; a square grid if not given.
      row_labels: what to write on the left of each row.
      title: of the figure.
    Raises:
      ValueError: as `sample_grid`.
    """
    grid = sample_grid(images, low, high, columns, row_labels)
    height, width = grid.shape[:2]
    size = min(WIDTH, WIDTH * width / height)
    figure = Figure(figsize=(size, size * height / width + 0.3), layout="constrained")
    axes = figure.subplots()
    axes.imshow(grid, interpolation="none" if max(height, width) < 700 else "antialiased")
    axes.set_axis_off()
    if title is not None:
        axes.set_title(title, fontsize=10)
    return figure


def interpolation_strip(
    images: np.ndarray, low: float, high: float, row_labels: Sequence[str] | None = None
) -> Figure:
    """Images on the way from one latent to another, one way a row.

    Args:
      images: [rows, steps, height, width, 1 or 3], the two ends included.
      low: the value shown black.
      high: the value shown white.
      row_labels: what to write on the left of each row.
    Raises:
      ValueError: if the images have another rank, or there is not one label a row.
    """
    images = np.asarray(images)
    if images.ndim != 5:
        raise ValueError(
            "images must be [rows, steps, height, width, 1 or 3], the steps of each way in a row, "
            f"got shape {images.shape}"
        )
    steps = images.shape[1]
    flat = images.reshape(-1, *images.shape[2:])
    title = "from one latent (left) to another (right)"
    return samples(flat, low, high, steps, row_labels, title)

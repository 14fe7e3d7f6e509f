"""The common style of all figures: colours, line styles and panels."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"
PALETTE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
LINE_COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # no yellow
DASHES = ("-", "--", "-.", ":", (0, (6, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

# In every figure of a discriminator, blue means real and orange means generated.
FAKE_TO_REAL = LinearSegmentedColormap.from_list("fake_to_real", ["#EFA06A", "#FFFFFF", "#7FB8DC"])

WIDTH = 6.8  # inches: text stays legible at half a page
SMALL = 8  # points


def line_style(index: int) -> dict:
    """Colour, dashes and width of one of several lines; earlier lines are wider, to show below."""
    index %= len(LINE_COLOURS)
    return {
        "color": LINE_COLOURS[index],
        "linestyle": DASHES[index],
        "linewidth": 2.6 - 0.2 * index,
    }


def panels(
    titles: Sequence[str], columns: int | None = None, height: float = 2.7, equal: bool = False
) -> tuple[Figure, list]:
    """A figure with one panel per title, in rows of at most three (four panels: two by two).

    Args:
      titles: one per panel; may be empty.
      columns: panels per row; chosen by their number if not given.
      height: height in inches of a row of three panels; rows of fewer planes are taller.
      equal: whether the panels are planes, with the same scale on both axes.
    Returns:
      The figure and its axes, in the order of the titles.
    Raises:
      ValueError: if there are no titles.
    """
    count = len(titles)
    if not count:
        raise ValueError("nothing to draw: pass at least one entry")
    columns = columns or (2 if count == 4 else min(count, 3))
    rows = math.ceil(count / columns)
    width = WIDTH if columns > 1 else 4.6
    if equal:
        height += 0.5 * (3 - columns)
    figure = Figure(figsize=(width, height * rows), dpi=90, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.remove()
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(title, fontsize=10 if columns < 3 else 9)
        axes.tick_params(labelsize=SMALL)
        if equal:
            axes.set_aspect("equal")
    return figure, list(grid[:count])


def name_axes(axes, x: str, y: str, grid: bool = True):
    """Labels both axes, in the font size of all figures."""
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    if grid:
        axes.grid(alpha=0.25)


def name_planes(axes: Sequence, x: str, y: str):
    """Labels the axes of equal planes; vertical axes only at the left end of each row."""
    for panel in axes:
        name_axes(panel, x, y if panel.get_subplotspec().is_first_col() else "", grid=False)


def legend_below(figure: Figure, axes, columns: int = 4):
    """Draws one legend below all panels, with the labels of one of them."""
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        columns = min(columns, len(labels))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=SMALL)


def limits_of(arrays: Iterable[np.ndarray], margin: float = 0.1) -> tuple[tuple, tuple]:
    """Limits (x, y) of a square that holds all points [n, 2] of all arrays, with a margin."""
    points = np.concatenate([np.asarray(array, float).reshape(-1, 2) for array in arrays])
    low, high = points.min(axis=0), points.max(axis=0)
    middle, reach = (low + high) / 2, (0.5 + margin) * max(float((high - low).max()), 1e-6)
    x, y = ((float(m - reach), float(m + reach)) for m in middle)
    return x, y

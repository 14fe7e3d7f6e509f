"""Phase diagrams: a score over two numbers of a setting."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from jaxgan.plots.style import SMALL, WIDTH, name_axes

_MOST_TICKS = 9


def phase(table: Mapping[str, np.ndarray], x: str, y: str, value: str) -> Figure:
    """A phase diagram: the mean of a score over two numbers of a setting.

    A cross marks settings with non-finite members: large if all of them are, in a grey cell, and
    small if some are. An axis is logarithmic if its values are positive and span a factor above 3.

    Args:
      table: columns [members], such as the table of a `jaxgan.population.Population`. Means are
        taken over all members of a cell, whatever their other numbers.
      x: the column of the horizontal axis.
      y: the column of the vertical axis.
      value: the column to show; NaN for non-finite members.
    Raises:
      ValueError: if there is no such column, or no value is finite.
    """
    for name in (x, y, value):
        if name not in table:
            raise ValueError(f"there is no column {name!r}; known: {', '.join(table)}")
    columns, across = np.unique(np.asarray(table[x], float), return_inverse=True)
    rows, up = np.unique(np.asarray(table[y], float), return_inverse=True)
    means, lost = _cells(np.asarray(table[value], float), (up, across), (len(rows), len(columns)))
    if not np.isfinite(means).any():
        raise ValueError(f"no value of {value!r} is finite: there is nothing to draw")
    figure = Figure(figsize=(WIDTH, 4.6), dpi=90, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("#CCCCCC")  # of cells without a finite member
    edges = _edges(columns), _edges(rows)
    mesh = axes.pcolormesh(*edges, means, cmap="viridis", edgecolors="white", linewidth=0.5)
    bar = figure.colorbar(mesh, ax=axes)
    bar.set_label(f"{_words(value)}, mean over members", fontsize=9)
    bar.ax.tick_params(labelsize=SMALL)
    _set_axis(axes.set_xscale, axes.xaxis, columns)
    _set_axis(axes.set_yscale, axes.yaxis, rows)
    _mark(axes, columns, rows, lost)
    name_axes(axes, _words(x), _words(y), grid=False)
    axes.tick_params(labelsize=SMALL)
    return figure


def _cells(
    values: np.ndarray, places: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Means of the finite values of each cell, and the fraction that is non-finite."""
    finite = np.isfinite(values)
    counts, good, sums = (np.zeros(shape) for _ in range(3))
    np.add.at(counts, places, 1.0)
    np.add.at(good, places, finite)
    np.add.at(sums, places, np.where(finite, values, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(good > 0, sums / good, np.nan), np.where(counts, 1 - good / counts, 0.0)


def _is_log(values: np.ndarray) -> bool:
    return bool(values[0] > 0 and values[-1] > 3 * values[0])


def _edges(values: np.ndarray) -> np.ndarray:
    """Ends of the cells [values + 1], halfway between values on their axis."""
    points = np.log(values) if _is_log(values) else values
    if len(points) == 1:
        ends = points[0] + np.array([-0.5, 0.5])
    else:
        middles = (points[1:] + points[:-1]) / 2
        ends = np.concatenate(
            [[2 * points[0] - middles[0]], middles, [2 * points[-1] - middles[-1]]]
        )
    return np.exp(ends) if _is_log(values) else ends


def _set_axis(set_scale, axis, values: np.ndarray):
    """The scale of an axis, with a tick at values of the grid."""
    set_scale("log" if _is_log(values) else "linear")
    shown = values[:: -(-len(values) // _MOST_TICKS)]
    axis.set_major_locator(FixedLocator(shown.tolist()))
    axis.set_major_formatter(FixedFormatter([f"{value:.3g}" for value in shown]))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def _mark(axes, columns: np.ndarray, rows: np.ndarray, lost: np.ndarray):
    """Crosses on the cells with non-finite members, and what they mean."""
    kinds = {
        "all members non-finite": (lost == 1, 60),
        "some members non-finite": ((lost > 0) & (lost < 1), 18),
    }
    for label, (where, size) in kinds.items():
        up, across = np.nonzero(where)
        if len(up):
            style = {"marker": "x", "color": "#D55E00", "linewidths": 1.5}
            axes.scatter(columns[across], rows[up], s=size, label=label, **style)
    if (lost > 0).any():
        axes.figure.legend(loc="outside lower center", ncols=2, fontsize=SMALL)


def _words(name: str) -> str:
    return name.replace("_", " ")

"""The slopes of the curves of `scaling.py`, their tables and their figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from machine import is_quiet
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, StrMethodFormatter
from scaling_curves import CURVES, Curve

from jaxgan.plots.style import BLUE, GREEN, ORANGE, SMALL, name_axes, panels

Row = dict[str, Any]

BYTES = {"mib": 2**20, "kib": 2**10}
LINES = {
    "ms": ("time", "ms", BLUE, "o"),
    "memory_mib": ("memory", "MiB", ORANGE, "s"),
    "first_s": ("time until the first batch or row", "s", GREEN, "^"),
}
"""What the figure shows of each curve."""


# --- Slopes


def power(n: Sequence[float], costs: Sequence[float]) -> float | None:
    """The exponent p of costs ~ n^p by least squares; None without two sizes of positive costs.

    >>> power([1, 2, 4], [3.0, 12.0, 48.0])
    2.0
    """
    return _slope([(np.log(a), np.log(b)) for a, b in zip(n, costs, strict=True) if b > 0])


def rate(n: Sequence[float], costs: Sequence[float]) -> float | None:
    """The growth of costs by each of n by least squares; None without two sizes.

    >>> rate([1, 2, 4], [13.0, 16.0, 22.0])
    3.0
    """
    return _slope(list(zip(n, costs, strict=True)))


def _slope(points: list[tuple[float, float]]) -> float | None:
    if len({x for x, _ in points}) < 2:
        return None
    x, y = np.asarray(points, float).T
    x = x - x.mean()
    return round(float(x @ (y - y.mean()) / (x @ x)), 12)


# --- Tables


def table(name: str, rows: list[Row]) -> str:
    """The points of a curve as Markdown, with the slope of each cost."""
    curve = CURVES[name]
    names = [each for each in curve.columns if any(each in row for row in rows)]
    found = [row for row in rows if "failed" not in row]
    n = [row["n"] for row in found]
    costs = {each: [row[each] for row in found] for each in names}
    lines = [_line([curve.axis, *(curve.columns[each] for each in names)])]
    lines.append(f"|{'---:|' * (len(names) + 1)}")
    lines += [_line(_cells(row, names)) for row in rows]
    lines.append(_line(["power of n", *(_number(power(n, costs[each]), "z.2f") for each in names)]))
    if curve.unit:
        sizes = [_number(_bytes(each, n, costs[each]), ",.4g") for each in names]
        lines.append(_line([f"bytes per {curve.unit}", *sizes]))
    return "\n".join([_title(name, curve, rows), "", *lines])


def _title(name: str, curve: Curve, rows: list[Row]) -> str:
    hidden = ("windows", "seconds", curve.axis)
    settings = [f"{key} {value}" for key, value in rows[0]["settings"].items() if key not in hidden]
    return f"{name}: {', '.join(settings)}; {rows[0]['cores']} cores"


def _cells(row: Row, names: list[str]) -> list[str]:
    n = f"{row['n']:,}{'' if is_quiet(row['others_share']) else '*'}"
    if "failed" in row:
        return [n, row["failed"], *[""] * (len(names) - 1)]
    return [n, *(f"{row[each]:,.4g}" for each in names)]


def _bytes(name: str, n: list[float], costs: list[float]) -> float | None:
    scale = BYTES.get(name.rpartition("_")[2])
    growth = rate(n, costs)
    return None if scale is None or growth is None else scale * growth


def _number(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


# --- The figure


def picture(rows: list[Row]) -> Figure:
    """A panel for each curve: time and memory relative to the first point."""
    found = [row for row in rows if "failed" not in row]
    names = [name for name in CURVES if any(row["curve"] == name for row in found)]
    figure, axes = panels(names, columns=min(len(names), 3), height=2.6)
    labels: dict[str, Any] = {}
    for panel, name in zip(axes, names, strict=True):
        _draw(panel, name, [row for row in found if row["curve"] == name])
        handles, own = panel.get_legend_handles_labels()
        labels |= dict(zip(own, handles, strict=True))
    figure.legend(
        labels.values(), labels.keys(), loc="outside lower center", ncols=4, fontsize=SMALL
    )
    return figure


def _draw(panel, name: str, rows: list[Row]):
    n, slopes, first = [row["n"] for row in rows], [], []
    for cost, (label, unit, colour, marker) in LINES.items():
        values = np.array([row.get(cost, 0.0) for row in rows])
        if min(values) <= 0:
            continue
        style = {"color": colour, "marker": marker, "markersize": 4}
        panel.plot(n, values / values[0], label=label, **style)
        first.append(f"{values[0]:,.3g} {unit}")
        if (slope := power(n, values)) is not None and label in ("time", "memory"):
            slopes.append(f"{label} $n^{{{slope:z.2f}}}$")
    panel.set_title("\n".join([name, ", ".join(slopes)]), fontsize=9)
    _scale(panel, n)
    left = panel.get_subplotspec().is_first_col()
    axis = CURVES[name].axis
    name_axes(panel, f"{axis}\n1 = {', '.join(first)}", "relative to the first" * left)


def _scale(panel, n: list[int]):
    """Logarithmic axes with plain numbers; the vertical one shows a factor of four or more."""
    panel.set(xscale="log", yscale="log")
    low, high = panel.get_ylim()
    panel.set_ylim(min(low, 0.5), max(high, 2.0))
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.set_xticks(n, [EngFormatter(sep="")(each) for each in n])  # such as 10k
    panel.minorticks_off()

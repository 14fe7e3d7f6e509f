"""The curves of a report: figures for plotly, and which metrics share one."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.plots import GREY, PALETTE

COLOURS = PALETTE[:6]  # yellow and black vanish on light or dark pages
POINTS = 2000  # per curve, at most


class Panel(NamedTuple):
    """Metrics that share a y axis.

    Attributes:
      title: title of the panel.
      y: title of the axis, with its unit.
      pattern: matches the whole names of metrics. Its group, if any, is the label in the legend.
      log: whether the axis is logarithmic, if all values are positive.
      limits: range of the axis; None to fit the values.
      line: position of a dotted line that marks balance, or likeness to the data.
    """

    title: str
    y: str
    pattern: str
    log: bool = False
    limits: tuple[float, float] | None = None
    line: float | None = None


PANELS = (
    Panel("Losses", "loss, with penalties and terms", "(discriminator|generator)_loss"),
    Panel("Value of the game", "-adversarial loss", "value"),
    Panel("Discriminator accuracy", "fraction correct", "accuracy_(.*)", False, (0, 1), 0.5),
    Panel("Discriminator probabilities", "mean of D", "prob_(.*)", False, (0, 1), 0.5),
    Panel("Logits", "mean; standard deviation", "logit_(.*)"),
    Panel("Sample diversity", "relative to real samples", "diversity", line=1.0),
    Panel("Gradient norms", "Euclidean norm", "(.*)_grad_norm", log=True),
    Panel("Penalties", "unweighted value", "penalty_(.*)", log=True),
    Panel("Generator terms", "unweighted value", "term_(.*)"),
    Panel("Augmentation", "strength; mean sign of real logits", "augment_(.*)"),
)
"""In page order. Any other metric has its own panel."""


def figures(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the figures of a run's metrics, each `{"title", "data", "layout"}` in plotly's terms.

    Every metric is in one figure, thin as logged, and bold as a running mean over about 5% of its
    values. All figures have the same x axis.

    Args:
      rows: rows of metrics.jsonl, one dict of metrics each, in order.
    """
    names = dict.fromkeys(name for row in rows for name in row if name not in ("round", "step"))
    curves = {name: _points(rows, name) for name in names}
    curves = {name: points for name, points in curves.items() if len(points[0])}
    end = max((row["step"] for row in rows), default=0)
    alone = [Panel(name, "score" if "@" in name else "value", re.escape(name)) for name in curves]
    found = []
    for panel in (*PANELS, *alone):
        own = [name for name in curves if re.fullmatch(panel.pattern, name)]
        if own:
            found.append(_figure(panel, {name: curves.pop(name) for name in own}, end))
    return found


def _points(rows: Sequence[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a metric in the rows that have it."""
    found = [(row["step"], row[name]) for row in rows if _is_number(row.get(name))]
    steps, values = np.asarray(found, float).reshape(-1, 2).T
    return steps, values


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _figure(
    panel: Panel, curves: dict[str, tuple[np.ndarray, np.ndarray]], end: int
) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "generator updates"}, "range": [0, max(1, end)]},
        "yaxis": _y_axis(panel, np.concatenate([values for _, values in curves.values()])),
        "showlegend": len(curves) > 1 or any(_label(panel, name) != name for name in curves),
    }
    if panel.line is not None:
        across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1}
        dotted = {"color": GREY, "width": 1, "dash": "dot"}
        layout["shapes"] = [across | {"y0": panel.line, "y1": panel.line, "line": dotted}]
    data = [
        trace
        for place, name in enumerate(sorted(curves, key=_rank))
        for trace in _traces(_label(panel, name), name, COLOURS[place % len(COLOURS)], curves[name])
    ]
    return {"title": panel.title, "data": data, "layout": layout}


def _y_axis(panel: Panel, values: np.ndarray) -> dict[str, Any]:
    y: dict[str, Any] = {"title": {"text": panel.y, "standoff": 8}}
    if panel.log and np.all(values > 0):
        y |= {"type": "log", "exponentformat": "power"}
        # Labels at powers of ten, or over a short range at 1, 2 and 5 times these.
        y |= {"dtick": 1 if values.max() > 100 * values.min() else "D2"}
    if panel.limits is not None:
        y |= {"range": [panel.limits[0] - 0.02, panel.limits[1] + 0.02]}
    elif panel.line is not None:
        y |= {"rangemode": "tozero"}
    return y


def _label(panel: Panel, name: str) -> str:
    match = re.fullmatch(panel.pattern, name)
    return match[1] if match and match.groups() else name


def _rank(name: str) -> tuple[int, str]:
    """Real samples and the discriminator come first, so that colours keep their meaning."""
    if name.startswith("discriminator_") or name.endswith("_real"):
        return 0, name
    return (1 if name.startswith("generator_") or name.endswith("_fake") else 2), name


def _traces(
    label: str, name: str, colour: str, points: tuple[np.ndarray, np.ndarray]
) -> Iterable[dict[str, Any]]:
    """The curve as logged, and its running mean if there are enough values for one."""
    steps, values = points
    window = len(values) // 20
    common = {"type": "scatter", "name": label, "legendgroup": name}
    hover = {"hovertemplate": "%{y:.4g}"}
    if window < 2:
        yield common | hover | _line(points, colour, 1.8) | {"mode": "lines+markers"}
        return
    sums = np.cumsum(np.concatenate([[0.0], values]))
    means = (sums[window:] - sums[:-window]) / window
    quiet = {"opacity": 0.3, "hoverinfo": "skip", "showlegend": False}
    yield common | quiet | _line(extremes(steps, values), colour, 0.8)
    even = evenly(len(means), POINTS)
    centres = steps[window // 2 :][: len(means)]
    yield common | hover | _line((centres[even], means[even]), colour, 1.8)


def _line(points: tuple[np.ndarray, np.ndarray], colour: str, width: float) -> dict[str, Any]:
    x, y = points
    return {
        "mode": "lines",
        "line": {"color": colour, "width": width},
        "x": [int(step) for step in x],
        "y": [float(f"{value:.5g}") for value in y],
    }


# --- Thinning


def evenly(count: int, most: int) -> np.ndarray:
    """At most `most` indices below `count`, evenly spaced, including the first and the last.

    >>> evenly(9, 3).tolist(), evenly(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return (
        np.arange(count) if count <= most else np.rint(np.linspace(0, count - 1, most)).astype(int)
    )


def extremes(
    steps: np.ndarray, values: np.ndarray, most: int = POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Thin a long curve to the minimum and maximum of each piece, which keeps all peaks.

    >>> steps, values = extremes(np.arange(8), np.array([0, 9, 1, 2, 3, 2, -7, 1]), most=4)
    >>> steps.tolist(), values.tolist()
    ([0, 1, 4, 6], [0, 9, 3, -7])
    """
    if len(values) <= most:
        return steps, values
    pieces = np.array_split(np.arange(len(values)), most // 2)
    ends = [i for piece in pieces for i in sorted(_range(piece, values))]
    return steps[ends], values[ends]


def _range(piece: np.ndarray, values: np.ndarray) -> tuple[int, int]:
    return piece[np.argmin(values[piece])], piece[np.argmax(values[piece])]

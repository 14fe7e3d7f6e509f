"""Line plots: curves over a common axis, and the training curves of a run."""

import contextlib
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from jaxgan.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SMALL,
    WIDTH,
    legend_below,
    line_style,
    name_axes,
    panels,
)


def lines(
    x: np.ndarray, curves: Mapping[str, np.ndarray], xlabel: str, ylabel: str, title: str = ""
) -> Figure:
    """Curves over a common horizontal axis, which differ in colour and dashes.

    Args:
      x: positions [n] on the horizontal axis.
      curves: values [n] by their names in the legend.
      xlabel: what x is, with its unit.
      ylabel: what the values are, with their unit.
      title: the figure's title.
    Returns:
      The figure.
    """
    figure, (axes,) = panels([title], height=3.2)
    for index, (name, values) in enumerate(curves.items()):
        axes.plot(x, values, label=name, **line_style(index))
    name_axes(axes, xlabel, ylabel)
    legend_below(figure, axes)
    return figure


_MAX_POINTS = 500  # per curve
_NAMES = {
    "discriminator_loss": "discriminator",
    "generator_loss": "generator",
    "value": "value (minus adversarial loss)",
    "accuracy_real": "real samples",
    "accuracy_fake": "generated samples",
    "accuracy_pairs": "pairwise",
    "diversity": "diversity",
}


def training_curves(rows: Sequence[dict] | Mapping[str, np.ndarray]) -> Figure:
    """Losses, discriminator accuracy and sample diversity over the generator updates of a run.

    For losses without accuracy on real and fake samples, the first panel also shows minus the
    discriminator's adversarial loss. For a Wasserstein critic this is the estimated distance.

    Args:
      rows: the rows of metrics.jsonl, one dict of metrics each; or the history of `jaxgan.fit`.
    Returns:
      The figure. Thin lines are the logged values, bold lines running means.
    """
    if isinstance(rows, Mapping):
        columns = [np.asarray(values).tolist() for values in rows.values()]
        rows = [dict(zip(rows, row, strict=True)) for row in zip(*columns, strict=True)]
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    losses, accuracy, diversity = figure.subplots(1, 3)
    names = {"discriminator_loss": BLUE, "generator_loss": ORANGE}
    if not any("accuracy_real" in row for row in rows):
        names["value"] = GREEN
    _curves(losses, rows, names)
    names = {"accuracy_real": BLUE, "accuracy_fake": ORANGE, "accuracy_pairs": GREEN}
    _curves(accuracy, rows, names)
    accuracy.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
    accuracy.set(ylim=(0, 1))
    _curves(diversity, rows, {"diversity": GREEN})
    diversity.axhline(1.0, color=GREY, linestyle=":", linewidth=1)
    diversity.set(ylim=(0, None))
    for axes in (losses, accuracy, diversity):
        axes.tick_params(labelsize=SMALL)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    name_axes(losses, "generator updates", "loss")
    name_axes(accuracy, "generator updates", "discriminator accuracy")
    name_axes(diversity, "generator updates", "sample diversity (real data: 1)")
    return figure


def run_curves(folder: Path | str) -> Figure:
    """The training curves of a run, read from its folder; see `training_curves`.

    Lines that are cut off are skipped. Lines that hold no metrics are skipped with a warning.

    Args:
      folder: the run's folder.
    Returns:
      The figure.
    Raises:
      ValueError: if the folder has no metrics.jsonl, or the file has no row.
    """
    path = Path(folder, "metrics.jsonl")
    parsed = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            parsed.append(json.loads(line))
    rows = [row for row in parsed if is_row(row)]
    if not rows:
        raise ValueError(
            f"folder must be that of a run, with rows in its metrics.jsonl, got {folder}"
        )
    if len(rows) < len(parsed):
        skipped = len(parsed) - len(rows)
        warnings.warn(f"skipped {skipped} line(s) of {path} that hold no metrics", stacklevel=2)
    return training_curves(rows)


def is_row(row: Any) -> bool:
    """Whether this is a row of metrics: a dict of metric values, including an integer step."""
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return False
    return all(map(_is_value, row.values()))


def _is_value(value: Any) -> bool:
    """Whether this is a metric's value as it is written: None, or a finite number of 64 bits."""
    if type(value) is int:
        return abs(value) < 2**63
    return value is None or (type(value) is float and math.isfinite(value))


def _curves(axes, rows: Sequence[dict], colours: dict[str, str]):
    """Draws each metric as a thin line, and its running mean over 5% of the run as a bold line.

    Of more than 500 rows, the thin lines are means over a few rows at a time: single rows would
    fill a band.
    """
    for name, colour in colours.items():
        points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if not points:
            continue
        size = -(-len(points) // _MAX_POINTS)
        rest = np.asarray(points, float)[len(points) % size :]
        means = rest.reshape(-1, size, 2).mean(axis=1)
        steps, values = means[np.isfinite(means[:, 1])].T
        if not len(values):
            continue
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(steps, _running_mean(values), color=colour, label=_NAMES[name])
    if len(axes.get_legend_handles_labels()[1]) > 1:  # a single curve is named by its axis
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2}
        axes.legend(fontsize=SMALL, frameon=False, **place)


def _running_mean(values: np.ndarray) -> np.ndarray:
    """Means over a centred window of 5% of the values, which is shorter at both ends."""
    window = np.ones(max(1, len(values) // 20))
    counts = np.convolve(np.ones(len(values)), window, mode="same")
    return np.convolve(values, window, mode="same") / counts

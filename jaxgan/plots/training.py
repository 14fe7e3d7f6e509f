"""Curves: any that share an abscissa, and those of a run (losses, accuracy, diversity)."""

import contextlib
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

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
    """Curves over one abscissa, told apart by colour and dashes.

    Args:
      x: [n].
      curves: values [n] by the name that stands in the legend.
      xlabel: what x is, with its unit.
      ylabel: what the values are, with their unit.
      title: of the figure.
    """
    figure, (axes,) = panels([title], height=3.2)
    for index, (name, values) in enumerate(curves.items()):
        axes.plot(x, values, label=name, **line_style(index))
    name_axes(axes, xlabel, ylabel)
    legend_below(figure, axes)
    return figure


_MOST = 500


def training_curves(rows: Sequence[dict] | Mapping[str, np.ndarray]) -> Figure:
    """Losses, accuracy and diversity over the generator updates of a run.

    Beside the losses of pairs without accuracy on real and fake stands their value, minus the
    discriminator's adversarial loss: a Wasserstein critic's estimate of the distance.

    Args:
      rows: of metrics.jsonl, one dict of metrics each; or the history of `jaxgan.fit`.
    """
    if isinstance(rows, Mapping):
        columns = [np.asarray(values).tolist() for values in rows.values()]
        rows = [dict(zip(rows, row, strict=True)) for row in zip(*columns, strict=True)]
    figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
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
    name_axes(losses, "generator updates", "loss")
    name_axes(accuracy, "generator updates", "discriminator accuracy")
    name_axes(diversity, "generator updates", "sample diversity (1: as real)")
    return figure


def run_curves(folder: Path | str) -> Figure:
    """`training_curves` of a run, from its folder; lines that are cut off are left out.

    Warns of lines that hold something else than metrics.

    Raises:
      ValueError: if there is no metrics.jsonl in the folder, or it holds no row.
    """
    path = Path(folder, "metrics.jsonl")
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    rows = [row for row in found if is_row(row)]
    if not rows:
        raise ValueError(f"folder must be a run's, with rows in metrics.jsonl, got {folder}")
    if len(rows) < len(found):
        left_out = len(found) - len(rows)
        warnings.warn(f"{left_out} line(s) of {path} hold no metrics: left out", stacklevel=2)
    return training_curves(rows)


def is_row(row: Any) -> bool:
    """Whether this is a row of metrics: a dict of their values, with an integer step among them."""
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return False
    return all(map(_is_value, row.values()))


def _is_value(value: Any) -> bool:
    """Whether this is what a metric is written as: null, or a finite number of 64 bits."""
    if type(value) is int:
        return abs(value) < 2**63
    return value is None or (type(value) is float and math.isfinite(value))


def _curves(axes, rows: Sequence[dict], colours: dict[str, str]):
    """Each metric thin, as logged, and bold, as a running mean over about a twentieth of it.

    Of more than 500 rows thin lines show means of a few at a time, or they would be a band.
    """
    for name, colour in colours.items():
        points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if not points:
            continue
        piece = -(-len(points) // _MOST)
        whole = np.asarray(points, float)[len(points) % piece :]
        means = whole.reshape(-1, piece, 2).mean(axis=1)
        steps, values = means[np.isfinite(means[:, 1])].T
        if not len(values):
            continue
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
        window = max(1, len(values) // 20)
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        label = "value (-adversarial loss)" if name == "value" else name
        axes.plot(steps[len(steps) - len(smooth) :], smooth, color=colour, label=label)
    if axes.lines:
        axes.legend(fontsize=7, frameon=False)

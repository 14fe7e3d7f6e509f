"""Points in the plane: over a density, and by the modes that they reach."""

import numpy as np
from matplotlib.figure import Figure

from jaxgan.plots.style import (
    BLUE,
    ORANGE,
    PALETTE,
    SMALL,
    legend_below,
    limits_of,
    name_axes,
    panels,
)


def scatter_over_density(
    samples: np.ndarray, real: np.ndarray | None = None, labels: np.ndarray | None = None
) -> Figure:
    """Generated points over the density of the real ones.

    Args:
      samples: generated points [n, 2].
      real: real points [m, 2], shown as a grey density.
      labels: classes int [n] of the generated points, shown as colours, which repeat after eight.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    if real is not None:
        centre = (real.min(axis=0) + real.max(axis=0)) / 2
        reach = 0.58 * float((real.max(axis=0) - real.min(axis=0)).max())
        extent = [(c - reach, c + reach) for c in centre]
        counts, x, y = np.histogram2d(real[:, 0], real[:, 1], bins=120, range=extent)
        axes.pcolormesh(x, y, np.sqrt(counts.T), cmap="Greys", rasterized=True)
        axes.set(xlim=extent[0], ylim=extent[1])
    groups = {"generated": (samples, ORANGE)}
    if labels is not None:
        classes = np.unique(labels)
        groups = {f"class {c}": (samples[labels == c], PALETTE[c % len(PALETTE)]) for c in classes}
    for name, (points, colour) in groups.items():
        axes.scatter(
            points[:, 0], points[:, 1], s=4, color=colour, alpha=0.6, linewidths=0, label=name
        )
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    axes.legend(loc="upper right", markerscale=3, title=None if real is None else "grey: real")
    return figure


def mode_coverage(samples: np.ndarray, centres: np.ndarray, std: float) -> Figure:
    """Which modes of a mixture of equal Gaussians the samples reach, and how evenly.

    A sample counts for a mode if it lies within 3 standard deviations of its centre.

    Args:
      samples: generated points [n, 2].
      centres: of the modes [m, 2].
      std: the standard deviation of each mode.
    """
    samples, centres = np.asarray(samples, float), np.asarray(centres, float)
    distances = np.linalg.norm(samples[:, None] - centres[None], axis=-1)
    nearest, good = distances.argmin(axis=1), distances.min(axis=1) <= 3.0 * std
    counts = np.bincount(nearest[good], minlength=len(centres))
    met = int((counts > 0).sum())
    titles = [f"{met} of {len(centres)} modes", f"{good.mean():.0%} within 3 std of a centre"]
    figure, (plane, bars) = panels(titles, height=3.6)
    for name, chosen, colour, marker in (
        ("near a centre", good, BLUE, "o"),
        ("elsewhere", ~good, ORANGE, "^"),
    ):
        style = {"s": 9, "marker": marker, "alpha": 0.6, "linewidths": 0}
        plane.scatter(*samples[chosen].T, color=colour, label=name, **style)
    missed = centres[counts == 0]
    plane.scatter(*missed.T, marker="x", s=70, color="black", label="missed mode")
    name_axes(plane, "$x_1$", "$x_2$")
    x, y = limits_of([centres], margin=0.25)
    plane.set(xlim=x, ylim=y, aspect="equal")
    bars.bar(np.arange(len(centres)), counts, color=BLUE)
    bars.axhline(len(samples) / len(centres), color="black", linestyle="--", label="uniform")
    name_axes(bars, "mode", "samples")
    bars.legend(fontsize=SMALL)
    legend_below(figure, plane)
    return figure

"""Plots of points in the plane: over the real density, and by the modes they cover."""

import numpy as np
from matplotlib.figure import Figure

from jaxgan.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    PALETTE,
    SMALL,
    legend_below,
    limits_of,
    name_axes,
    panels,
)

_MAX_NAMED = 24  # classes in a legend


def scatter_over_density(
    samples: np.ndarray, real: np.ndarray | None = None, labels: np.ndarray | None = None
) -> Figure:
    """Generated points over the density of the real points.

    Args:
      samples: generated points [n, 2].
      real: real points [m, 2], shown as a grey density.
      labels: classes int [n] of the generated points, shown as colours; these repeat after
        eight, and the legend is left out for more than 24 classes.
    Returns:
      The figure.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    if real is not None:
        _draw_real_density(axes, real)
    groups = {"generated": (samples, ORANGE)}
    if labels is not None:
        classes = np.unique(labels)
        groups = {f"class {c}": (samples[labels == c], PALETTE[c % len(PALETTE)]) for c in classes}
    for name, (points, colour) in groups.items():
        alpha = 0.4 if labels is None else 0.6
        axes.scatter(
            points[:, 0], points[:, 1], s=4, color=colour, alpha=alpha, linewidths=0, label=name
        )
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    if len(groups) > _MAX_NAMED:
        return figure
    legend = figure.legend(loc="outside upper center", ncols=4, markerscale=3, fontsize=SMALL)
    for handle in filter(None, legend.legend_handles):
        handle.set_alpha(1.0)
    return figure


def _draw_real_density(axes, real: np.ndarray):
    """Draws the density of real points in grey, in a square that holds them all."""
    centre = (real.min(axis=0) + real.max(axis=0)) / 2
    reach = 0.58 * float((real.max(axis=0) - real.min(axis=0)).max())
    extent = [(c - reach, c + reach) for c in centre]
    counts, x, y = np.histogram2d(real[:, 0], real[:, 1], bins=120, range=extent)
    density = np.sqrt(counts.T)
    # medium grey at most, so that points stay visible on top
    axes.pcolormesh(x, y, density, cmap="Greys", vmax=2.0 * density.max(), rasterized=True)
    axes.set(xlim=extent[0], ylim=extent[1])
    axes.scatter([], [], marker="s", s=4, color=GREY, label="real (density)")


def mode_coverage(samples: np.ndarray, centres: np.ndarray, std: float) -> Figure:
    """Which modes of a mixture of equal Gaussians the samples cover, and how evenly.

    A sample counts towards a mode if it lies within 3 standard deviations of its centre.

    Args:
      samples: generated points [n, 2].
      centres: the centres of the modes [m, 2].
      std: the standard deviation of each mode.
    Returns:
      The figure.
    """
    samples, centres = np.asarray(samples, float), np.asarray(centres, float)
    distances = np.linalg.norm(samples[:, None] - centres[None], axis=-1)
    nearest, good = distances.argmin(axis=1), distances.min(axis=1) <= 3.0 * std
    counts = np.bincount(nearest[good], minlength=len(centres))
    covered = int((counts > 0).sum())
    titles = [f"{covered} of {len(centres)} modes", f"{good.mean():.0%} within 3 std of a centre"]
    figure, (plane, bars) = panels(titles, height=3.6)
    _draw_by_mode(plane, samples, good, centres, missed=counts == 0)
    bars.bar(np.arange(len(centres)), counts, color=BLUE)
    bars.axhline(len(samples) / len(centres), color="black", linestyle="--", label="uniform")
    name_axes(bars, "mode", "samples")
    bars.margins(y=0.25)  # room for the legend above the bars
    bars.legend(fontsize=SMALL, loc="upper right")
    legend_below(figure, plane)
    return figure


def _draw_by_mode(
    plane, samples: np.ndarray, good: np.ndarray, centres: np.ndarray, missed: np.ndarray
):
    """Draws samples near a centre, samples elsewhere, and the centres of missed modes."""
    for name, chosen, colour, marker in (
        ("near a centre", good, BLUE, "o"),
        ("elsewhere", ~good, ORANGE, "^"),
    ):
        style = {"s": 9, "marker": marker, "alpha": 0.6, "linewidths": 0}
        plane.scatter(*samples[chosen].T, color=colour, label=name, **style)
    plane.scatter(*centres[missed].T, marker="x", s=70, color="black", label="missed mode")
    name_axes(plane, "$x_1$", "$x_2$")
    x, y = limits_of([centres], margin=0.25)
    plane.set(xlim=x, ylim=y, aspect="equal")

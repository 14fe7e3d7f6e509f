"""Plots of the players in two dimensions: discriminator landscapes and warped generator grids.

Players are functions of points [n, 2]. A critic returns logits [n], or probabilities where stated.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import CenteredNorm, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from jaxgan.plots.style import (
    BLUE,
    FAKE_TO_REAL,
    ORANGE,
    SMALL,
    legend_below,
    limits_of,
    line_style,
    name_planes,
    panels,
)

Map = Callable[[Any], Any]
Limits = tuple[float, float]
_RESOLUTION = 121


def landscapes(
    critics: Mapping[str, Map],
    xlim: Limits,
    ylim: Limits,
    real: np.ndarray | None = None,
    fake: np.ndarray | None = None,
    probability: bool = False,
) -> Figure:
    """Discriminators over the plane, one panel each; a thick line marks the decision boundary.

    Args:
      critics: functions from points float32 [n, 2] to logits [n], by title.
      xlim: the left and right end of the plane.
      ylim: the lower and upper end of the plane.
      real: real points [m, 2], drawn in blue.
      fake: generated points [m, 2], drawn in orange.
      probability: whether critics return D(x) in [0, 1], with the decision boundary at 1/2; that
        of logits is at 0.
    Returns:
      The figure.
    Raises:
      ValueError: if there is no critic, or one does not return one number per point.
    """
    figure, axes = panels(list(critics), height=3.0, equal=True)
    for panel, critic in zip(axes, critics.values(), strict=True):
        draw_landscape(figure, panel, critic, (xlim, ylim), probability)
        draw_points(panel, real, fake)
    name_planes(axes, "$x_1$", "$x_2$")
    legend_below(figure, axes[0])
    return figure


def draw_landscape(
    figure: Figure,
    axes,
    critic: Map,
    limits: tuple[Limits, Limits],
    probability: bool = False,
    scale: float | None = None,
):
    """Draws one critic with its colour bar; colours saturate at its extremes, or at `scale`."""
    x, y, values = _on_grid(critic, limits)
    middle = 0.5 if probability else 0.0
    norm = Normalize(0.0, 1.0) if probability else CenteredNorm(middle, scale)
    shown = axes.pcolormesh(x, y, values, cmap=FAKE_TO_REAL, norm=norm, rasterized=True)
    if values.min() < middle < values.max():
        axes.contour(x, y, values, [middle], colors="black", linewidths=1.6)
    if np.ptp(values) > 0:
        axes.contour(x, y, values, 9, colors="black", linewidths=0.4, alpha=0.5, linestyles="-")
    bar = figure.colorbar(shown, ax=axes, orientation="horizontal", shrink=0.9)
    bar.set_label("probability D(x)" if probability else "logit of x", fontsize=9)
    bar.ax.tick_params(labelsize=SMALL)
    axes.set(xlim=limits[0], ylim=limits[1])


def _on_grid(critic: Map, limits: tuple[Limits, Limits]) -> tuple[np.ndarray, ...]:
    x, y = (np.linspace(*ends, _RESOLUTION, dtype=np.float32) for ends in limits)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    values = np.asarray(critic(points), float)
    if values.shape != (len(points),):
        raise ValueError(
            f"critics must return one number per point, [{len(points)}], got shape {values.shape}"
        )
    return x, y, values.reshape(len(y), len(x))


def draw_points(axes, real: np.ndarray | None, fake: np.ndarray | None):
    """Draws real points as blue discs and generated points as orange triangles, with white rims."""
    groups = (("real", real, BLUE, "o"), ("generated", fake, ORANGE, "^"))
    for name, points, colour, marker in groups:
        if points is not None:
            style = {
                "s": 13,
                "marker": marker,
                "edgecolors": "white",
                "linewidths": 0.4,
                "zorder": 4,
            }
            axes.scatter(*np.asarray(points, float).T, color=colour, label=name, **style)


def gradient_fields(
    fields: Mapping[str, tuple[np.ndarray, np.ndarray]],
    real: np.ndarray | None = None,
    critics: Mapping[str, Map] | None = None,
    normalised: bool = False,
) -> Figure:
    """The gradients on generated samples: one arrow per sample, one panel per loss.

    Args:
      fields: points [n, 2] and directions [n, 2] (minus the gradient of the loss in the sample) by
        title. Each title also states the largest norm of a gradient.
      real: real points [m, 2].
      critics: functions to logits [n] for some of the titles; a black line marks the decision
        boundary.
      normalised: whether each panel is scaled by its own longest arrow; otherwise all panels share
        one scale.
    Returns:
      The figure.
    Raises:
      ValueError: if there is no field, or points and directions differ in shape.
    """
    fields = {name: _checked_field(name, *field) for name, field in fields.items()}
    longest = {name: _longest(directions) for name, (_, directions) in fields.items()}
    figure, axes = panels(
        [f"{name}\nlargest gradient {longest[name]:.2g}" for name in fields], height=2.9, equal=True
    )
    corners = [points for points, _ in fields.values()] + ([] if real is None else [real])
    limits = limits_of(corners)
    reach = 0.2 * (limits[0][1] - limits[0][0])
    for index, (name, (points, directions)) in enumerate(fields.items()):
        panel = axes[index]
        draw_points(panel, real, points)
        unit = longest[name] if normalised else max(longest.values())
        colour = line_style(index)["color"]
        style = {"angles": "xy", "scale_units": "xy", "width": 0.004, "zorder": 3, "color": colour}
        panel.quiver(*points.T, *directions.T, scale=(unit or 1.0) / reach, **style)
        if critics is not None and name in critics:
            x, y, values = _on_grid(critics[name], limits)
            if values.min() < 0 < values.max():
                panel.contour(x, y, values, [0.0], colors="black", linewidths=1.2)
        panel.set(xlim=limits[0], ylim=limits[1])
    name_planes(axes, "$x_1$", "$x_2$")
    legend_below(figure, axes[0])
    scale = "each panel has its own scale" if normalised else "all panels share one scale"
    figure.suptitle(f"arrows: minus the gradient on each sample; {scale}", fontsize=9)
    return figure


def _checked_field(name: str, points, directions) -> tuple[np.ndarray, np.ndarray]:
    points, directions = np.asarray(points, float), np.asarray(directions, float)
    if points.shape != directions.shape or points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"fields[{name!r}] must be points and directions [n, 2], "
            f"got {points.shape} and {directions.shape}"
        )
    return points, directions


def _longest(directions: np.ndarray) -> float:
    return float(np.hypot(*directions.T).max())


# --- Generator, discriminator and samples side by side

_GRID_LINES = 15
_COLOURS_OF_NOISE = tuple(
    LinearSegmentedColormap.from_list(name, colours)
    for name, colours in (("z1", ["#A9D3EC", "#00304D"]), ("z2", ["#F7C9A9", "#7A3400"]))
)


def matching(
    generator: Map,
    critic: Map,
    real: np.ndarray,
    limits: tuple[Limits, Limits],
    title: str | None = None,
    noise: np.ndarray | None = None,
    scale: float | None = None,
) -> Figure:
    """How a generator matches the data: the warped noise, the discriminator and the density.

    The first panel shows where the generator maps a grid in the noise space. Each blue line has a
    constant z1 and each orange line a constant z2; light lines have low values and dark lines high
    ones. The second panel shows the discriminator. The third shows the density of the samples, with
    a contour of the real density in black.

    Args:
      generator: maps noise float32 [n, 2] to samples [n, 2].
      critic: maps samples to logits [n].
      real: real points [m, 2].
      limits: ((left, right), (lower, upper)) of the data space.
      title: the figure's title.
      noise: latents [n, 2] of the samples to show; 5,000 standard normal ones if not given.
      scale: the absolute logit at which colours saturate, so that frames can be compared; the
        critic's most extreme one if not given.
    Returns:
      The figure.
    """
    if noise is None:
        noise = np.random.default_rng(0).normal(size=(5000, 2))
    noise = np.asarray(noise, np.float32)
    fake = np.asarray(generator(noise), float)
    titles = ["warped noise grid", "discriminator", "density of samples"]
    figure, axes = panels(titles, height=3.1, equal=True)
    _draw_warped_grid(figure, axes[0], generator, noise)
    draw_landscape(figure, axes[1], critic, limits, scale=scale)
    draw_points(axes[1], real[:200], fake[:200])
    _draw_density(figure, axes[2], fake, real, limits)
    for panel in axes:
        panel.set(xlim=limits[0], ylim=limits[1])
    name_planes(axes, "$x_1$", "$x_2$")
    legend_below(figure, axes[1])
    if title is not None:
        figure.suptitle(title, fontsize=10)
    return figure


def _draw_warped_grid(figure: Figure, axes, generator: Map, noise: np.ndarray):
    """Draws the image of a grid that spans the middle 98% of each noise coordinate."""
    low, high = np.quantile(noise, [0.01, 0.99], axis=0)
    along = np.linspace(low, high, 101, dtype=np.float32)
    levels = np.linspace(low, high, _GRID_LINES, dtype=np.float32)
    for fixed, colours in reversed(list(enumerate(_COLOURS_OF_NOISE))):
        lines = np.empty((_GRID_LINES, len(along), 2), np.float32)
        lines[..., fixed] = levels[:, None, fixed]
        lines[..., 1 - fixed] = along[None, :, 1 - fixed]
        warped = np.asarray(generator(lines.reshape(-1, 2)), float).reshape(lines.shape)
        drawn = LineCollection(list(warped), cmap=colours, linewidths=0.9)
        drawn.set_array(levels[:, fixed])
        axes.add_collection(drawn)
    bar = figure.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.9)
    bar.set_label("$z_1$ (blue lines), $z_2$ (orange)", fontsize=9)
    bar.ax.tick_params(labelsize=SMALL)


def _draw_density(
    figure: Figure, axes, fake: np.ndarray, real: np.ndarray, limits: tuple[Limits, Limits]
):
    x, y, density = _density(fake, limits)
    shown = axes.pcolormesh(x, y, density, cmap="Oranges", rasterized=True)
    *_, expected = _density(real, limits)
    if expected.max() > 0:
        axes.contour(x, y, expected, [expected.max() / 4], colors="black", linewidths=0.8)
    inside = np.mean(
        [(np.abs(fake - np.mean(limits, axis=1)) <= np.ptp(limits, axis=1) / 2).all(1)]
    )
    bar = figure.colorbar(
        ScalarMappable(shown.norm, shown.cmap), ax=axes, orientation="horizontal", shrink=0.9
    )
    bar.set_label(f"per unit area ({inside:.0%} in view)", fontsize=9)
    bar.ax.tick_params(labelsize=SMALL)


def _density(points: np.ndarray, limits: tuple[Limits, Limits]) -> tuple[np.ndarray, ...]:
    """Cell centres in x and in y, and samples per unit area [y, x], blurred over two cells."""
    horizontal, vertical = np.asarray(points, float).T
    counts, x, y = np.histogram2d(horizontal, vertical, bins=100, range=np.asarray(limits))
    area = (x[1] - x[0]) * (y[1] - y[0]) * len(points)
    middles = ((ends[1:] + ends[:-1]) / 2 for ends in (x, y))
    return *middles, gaussian_filter(counts.T / area, 2.0)

"""Games of two numbers: phase portraits, distances to the equilibrium, eigenvalues."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from jaxgan.plots.style import (
    GREY,
    LINE_COLOURS,
    MARKERS,
    SMALL,
    legend_below,
    limits_of,
    line_style,
    name_axes,
    name_planes,
    panels,
)

Field = Callable[[Any], Any]
Paths = Mapping[str, np.ndarray]
_ARROWS = 11  # a side


def phase_portrait(field: Field, limits: tuple[float, float], paths: Paths) -> Figure:
    """The directions in which both players move, and the paths of their updates.

    Args:
      field: from a state [2] (theta, psi) to the direction of both players' descent [2], as
        `jaxgan.games.vector_field`; traced by jax.
      limits: lower and upper end of both axes.
      paths: states [steps + 1, 2] of updates, by name.
    """
    return phase_portraits({"": (field, paths)}, limits)


def phase_portraits(
    games: Mapping[str, tuple[Field, Paths]], limits: tuple[float, float]
) -> Figure:
    """`phase_portrait` of several games, one panel each; paths are drawn in one order of colours.

    Args:
      games: a field and its paths, by title.
      limits: lower and upper end of all axes.
    """
    figure, axes = panels(list(games), height=3.0, equal=True)
    for panel, (field, paths) in zip(axes, games.values(), strict=True):
        _draw_field(panel, field, limits)
        for index, (name, path) in enumerate(paths.items()):
            last = index == len(paths) - 1
            _draw_path(panel, name, np.asarray(path, float), index, last)
        panel.plot(0, 0, "+", color="black", markersize=10, markeredgewidth=1.6)
        panel.set(xlim=limits, ylim=limits)
    name_planes(axes, r"$\theta$, generator", r"$\psi$, discriminator")
    legend_below(figure, axes[0])
    return figure


def _draw_field(axes, field: Field, limits: tuple[float, float]):
    """Arrows of one length, since near the equilibrium the true ones could not be seen."""
    ends = np.linspace(*limits, _ARROWS + 2)[1:-1]
    states = np.stack(np.meshgrid(ends, ends), axis=-1).reshape(-1, 2)
    directions = np.asarray(jax.jit(jax.vmap(field))(jnp.asarray(states, jnp.float32)), float)
    lengths = np.hypot(*directions.T)
    directions /= np.where(lengths > 0, lengths, 1.0)[:, None]
    spacing = ends[1] - ends[0]
    style = {"angles": "xy", "scale_units": "xy", "pivot": "middle", "color": GREY, "alpha": 0.7}
    axes.quiver(*states.T, *directions.T, scale=1.4 / spacing, width=0.006, **style)


def _draw_path(axes, name: str, path: np.ndarray, index: int, last: bool):
    """A path, a disc where it starts and a cross where it ends, named after the last path."""
    style = line_style(index) | {"linewidth": 1.5}
    axes.plot(*path.T, label=name, **style)
    ends = {"markersize": 7, "markeredgecolor": "black", "linestyle": "", "zorder": 4}
    axes.plot(*path[0], "o", color="white", label="start" if last else None, **ends)
    axes.plot(*path[-1], "X", color=style["color"], label="end" if last else None, **ends)


def radii(paths: Paths, equilibrium: tuple[float, float] = (0.0, 0.0)) -> Figure:
    """The distance of each path to the equilibrium, on a logarithmic scale.

    Args:
      paths: states [steps + 1, 2] of updates, by name.
      equilibrium: the state (theta, psi) from which distances count.
    """
    figure, (axes,) = panels([""], height=3.4)
    for index, (name, path) in enumerate(paths.items()):
        distance = np.hypot(*(np.asarray(path, float) - np.asarray(equilibrium)[None]).T)
        axes.semilogy(np.arange(len(distance)), distance, label=name, **line_style(index))
    name_axes(axes, "updates of both players", "distance to the equilibrium")
    legend_below(figure, axes, columns=2)
    return figure


def eigenvalues(values: Mapping[str, np.ndarray], discrete: bool = False) -> Figure:
    """Eigenvalues of a game's Jacobian at its equilibrium; it is stable where all are shaded.

    Args:
      values: complex [n] by name, as `jaxgan.games.eigenvalues` gives them.
      discrete: those of the map of one update, stable inside the unit circle; else of the vector
        field, stable left of the imaginary axis.
    """
    figure, (axes,) = panels([""], height=3.2, equal=True)
    for index, (name, points) in enumerate(values.items()):
        points, kind = np.asarray(points), index % len(MARKERS)
        style = {"marker": MARKERS[kind], "s": max(160 - 28 * kind, 30), "zorder": 3}
        axes.scatter(points.real, points.imag, color=LINE_COLOURS[kind], label=name, **style)
    every = np.concatenate([np.asarray(points).ravel() for points in values.values()])
    if discrete:
        axes.add_patch(Circle((0, 0), 1.0, facecolor="#E8E8E8", edgecolor="black"))
    else:
        axes.axvspan(-1e9, 0, color="#E8E8E8")
        axes.axvline(0, color="black", linewidth=1)
    axes.axhline(0, color=GREY, linewidth=0.8)
    plane = np.append(np.stack([every.real, every.imag], axis=1), [[float(discrete), 0.0]], axis=0)
    x, y = limits_of([plane], margin=0.25)
    axes.set(xlim=x, ylim=y)
    where = "inside the unit circle" if discrete else "left of the imaginary axis"
    axes.set_title(f"grey: stable, {where}", fontsize=9)
    name_axes(axes, "real part", "imaginary part")
    axes.tick_params(labelsize=SMALL)
    legend_below(figure, axes, columns=2)
    return figure

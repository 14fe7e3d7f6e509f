"""Plots of two-player games: phase portraits, distances to the equilibrium, eigenvalues."""

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
_ARROWS = 11  # per side


def phase_portrait(field: Field, limits: tuple[float, float], paths: Paths) -> Figure:
    """A phase portrait: the direction of descent at each state, and the paths of updates.

    Args:
      field: maps a state [2], (theta, psi), to both players' direction of descent, [2] or a
        pair, as `jaxgan.games.vector_field` does; traced by JAX.
      limits: the lower and upper end of both axes.
      paths: the states [steps + 1, 2] of each path, by name.
    Returns:
      The figure.
    """
    return phase_portraits({"": (field, paths)}, limits)


def phase_portraits(
    games: Mapping[str, tuple[Field, Paths]], limits: tuple[float, float]
) -> Figure:
    """Phase portraits of several games, one panel each; see `phase_portrait`.

    Args:
      games: a field and its paths, by title. The i-th path of each panel has the same colour.
      limits: the lower and upper end of all axes.
    Returns:
      The figure. A panel says so if one of its paths leaves the axes.
    """
    figure, axes = panels(list(games), height=3.0, equal=True)
    for panel, (field, paths) in zip(axes, games.values(), strict=True):
        _draw_field(panel, field, limits)
        for index, (name, path) in enumerate(paths.items()):
            last = index == len(paths) - 1
            _draw_path(panel, name, np.asarray(path, float), index, last)
        panel.plot(0, 0, "+", color="black", markersize=10, markeredgewidth=1.6)
        panel.set(xlim=limits, ylim=limits)
        _note_paths_outside(panel, paths, limits)
    name_planes(axes, r"$\theta$, generator", r"$\psi$, discriminator")
    legend_below(figure, axes[0])
    return figure


def _draw_field(axes, field: Field, limits: tuple[float, float]):
    """Draws arrows of equal length; true ones would be too short to see near the equilibrium."""
    ends = np.linspace(*limits, _ARROWS + 2)[1:-1]
    states = np.stack(np.meshgrid(ends, ends), axis=-1).reshape(-1, 2)
    found = jax.jit(jax.vmap(field))(jnp.asarray(states, jnp.float32))
    directions = np.asarray(np.stack(found, axis=-1) if isinstance(found, tuple) else found, float)
    lengths = np.hypot(*directions.T)
    directions /= np.where(lengths > 0, lengths, 1.0)[:, None]
    spacing = ends[1] - ends[0]
    style = {"angles": "xy", "scale_units": "xy", "pivot": "middle", "color": GREY, "alpha": 0.7}
    axes.quiver(*states.T, *directions.T, scale=1.4 / spacing, width=0.006, **style)


def _draw_path(axes, name: str, path: np.ndarray, index: int, last: bool):
    """Draws a path with a disc at its start and a cross at its end; the last path labels both."""
    style = line_style(index) | {"linewidth": 1.5}
    axes.plot(*path.T, label=name, **style)
    ends = {"markersize": 7, "markeredgecolor": "black", "linestyle": "", "zorder": 4}
    axes.plot(*path[0], "o", color="white", label="start" if last else None, **ends)
    axes.plot(*path[-1], "X", color=style["color"], label="end" if last else None, **ends)


def _note_paths_outside(axes, paths: Paths, limits: tuple[float, float]):
    """Writes into a panel the names of the paths that leave its axes."""
    low, high = limits
    outside = [name for name, path in paths.items() if np.min(path) < low or np.max(path) > high]
    if outside:
        text = f"{', '.join(outside)}: leaves the axes"
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        where = {"ha": "right", "va": "bottom", "transform": axes.transAxes}
        axes.text(0.98, 0.02, text, fontsize=SMALL, bbox=box, **where)


def radii(paths: Paths, equilibrium: tuple[float, float] = (0.0, 0.0)) -> Figure:
    """The distance of each path to the equilibrium, on a logarithmic scale.

    Args:
      paths: the states [steps + 1, 2] of each path, by name.
      equilibrium: the state (theta, psi) to measure from.
    Returns:
      The figure.
    """
    figure, (axes,) = panels([""], height=3.4)
    for index, (name, path) in enumerate(paths.items()):
        distance = np.hypot(*(np.asarray(path, float) - np.asarray(equilibrium)[None]).T)
        axes.semilogy(np.arange(len(distance)), distance, label=name, **line_style(index))
    name_axes(axes, "updates of both players", "distance to the equilibrium")
    legend_below(figure, axes, columns=2)
    return figure


def eigenvalues(values: Mapping[str, np.ndarray], discrete: bool = False) -> Figure:
    """Eigenvalues of a game's Jacobian at its equilibrium, over the region of stability.

    Args:
      values: eigenvalues, complex [n], by name, as `jaxgan.games.eigenvalues` returns them.
      discrete: True for eigenvalues of one update, which is stable inside the unit circle; False
        for those of the vector field, which is stable left of the imaginary axis.
    Returns:
      The figure. The region of stability is grey.
    """
    figure, (axes,) = panels([""], height=3.2, equal=True)
    for index, (name, points) in enumerate(values.items()):
        points, kind = np.asarray(points), index % len(MARKERS)
        # Hollow markers of decreasing size, so that equal eigenvalues stay visible.
        style = {"marker": MARKERS[kind], "s": max(160 - 28 * kind, 30), "zorder": 3}
        style |= {"facecolors": "none", "edgecolors": LINE_COLOURS[kind], "linewidths": 1.8}
        axes.scatter(points.real, points.imag, label=name, **style)
    all_points = np.concatenate([np.asarray(points).ravel() for points in values.values()])
    if discrete:
        axes.add_patch(Circle((0, 0), 1.0, facecolor="#E8E8E8", edgecolor="black"))
    else:
        axes.axvspan(-1e9, 0, color="#E8E8E8")
        axes.axvline(0, color="black", linewidth=1)
    axes.axhline(0, color=GREY, linewidth=0.8)
    plane = np.stack([all_points.real, all_points.imag], axis=1)
    plane = np.append(plane, [[float(discrete), 0.0]], axis=0)
    x, y = limits_of([plane], margin=0.25)
    axes.set(xlim=x, ylim=y)
    where = "inside the unit circle" if discrete else "left of the imaginary axis"
    axes.set_title(f"grey: stable, {where}", fontsize=9)
    name_axes(axes, "real part", "imaginary part")
    axes.tick_params(labelsize=SMALL)
    legend_below(figure, axes, columns=2)
    return figure

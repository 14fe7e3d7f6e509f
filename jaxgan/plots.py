"""Pictures: grids of samples, points over a density, the curves of a run."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"


def is_image(shape: Sequence[int]) -> bool:
    """Whether samples of this shape are pictures: [height, width, 1 or 3]."""
    return len(shape) == 3 and shape[2] in (1, 3)


def sample_grid(images: np.ndarray, low: float, high: float, columns: int | None = None):
    """A grid of images as one picture, small images enlarged to be seen.

    Args:
      images: [n, height, width, 1 or 3].
      low: the value shown black.
      high: the value shown white.
      columns: images a row; a square grid if not given.
    Returns:
      uint8 [height, width, 3].
    Raises:
      ValueError: if the samples are not images.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or not is_image(images.shape[1:]):
        raise ValueError(
            f"a grid needs images [n, height, width, 1 or 3], got shape {images.shape}: "
            "write such samples to .npz instead"
        )
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    pixels = np.clip((images - low) / (high - low), 0.0, 1.0) * 255.0
    enlarge = max(1, 56 // max(height, width))
    tiles = np.rint(pixels).astype(np.uint8).repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    tiles = np.broadcast_to(tiles, (*tiles.shape[:3], 3)) if channels == 1 else tiles
    gap, shade = 4, 60
    padding = ((0, rows * columns - count), (0, gap), (0, gap), (0, 0))
    tiles = np.pad(tiles, padding, constant_values=shade)
    grid = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    grid = grid.reshape(rows * tiles.shape[1], columns * tiles.shape[2], 3)
    return np.pad(grid, ((gap, 0), (gap, 0), (0, 0)), constant_values=shade)


def scatter_over_density(samples: np.ndarray, real: np.ndarray | None = None) -> Figure:
    """Generated points over the density of the real ones.

    Args:
      samples: generated points [n, 2].
      real: real points [m, 2], shown as a grey density.
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
    axes.scatter(
        samples[:, 0], samples[:, 1], s=4, color=ORANGE, alpha=0.6, linewidths=0, label="generated"
    )
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    axes.legend(loc="upper right", markerscale=3, title=None if real is None else "grey: real")
    return figure


def rendered(figure: Figure, dpi: int = 110) -> np.ndarray:
    """A figure as pixels, uint8 [height, width, 3]."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def training_curves(rows: Sequence[dict]) -> Figure:
    """Losses, accuracy and diversity over the generator updates of a run.

    Args:
      rows: of metrics.jsonl, one dict of metrics each.
    """
    figure = Figure(figsize=(11, 3.3), layout="constrained")
    losses, accuracy, diversity = figure.subplots(1, 3)
    _curves(losses, rows, {"discriminator_loss": BLUE, "generator_loss": ORANGE})
    losses.set(ylabel="loss")
    names = {"accuracy_real": BLUE, "accuracy_fake": ORANGE, "accuracy_pairs": GREEN}
    _curves(accuracy, rows, names)
    accuracy.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
    accuracy.set(ylabel="discriminator accuracy", ylim=(0, 1))
    _curves(diversity, rows, {"diversity": GREEN})
    diversity.axhline(1.0, color=GREY, linestyle=":", linewidth=1)
    diversity.set(ylabel="sample diversity (1: as real)", ylim=(0, None))
    for axes in (losses, accuracy, diversity):
        axes.set(xlabel="generator updates")
        axes.grid(alpha=0.25)
    return figure


def _curves(axes, rows: Sequence[dict], colours: dict[str, str]):
    """Each metric thin, as logged, and bold, as a running mean over about a twentieth of it."""
    for name, colour in colours.items():
        points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if not points:
            continue
        steps, values = np.asarray(points, float).T
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
        window = max(1, len(values) // 20)
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        axes.plot(steps[len(steps) - len(smooth) :], smooth, color=colour, label=name)
    if axes.lines:
        axes.legend(fontsize="small")

"""Grids of images and grids of waveforms."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from jaxgan.plots.style import GREY, PALETTE, WIDTH

SQUARE, CHEQUERS = 8, (0.6, 0.8)  # side in pixels, and shades, of the board behind transparency


def is_image(shape: Sequence[int]) -> bool:
    """Whether samples of this shape are images: [height, width, 1, 3 or 4]."""
    return len(shape) == 3 and shape[2] in (1, 3, 4)


def is_waveform(shape: Sequence[int]) -> bool:
    """Whether samples of this shape are waveforms: [length, channels]."""
    return len(shape) == 2


def sample_grid(
    images: np.ndarray,
    low: float,
    high: float,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
) -> np.ndarray:
    """A grid of images as one image; small images are enlarged.

    Args:
      images: [n, height, width, 1, 3 or 4]; a fourth channel is opacity, and a chequerboard shows
        through.
      low: the value shown as black.
      high: the value shown as white.
      columns: images per row; a square grid if not given.
      row_labels: text in the left margin, one per row, such as class names.
    Returns:
      uint8 [height, width, 3].
    Raises:
      ValueError: if the samples are not images, or there is not one label per row.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or not is_image(images.shape[1:]):
        raise ValueError(
            f"images must have shape [n, height, width, 1, 3 or 4], got {images.shape}; "
            "save other samples as .npz"
        )
    count, height, width, channels = images.shape
    rows, columns = _layout(count, columns, row_labels)
    enlarge = max(1, 56 // max(height, width))
    pixels = np.clip((images - low) / (high - low), 0.0, 1.0)
    pixels = pixels.repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    tiles = np.rint(255.0 * (_opaque(pixels) if channels == 4 else pixels)).astype(np.uint8)
    tiles = np.broadcast_to(tiles, (*tiles.shape[:3], 3)) if channels == 1 else tiles
    gap, shade = 4, 60
    padding = ((0, rows * columns - count), (0, gap), (0, gap), (0, 0))
    tiles = np.pad(tiles, padding, constant_values=shade)
    grid = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    grid = grid.reshape(rows * tiles.shape[1], columns * tiles.shape[2], 3)
    grid = np.pad(grid, ((gap, 0), (gap, 0), (0, 0)), constant_values=shade)
    if row_labels is None:
        return grid
    middles = gap + tiles.shape[1] * np.arange(rows) + (tiles.shape[1] - gap) / 2
    return np.concatenate([_margin(row_labels, middles, len(grid), shade), grid], axis=1)


def _opaque(pixels: np.ndarray) -> np.ndarray:
    """Images [n, height, width, 4] in 0..1 before a chequerboard, [n, height, width, 3]."""
    colours, opacity = pixels[..., :3], pixels[..., 3:]
    rows, columns = (np.arange(side) // SQUARE for side in pixels.shape[1:3])
    board = np.where((rows[:, None] + columns) % 2, *CHEQUERS)[..., None]
    return opacity * colours + (1.0 - opacity) * board


def _layout(count: int, columns: int | None, row_labels: Sequence[str] | None) -> tuple[int, int]:
    """The number of rows and of columns of a grid."""
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    if row_labels is not None and len(row_labels) != rows:
        raise ValueError(f"row_labels must hold one text per row, {rows}, got {len(row_labels)}")
    return rows, columns


def _margin(texts: Sequence[str], middles: np.ndarray, height: int, shade: int) -> np.ndarray:
    """A margin with white texts, uint8 [height, as wide as needed, 3], each at its own height."""
    font, space = ImageFont.load_default(16), 8
    width = math.ceil(max(font.getlength(text) for text in texts)) + 2 * space
    margin = Image.new("RGB", (width, height), (shade, shade, shade))
    draw = ImageDraw.Draw(margin)
    for text, middle in zip(texts, middles, strict=True):
        draw.text((width - space, middle), text, "white", font, anchor="rm")
    return np.asarray(margin)


def side_by_side(
    parts: Sequence[np.ndarray], low: float | None, high: float | None, columns: int | None = None
) -> np.ndarray:
    """A grid of image groups: the i-th group holds the i-th image of each part, side by side.

    Args:
      parts: images [n, height, width, 1 or 3] of one height; grey and colour parts may be mixed.
      low: the value shown as black; None for the lowest value in the last part.
      high: the value shown as white; None for the highest value in the last part.
      columns: groups per row; six rows of groups if not given.
    Returns:
      uint8 [height, width, 3].
    """
    low = float(parts[-1].min()) if low is None else low
    high = float(parts[-1].max()) + 1e-6 if high is None else high
    channels = max(x.shape[-1] for x in parts)
    parts = [np.broadcast_to(x, (*x.shape[:3], channels)) for x in parts]
    columns = columns or max(1, len(parts[0]) // 6)
    return sample_grid(np.concatenate(parts, axis=2), low, high, columns)


def waveform_grid(
    samples: np.ndarray,
    low: float,
    high: float,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
) -> Figure:
    """A grid of waveforms, one panel each; channels differ in colour.

    Args:
      samples: [n, length, channels].
      low: the value at the bottom of each panel; values are clipped to the panel.
      high: the value at the top of each panel.
      columns: waveforms per row; a square grid if not given.
      row_labels: text on the left of each row, such as class names.
    Returns:
      The figure.
    Raises:
      ValueError: if the samples are not waveforms, or there is not one label per row.
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 3:
        raise ValueError(
            f"samples must be waveforms [n, length, channels], got shape {samples.shape}"
        )
    count, length, _ = samples.shape
    rows, columns = _layout(count, columns, row_labels)
    size = (max(4.0, 0.6 + 1.2 * columns), max(2.0, 0.5 + 0.7 * rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    _draw_waveforms(axes, np.clip((samples - low) / (high - low), 0.0, 1.0), columns)
    axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[])
    axes.hlines(np.arange(1, rows), 0, columns, colors=GREY, linewidths=0.4)
    axes.vlines(np.arange(1, columns), 0, rows, colors=GREY, linewidths=0.4)
    axes.set_xlabel(f"{length} values per waveform, vertical range {low:g} to {high:g}")
    if row_labels is not None:
        axes.set_yticks(np.arange(rows) + 0.5, row_labels)
        axes.tick_params(left=False)
    return figure


def _draw_waveforms(axes, height: np.ndarray, columns: int):
    """Draws waveforms [n, length, channels], of heights in 0..1, in panels of size 1 by 1."""
    # All panels share one axes: with an axes per panel this takes a hundred times as long.
    count, length, channels = height.shape
    row, column = np.divmod(np.arange(count), columns)
    x = column[:, None] + np.linspace(0.05, 0.95, length)
    y = row[:, None, None] + 0.95 - 0.9 * height
    for channel in range(channels):
        lines = np.stack([x, y[..., channel]], axis=-1)
        colour = PALETTE[channel % len(PALETTE)]
        axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=0.8))


def samples(
    images: np.ndarray,
    low: float,
    high: float,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """A grid of images as a figure, see `sample_grid`.

    Args:
      images: [n, height, width, 1 or 3].
      low: the value shown as black.
      high: the value shown as white.
      columns: images per row; a square grid if not given.
      row_labels: text on the left of each row.
      title: the figure's title.
    Returns:
      The figure.
    Raises:
      ValueError: if the samples are not images, or there is not one label per row.
    """
    grid = sample_grid(images, low, high, columns, row_labels)
    height, width = grid.shape[:2]
    size = min(WIDTH, WIDTH * width / height)
    figure = Figure(figsize=(size, size * height / width + 0.3), layout="constrained")
    axes = figure.subplots()
    axes.imshow(grid, interpolation="none" if max(height, width) < 700 else "antialiased")
    axes.set_axis_off()
    if title is not None:
        axes.set_title(title, fontsize=10)
    return figure


def interpolation_strip(
    images: np.ndarray, low: float, high: float, row_labels: Sequence[str] | None = None
) -> Figure:
    """Interpolations between latents as a figure, one interpolation per row.

    Args:
      images: [rows, steps, height, width, 1 or 3]; the first and last step are the two ends.
      low: the value shown as black.
      high: the value shown as white.
      row_labels: text on the left of each row.
    Returns:
      The figure.
    Raises:
      ValueError: if the images have another rank, or there is not one label per row.
    """
    images = np.asarray(images)
    if images.ndim != 5:
        raise ValueError(
            "images must have shape [rows, steps, height, width, 1 or 3], one interpolation per "
            f"row, got {images.shape}"
        )
    steps = images.shape[1]
    flat = images.reshape(-1, *images.shape[2:])
    title = "from one latent (left) to another (right)"
    return samples(flat, low, high, steps, row_labels, title)

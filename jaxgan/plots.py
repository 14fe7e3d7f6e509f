"""Pictures: grids of images and waveforms, points over a density, the curves of a run."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's colours, told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"
PALETTE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")


def is_image(shape: Sequence[int]) -> bool:
    """Whether samples of this shape are pictures: [height, width, 1 or 3]."""
    return len(shape) == 3 and shape[2] in (1, 3)


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
    """A grid of images as one picture, small images enlarged to be seen.

    Args:
      images: [n, height, width, 1 or 3].
      low: the value shown black.
      high: the value shown white.
      columns: images a row; a square grid if not given.
      row_labels: what to write in a margin on the left of each row, the classes say.
    Returns:
      uint8 [height, width, 3].
    Raises:
      ValueError: if the samples are not images, or there is not one label a row.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or not is_image(images.shape[1:]):
        raise ValueError(
            f"a grid needs images [n, height, width, 1 or 3], got shape {images.shape}: "
            "write such samples to .npz instead"
        )
    count, height, width, channels = images.shape
    rows, columns = _layout(count, columns, row_labels)
    pixels = np.clip((images - low) / (high - low), 0.0, 1.0) * 255.0
    enlarge = max(1, 56 // max(height, width))
    tiles = np.rint(pixels).astype(np.uint8).repeat(enlarge, axis=1).repeat(enlarge, axis=2)
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


def _layout(count: int, columns: int | None, row_labels: Sequence[str] | None) -> tuple[int, int]:
    """Rows and columns of a grid."""
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    if row_labels is not None and len(row_labels) != rows:
        raise ValueError(f"row_labels must hold one text a row, {rows}, got {len(row_labels)}")
    return rows, columns


def _margin(texts: Sequence[str], middles: np.ndarray, height: int, shade: int) -> np.ndarray:
    """White texts, uint8 [height, as wide as they need, 3], each at its height in the middle."""
    font, space = ImageFont.load_default(16), 8
    width = math.ceil(max(font.getlength(text) for text in texts)) + 2 * space
    margin = Image.new("RGB", (width, height), (shade, shade, shade))
    draw = ImageDraw.Draw(margin)
    for text, middle in zip(texts, middles, strict=True):
        draw.text((width - space, middle), text, "white", font, anchor="rm")
    return np.asarray(margin)


def waveform_grid(
    samples: np.ndarray,
    low: float,
    high: float,
    columns: int | None = None,
    row_labels: Sequence[str] | None = None,
) -> Figure:
    """A grid of waveforms, each in a panel of its own; channels differ in colour.

    Args:
      samples: [n, length, channels].
      low: the value at the foot of each panel; lower ones are drawn there.
      high: the value at its top.
      columns: waveforms a row; a square grid if not given.
      row_labels: what to write on the left of each row, the classes say.
    Raises:
      ValueError: if the samples are not waveforms, or there is not one label a row.
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 3:
        raise ValueError(f"a grid needs waveforms [n, length, channels], got {samples.shape}")
    count, length, channels = samples.shape
    rows, columns = _layout(count, columns, row_labels)
    size = (max(4.0, 0.6 + 1.2 * columns), max(2.0, 0.5 + 0.7 * rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    # One axes for all, since an axes a panel takes a hundred times as long: panels are 1 by 1.
    row, column = np.divmod(np.arange(count), columns)
    x = column[:, None] + np.linspace(0.05, 0.95, length)
    height = np.clip((samples - low) / (high - low), 0.0, 1.0)
    y = row[:, None, None] + 0.95 - 0.9 * height
    for channel in range(channels):
        lines = np.stack([x, y[..., channel]], axis=-1)
        colour = PALETTE[channel % len(PALETTE)]
        axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=0.8))
    axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[])
    axes.hlines(np.arange(1, rows), 0, columns, colors=GREY, linewidths=0.4)
    axes.vlines(np.arange(1, columns), 0, rows, colors=GREY, linewidths=0.4)
    axes.set_xlabel(f"each {length} values long, from {low:g} to {high:g}")
    if row_labels is not None:
        axes.set_yticks(np.arange(rows) + 0.5, row_labels)
        axes.tick_params(left=False)
    return figure


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


# --- The picture that suits the samples


def has_picture(shape: Sequence[int]) -> bool:
    """Whether samples of this shape can be shown: images, waveforms, points in the plane."""
    return is_image(shape) or is_waveform(shape) or tuple(shape) == (2,)


def picture(
    samples: np.ndarray,
    low: float | None,
    high: float | None,
    real: np.ndarray | None = None,
    num_classes: int | None = None,
) -> np.ndarray | None:
    """A grid of images or waveforms, or points in the plane.

    Args:
      samples: [n, ...] in the data's own range.
      low: its lower end; None for the samples' own.
      high: its upper end; None for the samples' own.
      real: real points [m, 2], shown as a density.
      num_classes: if given, samples are those of `class_rows`.
    Returns:
      uint8 [height, width, 3]; None if such samples have no picture.
    """
    shape = samples.shape[1:]
    if not has_picture(shape):
        return None
    if shape == (2,):
        labels = None if num_classes is None else class_rows(len(samples), num_classes)
        return rendered(scatter_over_density(samples, real, labels))
    low = float(samples.min()) if low is None else low
    high = float(samples.max()) + 1e-6 if high is None else high
    columns, names = None, None
    if num_classes is not None:
        columns, names = len(samples) // num_classes, [str(c) for c in range(num_classes)]
    if is_image(shape):
        return sample_grid(samples, low, high, columns, names)
    return rendered(waveform_grid(samples, low, high, columns, names))


def side_by_side(parts: Sequence[np.ndarray], low: float | None, high: float | None) -> np.ndarray:
    """A grid of images in groups: the first of each part, the second of each part, and so on.

    Args:
      parts: each [n, height, width, 1 or 3], all of one height; grey ones may stand among coloured.
      low: the shade of black; None for the lowest value in the last part.
      high: the shade of white; None for its highest.
    Returns:
      uint8 [height, width, 3].
    """
    low = float(parts[-1].min()) if low is None else low
    high = float(parts[-1].max()) + 1e-6 if high is None else high
    channels = max(x.shape[-1] for x in parts)
    parts = [np.broadcast_to(x, (*x.shape[:3], channels)) for x in parts]
    return sample_grid(np.concatenate(parts, axis=2), low, high, max(1, len(parts[0]) // 6))


def num_pictured(
    shape: Sequence[int], num_classes: int | None = None, in_threes: bool = False
) -> int:
    """How many samples a picture shows if nothing else is asked for; as many of each class."""
    if in_threes:
        return 24 if num_classes is None else 2 * num_classes
    if tuple(shape) == (2,):
        return 2000 if num_classes is None else 2000 // num_classes * num_classes
    return 64 if num_classes is None else 8 * num_classes


def class_rows(num: int, num_classes: int) -> np.ndarray:
    """Labels int32 [num], so that a grid of num samples has one class a row.

    Raises:
      ValueError: if the classes do not get equally many.
    """
    if num % num_classes:
        raise ValueError(f"num={num} is not a multiple of the {num_classes} classes")
    return np.repeat(np.arange(num_classes, dtype=np.int32), num // num_classes)


def rendered(figure: Figure, dpi: int = 110) -> np.ndarray:
    """A figure as pixels, uint8 [height, width, 3]."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def training_curves(rows: Sequence[dict]) -> Figure:
    """Losses, accuracy and diversity over the generator updates of a run.

    Beside the losses of pairs without accuracy on real and fake stands their value, minus the
    discriminator's adversarial loss: a Wasserstein critic's estimate of the distance.

    Args:
      rows: of metrics.jsonl, one dict of metrics each.
    """
    figure = Figure(figsize=(11, 3.3), layout="constrained")
    losses, accuracy, diversity = figure.subplots(1, 3)
    names = {"discriminator_loss": BLUE, "generator_loss": ORANGE}
    if not any("accuracy_real" in row for row in rows):
        names["value"] = GREEN
    _curves(losses, rows, names)
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
        label = "value (-adversarial loss)" if name == "value" else name
        axes.plot(steps[len(steps) - len(smooth) :], smooth, color=colour, label=label)
    if axes.lines:
        axes.legend(fontsize="small")

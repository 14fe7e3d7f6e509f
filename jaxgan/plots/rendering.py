"""Renders figures as pixels, and pixels as an animation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from jaxgan.atomic import replace_file

_COLOURS = 64
_PALETTE_FRAMES = 8  # frames whose colours make up the palette


def rendered(figure: Figure, dpi: int = 110) -> np.ndarray:
    """A figure as pixels.

    Args:
      figure: the figure to draw.
      dpi: pixels per inch.
    Returns:
      uint8 [height, width, 3].
    """
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def animation(frames: Sequence[np.ndarray], file: Path | str, seconds: float = 0.1) -> Path:
    """Writes a GIF that repeats forever; the file is written whole or not at all.

    All frames share one palette of 64 colours, so that unchanged regions take no space.

    Args:
      frames: uint8 [height, width, 3] each, all of one size, as `rendered` returns them.
      file: the path to write to.
      seconds: the time for which each frame is shown, at least 0.02.
    Returns:
      The file's path.
    Raises:
      ValueError: if there are no frames, their sizes differ, or seconds is too short for a GIF.
    """
    shapes = {np.shape(frame) for frame in frames}
    if len(shapes) != 1:
        raise ValueError(f"frames must be one or more, all of one shape, got {sorted(shapes)}")
    if not seconds >= 0.02:
        raise ValueError(f"seconds must be at least 0.02, got {seconds}")
    palette = _shared_palette(frames)
    first, *rest = (
        Image.fromarray(np.asarray(frame, np.uint8)).quantize(
            palette=palette, dither=Image.Dither.NONE
        )
        for frame in frames
    )
    file = Path(file)
    options = {"append_images": rest, "duration": round(1000 * seconds), "loop": 0}
    replace_file(
        file, lambda beside: first.save(beside, "GIF", save_all=True, optimize=True, **options)
    )
    return file


def _shared_palette(frames: Sequence[np.ndarray]) -> Image.Image:
    """An image whose palette holds the colours of a few evenly spaced frames."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, _PALETTE_FRAMES).round().astype(int))
    together = np.concatenate([np.asarray(frames[index], np.uint8) for index in chosen])
    return Image.fromarray(together).quantize(_COLOURS)

"""Images of any size enlarged by the generator of a super-resolution run."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan.data.images import read_alpha
from jaxgan.images.tasks import condition_image
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images
from jaxgan.runs.outputs.image_files import (
    as_bytes,
    check_image,
    check_png,
    from_pixels,
    make_apply,
    read_pixels,
    write_png,
)
from jaxgan.types import Array, Batch

# Pixels of the small image. The margin is wider than the networks' receptive field reaches.
WINDOW, MARGIN = 256, 48


def upscale_image(generator: TrainedGenerator, image: np.ndarray) -> np.ndarray:
    """Enlarge an image.

    Args:
      generator: of a super-resolution run.
      image: uint8 [height, width, channels], with the channels of the run's data.
    Returns:
      uint8 [scale * height, scale * width, channels].
    Raises:
      ValueError: if the generator does not enlarge images, or the image does not fit it.
    """
    scale = scale_of(generator)
    check_image(image, generator.data.shape[-1])
    return as_bytes(tiled(make_apply(generator), image, scale))


def upscale_file(generator: TrainedGenerator, image: Path, out: Path) -> str:
    """Enlarge an image file into a .png file; returns its size as text.

    The generator enlarges the colours, including those of transparent pixels. Transparency is
    enlarged by bicubic interpolation, and the text says so.

    Raises:
      ValueError: if the image cannot be read, `out` is not a .png file, or as `upscale_image`.
      OSError: if the file cannot be written.
    """
    check_png(out)
    small = read_pixels(image, generator.data.shape[-1])
    large = from_pixels(upscale_image(generator, small))
    alpha = read_alpha(image)
    if alpha is None:
        return write_png(large, out)
    large.putalpha(Image.fromarray(alpha).resize(large.size, Image.Resampling.BICUBIC))
    return f"{write_png(large, out)} (transparency enlarged bicubically)"


def scale_of(generator: TrainedGenerator) -> int:
    """The factor by which a generator enlarges images.

    Raises:
      ValueError: if it does not enlarge images.
    """
    task, shape = generator.gan.task, generator.data.shape
    if task is not None and generator.data.num_classes is None and takes_images(generator):
        batch = task.prepare(Batch(jnp.zeros((1, *shape))))
        image = condition_image(batch.condition)
        sizes = {x.shape[1] for x in jax.tree.leaves(batch.x)}  # CycleGAN's samples are pairs
        if image is not None and max(sizes) // image.shape[1] > 1:
            return max(sizes) // image.shape[1]
    raise ValueError(
        "upscale needs a super-resolution run, such as one of the recipe srgan; this run is of the "
        f"recipe {generator.config.options.recipe}"
    )


def tiled(
    enlarge: Callable[[np.ndarray], np.ndarray | Array],
    image: np.ndarray,
    scale: int,
    window: int = WINDOW,
    margin: int = MARGIN,
) -> np.ndarray:
    """Enlarge a large image window by window, with the result of enlarging it in one piece.

    Args:
      enlarge: maps [h, w, channels] to float [scale * h, scale * w, channels]. No pixel may depend
        on others farther away than the margin.
      image: [height, width, channels].
      scale: the factor.
      window: largest side of a window.
      margin: width of a window's border that is discarded where it is inside the image.
    """
    height, width, _ = image.shape
    rows = []
    for top, first, last in _windows(height, window, margin):
        parts = []
        for left, begin, end in _windows(width, window, margin):
            y = enlarge(image[top : top + window, left : left + window])
            inner = (slice(first - top, last - top), slice(begin - left, end - left))
            parts.append(y[tuple(slice(scale * s.start, scale * s.stop) for s in inner)])
        rows.append(np.concatenate(parts, axis=1))
    return np.concatenate(rows, axis=0)


def _windows(side: int, window: int, margin: int) -> list[tuple[int, int, int]]:
    """The start of each window along a side, and the first and last position that it provides."""
    if side <= window:
        return [(0, 0, side)]
    num = math.ceil((side - window) / (window - 2 * margin)) + 1
    starts = np.linspace(0, side - window, num).round().astype(int).tolist()
    cuts = [(a + window + b) // 2 for a, b in itertools.pairwise(starts)]
    return list(zip(starts, [0, *cuts], [*cuts, side], strict=True))

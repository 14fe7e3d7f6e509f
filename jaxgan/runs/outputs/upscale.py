"""Pictures enlarged by the generator of a super-resolution run, of any size."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.data import scale as scaled
from jaxgan.data.images import HIDDEN, read_alpha, read_image
from jaxgan.images.tasks import condition_image
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator, make_generate
from jaxgan.runs.disk.stage_folders import last_stage
from jaxgan.runs.settings.config import read_config
from jaxgan.training.sampling import has_images
from jaxgan.types import Array, Batch

WINDOW, MARGIN = 256, 48  # pixels of the small image; networks look less far than the margin


def upscale_run(
    run: Path, image: np.ndarray, use_ema: bool = True, which: str = "latest"
) -> np.ndarray:
    """An image enlarged by a run's generator.

    Args:
      run: the folder of a super-resolution run, or of one of its stages.
      image: uint8 [height, width, channels], with the channels of the run's data.
      use_ema: the averaged generator, if the run keeps an average.
      which: the checkpoint, see `jaxgan.runs.disk.generator.load_generator`.
    Returns:
      uint8 [scale * height, scale * width, channels].
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint.
      ValueError: if the run does not enlarge images, or the image does not fit.
    """
    loaded = load_generator(last_stage(run), use_ema, which)
    scale = scale_of(loaded)
    channels = loaded.config.data.shape[-1]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != channels:
        raise ValueError(
            f"image must be uint8 [height, width, {channels}], got {image.dtype} {image.shape}"
        )
    draw = make_generate(loaded)
    low, high = loaded.config.options.plan.model_range or (-1.0, 1.0)

    def enlarge(x: np.ndarray) -> np.ndarray:
        y = draw(jax.random.key(0), scaled(x[None], (0, 255), (low, high)), jnp.arange(1))
        return np.asarray(y)[0]

    y = scaled(tiled(enlarge, image, scale), (low, high), (0, 255))
    return np.clip(np.rint(y), 0, 255).astype(np.uint8)


def upscale_file(run: Path, image: Path, out: Path, use_ema: bool = True) -> str:
    """Enlarges a picture into a .png file; gives its size as text.

    The generator enlarges the colours, also those under transparent pixels; the transparency is
    enlarged by bicubic interpolation, and the text says so.

    Raises:
      ValueError: if the picture cannot be read, or out is no .png file.
      OSError: if it cannot be written.
      Others: see `upscale_run`.
    """
    if out.suffix != ".png":
        raise ValueError(f"--out must end in .png, got {out}")
    check_replaceable(out)
    channels = read_config(last_stage(run)).data.shape[-1]
    small = read_image(image, "L" if channels == 1 else "RGB", None, HIDDEN)
    large = upscale_run(run, small, use_ema)
    picture = Image.fromarray(large[..., 0] if channels == 1 else large)
    text, alpha = f"{picture.width}x{picture.height}", read_alpha(image)
    if alpha is not None:
        picture.putalpha(Image.fromarray(alpha).resize(picture.size, Image.Resampling.BICUBIC))
        text += " (transparency enlarged bicubically)"
    replace_file(out, lambda beside: picture.save(beside, format="png"))
    return text


def scale_of(loaded: TrainedGenerator) -> int:
    """How many times a generator enlarges its images.

    Raises:
      ValueError: if it does not.
    """
    gan, shape = loaded.gan, loaded.config.data.shape
    if gan.task is not None and has_images(gan, shape, conditional=False):
        batch = gan.task.prepare(Batch(jnp.zeros((1, *shape))))
        image = condition_image(batch.condition)
        if image is not None and batch.x.shape[1] // image.shape[1] > 1:
            return batch.x.shape[1] // image.shape[1]
    raise ValueError(
        "upscale needs a super-resolution run, such as one of the recipe srgan; this run is of the "
        f"recipe {loaded.config.options.recipe}"
    )


def tiled(
    enlarge: Callable[[np.ndarray], np.ndarray | Array],
    image: np.ndarray,
    scale: int,
    window: int = WINDOW,
    margin: int = MARGIN,
) -> np.ndarray:
    """A large image enlarged window by window, as if it were in one piece.

    Args:
      enlarge: [h, w, channels] to float [scale * h, scale * w, channels]; no pixel may depend on
        others farther away than the margin.
      image: [height, width, channels].
      scale: of the enlargement.
      window: side of a window at most.
      margin: width of the rim of a window that is not used, where more of the image follows.
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
    """Where windows start along a side, and from where to where each is used."""
    if side <= window:
        return [(0, 0, side)]
    num = math.ceil((side - window) / (window - 2 * margin)) + 1
    starts = np.linspace(0, side - window, num).round().astype(int).tolist()
    cuts = [(a + window + b) // 2 for a, b in itertools.pairwise(starts)]
    return list(zip(starts, [0, *cuts], [*cuts, side], strict=True))

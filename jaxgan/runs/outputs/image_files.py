"""Image files passed through a generator that takes an image: what `upscale` and `translate` share.

Images are uint8 [height, width, channels]. Networks see them in the generator's own range.
"""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.choices import Domain
from jaxgan.data import scale
from jaxgan.data.images import CHANNELS, HIDDEN, read_image
from jaxgan.runs.disk.generator import TrainedGenerator, make_draw

_PIXELS = (0, 255)
DOMAINS: tuple[Domain, ...] = get_args(Domain)


def make_apply(
    generator: TrainedGenerator, seed: int = 0, to: Domain | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function from an image to the generator's output for it, a float image in 0..255.

    Args:
      generator: one that takes an image, or a pair of the domains ("a", "b").
      seed: seed of the generator's noise.
      to: the domain of the output, for a generator that takes pairs; else None.
    """
    draw = make_draw(generator)
    model_range = generator.model_range or (-1.0, 1.0)

    def apply(image: np.ndarray) -> np.ndarray:
        source = scale(image[None], _PIXELS, model_range)
        condition = source if to is None else (source, source)  # each goes one of the ways
        made = draw(jax.random.key(seed), condition, jnp.arange(1))
        made = made if to is None else made[DOMAINS.index(to)]
        return scale(np.asarray(made)[0], model_range, _PIXELS)

    return apply


def as_bytes(image: np.ndarray) -> np.ndarray:
    """Round a float image in 0..255 to uint8."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def check_image(image: np.ndarray, channels: int):
    """Raise a ValueError unless an image is uint8 and has the given number of channels."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != channels:
        raise ValueError(
            f"image must be uint8 [height, width, {channels}], got {image.dtype} {image.shape}"
        )


# --- Files


def check_png(out: Path):
    """Raise a ValueError or OSError unless a .png file can be written to this path."""
    if out.suffix != ".png":
        raise ValueError(f"--out must end in .png, got {out}")
    check_replaceable(out)


def read_pixels(image: Path, channels: int) -> np.ndarray:
    """Read an image file in grey, RGB or RGBA; the first two keep colours of transparent pixels."""
    mode = next((mode for mode, number in CHANNELS.items() if number == channels), "RGB")
    return read_image(image, mode, None, HIDDEN)


def from_pixels(pixels: np.ndarray) -> Image.Image:
    """A Pillow image of uint8 pixels: grey, RGB or RGBA."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def write_png(image: Image.Image, out: Path) -> str:
    """Write a .png file; returns its size as text, such as "64x48"."""
    replace_file(out, lambda beside: image.save(beside, format="png"))
    return f"{image.width}x{image.height}"

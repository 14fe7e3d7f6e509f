"""Single images: what their headers say, and their pixels as arrays."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

GREY_MODES = ("1", "L", "LA")
LYING_ORIENTATIONS = (5, 6, 7, 8)  # of EXIF: those that swap height and width


class Header(NamedTuple):
    """What is known of an image before it is decoded."""

    file: Path
    is_grey: bool
    sides: tuple[int, int]  # height and width, turned upright


def read_header(file: Path) -> Header:
    """Looks at an image without decoding it.

    Raises:
      ValueError: if it has no sound header, or more than 8 bits a channel.
    """
    try:
        with Image.open(file) as image:
            _check_depth(image)
            # PNG's own way to look for an orientation decodes the whole image
            kind = Image.Image if image.format == "PNG" else type(image)
            lies = kind.getexif(image).get(ExifTags.Base.Orientation) in LYING_ORIENTATIONS
            width, height = reversed(image.size) if lies else image.size
            return Header(file, image.mode in GREY_MODES, (height, width))
    except Exception as error:  # damaged bytes lead decoders to errors of any kind
        raise ValueError(f"cannot read image {file}: {error}") from error


def _check_depth(image: Image.Image) -> None:
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow would clip them at 255, which turns most of a 16-bit image white
        raise ValueError(f"more than 8 bits a channel (mode {image.mode}); convert it")


def read_image(file: Path, mode: str, size: int | None) -> np.ndarray:
    """One image as uint8 [H, W, 1] (mode L) or [H, W, 3] (mode RGB), turned upright.

    Args:
      file: the image; of an animation the first frame is taken.
      mode: L or RGB; transparency is dropped.
      size: resize the shorter side to it (Lanczos) and crop the centre; None takes it as it is.

    Raises:
      ValueError: if it cannot be read, or has more than 8 bits a channel.
    """
    try:
        with Image.open(file) as image:
            ImageOps.exif_transpose(image, in_place=True)
            return image_pixels(image, mode, size)
    except Exception as error:  # damaged bytes lead decoders to errors of any kind
        raise ValueError(f"cannot read image {file}: {error}") from error


def image_pixels(image: Image.Image, mode: str, size: int | None) -> np.ndarray:
    """An open image as uint8 [H, W, 1] (mode L) or [H, W, 3] (mode RGB); see `read_image`."""
    _check_depth(image)
    if image.mode == "P":
        image = image.convert("RGBA")  # the only way to RGB that palettes never warn about
    if image.mode != mode:
        image = image.convert(mode)
    if size is not None:
        image = _resize_and_crop(image, size)
    pixels = np.asarray(image)
    return pixels[..., None] if mode == "L" else pixels


def _resize_and_crop(image: Image.Image, size: int) -> Image.Image:
    shorter = min(image.size)
    width, height = (max(size, round(side * size / shorter)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    left, top = (width - size) // 2, (height - size) // 2
    return image.crop((left, top, left + size, top + size))

"""Reads single images: their headers, and their pixels as arrays."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

GREY_MODES = ("1", "L", "LA")
HIDDEN = "hidden"
BACKGROUNDS = ("white", "black", "grey")
SWAPPED_ORIENTATIONS = (5, 6, 7, 8)  # EXIF orientations that swap height and width
MAX_ASPECT = 8  # images of a larger aspect ratio are cropped while they are resized


class Header(NamedTuple):
    """What is known of an image before it is decoded.

    Attributes:
      file: the image's path.
      is_grey: whether it is greyscale.
      sides: height and width after turning it upright.
    """

    file: Path
    is_grey: bool
    sides: tuple[int, int]


def read_header(file: Path, max_pixels: int | None = None) -> Header:
    """The header of an image, without decoding its pixels.

    Args:
      file: the image.
      max_pixels: the largest number of pixels; None for Pillow's limit, 178,956,970.

    Raises:
      ValueError: if it has no valid header, too many pixels, or more than 8 bits per channel.
    """
    try:
        with _opened(file, max_pixels) as image:
            _check_depth(image)
            # PNG's own method to read the orientation decodes the whole image
            kind = Image.Image if image.format == "PNG" else type(image)
            is_swapped = kind.getexif(image).get(ExifTags.Base.Orientation) in SWAPPED_ORIENTATIONS
            width, height = reversed(image.size) if is_swapped else image.size
            return Header(file, image.mode in GREY_MODES, (height, width))
    except Exception as error:  # corrupted files make decoders raise many kinds of errors
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error


def _opened(file: Path, max_pixels: int | None) -> Image.Image:
    if max_pixels is not None and Image.MAX_IMAGE_PIXELS is not None:
        # Pillow only has a limit for the whole process; it is raised here and never lowered.
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels)
    image = Image.open(file)
    if max_pixels is not None and image.width * image.height > max_pixels:
        image.close()
        raise Image.DecompressionBombError(
            f"{image.width}x{image.height} pixels exceed max_pixels={max_pixels}"
        )
    return image


def reason(error: Exception) -> str:
    """Why an image cannot be read, in one line; the text of a MemoryError is empty."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        advice = "to allow larger images, pass max_pixels, or --max-pixels to jaxgan train"
        return f"{str(error).rstrip('.')}; {advice}"
    return str(error) or type(error).__name__


def _check_depth(image: Image.Image) -> None:
    # Pillow would clip 16-bit greyscale values at 255, which turns most of an image white. For
    # colours, and for greyscale with transparency, it would drop the lower bits.
    deep = [image.mode] if image.mode.startswith("I") or image.mode == "F" else []
    for tile in getattr(image, "tile", ()):  # the encoding of pixels that are not decoded yet
        kind, *more = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        is_deep = ";16" in str(kind) and not str(kind).startswith("BGR;16")  # which is 5, 6, 5 bits
        if is_deep or (tile.codec_name.startswith("ppm") and more[0] > 255):
            deep.append(kind)
    if deep:
        raise ValueError(f"more than 8 bits per channel ({deep[0]}); convert it to 8 bits")


def read_image(
    file: Path,
    mode: str,
    size: int | None,
    background: str | None = None,
    nearest: bool = False,
    max_pixels: int | None = None,
) -> np.ndarray:
    """One image as uint8 [H, W, 1] (mode L) or [H, W, 3] (mode RGB), turned upright.

    Args:
      file: the image; an animation gives its first frame.
      mode: L or RGB.
      size: the shorter side is resized to it (Lanczos) and the centre cropped; None keeps the size.
      background: the colour behind transparent pixels, or HIDDEN for the colours stored under them.
        None uses the stored colours with a warning.
      nearest: whether to resize by the nearest pixel; for label maps, whose values must not mix.
      max_pixels: the largest number of pixels; None for Pillow's limit, 178,956,970.

    Raises:
      ValueError: if it cannot be read, has too many pixels, or more than 8 bits per channel.
    """
    try:
        with _opened(file, max_pixels) as image:
            _check_depth(image)
            ImageOps.exif_transpose(image, in_place=True)
            return image_pixels(image, mode, size, background, nearest)
    except Exception as error:  # corrupted files make decoders raise many kinds of errors
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error


def read_alpha(file: Path) -> np.ndarray | None:
    """The opacity of an image as uint8 [H, W], turned upright; None if it is fully opaque.

    Args:
      file: the image.

    Raises:
      ValueError: if it cannot be read.
    """
    try:
        with Image.open(file) as image:
            ImageOps.exif_transpose(image, in_place=True)
            is_opaque = not _has_transparency(image)
            return None if is_opaque else np.asarray(image.convert("RGBA").getchannel("A"))
    except Exception as error:  # corrupted files make decoders raise many kinds of errors
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error


def _has_transparency(image: Image.Image) -> bool:
    """Whether a pixel is at least slightly transparent."""
    if not image.has_transparency_data:
        return False
    return bool((np.asarray(image.convert("RGBA").getchannel("A")) < 255).any())


def image_pixels(
    image: Image.Image,
    mode: str,
    size: int | None,
    background: str | None = None,
    nearest: bool = False,
) -> np.ndarray:
    """An open image as uint8 [H, W, 1] (mode L) or [H, W, 3] (mode RGB); see `read_image`."""
    _check_depth(image)
    if background != HIDDEN and _has_transparency(image):
        image = _composed(image, background)
    if image.mode == "P":
        image = image.convert("RGBA")  # unlike a conversion to RGB, this never warns for palettes
    if image.mode != mode:
        image = image.convert(mode)
    if size is not None:
        resample = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
        image = _resize_and_crop(image, size, resample)
    pixels = np.asarray(image)
    return pixels[..., None] if mode == "L" else pixels


def _composed(image: Image.Image, background: str | None) -> Image.Image:
    rgba = image.convert("RGBA")
    if background is not None:
        return Image.alpha_composite(Image.new("RGBA", rgba.size, background), rgba)
    warnings.warn(
        "images have transparent pixels, and the colours stored under them are used; to set a "
        "background, use folder:DIR@white or folder:DIR@64,white",
        stacklevel=2,
    )
    return image


def _resize_and_crop(image: Image.Image, size: int, resample: Image.Resampling) -> Image.Image:
    shorter, longer = min(image.size), max(image.size)
    width, height = (max(size, round(side * size / shorter)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    if longer > MAX_ASPECT * shorter:  # crop first: a whole enlarged strip could fill the memory
        across, down = image.width / width, image.height / height
        box = (left * across, top * down, (left + size) * across, (top + size) * down)
        return image.resize((size, size), resample, box)
    image = image.resize((width, height), resample)
    return image.crop((left, top, left + size, top + size))

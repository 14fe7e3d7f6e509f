"""Reads single images: their headers, and their pixels as arrays."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

from jaxgan.data.archives import source
from jaxgan.data.sizes import Size, sides_of

GREY_MODES = ("1", "L", "LA")
DEEP_MODES = ("I;16", "I;16L", "I;16B")  # 16-bit greyscale
DEEP_HIGH = 65_535
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
HIDDEN = "hidden"
BACKGROUNDS = ("white", "black", "grey")
ALPHA = "alpha"  # in place of a background: keep the opacity
SWAPPED_ORIENTATIONS = (5, 6, 7, 8)  # EXIF orientations that swap height and width
MAX_ASPECT = 8  # images that are so much longer than the size are cropped while they are resized


class Header(NamedTuple):
    """What is known of an image before it is decoded.

    Attributes:
      file: the image's path.
      is_grey: whether it is greyscale.
      sides: height and width after turning it upright.
      is_deep: whether it is greyscale with 16 bits.
    """

    file: Path
    is_grey: bool
    sides: tuple[int, int]
    is_deep: bool = False


def read_header(file: Path, max_pixels: int | None = None, deep: bool = False) -> Header:
    """The header of an image, without decoding its pixels.

    Args:
      file: the image.
      max_pixels: the largest number of pixels; None for Pillow's limit, 178,956,970.
      deep: whether 16 bits of grey are allowed.

    Raises:
      ValueError: if it has no valid header, too many pixels, or more bits per channel than allowed.
    """
    try:
        with _opened(file, max_pixels) as image:
            is_deep = deep and image.mode in DEEP_MODES
            if not is_deep:
                _check_depth(image)
            # PNG's own method to read the orientation decodes the whole image
            kind = Image.Image if image.format == "PNG" else type(image)
            is_swapped = kind.getexif(image).get(ExifTags.Base.Orientation) in SWAPPED_ORIENTATIONS
            width, height = reversed(image.size) if is_swapped else image.size
            return Header(file, is_deep or image.mode in GREY_MODES, (height, width), is_deep)
    except Exception as error:  # corrupted files make decoders raise many kinds of errors
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error


def _opened(file: Path, max_pixels: int | None) -> Image.Image:
    if max_pixels is not None and Image.MAX_IMAGE_PIXELS is not None:
        # Pillow only has a limit for the whole process; it is raised here and never lowered.
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels)
    image = Image.open(source(file))
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
    size: Size | None,
    background: str | None = None,
    nearest: bool = False,
    max_pixels: int | None = None,
) -> np.ndarray:
    """One image as uint8 [H, W, 1] (mode L), [H, W, 3] (RGB) or [H, W, 4] (RGBA), turned upright.

    Args:
      file: the image; an animation gives its first frame.
      mode: L, RGB or RGBA.
      size: it is resized (Lanczos) until it covers this size, and the centre cropped; None keeps
        its size.
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


def read_deep_image(file: Path, size: Size | None, max_pixels: int | None = None) -> np.ndarray:
    """One 16-bit greyscale image as float32 [H, W, 1] in 0..65535; the arguments of `read_image`.

    Raises:
      ValueError: if it cannot be read, or is no such image.
    """
    try:
        with _opened(file, max_pixels) as image:
            if image.mode not in DEEP_MODES:
                raise ValueError(f"16 bits of grey were expected, got mode {image.mode}")
            ImageOps.exif_transpose(image, in_place=True)
            values = np.asarray(image).astype(np.float32)
    except Exception as error:  # corrupted files make decoders raise many kinds of errors
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error
    if size is None:
        return values[..., None]
    resized = _resize_and_crop(Image.fromarray(values), size, Image.Resampling.LANCZOS)
    return np.asarray(resized).clip(0, DEEP_HIGH)[..., None]


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
    size: Size | None,
    background: str | None = None,
    nearest: bool = False,
) -> np.ndarray:
    """An open image as uint8 [H, W, 1] (mode L), [H, W, 3] (RGB) or [H, W, 4] (RGBA).

    See `read_image`.
    """
    _check_depth(image)
    if mode != "RGBA" and background != HIDDEN and _has_transparency(image):
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
        "images have transparent pixels, and the colours stored under them are used; for a "
        "background, use folder:DIR@white or folder:DIR@64,white, and folder:DIR@alpha to keep "
        "the transparency as a fourth channel",
        stacklevel=2,
    )
    return image


def _resize_and_crop(image: Image.Image, size: Size, resample: Image.Resampling) -> Image.Image:
    high, wide = sides_of(size)
    across, down = image.width * high, image.height * wide  # their quotient compares the aspects
    to, of = (wide, image.width) if down >= across else (high, image.height)
    width = max(wide, round(image.width * to / of))
    height = max(high, round(image.height * to / of))
    left, top = (width - wide) // 2, (height - high) // 2
    if max(across, down) > MAX_ASPECT * min(across, down):
        # crop first: a whole enlarged strip could fill the memory
        x, y = image.width / width, image.height / height
        box = (left * x, top * y, (left + wide) * x, (top + high) * y)
        return image.resize((wide, high), resample, box)
    image = image.resize((width, height), resample)
    return image.crop((left, top, left + wide, top + high))

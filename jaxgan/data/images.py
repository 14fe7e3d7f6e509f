"""Single images: what their headers say, and their pixels as arrays."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

GREY_MODES = ("1", "L", "LA")
HIDDEN = "hidden"
BACKGROUNDS = ("white", "black", "grey")
LYING_ORIENTATIONS = (5, 6, 7, 8)  # of EXIF: those that swap height and width
LONGEST_STRIP = 8  # times as long as wide; longer images are cropped while they are resized


class Header(NamedTuple):
    """What is known of an image before it is decoded."""

    file: Path
    is_grey: bool
    sides: tuple[int, int]  # height and width, turned upright


def read_header(file: Path, max_pixels: int | None = None) -> Header:
    """Looks at an image without decoding it.

    Args:
      file: the image.
      max_pixels: that it may have; None for Pillow's own limit, 178,956,970.

    Raises:
      ValueError: if it has no sound header, too many pixels, or more than 8 bits per channel.
    """
    try:
        with _opened(file, max_pixels) as image:
            _check_depth(image)
            # PNG's own way to look for an orientation decodes the whole image
            kind = Image.Image if image.format == "PNG" else type(image)
            lies = kind.getexif(image).get(ExifTags.Base.Orientation) in LYING_ORIENTATIONS
            width, height = reversed(image.size) if lies else image.size
            return Header(file, image.mode in GREY_MODES, (height, width))
    except Exception as error:  # damaged bytes lead decoders to errors of any kind
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error


def _opened(file: Path, max_pixels: int | None) -> Image.Image:
    if max_pixels is not None and Image.MAX_IMAGE_PIXELS is not None:
        # Of the whole process, since Pillow knows no other limit; it is only ever raised here.
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels)
    image = Image.open(file)
    if max_pixels is not None and image.width * image.height > max_pixels:
        image.close()
        raise Image.DecompressionBombError(
            f"{image.width}x{image.height} is more than max_pixels={max_pixels}"
        )
    return image


def reason(error: Exception) -> str:
    """Why an image cannot be read, in a line; the text of a MemoryError is empty."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        way_out = "to allow larger images, pass max_pixels, or --max-pixels to jaxgan train"
        return f"{str(error).rstrip('.')}; {way_out}"
    return str(error) or type(error).__name__


def _check_depth(image: Image.Image) -> None:
    # Pillow would clip grey values at 255, which turns most of a 16-bit image white; of colours,
    # and of grey with transparency, it would drop the lower bits
    deep = [image.mode] if image.mode.startswith("I") or image.mode == "F" else []
    for tile in getattr(image, "tile", ()):  # how the file holds its pixels, until they are decoded
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
      file: the image; of an animation the first frame is taken.
      mode: L or RGB.
      size: resize the shorter side to it (Lanczos) and crop the centre; None takes it as it is.
      background: the colour to compose transparent pixels on, or HIDDEN for the colours that are
        stored under them. None takes those too, and warns.
      nearest: resize by the nearest pixel, for label maps: no value comes in between.
      max_pixels: that it may have; None for Pillow's own limit, 178,956,970.

    Raises:
      ValueError: if it cannot be read, has too many pixels, or more than 8 bits per channel.
    """
    try:
        with _opened(file, max_pixels) as image:
            _check_depth(image)
            ImageOps.exif_transpose(image, in_place=True)
            return image_pixels(image, mode, size, background, nearest)
    except Exception as error:  # damaged bytes lead decoders to errors of any kind
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error


def read_alpha(file: Path) -> np.ndarray | None:
    """The opacity of an image as uint8 [H, W], turned upright; None if it is opaque throughout.

    Raises:
      ValueError: if it cannot be read.
    """
    try:
        with Image.open(file) as image:
            ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(image.convert("RGBA").getchannel("A")) if _is_clear(image) else None
    except Exception as error:  # damaged bytes lead decoders to errors of any kind
        raise ValueError(f"cannot read image {file}: {reason(error)}") from error


def _is_clear(image: Image.Image) -> bool:
    """Whether some pixel is transparent, at least a little."""
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
    if background != HIDDEN and _is_clear(image):
        image = _composed(image, background)
    if image.mode == "P":
        image = image.convert("RGBA")  # the only way to RGB that palettes never warn about
    if image.mode != mode:
        image = image.convert(mode)
    if size is not None:
        resample = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
        image = _resize_and_crop(image, size, resample)
    pixels = np.asarray(image)
    return pixels[..., None] if mode == "L" else pixels


def _composed(image: Image.Image, background: str | None) -> Image.Image:
    clear = image.convert("RGBA")
    if background is not None:
        return Image.alpha_composite(Image.new("RGBA", clear.size, background), clear)
    warnings.warn(
        "images have transparent pixels, and the colours hidden under them are taken: a folder's "
        "are composed on a colour with folder:DIR@white or folder:DIR@64,white",
        stacklevel=2,
    )
    return image


def _resize_and_crop(image: Image.Image, size: int, resample: Image.Resampling) -> Image.Image:
    shorter, longer = min(image.size), max(image.size)
    width, height = (max(size, round(side * size / shorter)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    if longer > LONGEST_STRIP * shorter:  # never as a whole: enlarged, a strip may fill the memory
        across, down = image.width / width, image.height / height
        box = (left * across, top * down, (left + size) * across, (top + size) * down)
        return image.resize((size, size), resample, box)
    image = image.resize((width, height), resample)
    return image.crop((left, top, left + size, top + size))

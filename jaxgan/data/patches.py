"""Square patches of large images."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jaxgan.data.decoding import check_fraction, reject_bad
from jaxgan.data.finding import counts
from jaxgan.data.folders import images_below, read_headers
from jaxgan.data.images import Header, read_image
from jaxgan.data.records import Records, Sample, image_records

SMALL = "smaller than a patch"

Position = tuple[int, int, int]  # number of the file, top, left


def patch_records(
    directory: str | Path,
    size: int,
    stride: int | None = None,
    max_bad_fraction: float = 0.01,
    max_pixels: int | None = None,
) -> Records:
    """Square patches of all images below a directory; images may differ in size.

    A grid of patches, at most `stride` apart, covers each image from edge to edge. Images smaller
    than a patch give no patches, and `left_out` counts them. Files and colours are selected as in
    `folder_records`; there are no labels.

    Args:
      directory: the folder that holds the images, at any depth.
      size: height and width of a patch in pixels.
      stride: the largest distance in pixels from one patch to the next; half the size if not given.
      max_bad_fraction: the largest fraction of images with an invalid header, 0..1. Each of them is
        one record, which fails when it is read.
      max_pixels: the largest number of pixels of an image; None for Pillow's limit, 178,956,970.

    Returns:
      Records of shape [size, size, 1 or 3], uint8 in 0..255.

    Raises:
      FileNotFoundError: if the directory does not exist or holds no images.
      ValueError: if no image is large enough, too many have an invalid header, or size or stride is
        not positive.
      OSError: if a folder cannot be read.
    """
    check_fraction(max_bad_fraction)
    stride = max(1, size // 2) if stride is None else stride
    if size < 1 or stride < 1:
        raise ValueError(f"size and stride must be 1 or more pixels, got {size} and {stride}")
    root, found = images_below(directory, "patches:DIR@96")
    headers, bad = read_headers(found.files, max_pixels)
    reject_bad(f"patches:{directory}@{size}", len(found.files), bad, max_bad_fraction, "images")
    small = [file for file, header in headers.items() if min(header.sides) < size]
    positions = tuple(_positions(found.files, headers, size, stride))
    if len(positions) - len(bad) < 2:
        raise ValueError(f"the images in {root} are too small for patches of {size}x{size}")
    mode = "L" if all(header.is_grey for header in headers.values()) else "RGB"
    read = functools.partial(_image, mode=mode, max_pixels=max_pixels)
    return image_records(
        functools.partial(_read_patch, tuple(map(str, found.files)), positions, read, size),
        size=len(positions),
        shape=(size, size, 1 if mode == "L" else 3),
        name=f"patches:{directory}@{size}",
        left_out=counts([*found.others.values(), *(SMALL for _ in small)]),
    )


def _positions(
    files: list[Path], headers: dict[Path, Header], size: int, stride: int
) -> Iterator[Position]:
    """The positions of all patches; a file with an invalid header has one, which fails later."""
    for number, file in enumerate(files):
        if file not in headers:
            yield number, 0, 0
            continue
        height, width = headers[file].sides
        for top in starts(height, size, stride):
            for left in starts(width, size, stride):
                yield number, int(top), int(left)


def starts(side: int, size: int, stride: int) -> np.ndarray:
    """The starts of patches along a side, evenly spaced from edge to edge."""
    if side < size:
        return np.empty(0, int)
    return np.linspace(0, side - size, 1 + -(-(side - size) // stride)).round().astype(int)


def _read_patch(
    paths: tuple[str, ...],
    positions: tuple[Position, ...],
    read: Callable[[str], np.ndarray],
    size: int,
    number: int,
) -> Sample:
    file, top, left = positions[number]
    patch = read(paths[file])[top : top + size, left : left + size]
    if patch.shape[:2] != (size, size):  # the file has changed since its header was read
        raise ValueError(f"{paths[file]} is smaller than expected from its header")
    return patch, None


@functools.lru_cache(maxsize=4)  # patches of one image are often read in a row
def _image(path: str, mode: str, max_pixels: int | None) -> np.ndarray:
    return read_image(Path(path), mode, None, max_pixels=max_pixels)

"""Data made of parts of images: patches cut out of large ones, and pairs of images."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jaxgan.data.decoding import check_share, refuse_bad
from jaxgan.data.files import existing, read_headers
from jaxgan.data.finding import counts, find_images
from jaxgan.data.images import Header, read_image
from jaxgan.data.records import Records, Sample

SMALL = "smaller than a patch"

Place = tuple[int, int, int]  # number of the file, top, left


# --- Patches


def patch_records(
    directory: str | Path,
    size: int,
    stride: int | None = None,
    max_bad_fraction: float = 0.01,
    max_pixels: int | None = None,
) -> Records:
    """Square patches of all images below a directory, which may differ in size.

    Each image is covered by a grid of patches from edge to edge, at most `stride` apart. Images
    smaller than a patch give none, and `left_out` counts them. Files and colours are those of
    `folder_records`; there are no labels.

    Args:
      directory: holds the images, at any depth.
      size: height and width of a patch, in pixels.
      stride: pixels from one patch to the next at most; half the size if not given.
      max_bad_fraction: the share of images that may have no sound header, 0..1. Each of them is one
        record, which fails when it is read.
      max_pixels: that an image may have; None for Pillow's own limit, 178,956,970.

    Returns:
      Records of shape [size, size, 1 or 3], uint8 in 0..255.

    Raises:
      FileNotFoundError: if the directory is not there or holds no images.
      ValueError: if no image is large enough, too many have no sound header, or size or stride are
        not positive.
      OSError: if a folder in it cannot be looked into.
    """
    check_share(max_bad_fraction)
    stride = max(1, size // 2) if stride is None else stride
    if size < 1 or stride < 1:
        raise ValueError(f"size and stride must be 1 or more pixels, got {size} and {stride}")
    root = existing(directory, "directory", "patches:DIR@96")
    found = find_images(root)
    headers, bad = read_headers(found.files, max_pixels)
    refuse_bad(f"patches:{directory}@{size}", len(found.files), bad, max_bad_fraction, "images")
    small = [file for file, header in headers.items() if min(header.sides) < size]
    places = tuple(_places(found.files, headers, size, stride))
    if len(places) - len(bad) < 2:
        raise ValueError(f"the images in {root} are too small for patches of {size}x{size}")
    mode = "L" if all(header.is_grey for header in headers.values()) else "RGB"
    read = functools.partial(_image, mode=mode, max_pixels=max_pixels)
    return Records(
        functools.partial(_read_patch, tuple(map(str, found.files)), places, read, size),
        size=len(places),
        shape=(size, size, 1 if mode == "L" else 3),
        dtype=np.dtype(np.uint8),
        num_classes=None,
        low=0.0,
        high=255.0,
        name=f"patches:{directory}@{size}",
        left_out=counts([*found.others.values(), *(SMALL for _ in small)]),
    )


def _places(
    files: list[Path], headers: dict[Path, Header], size: int, stride: int
) -> Iterator[Place]:
    """Where all patches are; a file without a sound header has one, to fail there."""
    for number, file in enumerate(files):
        if file not in headers:
            yield number, 0, 0
            continue
        height, width = headers[file].sides
        for top in starts(height, size, stride):
            for left in starts(width, size, stride):
                yield number, int(top), int(left)


def starts(side: int, size: int, stride: int) -> np.ndarray:
    """Where patches of a size begin along a side: from edge to edge, evenly."""
    if side < size:
        return np.empty(0, int)
    return np.linspace(0, side - size, 1 + -(-(side - size) // stride)).round().astype(int)


def _read_patch(
    paths: tuple[str, ...],
    places: tuple[Place, ...],
    read: Callable[[str], np.ndarray],
    size: int,
    number: int,
) -> Sample:
    file, top, left = places[number]
    patch = read(paths[file])[top : top + size, left : left + size]
    if patch.shape[:2] != (size, size):  # the file has changed since its header was read
        raise ValueError(f"{paths[file]} is smaller than its header said")
    return patch, None


@functools.lru_cache(maxsize=4)  # the patches of an image are often read one after the other
def _image(path: str, mode: str, max_pixels: int | None) -> np.ndarray:
    return read_image(Path(path), mode, None, max_pixels=max_pixels)

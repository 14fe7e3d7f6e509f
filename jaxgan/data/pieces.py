"""Data made of parts of images: patches cut out of large ones, and pairs of images."""

import functools
from pathlib import Path

import numpy as np

from jaxgan.data.files import existing, folder_records, image_files, sound_headers
from jaxgan.data.images import read_image
from jaxgan.data.records import Records, Sample

Place = tuple[int, int, int]  # number of the file, top, left


# --- Patches


def patch_records(directory: str | Path, size: int, stride: int | None = None) -> Records:
    """Square patches of all images below a directory, which may differ in size.

    Each image is covered by a grid of patches from edge to edge, at most `stride` apart. Images
    smaller than a patch give none. Colours as in `folder_records`; there are no labels.

    Args:
      directory: holds the images, at any depth.
      size: height and width of a patch, in pixels.
      stride: pixels from one patch to the next at most; half the size if not given.

    Returns:
      Records of shape [size, size, 1 or 3], uint8 in 0..255.

    Raises:
      FileNotFoundError: if the directory is not there or holds no images.
      ValueError: if no image is large enough, or size or stride are not positive.
    """
    stride = max(1, size // 2) if stride is None else stride
    if size < 1 or stride < 1:
        raise ValueError(f"size and stride must be 1 or more pixels, got {size} and {stride}")
    root = existing(directory, "directory", "patches:DIR@96")
    headers = sound_headers(image_files(root))
    mode = "L" if all(header.is_grey for header in headers) else "RGB"
    places: tuple[Place, ...] = tuple(
        (number, int(top), int(left))
        for number, header in enumerate(headers)
        for top in starts(header.sides[0], size, stride)
        for left in starts(header.sides[1], size, stride)
    )
    if len(places) < 2:
        raise ValueError(f"the images in {root} are too small for patches of {size}x{size}")
    paths = tuple(str(header.file) for header in headers)
    return Records(
        functools.partial(_read_patch, paths, places, mode, size),
        size=len(places),
        shape=(size, size, 1 if mode == "L" else 3),
        dtype=np.dtype(np.uint8),
        num_classes=None,
        low=0.0,
        high=255.0,
        name=f"patches:{directory}@{size}",
    )


def starts(side: int, size: int, stride: int) -> np.ndarray:
    """Where patches of a size begin along a side: from edge to edge, evenly."""
    if side < size:
        return np.empty(0, int)
    return np.linspace(0, side - size, 1 + -(-(side - size) // stride)).round().astype(int)


def _read_patch(
    paths: tuple[str, ...], places: tuple[Place, ...], mode: str, size: int, number: int
) -> Sample:
    file, top, left = places[number]
    patch = _image(paths[file], mode)[top : top + size, left : left + size]
    if patch.shape[:2] != (size, size):  # the file has changed since its header was read
        raise ValueError(f"{paths[file]} is smaller than its header said")
    return patch, None


@functools.lru_cache(maxsize=4)  # the patches of an image are often read one after the other
def _image(path: str, mode: str) -> np.ndarray:
    return read_image(Path(path), mode, None)


# --- Pairs


def pair_records(source: str | Path, target: str | Path, size: int | None = None) -> Records:
    """Pairs of images that have the same name in two folders, one behind the other in channels.

    The first half of a sample's channels is the target, the second half the source that it is to
    be made from: `jaxgan.views.pairs` takes them apart. If one of the folders has colours, both
    halves are RGB.

    Args:
      source: folder of the images to start from.
      target: folder of the images to arrive at, with the same names (the suffix may differ).
      size: resize the shorter side to it and crop the centre; None takes images as they are.

    Returns:
      Records of shape [H, W, 2 or 6], uint8 in 0..255, without labels.

    Raises:
      FileNotFoundError: if a folder is not there or holds no images.
      ValueError: if names or sizes do not match.
    """
    names = [_stems(folder) for folder in (source, target)]
    if names[0] != names[1]:
        odd = sorted(set(names[0]) ^ set(names[1]))[0]
        raise ValueError(f"{source} and {target} must hold the same names; {odd!r} is in one only")
    halves = (folder_records(target, size), folder_records(source, size))
    if halves[0].shape[:2] != halves[1].shape[:2]:
        raise ValueError(
            f"images of {source} and {target} differ in size: {halves[1].shape[:2]} and "
            f"{halves[0].shape[:2]}; give one size, such as pairs:{source},{target}@64"
        )
    channels = max(half.shape[2] for half in halves)
    return Records(
        functools.partial(_read_pair, halves, channels),
        size=halves[0].size,
        shape=(*halves[0].shape[:2], 2 * channels),
        dtype=np.dtype(np.uint8),
        num_classes=None,
        low=0.0,
        high=255.0,
        name=f"pairs:{source},{target}{'' if size is None else f'@{size}'}",
    )


def _stems(directory: str | Path) -> list[str]:
    root = existing(directory, "directory", "pairs:FROM,TO or pairs:FROM,TO@64")
    return [str(file.relative_to(root).with_suffix("")) for file in image_files(root)]


def _read_pair(halves: tuple[Records, Records], channels: int, number: int) -> Sample:
    images = [half.read(number)[0] for half in halves]
    return np.concatenate([_with_channels(image, channels) for image in images], axis=2), None


def _with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    return np.broadcast_to(image, (*image.shape[:2], channels))

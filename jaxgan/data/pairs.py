"""Pairs of images, such as outlines and photographs, from two folders."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.data.finding import counts
from jaxgan.data.folders import images_below, read_headers
from jaxgan.data.images import Header, read_image
from jaxgan.data.records import Records, Sample, image_records
from jaxgan.data.sizes import Size, check_size, sides_of, size_detail, size_text

NEAREST = ":nearest"  # marks a folder of label maps in the name of a dataset
ASPECT_TOLERANCE = 0.01  # relative; rounded sides change an aspect ratio by less

Pair = tuple[Path, Path]  # source and target


def pair_records(
    source: str | Path,
    target: str | Path,
    size: Size | None = None,
    nearest: tuple[bool, bool] = (False, False),
    max_pixels: int | None = None,
) -> Records:
    """Pairs of images with the same name in two folders, concatenated along the channels.

    The first half of a sample's channels is the target and the second half the source, which
    `jaxgan.images.tasks.pairs` separates. If either folder has colour images, both halves are RGB.
    Files are selected as in `folder_records`. A pair is bad if one of its images is bad.

    Args:
      source: the folder of input images.
      target: the folder of output images, with the same names (suffixes may differ).
      size: the side of a square, or (height, width); images are resized until they cover it, and
        the centre cropped. The images of a pair must then have the same aspect ratio. None keeps
        images as they are, and then all must have the same size.
      nearest: (sources, targets), whether each is resized by the nearest pixel instead of Lanczos;
        for label maps, whose values must not mix.
      max_pixels: the largest number of pixels of an image; None for Pillow's limit, 178,956,970.

    Returns:
      Records of shape [H, W, 2 or 6], uint8 in 0..255, without labels.

    Raises:
      FileNotFoundError: if a folder does not exist or holds no images.
      ValueError: if names or sizes do not match; the error names the images.
      OSError: if a folder cannot be read.
    """
    check_size(size)
    marks = [NEAREST if mark else "" for mark in nearest]
    spec = f"pairs:{source}{marks[0]},{target}{marks[1]}"
    pairs, left_out = _paired(source, target)
    files = [file for pair in pairs for file in pair]
    headers, bad = read_headers(files, max_pixels)
    readable = [(headers[a], headers[b]) for a, b in pairs if a in headers and b in headers]
    if not readable:
        raise ValueError(next(iter(bad.values())))
    sides = _common_sides(readable, size, spec)
    grey = [all(half.is_grey for half in halves) for halves in zip(*readable, strict=True)]
    reads = tuple(
        functools.partial(
            read_image, mode="L" if is_grey else "RGB", size=size, max_pixels=max_pixels, nearest=by
        )
        for is_grey, by in zip(grey, nearest, strict=True)
    )
    channels = 1 if all(grey) else 3
    paths = tuple((str(a), str(b)) for a, b in pairs)
    return image_records(
        functools.partial(_read_pair, paths, reads, (*sides, channels)),
        size=len(pairs),
        shape=(*sides, 2 * channels),
        name=f"{spec}{'' if size is None else f'@{size_detail(size)}'}",
        left_out=left_out,
    )


def _paired(source: str | Path, target: str | Path) -> tuple[list[Pair], tuple[str, ...]]:
    """The pairs of images, sorted by name, and the counts of skipped files."""
    example = "pairs:FROM,TO or pairs:FROM,TO@64"
    found = [images_below(each, example) for each in (source, target)]
    sources, targets = (_by_name(root, each.files) for root, each in found)
    unpaired = sorted(sources.keys() ^ targets.keys())
    if unpaired:
        folder = source if unpaired[0] in sources else target
        more = f" (and {len(unpaired) - 1} more)" if len(unpaired) > 1 else ""
        raise ValueError(
            f"{source} and {target} must hold the same names, but {unpaired[0]!r} is only in "
            f"{folder}{more}"
        )
    kinds = [kind for _, each in found for kind in each.others.values()]
    return [(sources[name], targets[name]) for name in sorted(sources)], counts(kinds)


def _by_name(root: Path, files: list[Path]) -> dict[str, Path]:
    """Files by their paths below a directory, without suffix."""
    named: dict[str, Path] = {}
    for file in files:
        name = str(file.relative_to(root).with_suffix(""))
        if name in named:
            raise ValueError(f"{named[name]} and {file} have the same name {name!r}: remove one")
        named[name] = file
    return named


def _common_sides(
    pairs: list[tuple[Header, Header]], size: Size | None, spec: str
) -> tuple[int, int]:
    """Height and width of all samples; raises a ValueError that names images of other sizes."""
    for a, b in pairs:
        if a.sides != b.sides and (size is None or not _same_aspect(a.sides, b.sides)):
            advice = f"resize them to one size, such as {spec}@{min(*a.sides, *b.sides)}"
            if not _same_aspect(a.sides, b.sides):
                advice = "crop or rotate one of them, because resizing would not make them match"
            raise ValueError(
                f"images of a pair differ in size: {a.file} is {size_text(a.sides)}, {b.file} is "
                f"{size_text(b.sides)} (width x height, upright); {advice}"
            )
    if size is not None:
        return sides_of(size)
    (first, _), *others = pairs
    for other, _ in others:
        if other.sides != first.sides:
            raise ValueError(
                f"pairs differ in size: {first.file} is {size_text(first.sides)}, {other.file} is "
                f"{size_text(other.sides)}; resize all images to one size, such as "
                f"{spec}@{min(*first.sides, *other.sides)}"
            )
    return first.sides


def _same_aspect(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return abs(a[0] * b[1] - a[1] * b[0]) <= ASPECT_TOLERANCE * a[1] * b[0]


def _read_pair(
    paths: tuple[tuple[str, str], ...],
    reads: tuple[Callable[[Path], np.ndarray], ...],
    shape: tuple[int, ...],
    number: int,
) -> Sample:
    images = [read(Path(path)) for read, path in zip(reads, paths[number], strict=True)]
    for path, image in zip(paths[number], images, strict=True):
        if image.shape[:2] != shape[:2]:  # the file has changed since its header was read
            raise ValueError(
                f"{path} is {size_text(image.shape)}, but {size_text(shape)} was expected from its "
                "header"
            )
    halves = [np.broadcast_to(image, shape) for image in reversed(images)]
    return np.concatenate(halves, axis=2), None

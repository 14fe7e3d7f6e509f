"""Pairs of images, such as an outline and a photo: one folder for each."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.data.files import check_size, existing, read_headers, size_text
from jaxgan.data.finding import counts, find_images
from jaxgan.data.images import Header, read_image
from jaxgan.data.records import Records, Sample

NEAREST = ":nearest"  # behind a folder of label maps, where data are named by a text


ASPECT_TOLERANCE = 0.01  # by so much, images of one aspect ratio differ when sides are rounded


Pair = tuple[Path, Path]  # source and target


def pair_records(
    source: str | Path,
    target: str | Path,
    size: int | None = None,
    nearest: tuple[bool, bool] = (False, False),
    max_pixels: int | None = None,
) -> Records:
    """Pairs of images that have the same name in two folders, one behind the other in channels.

    The first half of a sample's channels is the target, the second half the source that it is to
    be made from: `jaxgan.images.tasks.pairs` takes them apart. If one of the folders has colours,
    both halves are RGB. Files are those of `folder_records`; a pair is bad if one of its images is.

    Args:
      source: folder of the images to start from.
      target: folder of the images to arrive at, with the same names (the suffix may differ).
      size: resize the shorter side to it and crop the centre; the images of a pair must then have
        one aspect ratio. None takes images as they are, and then all must have one size.
      nearest: whether the sources, and whether the targets, are resized by the nearest pixel
        instead of Lanczos: for label maps, where no value may come in between.
      max_pixels: that an image may have; None for Pillow's own limit, 178,956,970.

    Returns:
      Records of shape [H, W, 2 or 6], uint8 in 0..255, without labels.

    Raises:
      FileNotFoundError: if a folder is not there or holds no images.
      ValueError: if names or sizes do not match; it names the images.
      OSError: if a folder in one of them cannot be looked into.
    """
    check_size(size)
    marks = [NEAREST if mark else "" for mark in nearest]
    spec = f"pairs:{source}{marks[0]},{target}{marks[1]}"
    pairs, left_out = _paired(source, target)
    files = [file for pair in pairs for file in pair]
    headers, bad = read_headers(files, max_pixels)
    sound = [(headers[a], headers[b]) for a, b in pairs if a in headers and b in headers]
    if not sound:
        raise ValueError(next(iter(bad.values())))
    sides = _common_sides(sound, size, spec)
    grey = [all(half.is_grey for half in halves) for halves in zip(*sound, strict=True)]
    reads = tuple(
        functools.partial(
            read_image, mode="L" if is_grey else "RGB", size=size, max_pixels=max_pixels, nearest=by
        )
        for is_grey, by in zip(grey, nearest, strict=True)
    )
    channels = 1 if all(grey) else 3
    paths = tuple((str(a), str(b)) for a, b in pairs)
    return Records(
        functools.partial(_read_pair, paths, reads, (*sides, channels)),
        size=len(pairs),
        shape=(*sides, 2 * channels),
        dtype=np.dtype(np.uint8),
        num_classes=None,
        low=0.0,
        high=255.0,
        name=f"{spec}{'' if size is None else f'@{size}'}",
        left_out=left_out,
    )


def _paired(source: str | Path, target: str | Path) -> tuple[list[Pair], tuple[str, ...]]:
    """The images of both folders by name, in the sorted order of names; and what is left out."""
    example = "pairs:FROM,TO or pairs:FROM,TO@64"
    roots = [existing(each, "directory", example) for each in (source, target)]
    found = [find_images(root) for root in roots]
    sources, targets = (_by_name(root, f.files) for root, f in zip(roots, found, strict=True))
    odd = sorted(sources.keys() ^ targets.keys())
    if odd:
        place = source if odd[0] in sources else target
        raise ValueError(
            f"{source} and {target} must hold the same names; {odd[0]!r} is in one only, {place}"
            + (f" (and {len(odd) - 1} more)" if len(odd) > 1 else "")
        )
    kinds = [kind for each in found for kind in each.others.values()]
    return [(sources[name], targets[name]) for name in sorted(sources)], counts(kinds)


def _by_name(root: Path, files: list[Path]) -> dict[str, Path]:
    """Files by their names below a directory, without suffix."""
    named: dict[str, Path] = {}
    for file in files:
        name = str(file.relative_to(root).with_suffix(""))
        if name in named:
            raise ValueError(f"{named[name]} and {file} have the same name {name!r}: remove one")
        named[name] = file
    return named


def _common_sides(
    sound: list[tuple[Header, Header]], size: int | None, spec: str
) -> tuple[int, int]:
    """Height and width of all samples; raises a ValueError that names images that do not fit."""
    for a, b in sound:
        if a.sides != b.sides and (size is None or not _same_aspect(a.sides, b.sides)):
            way_out = f"give one size, such as {spec}@{min(*a.sides, *b.sides)}"
            if not _same_aspect(a.sides, b.sides):
                way_out = "crop or turn one of them: resizing would not make them fit"
            raise ValueError(
                f"images of a pair differ in size: {a.file} is {size_text(a.sides)}, {b.file} is "
                f"{size_text(b.sides)} (width x height, upright); {way_out}"
            )
    if size is not None:
        return size, size
    (first, _), *others = sound
    for other, _ in others:
        if other.sides != first.sides:
            raise ValueError(
                f"pairs differ in size: {first.file} is {size_text(first.sides)}, {other.file} is "
                f"{size_text(other.sides)}; give one size to bring them to, such as "
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
                f"{path} is {size_text(image.shape)}, but its header said {size_text(shape)}"
            )
    halves = [np.broadcast_to(image, shape) for image in reversed(images)]
    return np.concatenate(halves, axis=2), None

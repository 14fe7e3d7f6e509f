"""Data made of parts of images: patches cut out of large ones, and pairs of images."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jaxgan.data.decoding import check_share, refuse_bad
from jaxgan.data.files import check_size, existing, read_headers, size_text
from jaxgan.data.finding import counts, find_images
from jaxgan.data.images import Header, read_image
from jaxgan.data.records import Records, Sample

NEAREST = ":nearest"  # behind a folder of label maps, where data are named by a text
ASPECT_TOLERANCE = 0.01  # by so much, images of one aspect ratio differ when sides are rounded
SMALL = "smaller than a patch"

Place = tuple[int, int, int]  # number of the file, top, left
Pair = tuple[Path, Path]  # source and target


# --- Patches


def patch_records(
    directory: str | Path,
    size: int,
    stride: int | None = None,
    max_bad_share: float = 0.01,
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
      max_bad_share: the share of images that may have no sound header, 0..1. Each of them is one
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
    check_share(max_bad_share)
    stride = max(1, size // 2) if stride is None else stride
    if size < 1 or stride < 1:
        raise ValueError(f"size and stride must be 1 or more pixels, got {size} and {stride}")
    root = existing(directory, "directory", "patches:DIR@96")
    found = find_images(root)
    headers, bad = read_headers(found.files, max_pixels)
    refuse_bad(f"patches:{directory}@{size}", len(found.files), bad, max_bad_share, "images")
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


# --- Pairs


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

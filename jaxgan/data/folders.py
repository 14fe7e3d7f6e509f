"""Images below a folder, in memory or read one by one."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.data.archives import within_archive
from jaxgan.data.classes import as_text, check_classes, folder_classes
from jaxgan.data.dataset import Dataset
from jaxgan.data.decoding import decode
from jaxgan.data.files import existing
from jaxgan.data.finding import Found, counts, find_images, find_in_archive
from jaxgan.data.images import (
    ALPHA,
    BACKGROUNDS,
    CHANNELS,
    DEEP_HIGH,
    Header,
    read_deep_image,
    read_header,
    read_image,
)
from jaxgan.data.label_files import listed_attributes, listed_classes
from jaxgan.data.records import Records, Sample, image_records
from jaxgan.data.sizes import Size, check_size, sides_of, size_detail, size_text

DEEP = "16 bits"


def folder(
    directory: str | Path,
    size: Size | None = None,
    max_bad_fraction: float = 0.01,
    max_pixels: int | None = None,
) -> Dataset:
    """All images below a directory in memory; see `folder_records` for their selection and order.

    Args:
      directory: the folder that holds the images, at any depth; or a zip or tar archive, or a
        folder in one, such as photos.zip/train. A single folder at the top of an archive is no
        class.
      size: the side of a square, or (height, width); images are resized (Lanczos) until they cover
        it, and the centre cropped. None keeps images as they are, and then all must have the same
        size.
      max_bad_fraction: the largest fraction of unreadable images, which are left out.
      max_pixels: the largest number of pixels of an image; None for Pillow's limit, 178,956,970.

    Returns:
      Dataset with x uint8 [N, H, W, 1 or 3] in 0..255, or float32 [N, H, W, 1] in 0..65535 if all
      images have 16 bits of grey, and labels int32 [N] if there are sub-folders.

    Raises:
      FileNotFoundError: if the directory does not exist or holds no images.
      ValueError: if too many images cannot be read, sizes differ, or class folders are invalid.
      OSError: if a folder cannot be read.
    """
    return decode(folder_records(directory, size, max_pixels), max_bad_fraction)


def folder_records(
    directory: str | Path,
    size: Size | None = None,
    max_pixels: int | None = None,
    background: str | None = None,
    alpha: bool = False,
    condition: tuple[str, ...] = (),
) -> Records:
    """All images below a directory, sorted by path, to be read one by one.

    Images are greyscale if all of them are, otherwise RGB. Photographs are turned upright, and
    animations give their first frame. Hidden files and run folders are skipped; links are followed.
    If the images lie in sub-folders, the names of the first level are the classes, sorted as text
    (0, 1, 10, 2). A file of labels beside the images, `dataset.json` or `metadata.csv`, goes first.
    Only headers are read here. A file with an invalid header becomes a record that fails when it is
    read.

    Args:
      directory: the folder that holds the images, at any depth; or a zip or tar archive, or a
        folder in one, such as photos.zip/train. A single folder at the top of an archive is no
        class.
      size: the side of a square, or (height, width); images are resized (Lanczos) until they cover
        it, and the centre cropped. None keeps images as they are, and then all must have the same
        size.
      max_pixels: the largest number of pixels of an image; None for Pillow's limit, 178,956,970. A
        larger number raises that limit for the whole process.
      background: white, black or grey, the colour behind transparent pixels; None uses the colours
        stored under them, with a warning.
      alpha: whether to keep the opacity, as the fourth channel of RGBA.
      condition: columns of numbers in the files of labels, which become attributes of the images in
        place of classes.

    Returns:
      Records of shape [H, W, 1 or 3], or [H, W, 4] with alpha, uint8 in 0..255. If all images have
      16 bits of grey, float32 [H, W, 1] in 0..65535. They have labels if there are sub-folders.
      `left_out` counts the files that are not images.

    Raises:
      FileNotFoundError: if the directory does not exist or holds no images.
      ValueError: if no image has a valid header, sizes differ, images lie
        both beside and inside class folders, a class folder holds files but no readable image, or a
        file of labels is invalid or lacks a column of numbers.
      OSError: if a folder cannot be read.
    """
    check_size(size)
    _check_transparency(background, alpha)
    root, found = images_below(directory, "folder:DIR or folder:DIR@64")
    attributes = listed_attributes(root, found, condition) if condition else None
    listed = ([], None) if condition else listed_classes(root, found)
    names, labels = listed or folder_classes(root, found)
    readable, bad = read_headers(found.files, max_pixels, deep=True)
    if not readable:
        raise ValueError(next(iter(bad.values())))
    headers = list(readable.values())
    if listed is None:
        check_classes(root, names, headers)
    sides = _common_size(headers, directory) if size is None else sides_of(size)
    kind = _kind(headers, alpha)
    shape = (*sides, CHANNELS.get(kind, 1))
    # text is sent to workers faster than Path objects
    paths = tuple(str(file) for file in found.files)
    read = functools.partial(
        read_image, mode=kind, size=size, background=background, max_pixels=max_pixels
    )
    if kind == DEEP:
        read = functools.partial(read_deep_image, size=size, max_pixels=max_pixels)
    transparency = ALPHA if alpha else background
    details = [each for each in (size_detail(size), transparency) if each is not None]
    records = image_records(
        functools.partial(_read_record, paths, labels, read, shape, str(directory)),
        size=len(found.files),
        shape=shape,
        name=f"folder:{directory}{'@' if details else ''}{','.join(details)}",
        class_names=None if labels is None else tuple(map(as_text, names)),
        left_out=counts(found.others.values()),
    )._replace(attributes=attributes)
    if kind == DEEP:
        return records._replace(dtype=np.dtype(np.float32), high=float(DEEP_HIGH))
    return records


def _check_transparency(background: str | None, alpha: bool):
    if background not in (None, *BACKGROUNDS):
        raise ValueError(f"background must be one of {', '.join(BACKGROUNDS)}, got {background!r}")
    if background is not None and alpha:
        raise ValueError(f"images have a background or keep alpha, got {background!r} and alpha")


def _kind(headers: list[Header], alpha: bool) -> str:
    """The mode of all images, or DEEP; a few images of 16 bits among others are bad ones."""
    if all(header.is_deep for header in headers):
        if alpha:
            raise ValueError("images of 16 bits of grey have no alpha: leave it out")
        return DEEP
    if alpha:
        return "RGBA"
    return "L" if all(header.is_grey for header in headers) else "RGB"


def _read_record(
    paths: tuple[str, ...],
    labels: np.ndarray | None,
    read: Callable[[Path], np.ndarray],
    shape: tuple[int, ...],
    directory: str,
    number: int,
) -> Sample:
    image = read(Path(paths[number]))
    if image.shape != shape:  # the file has changed, or its header comes after its pixels
        raise ValueError(
            f"{paths[number]} is {size_text(image.shape)}, but {size_text(shape)} was expected "
            f"from its header; {_size_advice(directory, image.shape, shape)}"
        )
    return image, None if labels is None else int(labels[number])


def images_below(directory: str | Path, example: str) -> tuple[Path, Found]:
    """The images of a folder or an archive, and the path that theirs begin with.

    Args:
      directory: a folder; a zip or tar archive; or a folder in one, such as photos.zip/train.
      example: what to give, for errors.

    Raises:
      FileNotFoundError: if there is no such folder, or no image in it.
      ValueError: if an archive is not valid.
      OSError: if a folder cannot be read.
    """
    archive = within_archive(Path(directory).expanduser())
    if archive is not None:
        return find_in_archive(*archive)
    root = existing(directory, "directory", example)
    return root, find_images(root)


def read_headers(
    files: list[Path], max_pixels: int | None = None, deep: bool = False
) -> tuple[dict[Path, Header], dict[int, str]]:
    """The valid headers by file, and the errors of the others by number; nothing is decoded."""
    headers, bad = {}, {}
    for number, file in enumerate(files):
        try:
            headers[file] = read_header(file, max_pixels, deep)
        except ValueError as error:
            bad[number] = str(error)
    return headers, bad


def _common_size(headers: list[Header], directory: str | Path) -> tuple[int, int]:
    first = headers[0]
    for header in headers:
        if header.sides != first.sides:
            raise ValueError(
                f"images differ in size: {first.file} is {size_text(first.sides)}, {header.file} "
                f"is {size_text(header.sides)}; "
                f"{_size_advice(directory, header.sides, first.sides)}"
            )
    return first.sides


def _size_advice(directory: str | Path, *shapes: tuple[int, ...]) -> str:
    shortest = min(side for shape in shapes for side in shape[:2])
    return f"resize all images to one size, such as folder:{directory}@{shortest}"

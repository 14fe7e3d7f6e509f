"""Datasets from files: MNIST's IDX format, NumPy archives and folders of images."""

import functools
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jaxgan.checks import closest
from jaxgan.data.classes import as_text, check_classes, folder_classes
from jaxgan.data.dataset import Dataset, from_arrays
from jaxgan.data.decoding import decode
from jaxgan.data.finding import counts, find_images
from jaxgan.data.images import BACKGROUNDS, Header, read_header, read_image
from jaxgan.data.records import Records, Sample, image_records

IDX_SPLITS = {"train": "train", "test": "t10k"}
IDX_IMAGES_MAGIC = 0x00000803  # 08: unsigned byte; 03: three axes
IDX_LABELS_MAGIC = 0x00000801
GZIP_MAGIC = b"\x1f\x8b"
NPZ_SAMPLES = ("x", "images", "x_train", "samples")
NPZ_LABELS = ("y", "labels", "y_train")
MAX_SIDE = 2**14  # an image of this size takes 800 MB


def idx(directory: str | Path, split: str = "train") -> Dataset:
    """Greyscale images and labels in MNIST's file format, gzip-compressed or plain.

    Args:
      directory: the folder with train-images-idx3-ubyte[.gz] and optionally
        train-labels-idx1-ubyte[.gz]; for the test split t10k-...; `.idx3-ubyte` is accepted too.
      split: train or test.

    Returns:
      Dataset with x uint8 [N, H, W, 1] in 0..255.

    Raises:
      FileNotFoundError: if the directory or the images do not exist.
      ValueError: if a file does not match its header, or images and labels differ in number.
    Source: file format of http://yann.lecun.com/exdb/mnist/
    """
    if split not in IDX_SPLITS:
        raise ValueError(f"split must be {' or '.join(IDX_SPLITS)}, got {split!r}")
    root = existing(directory, "directory", "idx:DIR or idx:DIR:test")
    images_file = _idx_file(root, f"{IDX_SPLITS[split]}-images", "idx3-ubyte")
    labels_file = _idx_file(root, f"{IDX_SPLITS[split]}-labels", "idx1-ubyte")
    if images_file is None:
        raise FileNotFoundError(
            f"no {IDX_SPLITS[split]}-images-idx3-ubyte or {IDX_SPLITS[split]}-images-idx3-ubyte.gz "
            f"in {root}"
        )
    images = read_idx(images_file, IDX_IMAGES_MAGIC)
    labels = None if labels_file is None else read_idx(labels_file, IDX_LABELS_MAGIC)
    if labels is not None and len(labels) != len(images):
        raise ValueError(
            f"{images_file} holds {len(images)} images, but {labels_file} holds "
            f"{len(labels)} labels"
        )
    suffix = "" if split == "train" else f":{split}"
    return from_arrays(images, labels, name=f"idx:{directory}{suffix}")


def _idx_file(root: Path, stem: str, kind: str) -> Path | None:
    names = (f"{stem}{joint}{kind}{suffix}" for joint in "-." for suffix in ("", ".gz"))
    return next((root / name for name in names if (root / name).is_file()), None)


def read_idx(file: Path, magic: int) -> np.ndarray:
    """The uint8 array of one IDX file; the last byte of the magic number is its rank."""
    data = _bytes_of(file)
    rank = magic & 0xFF
    header = 4 + 4 * rank
    if len(data) < header:
        raise ValueError(f"{file}: expected a header of {header} bytes, found {len(data)} bytes")
    found, *shape = struct.unpack(f">{1 + rank}I", data[:header])
    if found != magic:
        raise ValueError(f"{file}: expected magic number 0x{magic:08x}, found 0x{found:08x}")
    # math.prod, as NumPy's would let an absurd header overflow into a plausible size
    expected = header + math.prod(shape)
    if len(data) != expected:
        raise ValueError(
            f"{file}: its header states shape {tuple(shape)}, which needs {expected} bytes, but "
            f"the file has {len(data)} bytes"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _bytes_of(file: Path) -> bytes:
    if file.suffix != ".gz":
        return file.read_bytes()
    # gzip.decompress returns nothing for a truncated file; this returns what is there, to count it
    parts: list[bytes] = []
    rest = file.read_bytes()
    try:
        while rest.startswith(GZIP_MAGIC) or not parts:  # a file may have several members
            member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            parts.append(member.decompress(rest))
            rest = member.unused_data
    except zlib.error as error:
        raise ValueError(f"{file} is not a valid gzip file ({error})") from error
    return b"".join(parts)


def npz(file: str | Path, samples: str | None = None, labels: str | None = None) -> Dataset:
    """Samples and labels from a NumPy archive.

    Args:
      file: an archive with an array of samples, and optionally labels [N] or [N, 1] or another
        condition; see `from_arrays` for valid arrays.
      samples: the name of the samples; if not given, 'x', 'images', 'x_train', 'samples' or the
        only array.
      labels: the name of the labels; if neither name is given, 'y', 'labels' or 'y_train'. If only
        `samples` is given, there are no labels.

    Returns:
      Dataset of the arrays.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is not an archive, or has no such array; the error lists its arrays.
    """
    path = existing(file, "file", "npz:FILE")
    with path.open("rb") as stream:  # np.load leaves a file open that is not an archive
        archive = _npz_archive(path, stream)
        samples_key, labels_key = _npz_keys(path, archive.files, samples, labels)
        x = _npz_array(path, archive, samples_key)
        y = None if labels_key is None else _npz_array(path, archive, labels_key)
    if y is not None and y.shape[1:] == (1,) and np.issubdtype(y.dtype, np.integer):
        y = y[:, 0]
    named = ",".join(key for key in (samples, labels) if key is not None)
    return from_arrays(x, y, name=f"npz:{file}{'@' if named else ''}{named}")


def _npz_archive(path: Path, stream: BinaryIO) -> np.lib.npyio.NpzFile:
    try:
        archive = np.load(stream, allow_pickle=False)
    except Exception as error:  # corrupted files raise many kinds of errors
        raise ValueError(f"{path} is not a NumPy archive ({error})") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"{path} holds a single array; save it with np.savez({path.stem!r}, x=x)")
    return archive


def _npz_keys(
    path: Path, names: list[str], requested: str | None, requested_labels: str | None
) -> tuple[str, str | None]:
    """The names of samples and labels: the requested ones, or else the usual ones."""
    for name in (requested, requested_labels):
        if name is not None and name not in names:
            raise ValueError(
                f"{path} holds the arrays {names}, but no {name!r}.{closest(name, names)}"
            )
    if requested is not None:
        return requested, requested_labels
    labels = requested_labels or next((name for name in NPZ_LABELS if name in names), None)
    samples = next((name for name in NPZ_SAMPLES if name in names), None)
    others = [name for name in names if name not in (*NPZ_LABELS, requested_labels)]
    if samples is None and len(others) == 1:
        samples = others[0]
    if samples is None:
        raise ValueError(
            f"{path} holds the arrays {names}, but none called {', '.join(NPZ_SAMPLES)}: "
            "name the samples with npz:FILE@SAMPLES or npz:FILE@SAMPLES,LABELS"
        )
    return samples, labels


def _npz_array(path: Path, archive: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    try:
        array = archive[key]
    except Exception as error:  # corrupted files raise many kinds of errors
        raise ValueError(f"{path}: cannot read array {key!r} ({error})") from error
    if not isinstance(array, np.ndarray):  # the bytes of another file
        raise ValueError(f"{path}: {key!r} is not a NumPy array")
    return array


def folder(
    directory: str | Path,
    size: int | None = None,
    max_bad_fraction: float = 0.01,
    max_pixels: int | None = None,
) -> Dataset:
    """All images below a directory in memory; see `folder_records` for their selection and order.

    Args:
      directory: the folder that holds the images, at any depth.
      size: the shorter side is resized to it (Lanczos) and the centre cropped; None keeps images as
        they are, and then all must have the same size.
      max_bad_fraction: the largest fraction of unreadable images, which are left out.
      max_pixels: the largest number of pixels of an image; None for Pillow's limit, 178,956,970.

    Returns:
      Dataset with x uint8 [N, H, W, 1 or 3] in 0..255, and labels int32 [N] if there are
      sub-folders.

    Raises:
      FileNotFoundError: if the directory does not exist or holds no images.
      ValueError: if too many images cannot be read, sizes differ, or class folders are invalid.
      OSError: if a folder cannot be read.
    """
    return decode(folder_records(directory, size, max_pixels), max_bad_fraction)


def folder_records(
    directory: str | Path,
    size: int | None = None,
    max_pixels: int | None = None,
    background: str | None = None,
) -> Records:
    """All images below a directory, sorted by path, to be read one by one.

    Images are greyscale if all of them are, otherwise RGB. Photographs are turned upright, and
    animations give their first frame. Hidden files and run folders are skipped; links are followed.
    If the images lie in sub-folders, the names of the first level are the classes, sorted as text
    (0, 1, 10, 2). Only headers are read here. A file with an invalid header becomes a record that
    fails when it is read.

    Args:
      directory: the folder that holds the images, at any depth.
      size: the shorter side is resized to it (Lanczos) and the centre cropped; None keeps images as
        they are, and then all must have the same size.
      max_pixels: the largest number of pixels of an image; None for Pillow's limit, 178,956,970. A
        larger number raises that limit for the whole process.
      background: white, black or grey, the colour behind transparent pixels; None uses the colours
        stored under them, with a warning.

    Returns:
      Records of shape [H, W, 1 or 3], uint8 in 0..255, with labels if there are sub-folders. Their
      `left_out` counts the files that are not images.

    Raises:
      FileNotFoundError: if the directory does not exist or holds no images.
      ValueError: if no image has a valid header, sizes differ, images lie both beside and inside
        class folders, or a class folder holds files but no readable image.
      OSError: if a folder cannot be read.
    """
    check_size(size)
    if background not in (None, *BACKGROUNDS):
        raise ValueError(f"background must be one of {', '.join(BACKGROUNDS)}, got {background!r}")
    root = existing(directory, "directory", "folder:DIR or folder:DIR@64")
    found = find_images(root)
    names, labels = folder_classes(root, found)
    readable, bad = read_headers(found.files, max_pixels)
    if not readable:
        raise ValueError(next(iter(bad.values())))
    headers = list(readable.values())
    check_classes(root, names, headers)
    sides = _common_size(headers, directory) if size is None else (size, size)
    mode = "L" if all(header.is_grey for header in headers) else "RGB"
    shape = (*sides, 1 if mode == "L" else 3)
    # text is sent to workers faster than Path objects
    paths = tuple(str(file) for file in found.files)
    read = functools.partial(
        read_image, mode=mode, size=size, background=background, max_pixels=max_pixels
    )
    details = ",".join(str(detail) for detail in (size, background) if detail is not None)
    return image_records(
        functools.partial(_read_record, paths, labels, read, shape, str(directory)),
        size=len(found.files),
        shape=shape,
        name=f"folder:{directory}{'@' if details else ''}{details}",
        class_names=None if labels is None else tuple(map(as_text, names)),
        left_out=counts(found.others.values()),
    )


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


def check_size(size: int | None) -> None:
    """Raises a ValueError unless images can be resized to this size."""
    if size is not None and size < 1:
        raise ValueError(f"size must be 1 or more pixels, got {size}")
    if size is not None and size > MAX_SIDE:
        raise ValueError(f"size must be at most {MAX_SIDE} pixels, got {size}")


def read_headers(
    files: list[Path], max_pixels: int | None = None
) -> tuple[dict[Path, Header], dict[int, str]]:
    """The valid headers by file, and the errors of the others by number; nothing is decoded."""
    headers, bad = {}, {}
    for number, file in enumerate(files):
        try:
            headers[file] = read_header(file, max_pixels)
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


def size_text(shape: tuple[int, ...]) -> str:
    """Width x height of an array, such as "6x4" for 4 rows of 6 pixels."""
    return f"{shape[1]}x{shape[0]}"


def existing(path: str | Path, kind: str, example: str) -> Path:
    """The path; raises a FileNotFoundError unless it is a file or a directory, as `kind` says."""
    try:
        found = Path(path).expanduser()
        is_there = found.is_dir() if kind == "directory" else found.is_file()
    except (OSError, RuntimeError) as error:  # too long a name, or an unknown user's home
        raise FileNotFoundError(
            f"there is no {kind} {path} ({error}); expected {example}"
        ) from error
    if not is_there:
        raise FileNotFoundError(f"there is no {kind} {found}; expected {example}")
    return found

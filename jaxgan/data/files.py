"""Data sets from files: MNIST's IDX format, NumPy archives and folders of images."""

import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from jaxgan.data.dataset import Dataset, from_arrays

IDX_SPLITS = {"train": "train", "test": "t10k"}
IDX_IMAGES_MAGIC = 0x00000803  # 08: unsigned byte; 03: three axes
IDX_LABELS_MAGIC = 0x00000801
NPZ_SAMPLES = ("x", "images", "x_train", "samples")
NPZ_LABELS = ("y", "labels", "y_train")
IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
)
GREY_MODES = ("1", "L", "LA")


def idx(directory: str | Path, split: str = "train") -> Dataset:
    """Grey images and labels in the file format of MNIST, gzip-compressed or plain.

    Args:
      directory: holds train-images-idx3-ubyte[.gz] and, if there are labels,
        train-labels-idx1-ubyte[.gz]; t10k-... for the test split; `.idx3-ubyte` is accepted too.
      split: train or test.

    Returns:
      Data set with x uint8 [N, H, W, 1] in 0..255.

    Raises:
      FileNotFoundError: if the directory or the images are not there.
      ValueError: if a file is not what its header says, or images and labels differ in number.
    Source: file format of http://yann.lecun.com/exdb/mnist/
    """
    if split not in IDX_SPLITS:
        raise ValueError(f"idx has the splits {' and '.join(IDX_SPLITS)}, got {split!r}")
    root = _existing(directory, "directory", "idx:DIR or idx:DIR:test")
    images_file = _idx_file(root, f"{IDX_SPLITS[split]}-images", "idx3-ubyte")
    labels_file = _idx_file(root, f"{IDX_SPLITS[split]}-labels", "idx1-ubyte")
    if images_file is None:
        raise FileNotFoundError(
            f"no {IDX_SPLITS[split]}-images-idx3-ubyte or {IDX_SPLITS[split]}-images-idx3-ubyte.gz "
            f"in {root}"
        )
    images = _read_idx(images_file, IDX_IMAGES_MAGIC)
    labels = None if labels_file is None else _read_idx(labels_file, IDX_LABELS_MAGIC)
    if labels is not None and len(labels) != len(images):
        raise ValueError(
            f"{images_file} holds {len(images)} images, but {labels_file} {len(labels)} labels"
        )
    suffix = "" if split == "train" else f":{split}"
    return from_arrays(images, labels, name=f"idx:{directory}{suffix}")


def _idx_file(root: Path, stem: str, kind: str) -> Path | None:
    names = (f"{stem}{joint}{kind}{suffix}" for joint in "-." for suffix in ("", ".gz"))
    return next((root / name for name in names if (root / name).is_file()), None)


def _read_idx(file: Path, magic: int) -> np.ndarray:
    """The uint8 array of one IDX file; its last byte of the magic number counts the axes."""
    data = _bytes_of(file)
    rank = magic & 0xFF
    header = 4 + 4 * rank
    if len(data) < header:
        raise ValueError(f"{file}: expected a header of {header} bytes, found {len(data)} bytes")
    found, *shape = struct.unpack(f">{1 + rank}I", data[:header])
    if found != magic:
        raise ValueError(f"{file}: expected magic number 0x{magic:08x}, found 0x{found:08x}")
    # math.prod: NumPy's would let a header of nonsense overflow into a plausible size
    expected = header + math.prod(shape)
    if len(data) != expected:
        raise ValueError(
            f"{file}: its header says shape {tuple(shape)}, so expected {expected} bytes, "
            f"found {len(data)} bytes"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _bytes_of(file: Path) -> bytes:
    if file.suffix != ".gz":
        return file.read_bytes()
    # gzip.decompress gives nothing of a file cut short; this gives what is there, to be counted
    try:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(file.read_bytes())
    except zlib.error as error:
        raise ValueError(f"{file}: not a sound gzip file ({error})") from error


def npz(file: str | Path) -> Dataset:
    """Samples and labels of a NumPy archive.

    Args:
      file: holds the samples as 'x', 'images', 'x_train', 'samples' or the only array, and maybe
        labels [N] or [N, 1] as 'y', 'labels' or 'y_train'. See `from_arrays` for good dtypes.

    Raises:
      FileNotFoundError: if the file is not there.
      ValueError: if it is no archive, or holds no such array; the error lists what it holds.
    """
    path = _existing(file, "file", "npz:FILE")
    with path.open("rb") as stream:  # np.load does not close what turns out to be no archive
        archive = _npz_archive(path, stream)
        samples_key, labels_key = _npz_keys(path, archive.files)
        x = _npz_array(path, archive, samples_key)
        labels = None if labels_key is None else _npz_array(path, archive, labels_key)
    if labels is not None and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return from_arrays(x, labels, name=f"npz:{file}")


def _npz_archive(path: Path, stream: BinaryIO) -> np.lib.npyio.NpzFile:
    try:
        archive = np.load(stream, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a NumPy archive ({error})") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"{path} holds a single array; save it with np.savez({path.stem!r}, x=x)")
    return archive


def _npz_keys(path: Path, names: list[str]) -> tuple[str, str | None]:
    labels = next((name for name in NPZ_LABELS if name in names), None)
    samples = next((name for name in NPZ_SAMPLES if name in names), None)
    others = [name for name in names if name not in NPZ_LABELS]
    if samples is None and len(others) == 1:
        samples = others[0]
    if samples is None:
        raise ValueError(
            f"{path} holds the arrays {names}; one of {list(NPZ_SAMPLES)} must hold the samples"
        )
    return samples, labels


def _npz_array(path: Path, archive: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    try:
        return archive[key]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: cannot read array {key!r} ({error})") from error


def folder(directory: str | Path, size: int | None = None) -> Dataset:
    """All images below a directory, in the sorted order of their paths.

    Images are grey if all of them are and RGB otherwise; transparency is dropped, photographs are
    turned upright, of an animation the first frame is taken. Hidden files are skipped. If the
    images lie in sub-folders, the first level's sorted names are the classes.

    Args:
      directory: holds the images, at any depth.
      size: resize the shorter side to it (Lanczos) and crop the centre; None takes them as they
        are, and then all must have one size.

    Returns:
      Data set with x uint8 [N, H, W, 1 or 3] in 0..255, labels int32 [N] if there are sub-folders.

    Raises:
      FileNotFoundError: if the directory is not there or holds no images.
      ValueError: if an image cannot be read, if sizes are mixed, or if images lie both beside and
        inside class folders.
    """
    if size is not None and size < 1:
        raise ValueError(f"size must be 1 or more pixels, got {size}")
    root = _existing(directory, "directory", "folder:DIR or folder:DIR@64")
    files = _image_files(root)
    labels = _folder_labels(root, files)
    mode = "L" if all(_is_grey(file) for file in files) else "RGB"
    first = _read_image(files[0], mode, size)
    x = np.empty((len(files), *first.shape), np.uint8)
    for row, file in enumerate(files):
        image = _read_image(file, mode, size)
        if image.shape != first.shape:
            raise ValueError(
                f"images differ in size: {files[0]} is {_size_text(first)}, {file} is "
                f"{_size_text(image)}; give one size to bring them to, such as "
                f"folder:{directory}@{min(*image.shape[:2], *first.shape[:2])}"
            )
        x[row] = image
    suffix = "" if size is None else f"@{size}"
    return from_arrays(x, labels, name=f"folder:{directory}{suffix}")


def _image_files(root: Path) -> list[Path]:
    parts = sorted(
        file.relative_to(root).parts
        for file in root.rglob("*")
        if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()
    )
    files = [root.joinpath(*p) for p in parts if not any(name.startswith(".") for name in p)]
    if not files:
        raise FileNotFoundError(f"no images in {root}; looked for {sorted(IMAGE_SUFFIXES)}")
    return files


def _folder_labels(root: Path, files: list[Path]) -> np.ndarray | None:
    parents = [file.relative_to(root).parts[:-1] for file in files]
    if not any(parents):
        return None
    for file, parent in zip(files, parents, strict=True):
        if not parent:
            raise ValueError(
                f"{file} lies beside the class folders of {root}; "
                "move every image into a class folder, or all of them out"
            )
    _, labels = np.unique([parent[0] for parent in parents], return_inverse=True)
    return labels


def _is_grey(file: Path) -> bool:
    """Whether the header says so: nothing is decoded yet."""
    try:
        with Image.open(file) as image:
            return image.mode in GREY_MODES
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"cannot read image {file}: {error}") from error


def _read_image(file: Path, mode: str, size: int | None) -> np.ndarray:
    """One image as uint8 [H, W, 1] (mode L) or [H, W, 3] (mode RGB)."""
    try:
        with Image.open(file) as stored:
            image = ImageOps.exif_transpose(stored)
            if image.mode.startswith("I") or image.mode == "F":
                # Pillow would clip them at 255, which turns most of a 16-bit image white
                raise ValueError(f"more than 8 bits a channel (mode {image.mode}); convert it")
            if image.mode == "P":
                image = image.convert("RGBA")  # the only way to RGB that palettes never warn about
            image = image.convert(mode)
            if size is not None:
                image = _resize_and_crop(image, size)
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"cannot read image {file}: {error}") from error
    return pixels[..., None] if mode == "L" else pixels


def _resize_and_crop(image: Image.Image, size: int) -> Image.Image:
    shorter = min(image.size)
    width, height = (max(size, round(side * size / shorter)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    left, top = (width - size) // 2, (height - size) // 2
    return image.crop((left, top, left + size, top + size))


def _size_text(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _existing(path: str | Path, kind: str, example: str) -> Path:
    """The path, which must be a 'file' or a 'directory'."""
    found = Path(path).expanduser()
    if not (found.is_dir() if kind == "directory" else found.is_file()):
        raise FileNotFoundError(f"there is no {kind} {found}; expected {example}")
    return found

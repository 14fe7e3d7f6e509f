"""Datasets from files: MNIST's IDX format, NumPy archives and arrays."""

import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jaxgan.checks import closest
from jaxgan.data.attributes import Attributes, check_columns, joined, numbers
from jaxgan.data.dataset import Dataset, from_arrays

IDX_SPLITS = {"train": "train", "test": "t10k"}
IDX_IMAGES_MAGIC = 0x00000803  # 08: unsigned byte; 03: three axes
IDX_LABELS_MAGIC = 0x00000801
GZIP_MAGIC = b"\x1f\x8b"
NPZ_SAMPLES = ("x", "images", "x_train", "samples")
NPZ_LABELS = ("y", "labels", "y_train")


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


def npz(
    file: str | Path,
    samples: str | None = None,
    labels: str | None = None,
    condition: tuple[str, ...] = (),
) -> Dataset:
    """Samples and labels, or attributes, from a NumPy archive.

    Args:
      file: an archive with an array of samples, and optionally labels [N] or [N, 1] or another
        condition; see `from_arrays` for valid arrays.
      samples: the name of the samples; if not given, 'x', 'images', 'x_train', 'samples' or the
        only array.
      labels: the name of the labels; if neither name is given, 'y', 'labels' or 'y_train'. If only
        `samples` is given, there are no labels.
      condition: names of arrays [N] or [N, n] of numbers, which become attributes of the samples in
        place of labels.

    Returns:
      Dataset of the arrays.

    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file is not an archive, has no such array (the error lists its arrays), or
        attributes are not finite numbers.
    """
    path = existing(file, "file", "npz:FILE")
    with path.open("rb") as stream:  # np.load leaves a file open that is not an archive
        archive = _npz_archive(path, stream)
        others = {*condition} - {samples, labels}
        names = [name for name in archive.files if name not in others]
        samples_key, labels_key = _npz_keys(path, names, samples, labels)
        x = _npz_array(path, archive, samples_key)
        attributes = _npz_attributes(path, archive, samples_key, condition)
        y = None if labels_key is None else _npz_array(path, archive, labels_key)
    if attributes is not None:
        y = attributes.rows
    if y is not None and y.shape[1:] == (1,) and np.issubdtype(y.dtype, np.integer):
        y = y[:, 0]
    named = ",".join(key for key in (samples, labels) if key is not None)
    found = from_arrays(x, y, name=f"npz:{file}{'@' if named else ''}{named}")
    return found if attributes is None else found._replace(attribute_names=attributes.names)


def npy(file: str | Path) -> Dataset:
    """Samples without labels from one NumPy array, which is read from the file as it is needed.

    Args:
      file: an array [N, ...], see `from_arrays` for valid ones.
    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if the file holds no valid array.
    """
    path = existing(file, "file", "npy:FILE")
    try:
        x = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # corrupted files raise many kinds of errors
        raise ValueError(f"{path} is not an array of NumPy ({error})") from error
    if not isinstance(x, np.ndarray):
        raise ValueError(f"{path} holds several arrays: give it as npz:FILE")
    return from_arrays(x, name=f"npy:{file}")


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


def _npz_attributes(
    path: Path, archive: np.lib.npyio.NpzFile, samples_key: str, names: tuple[str, ...]
) -> Attributes | None:
    if not names:
        return None
    check_columns(names, [name for name in archive.files if name != samples_key], path)
    columns = {
        name: numbers(
            _npz_array(path, archive, name), f"{path}: {name!r}", lambda row: f"sample {row}"
        )
        for name in names
    }
    return joined(columns)


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

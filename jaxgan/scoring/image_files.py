"""Samples trained anywhere, and data to compare them with, by the path or spec that names them."""

import functools
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.data import Dataset, Records, decode, folder_records, load, npy, npz
from jaxgan.data.archives import within_archive
from jaxgan.data.images import image_pixels
from jaxgan.data.parquet import parquet_records
from jaxgan.data.records import Sample
from jaxgan.data.sources import NAMED
from jaxgan.scoring.statistics_file import FeatureStatistics, has_statistics, read_statistics
from jaxgan.types import Range

_MOST_BYTES = 2**31  # decoded at once, where all samples are needed
_BYTES = (0.0, 255.0)


def read_set(
    spec: str,
    size: int | None = None,
    value_range: Range | None = None,
    decoded: bool = False,
) -> Dataset | Records | FeatureStatistics:
    """The samples that a path or a spec names.

    Args:
      spec: a folder or an archive of images; a .npz or .npy file of images, uint8 or floats,
        [N, H, W] or [N, H, W, C]; a .parquet file with a column of images, see `parquet_records`; a
        .npz file with `mu` and `sigma`; or a spec of `jaxgan.data.load`.
      size: images are resized (Lanczos) and cropped to squares of this size; None keeps them.
      value_range: values of black and white in float images.
      decoded: whether to keep all samples in memory, up to 2 GiB. Otherwise images in files are
        read when they are needed.
    Raises:
      FileNotFoundError: if there is no such file, folder or data set.
      ValueError: if the samples are invalid, or floats leave the range.
    """
    found = _read(spec, size, decoded)
    if isinstance(found, FeatureStatistics):
        return found
    found = _in_range(found, value_range)
    found = found if size is None else _resized(found, size)
    if decoded and isinstance(found, Records) and found.num_bytes <= _MOST_BYTES:
        return decode(found)
    return found


def _read(spec: str, size: int | None, decoded: bool) -> Dataset | Records | FeatureStatistics:
    path, (file, column) = Path(spec).expanduser(), _column(spec)
    if spec.partition(":")[0] in NAMED or (":" in spec and not path.exists()):
        return load(spec, max_bytes=_MOST_BYTES if decoded else 0)
    if path.is_dir() or within_archive(path) is not None:
        return folder_records(spec, size)
    kind = file.suffix.lower()
    if kind == ".parquet":
        return parquet_records(file, size, column)
    if kind == ".npz":
        return read_statistics(path) if has_statistics(path) else npz(spec)._replace(name=spec)
    if kind == ".npy":
        return npy(spec)._replace(name=spec)
    try:
        return load(spec)
    except ValueError as error:
        raise ValueError(f"{error}; or a folder, a .npz, .npy or .parquet file of images") from None


def _column(spec: str) -> tuple[Path, str | None]:
    """The file and the column of FILE.parquet@COLUMN; the column is None without one."""
    file, _, column = spec.rpartition("@")
    if file.lower().endswith(".parquet"):
        return Path(file).expanduser(), column
    return Path(spec).expanduser(), None


def _in_range(found: Dataset | Records, value_range: Range | None) -> Dataset | Records:
    """The same with the range of its floats, which has to hold them."""
    if value_range is None or isinstance(found, Records) or found.x.dtype == np.uint8:
        return found
    if found.low is not None and (found.low, found.high) != value_range:
        raise ValueError(f"{found.name} has values from {found.low:g} to {found.high:g} by itself")
    low, high = value_range
    least, most = float(found.x.min()), float(found.x.max())
    if least < low or most > high:
        raise ValueError(
            f"{found.name} has values from {least:g} to {most:g}, outside the range from {low:g} "
            f"to {high:g}: give the range of the images, or clip them"
        )
    x = found.x[..., None] if found.x.ndim == 3 else found.x
    return found._replace(x=x, low=low, high=high)


# --- Resizing


def _resized(found: Dataset | Records, size: int) -> Dataset | Records:
    """Images resized and cropped as `folder:DIR@SIZE` does, when they are read."""
    if tuple(found.shape[:2]) == (size, size):
        return found
    dtype = found.x.dtype if isinstance(found, Dataset) else found.dtype
    if (
        dtype != np.uint8
        or (found.low, found.high) != _BYTES
        or found.shape[2:] not in ((1,), (3,))
    ):
        raise ValueError(
            f"only grey or RGB images of uint8 can be resized, and {found.name} has {dtype} "
            f"samples of shape {tuple(found.shape)}"
        )
    shape = (size, size, found.shape[2])
    return Records(
        functools.partial(_read_resized, found, size),
        size=found.size,
        shape=shape,
        dtype=np.dtype(np.uint8),
        num_classes=found.num_classes,
        low=found.low,
        high=found.high,
        name=f"{found.name}@{size}",
        class_names=found.class_names,
    )


def _read_resized(found: Dataset | Records, size: int, number: int) -> Sample:
    x, label = _one(found, number)
    grey = x.shape[-1] == 1
    image = Image.fromarray(x[..., 0] if grey else x)
    return image_pixels(image, "L" if grey else "RGB", size), label


def _one(found: Dataset | Records, number: int) -> Sample:
    if isinstance(found, Records):
        return found.read(number)
    return found.x[number], None if found.labels is None else int(found.labels[number])


def dtype_of(found: Dataset | Records) -> np.dtype:
    """The dtype of the samples."""
    return found.x.dtype if isinstance(found, Dataset) else found.dtype


def shape_text(shape: tuple[int, ...]) -> str:
    """The shape of a sample in messages, such as "32x32x3".

    >>> shape_text((32, 32, 3))
    '32x32x3'
    """
    return "x".join(map(str, shape))

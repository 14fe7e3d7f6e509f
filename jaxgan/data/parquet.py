"""Images in a Parquet file, in the layout of the Hugging Face Hub."""

import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from jaxgan.data.attributes import Attributes, check_columns, joined, numbers
from jaxgan.data.files import existing
from jaxgan.data.images import GREY_MODES, image_pixels, reason
from jaxgan.data.records import Records, Sample, image_records
from jaxgan.data.sizes import Size, check_size, sides_of, size_detail, size_text

if TYPE_CHECKING:
    import pyarrow

_IMAGES = ("image", "img", "images")
_LABELS = ("label", "labels")


def parquet_records(
    file: str | Path,
    size: Size | None = None,
    column: str | None = None,
    condition: tuple[str, ...] = (),
) -> Records:
    """The images of a Parquet file, to be decoded one by one.

    The file stays in memory as it is, with its images encoded. They are greyscale if all of them
    are, otherwise RGB.

    Args:
      file: a table with a column of images: of their encoded bytes, or of structs that hold them as
        `bytes`. A column `label` or `labels` of integers holds their classes.
      size: the side of a square, or (height, width); images are resized (Lanczos) until they cover
        it, and the centre cropped. None keeps images as they are, and then all must have the same
        size.
      column: the column of the images; if not given, `image`, `img`, `images` or the only one.
      condition: columns of numbers, which become attributes of the images in place of classes.
    Returns:
      Records of shape [H, W, 1 or 3], uint8 in 0..255.
    Raises:
      FileNotFoundError: if the file does not exist.
      ValueError: if it is no Parquet file, has no such column or no images, their sizes differ, or
        attributes are no numbers.
    """
    import pyarrow.parquet

    check_size(size)
    path = existing(file, "file", "FILE.parquet")
    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path} is not a Parquet file ({error})") from error
    column = _image_column(path, table.schema, column)
    images = table[column]
    if not len(images):
        raise ValueError(f"{path} holds no images")
    labels = None if condition else _labels(table)
    # Each once, in the order in which they occur: there may be millions of images.
    headers = dict.fromkeys(_header(path, images, number) for number in range(len(images)))
    mode = "L" if all(is_grey for is_grey, _ in headers) else "RGB"
    sides = _common_size(path, [sides for _, sides in headers]) if size is None else sides_of(size)
    shape = (*sides, 1 if mode == "L" else 3)
    read = functools.partial(_read, path, images, labels, mode, size)
    found = image_records(
        read, len(images), shape, f"{file}" if size is None else f"{file}@{size_detail(size)}"
    )
    if condition:
        others = table.drop_columns([column])
        found = found._replace(attributes=_attributes(path, others, condition))
    return found if labels is None else found._replace(num_classes=int(labels.max()) + 1)


def _image_column(path: Path, schema: "pyarrow.Schema", column: str | None) -> str:
    import pyarrow

    def holds_bytes(kind: "pyarrow.DataType") -> bool:
        if pyarrow.types.is_struct(kind):
            return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
        return pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)

    known = [field.name for field in schema if holds_bytes(field.type)]
    usual = [name for name in _IMAGES if name in known]
    found = column or (usual or known or [None])[0]
    if found not in known or (column is None and not usual and len(known) > 1):
        raise ValueError(
            f"{path} has the columns {schema.names}, of which {known or 'none'} hold encoded "
            "images: name that of the images with FILE.parquet@COLUMN"
        )
    return found


def _labels(table: "pyarrow.Table") -> np.ndarray | None:
    """Labels int [num], -1 for missing ones; None if no column holds any."""
    import pyarrow

    for name in _LABELS:
        if name in table.column_names and pyarrow.types.is_integer(table[name].type):
            labels = table[name].fill_null(-1).to_numpy()
            return labels if labels.max() >= 0 else None
    return None


def _attributes(path: Path, table: "pyarrow.Table", names: tuple[str, ...]) -> Attributes:
    check_columns(names, table.column_names, path)
    columns = {
        name: numbers(table[name].to_pylist(), f"{path}: {name!r}", lambda row: f"row {row}")
        for name in names
    }
    return joined(columns)


def _bytes(images: "pyarrow.ChunkedArray", number: int) -> bytes:
    value = images[number].as_py()
    value = value["bytes"] if isinstance(value, dict) else value
    if value is None:
        raise ValueError("it holds no bytes")
    return value


def _decoded(
    path: Path,
    images: "pyarrow.ChunkedArray",
    number: int,
    see: Callable[[Image.Image], tuple[bool, tuple[int, int]] | np.ndarray],
):
    try:
        with Image.open(io.BytesIO(_bytes(images, number))) as image:
            return see(image)
    except Exception as error:  # corrupted images make decoders raise many kinds of errors
        raise ValueError(f"cannot read image {number} of {path}: {reason(error)}") from error


def _header(path: Path, images: "pyarrow.ChunkedArray", number: int):
    """Whether an image is grey, and its height and width."""
    return _decoded(path, images, number, lambda x: (x.mode in GREY_MODES, (x.height, x.width)))


def _common_size(path: Path, sizes: list[tuple[int, int]]) -> tuple[int, int]:
    others = [each for each in sizes if each != sizes[0]]
    if others:
        raise ValueError(
            f"{path}: images differ in size, such as {size_text(sizes[0])} and "
            f"{size_text(others[0])}: resize all to one size, such as with --size "
            f"{min(sizes[0] + others[0])}"
        )
    return sizes[0]


def _read(
    path: Path,
    images: "pyarrow.ChunkedArray",
    labels: np.ndarray | None,
    mode: str,
    size: Size | None,
    number: int,
) -> Sample:
    def pixels(image: Image.Image) -> np.ndarray:
        ImageOps.exif_transpose(image, in_place=True)
        return image_pixels(image, mode, size)

    label = None if labels is None or labels[number] < 0 else int(labels[number])
    return _decoded(path, images, number, pixels), label

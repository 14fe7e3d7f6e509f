"""Images from TensorFlow Datasets (TFDS), read by record number without TensorFlow."""

import dataclasses
import functools
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.data.images import image_pixels, reason
from jaxgan.data.records import Records, Sample
from jaxgan.data.tfds_features import (
    check_format,
    image_key,
    label_key,
    num_examples,
    static_shape,
)
from jaxgan.data.tfds_prepare import prepare

VERSION = re.compile(r"(\d+|\*)(\.(\d+|\*)){2}")
NAME = re.compile(r"[A-Za-z]\w*(/[\w+.-]+)?(:(\d+|\*)(\.(\d+|\*)){2})?")
LABELLED = re.compile(r"(.+)@(?:([0-9]+),)?([A-Za-z_][\w-]*)")
BLOCK = 64  # records
EXAMPLE = "expected NAME, NAME:SPLIT or NAME:SPLIT@SIZE, such as cifar10:test@64"


def parse_tfds(path: str) -> tuple[str, str, int | None]:
    """The parts of 'NAME[:VERSION][:SPLIT][@SIZE]'.

    Args:
      path: NAME is a TFDS dataset or 'name/config'; VERSION is three numbers or stars separated by
        dots; SPLIT is in TFDS's notation, 'train' if omitted.

    Returns:
      Name (including the version, if given), split, and size in pixels or None.

    Raises:
      ValueError: if the path does not have this form.

    >>> parse_tfds("mnist:3.0.1:train[:10%]@32")
    ('mnist:3.0.1', 'train[:10%]', 32)
    """
    text, at, size = path.rpartition("@") if "@" in path else (path, "", "")
    if at and not (size.isascii() and size.isdigit() and int(size)):
        raise ValueError(f"tfds:{path} must end in a size in pixels, got {size!r}; {EXAMPLE}")
    name, colon, split = text.partition(":")
    version, more, rest = split.partition(":")
    if VERSION.fullmatch(version):
        name, colon, split = f"{name}:{version}", more, rest
    if (colon and not split) or not NAME.fullmatch(name):
        raise ValueError(f"tfds:{path} is not a valid name; {EXAMPLE}")
    return name, split or "train", int(size) if at else None


def split_label(path: str) -> tuple[str, str | None]:
    """A path for `parse_tfds` and the label feature, from '...@LABEL' or '...@SIZE,LABEL'.

    Args:
      path: the part of the spec after 'tfds:'.

    Returns:
      The path without the label, and the label feature or None.

    >>> split_label("clevr:train@64,shape"), split_label("clevr@64")
    (('clevr:train@64', 'shape'), ('clevr@64', None))
    """
    named = LABELLED.fullmatch(path)
    if named is None:
        return path, None
    return named[1] + (f"@{named[2]}" if named[2] else ""), named[3]


def tfds_source(
    name: str,
    split: str = "train",
    size: int | None = None,
    *,
    label: str | None = None,
    data_dir: str | Path | None = None,
    manual_dir: str | Path | None = None,
) -> Records:
    """Images and labels of a TFDS dataset, which is prepared first if necessary.

    Prepared datasets are read without TensorFlow; without a version, the newest prepared one is
    used. MNIST, Fashion-MNIST and KMNIST are also prepared without it; preparing others needs it.

    The images are the supervised input, or the only image feature. They are greyscale if that
    feature has one channel, otherwise RGB. Transparency is dropped, and like TFDS this does not
    turn photographs upright. The labels are the requested class label, the supervised target or,
    without supervised features, the only class label; -1 means an unlabelled record. If class
    labels exist but none is used, there is a warning.

    Args:
      name: name, name/config, or either with :version.
      split: a split in TFDS's notation, such as train, test or train[:10%].
      size: the shorter side is resized to it (Lanczos) and the centre cropped; None keeps images as
        they are, and then all must have the same size.
      label: the name of the class label to use.
      data_dir: the folder where TFDS keeps its data; by default the environment's TFDS_DATA_DIR, or
        ~/tensorflow_datasets.
      manual_dir: a folder with files to use instead of downloads; their checksums must match TFDS.

    Returns:
      Records of uint8 [H, W, 1 or 3] in 0..255, with labels if the dataset has classes.

    Raises:
      ValueError: if there is no such dataset, version, config, split or class label, the features
        have no suitable images, images differ in size, files do not match TFDS's checksums, or
        preparing the dataset needs TensorFlow, which is not installed.
      FileNotFoundError: if manual_dir does not exist.
      ConnectionError: if the dataset must be downloaded and its host cannot be reached.
    Source: https://www.tensorflow.org/datasets/data_source
    """
    _check(name, size)
    builder = _prepared(name, data_dir)
    if builder is None:
        prepare(name, data_dir, manual_dir, is_prepared=lambda: _prepared(name, data_dir))
        builder = _prepared(name, data_dir)
    check_format(name, builder)
    count = num_examples(name, builder, split)
    reader = _reader(name, split, size, builder, label)
    details = ",".join(str(detail) for detail in (size, label) if detail is not None)
    features, label = builder.info.features, reader.label
    classes = None if label is None else features[label].num_classes
    return Records(
        read=reader,
        size=count,
        shape=reader.shape,
        dtype=np.dtype(np.uint8),
        num_classes=classes,
        low=0.0,
        high=255.0,
        name=reader.source + (f"@{details}" if details else ""),
        class_names=None if classes is None else tuple(features[label].names),
    )


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads a record by its number; each process opens the files when it first reads.

    Attributes:
      directory: the folder of the prepared dataset.
      name: the dataset's name.
      split: the split.
      image: the image feature.
      label: the label feature, or None.
      mode: L or RGB.
      size: the size to resize to, or None.
      shape: the shape of all images; None if it is not known yet.
    """

    directory: str
    name: str
    split: str
    image: str
    label: str | None
    mode: str
    size: int | None
    shape: Any

    @property
    def source(self) -> str:
        """The spec of the data without the size."""
        return f"tfds:{self.name}" + ("" if self.split == "train" else f":{self.split}")

    def __call__(self, number: int) -> Sample:
        # a forked process must not share file positions with its parent
        records, features, decoders = _open(
            self.directory, self.split, self.image, self.label, os.getpid()
        )
        try:
            example = features.deserialize_example_np(records[number], decoders=decoders)
            with Image.open(io.BytesIO(example[self.image])) as image:
                pixels = image_pixels(image, self.mode, self.size)
            label = None if self.label is None else int(example[self.label])
        except Exception as error:  # errors of many libraries, with the same meaning here
            raise ValueError(
                f"cannot read record {number} of split {self.split!r} of tfds:{self.name}: "
                f"{reason(error)}"
            ) from error
        self._check_shape(number, pixels)
        return pixels, label

    def _check_shape(self, number: int, pixels: np.ndarray) -> None:
        if self.shape is not None and pixels.shape != self.shape:
            size = min(*pixels.shape[:2], *self.shape[:2])
            raise ValueError(
                f"images differ in size: record {number} of split {self.split!r} of "
                f"tfds:{self.name} is {pixels.shape[1]}x{pixels.shape[0]}, expected "
                f"{self.shape[1]}x{self.shape[0]}; resize all images to one size, such as "
                f"{self.source}@{size}"
            )


def _reader(
    name: str, split: str, size: int | None, builder: Any, requested_label: str | None
) -> _Reader:
    image = image_key(name, builder)
    shape = builder.info.features[image].shape
    reader = _Reader(
        directory=str(builder.data_dir),
        name=name,
        split=split,
        image=image,
        label=label_key(name, builder, requested_label),
        mode="L" if shape[-1] == 1 else "RGB",
        size=size,
        shape=static_shape(shape, size),
    )
    if reader.shape is not None:
        return reader
    return dataclasses.replace(reader, shape=reader(0)[0].shape)


@functools.lru_cache(maxsize=8)
def _open(
    directory: str, split: str, image: str, label: str | None, process: int
) -> tuple[Any, Any, dict[str, Any]]:
    """The raw records of a split, the features to decode, and decoders that skip the image.

    TFDS's own image decoding reads palette indices as grey values, and depends on the libraries
    that are installed.
    """
    import tensorflow_datasets as tfds  # imported here because it takes half a second

    builder = tfds.builder_from_directory(directory)
    keys = [key for key in (image, label) if key is not None]
    features = tfds.features.FeaturesDict({key: builder.info.features[key] for key in keys})
    records = builder.as_data_source(
        split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    return _InOrder(records), features, {image: tfds.decode.SkipDecoding()}


class _InOrder:
    """Raw records; sequential reads fetch blocks of records, which is ten times as fast."""

    def __init__(self, source: Any):
        self.source = source
        # the number of the block's first record, and the block; one field, as threads share it
        self.state: tuple[int, Sequence[bytes]] = (0, ())

    def __getitem__(self, number: int) -> bytes:
        first, block = self.state
        if first <= number < first + len(block):
            return block[number - first]
        if number != first + len(block):
            return self.source[number]
        try:
            block = self.source.__getitems__(range(number, min(number + BLOCK, len(self.source))))
        except Exception:  # a record of the block is corrupted, maybe not the requested one
            self.state = (number + 1, ())
            return self.source[number]
        self.state = (number, block)
        return block[0]


def _check(name: str, size: int | None) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"name must look like mnist, emnist/letters or mnist:3.0.1, got {name!r}")
    if size is not None and size < 1:
        raise ValueError(f"size must be 1 or more pixels, got {size}")


def _prepared(name: str, data_dir: str | Path | None) -> Any:
    """The builder of a prepared dataset, made from its files alone; None if it is not prepared."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    place = None if data_dir is None else str(Path(data_dir).expanduser())
    try:
        return builder_from_files(name, data_dir=place)
    except tfds.core.DatasetNotFoundError:
        return None
    except Exception as error:  # from JSON, protocol buffers or TFDS
        raise ValueError(f"the prepared files of tfds:{name} are invalid: {error}") from error

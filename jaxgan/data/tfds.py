"""Images of TensorFlow Datasets (TFDS), read by number and without TensorFlow."""

import dataclasses
import functools
import io
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.data.images import image_pixels, reason
from jaxgan.data.records import Records, Sample
from jaxgan.data.tfds_prepare import prepare

VERSION = re.compile(r"(\d+|\*)(\.(\d+|\*)){2}")
NAME = re.compile(r"[A-Za-z]\w*(/[\w+.-]+)?(:(\d+|\*)(\.(\d+|\*)){2})?")
LABELLED = re.compile(r"(.+)@(?:([0-9]+),)?([A-Za-z_][\w-]*)")
BLOCK = 64
EXAMPLE = "expected NAME, NAME:SPLIT or NAME:SPLIT@SIZE, such as cifar10:test@64"


def parse_tfds(path: str) -> tuple[str, str, int | None]:
    """What 'NAME[:VERSION][:SPLIT][@SIZE]' says.

    Args:
      path: NAME is a data set of TFDS, or 'name/config'; VERSION is three numbers or stars with
        dots; SPLIT is in TFDS's notation, 'train' if left out.

    Returns:
      Name (with its version if one is given), split, and size in pixels or None.

    Raises:
      ValueError: if the text is not of this form.

    >>> parse_tfds("mnist:3.0.1:train[:10%]@32")
    ('mnist:3.0.1', 'train[:10%]', 32)
    """
    text, at, size = path.rpartition("@") if "@" in path else (path, "", "")
    if at and not (size.isascii() and size.isdigit() and int(size)):
        raise ValueError(f"tfds:{path} has {size!r} for a size in pixels; {EXAMPLE}")
    name, colon, split = text.partition(":")
    version, more, rest = split.partition(":")
    if VERSION.fullmatch(version):
        name, colon, split = f"{name}:{version}", more, rest
    if (colon and not split) or not NAME.fullmatch(name):
        raise ValueError(f"tfds:{path} cannot be understood; {EXAMPLE}")
    return name, split or "train", int(size) if at else None


def split_label(path: str) -> tuple[str, str | None]:
    """What `parse_tfds` takes and the feature of the labels, of '...@LABEL' or '...@SIZE,LABEL'.

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
    """Images and labels of a TFDS data set, which is prepared first if it is not yet.

    What is prepared is read without TensorFlow; without a version, it is the newest one there.
    MNIST, Fashion-MNIST and KMNIST are prepared without it too; other data sets need it once.

    The images are the supervised input, or the only image feature. They are grey if that feature
    has one channel and RGB otherwise; transparency is dropped, and like TFDS this does not turn
    photographs upright. The labels are the class label asked for, the supervised target or, where
    nothing is supervised, the only class label; -1 is a record without one. If there are class
    labels and none of them is taken, a warning says so.

    Args:
      name: name, name/config, or either with :version.
      split: in TFDS's notation, such as train, test or train[:10%].
      size: resize the shorter side to it (Lanczos) and crop the centre; None takes images as they
        are, and then all must have one size.
      label: the class label to take, by its name among the features.
      data_dir: where TFDS keeps its data; by default the TFDS_DATA_DIR of the environment or
        ~/tensorflow_datasets.
      manual_dir: holds files to be taken instead of downloads; TFDS's checksums must fit.

    Returns:
      Records of uint8 [H, W, 1 or 3] in 0..255, labels if the data set has classes.

    Raises:
      ValueError: if there is no such data set, version, config, split or class label, if its
        features are no such images, if images differ in size, if files are not those that TFDS
        knows, or if preparing the data set needs TensorFlow, which is not installed.
      FileNotFoundError: if manual_dir does not exist.
      ConnectionError: if the data set must be downloaded and its host cannot be reached.
    Source: https://www.tensorflow.org/datasets/data_source
    """
    _check(name, size)
    builder = _prepared(name, data_dir)
    if builder is None:
        prepare(name, data_dir, manual_dir, is_prepared=lambda: _prepared(name, data_dir))
        builder = _prepared(name, data_dir)
    _check_format(name, builder)
    count = _num_examples(name, builder, split)
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
    """Reads a record by its number; each process opens the files for itself, when it first reads.

    `shape` is that of all images, None where it is not known yet.
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
        """The data as the command line names them, but for the size."""
        return f"tfds:{self.name}" + ("" if self.split == "train" else f":{self.split}")

    def __call__(self, number: int) -> Sample:
        # a process that was forked must not share its parent's positions in the files
        records, features, decoders = _open(
            self.directory, self.split, self.image, self.label, os.getpid()
        )
        try:
            example = features.deserialize_example_np(records[number], decoders=decoders)
            with Image.open(io.BytesIO(example[self.image])) as image:
                pixels = image_pixels(image, self.mode, self.size)
            label = None if self.label is None else int(example[self.label])
        except Exception as error:  # of many libraries, and all mean the same here
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
                f"tfds:{self.name} is {pixels.shape[1]}x{pixels.shape[0]} where "
                f"{self.shape[1]}x{self.shape[0]} was expected; give one size to bring them to, "
                f"such as {self.source}@{size}"
            )


def _reader(
    name: str, split: str, size: int | None, builder: Any, asked_label: str | None
) -> _Reader:
    image = _image_key(name, builder)
    shape = builder.info.features[image].shape
    reader = _Reader(
        directory=str(builder.data_dir),
        name=name,
        split=split,
        image=image,
        label=_label_key(name, builder, asked_label),
        mode="L" if shape[-1] == 1 else "RGB",
        size=size,
        shape=_static_shape(shape, size),
    )
    if reader.shape is not None:
        return reader
    return dataclasses.replace(reader, shape=reader(0)[0].shape)


@functools.lru_cache(maxsize=8)
def _open(
    directory: str, split: str, image: str, label: str | None, process: int
) -> tuple[Any, Any, dict[str, Any]]:
    """The encoded records of a split, with the features to decode and the image left encoded.

    TFDS's own decoding takes the palette of an image for grey values, and another library where
    that is installed.
    """
    import tensorflow_datasets as tfds  # here, since it takes half a second

    builder = tfds.builder_from_directory(directory)
    keys = [key for key in (image, label) if key is not None]
    features = tfds.features.FeaturesDict({key: builder.info.features[key] for key in keys})
    records = builder.as_data_source(
        split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    return _InOrder(records), features, {image: tfds.decode.SkipDecoding()}


class _InOrder:
    """Raw records; those asked for in order are fetched in blocks, which is ten times as fast."""

    def __init__(self, source: Any):
        self.source = source
        # number of the block's first record, and the block: one field, since threads share it
        self.state: tuple[int, Sequence[bytes]] = (0, ())

    def __getitem__(self, number: int) -> bytes:
        first, block = self.state
        if first <= number < first + len(block):
            return block[number - first]
        if number != first + len(block):
            return self.source[number]
        try:
            block = self.source.__getitems__(range(number, min(number + BLOCK, len(self.source))))
        except Exception:  # one of them is broken, and maybe not the one asked for
            self.state = (number + 1, ())
            return self.source[number]
        self.state = (number, block)
        return block[0]


def _check(name: str, size: int | None) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"name must be like mnist, emnist/letters or mnist:3.0.1, got {name!r}")
    if size is not None and size < 1:
        raise ValueError(f"size must be 1 or more pixels, got {size}")


def _prepared(name: str, data_dir: str | Path | None) -> Any:
    """The builder of what is prepared, made from the files alone; None if nothing is."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    place = None if data_dir is None else str(Path(data_dir).expanduser())
    try:
        return builder_from_files(name, data_dir=place)
    except tfds.core.DatasetNotFoundError:
        return None
    except Exception as error:  # of JSON, protocol buffers or TFDS
        raise ValueError(f"cannot use what is prepared of tfds:{name}: {error}") from error


def _check_format(name: str, builder: Any) -> None:
    from tensorflow_datasets.core.file_adapters import FileFormat

    found = builder.info.available_file_formats()
    if not found & FileFormat.with_random_access():
        formats = ", ".join(sorted(file_format.value for file_format in found))
        raise ValueError(
            f"tfds:{name} is prepared in {builder.data_dir} as {formats or 'an unknown format'}, "
            "which cannot be read by number. Delete that folder to prepare it again as "
            "array_record, or convert it: tfds convert_format --out_file_format=array_record "
            f"--dataset_version_dir={builder.data_dir}"
        )


def _num_examples(name: str, builder: Any, split: str) -> int:
    try:
        count = builder.info.splits[split].num_examples
    except Exception as error:  # TFDS raises several kinds, AssertionError among them
        raise ValueError(
            f"tfds:{name} has the splits {', '.join(builder.info.splits)}, got {split!r} ({error})"
        ) from error
    if not count:
        raise ValueError(f"split {split!r} of tfds:{name} is empty")
    return count


def _image_key(name: str, builder: Any) -> str:
    """The name of the feature that holds the images, which must be of 8 bits."""
    import tensorflow_datasets as tfds

    features, keys = builder.info.features, builder.info.supervised_keys
    images = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.Image)
        and not isinstance(feature, tfds.features.LabeledImage)  # a class for each pixel
    ]
    chosen = keys[0] if keys and keys[0] in images else images[0] if len(images) == 1 else None
    if chosen is None:
        listed = "; ".join(f"{key}: {feature!r}" for key, feature in sorted(features.items()))
        raise ValueError(
            f"tfds:{name} must have an image as supervised input, or one image; it has {listed}"
        )
    shape, dtype = features[chosen].shape, np.dtype(features[chosen].np_dtype)
    if dtype != np.uint8 or len(shape) != 3 or shape[-1] == 2:
        raise ValueError(
            f"feature {chosen!r} of tfds:{name} must be images uint8 [H, W, 1, 3 or 4], "
            f"it is {dtype} {list(shape)}"
        )
    return chosen


def _label_key(name: str, builder: Any, asked: str | None) -> str | None:
    """The name of the feature that holds the labels."""
    import tensorflow_datasets as tfds

    features, keys = builder.info.features, builder.info.supervised_keys
    labels = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.ClassLabel) and feature.num_classes is not None
    ]
    if asked is not None:
        if asked not in labels:
            known = f"the class labels {', '.join(sorted(labels))}" if labels else "no class labels"
            raise ValueError(f"tfds:{name} has {known}, got {asked!r}")
        return asked
    if keys and len(keys) > 1 and keys[1] in labels:
        return keys[1]
    if len(labels) == 1 and not keys:
        return labels[0]
    if labels:
        warnings.warn(
            f"tfds:{name} has the class labels {', '.join(sorted(labels))}, and none is taken: "
            f"name one, such as tfds:{name}@{sorted(labels)[0]} or @64,{sorted(labels)[0]}",
            stacklevel=5,
        )
    return None


def _static_shape(shape: tuple[int | None, ...], size: int | None) -> tuple[int, ...] | None:
    """The shape of all images as far as the feature [H, W, C] and the size tell."""
    channels = 1 if shape[-1] == 1 else 3
    if size is not None:
        return size, size, channels
    height, width, _ = shape
    return None if height is None or width is None else (height, width, channels)

"""Chooses the images and labels among the features of a TFDS dataset, and checks its files."""

import warnings
from typing import Any

import numpy as np

from jaxgan.checks import closest


def check_format(name: str, builder: Any) -> None:
    """Raises a ValueError unless the prepared files can be read by record number."""
    from tensorflow_datasets.core.file_adapters import FileFormat

    found = builder.info.available_file_formats()
    if not found & FileFormat.with_random_access():
        formats = ", ".join(sorted(file_format.value for file_format in found))
        raise ValueError(
            f"tfds:{name} is prepared in {builder.data_dir} as {formats or 'an unknown format'}, "
            "which does not support reading by number. Delete that folder to prepare it again as "
            "array_record, or convert it: tfds convert_format --out_file_format=array_record "
            f"--dataset_version_dir={builder.data_dir}"
        )


def num_examples(name: str, builder: Any, split: str) -> int:
    """The number of records of a split; raises a ValueError if it does not exist or is empty."""
    try:
        count = builder.info.splits[split].num_examples
    except Exception as error:  # TFDS raises several kinds, AssertionError among them
        raise ValueError(
            f"tfds:{name} has the splits {', '.join(builder.info.splits)}, got {split!r} ({error})"
        ) from error
    if not count:
        raise ValueError(f"split {split!r} of tfds:{name} is empty")
    return count


def image_key(name: str, builder: Any) -> str:
    """The name of the feature that holds the images; raises a ValueError unless it is 8-bit."""
    import tensorflow_datasets as tfds

    features, keys = builder.info.features, builder.info.supervised_keys
    images = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.Image)
        and not isinstance(feature, tfds.features.LabeledImage)  # a class per pixel
    ]
    chosen = keys[0] if keys and keys[0] in images else images[0] if len(images) == 1 else None
    if chosen is None:
        listed = "; ".join(f"{key}: {feature!r}" for key, feature in sorted(features.items()))
        raise ValueError(
            f"tfds:{name} must have an image as supervised input, or a single image feature; it "
            f"has {listed}"
        )
    shape, dtype = features[chosen].shape, np.dtype(features[chosen].np_dtype)
    if dtype != np.uint8 or len(shape) != 3 or shape[-1] == 2:
        raise ValueError(
            f"feature {chosen!r} of tfds:{name} must be images uint8 [H, W, 1, 3 or 4], "
            f"got {dtype} {list(shape)}"
        )
    return chosen


def label_key(name: str, builder: Any, requested: str | None) -> str | None:
    """The name of the feature that holds the labels, or None; see `tfds_source`."""
    import tensorflow_datasets as tfds

    features, keys = builder.info.features, builder.info.supervised_keys
    labels = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.ClassLabel) and feature.num_classes is not None
    ]
    if requested is not None:
        if requested not in labels:
            known = f"the class labels {', '.join(sorted(labels))}" if labels else "no class labels"
            hint = closest(requested, labels)
            raise ValueError(f"tfds:{name} has {known}, got {requested!r}.{hint}")
        return requested
    if keys and len(keys) > 1 and keys[1] in labels:
        return keys[1]
    if len(labels) == 1 and not keys:
        return labels[0]
    if labels:
        warnings.warn(
            f"tfds:{name} has the class labels {', '.join(sorted(labels))}, but none is used: "
            f"select one, such as tfds:{name}@{sorted(labels)[0]} or @64,{sorted(labels)[0]}",
            stacklevel=5,
        )
    return None


def static_shape(shape: tuple[int | None, ...], size: int | None) -> tuple[int, ...] | None:
    """The shape of all images, or None if the feature's shape and the size do not determine it."""
    channels = 1 if shape[-1] == 1 else 3
    if size is not None:
        return size, size, channels
    height, width, _ = shape
    return None if height is None or width is None else (height, width, channels)

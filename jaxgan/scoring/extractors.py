"""Feature extractors: the features of samples that scores compare.

    extractor = make_extractor("classifier", dataset)
    features = extractor.run(images)  # float [num, height, width, channels] in [-1, 1]

The name of a score names the extractor.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.checks import closest
from jaxgan.choices import Features, Resizing
from jaxgan.data import Dataset, Records
from jaxgan.images.resampling import bicubic
from jaxgan.metrics import spatial_features
from jaxgan.models import (
    ImageFeatures,
    make_clip,
    make_dinov2,
    make_inception,
    vgg16_features,
)
from jaxgan.scoring.classifier import classifier_for, classify
from jaxgan.scoring.given_networks import function_from, onnx_network

EXTRACTORS: tuple[str, ...] = get_args(Features)
WITH_FILE = ("inception", "dinov2", "clip", "onnx")
"""The features whose name a file follows, after a colon."""
_SAMPLES_PER_CALL = 50
_VGG16_SIDE = 32  # smaller images would leave one position of the last features, or none


class FeatureSet(NamedTuple):
    """What scores compare of samples.

    Attributes:
      features: [num, width].
      logits: class logits [num, classes]; None for extractors without.
      spatial: features with their positions, for the spatial distance [num, width]; likewise.
      labels: classes, int [num], of real samples their own (-1 for none), of generated ones those
        that were asked for; None for samples without.
    """

    features: np.ndarray
    logits: np.ndarray | None = None
    spatial: np.ndarray | None = None
    labels: np.ndarray | None = None

    def rows(self, rows: np.ndarray | slice) -> Self:
        """The features of some of the samples."""
        others = (None if part is None else part[rows] for part in self[1:])
        return type(self)(self.features[rows], *others)


class Extractor(NamedTuple):
    """A feature extractor.

    Attributes:
      name: "classifier", "vgg16", "inception", "pixels", or that of another network, such as
        "dinov2_vitl14", "clip_vitb32", or the name of an ONNX file or of a function.
      run: maps images float [num, height, width, channels] in [-1, 1], or other samples, to their
        features, a limited number at a time.
      resized: how images are resized, and to which size; "" if they are not.
      facts: what else a score depends on, such as the classifier's accuracy.
      any_size: whether images of different sizes have comparable features, as they are resized.
    """

    name: str
    run: Callable[[np.ndarray], FeatureSet]
    resized: str
    facts: dict[str, Any]
    any_size: bool = False


def make_extractor(spec: str, dataset: Dataset | Records) -> Extractor:
    """Make the extractor with the given name.

    Args:
      spec: one of `EXTRACTORS`. "classifier" is trained once on the data set's own classes, see
        `jaxgan.scoring.classifier`. "vgg16" averages relu5_3 over all positions: 512 features.
        "inception:FILE" has the features of the FID, "dinov2:FILE" and "clip:FILE" those of
        DINOv2 and of CLIP's image tower, all with weights that the user provides.
        "inception:FILE@clean" and "@tensorflow" resize otherwise, see `jaxgan.models.fid_images`.
        "onnx:FILE" or "onnx:FILE,SCALING" is any network, see `jaxgan.scoring.given_networks`.
        "pixels" are the values themselves. "MODULE:FUNCTION" is a function from samples, float
        [num, height, width, channels] in [-1, 1], to features [num, width].
      dataset: the data that samples are compared with.
    Raises:
      ValueError: if the name is unknown, or the extractor does not suit the data.
    """
    name, _, path = spec.partition(":")
    if name in WITH_FILE and path:
        _check_images(name, dataset)
        return _from_file(name, path)
    if spec not in ("classifier", "vgg16", "pixels"):
        if _names_function(name, path):
            return from_network(path, function_from(spec), facts={"function": spec})
        hint = closest(spec, EXTRACTORS)
        raise ValueError(f"features must be one of {', '.join(EXTRACTORS)}, got {spec!r}.{hint}")
    if name == "pixels":
        return Extractor(name, lambda x: FeatureSet(x.reshape(len(x), -1)), "", {})
    if name == "classifier":
        if isinstance(dataset, Records):
            raise ValueError(
                f"classifier features need data in memory, and {dataset.name} is streamed: choose "
                "vgg16 or pixels instead"
            )
        return _classifier(dataset)
    _check_images(name, dataset)
    return _vgg16(dataset.shape)


def from_network(
    name: str,
    apply: Callable[[np.ndarray], Any],
    resized: str = "",
    facts: dict[str, Any] | None = None,
) -> Extractor:
    """The extractor of a network's features.

    >>> def means(x):
    ...     return x.mean(axis=(1, 2))
    >>> from_network("means", means).run(np.ones((2, 4, 4, 3))).features.shape
    (2, 3)

    Args:
      name: the network's name, which becomes part of the scores' names.
      apply: maps images, float [num, height, width, channels] in [-1, 1], or other samples, to
        features [num, width], each sample by itself. It is called with 50 samples at a time, the
        last of them perhaps zeros, so a function under `jax.jit` is compiled once.
      resized: how the function resizes images of any size, and to which one, such as
        "bicubic224x224"; "" if it does not.
      facts: what else a score depends on.
    """

    def run(x: np.ndarray) -> FeatureSet:
        return FeatureSet(_in_calls(lambda rows: _checked(name, apply(rows), len(rows)), x))

    return Extractor(name, run, resized, facts or {}, any_size=bool(resized))


def is_grey_or_rgb(shape: tuple[int, ...]) -> bool:
    """Whether samples of a shape are grey or RGB images, which networks for ImageNet take."""
    return len(shape) == 3 and shape[-1] in (1, 3)


def _check_images(name: str, dataset: Dataset | Records):
    if not is_grey_or_rgb(dataset.shape):
        raise ValueError(
            f"{name} features need grey or RGB images, and {dataset.name} has samples of shape "
            f"{dataset.shape}: "
            "choose pixels instead"
        )


def _names_function(module: str, name: str) -> bool:
    words = module.split(".")
    known = module in (*WITH_FILE, "classifier", "vgg16", "pixels")
    return not known and all(word.isidentifier() for word in (*words, name))


def _from_file(name: str, path: str) -> Extractor:
    if name == "onnx":
        network = onnx_network(path)
        stem = Path(path.rpartition(",")[0] or path).stem
        return from_network(stem, network.apply, network.resized, {"weights": path})
    if name == "inception":
        return inception_extractor(*_resizing(path))
    file = Path(os.path.expanduser(path))
    return _on_bytes({"dinov2": make_dinov2, "clip": make_clip}[name](file), file)


def _on_bytes(network: ImageFeatures, file: Path) -> Extractor:
    def apply(x):
        return network.features(np.clip(np.rint((x + 1.0) * 127.5), 0, 255).astype(np.uint8))

    resized = f"bicubic{network.side}x{network.side}"
    return from_network(network.name, apply, resized, {"weights": file.name})


def _checked(name: str, features: Any, num: int) -> Any:
    shape = np.shape(features)
    if len(shape) != 2 or shape[0] != num:
        raise ValueError(
            f"the features of {name} must have shape [num, width], got {shape} for {num} samples: "
            "average or flatten other axes within the network"
        )
    return features


def _classifier(dataset: Dataset) -> Extractor:
    classifier = classifier_for(dataset)

    def run(x):
        found = classify(classifier, x)
        return FeatureSet(np.asarray(found.features), np.asarray(found.logits))

    facts = {"accuracy": classifier.accuracy, "held_out": classifier.held_out}
    return Extractor("classifier", run, "", facts)


def _vgg16(shape: tuple[int, ...]) -> Extractor:
    maps = vgg16_features("relu5_3", (-1.0, 1.0))
    factor = max(1, -(-_VGG16_SIDE // min(shape[:2])))
    size = (factor * shape[0], factor * shape[1])

    @jax.jit
    def call(x):
        x = x if factor == 1 else bicubic(x, size)
        return jnp.mean(maps(x), axis=(1, 2))

    resized = "" if factor == 1 else f"bicubic{size[0]}x{size[1]}"
    return Extractor("vgg16", lambda x: FeatureSet(_in_calls(call, x)), resized, {})


def _resizing(path: str) -> tuple[Path, Resizing]:
    """The file and the resizing of FILE@clean; "bilinear" without one."""
    file, _, name = path.rpartition("@")
    for known in get_args(Resizing):
        if file and name == known:
            return Path(os.path.expanduser(file)), known
    return Path(os.path.expanduser(path)), "bilinear"


def inception_extractor(
    file: Path, resizing: Resizing = "bilinear", verify: bool = True
) -> Extractor:
    """Make the extractor of the FID's features and logits, and of the sFID's feature maps.

    Args:
      file: the weights, see `jaxgan.models.inception_weights`.
      resizing: how images are resized, see `jaxgan.models.fid_images`.
      verify: whether to accept only the weights of the FID. The scores of others have the file's
        name in theirs.
    Raises:
      ValueError: if the weights are not those of the FID and `verify` is set, or cannot be read.
    """
    outputs = make_inception(file, verify=verify, resizing=resizing)

    def run(x):
        # Rounded as in image files, which the reference implementation reads.
        whole = np.clip(np.rint((x + 1.0) * 127.5), 0, 255).astype(np.uint8)
        found = _in_calls(lambda rows: joined(outputs(rows)), whole)
        return FeatureSet(*np.split(found, (2048, 2048 + 1008), axis=1))

    def joined(output):
        maps = spatial_features(output.spatial, output.spatial.shape[3])
        return jnp.concatenate([output.features, output.unbiased_logits, maps], axis=1)

    name = "inception" if verify else f"inception-{file.stem}"
    return Extractor(name, run, f"{resizing}299x299", {"weights": file.name}, any_size=True)


def _in_calls(call: Callable[[np.ndarray], Any], x: np.ndarray) -> np.ndarray:
    """Apply a function to samples, a fixed number at a time."""
    parts = []
    for first in range(0, len(x), _SAMPLES_PER_CALL):
        rows = x[first : first + _SAMPLES_PER_CALL]
        padded = np.pad(rows, [(0, _SAMPLES_PER_CALL - len(rows))] + [(0, 0)] * (x.ndim - 1))
        parts.append(np.asarray(call(padded))[: len(rows)])
    return np.concatenate(parts)

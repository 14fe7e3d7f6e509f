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
from jaxgan.models import make_inception, vgg16_features
from jaxgan.scoring.classifier import classifier_for, classify

EXTRACTORS: tuple[str, ...] = get_args(Features)
_SAMPLES_PER_CALL = 50
_VGG16_SIDE = 32  # smaller images would leave one position of the last features, or none


class FeatureSet(NamedTuple):
    """Features [num, width] of samples, and class logits [num, classes] or None."""

    features: np.ndarray
    logits: np.ndarray | None = None

    def rows(self, rows: np.ndarray | slice) -> Self:
        """The features of some of the samples."""
        logits = None if self.logits is None else self.logits[rows]
        return self._replace(features=self.features[rows], logits=logits)


class Extractor(NamedTuple):
    """A feature extractor.

    Attributes:
      name: "classifier", "vgg16", "inception" or "pixels".
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
        "inception:FILE" has the features of the FID, with weights that the user provides;
        "inception:FILE@clean" and "@tensorflow" resize otherwise, see `jaxgan.models.fid_images`.
        "pixels" are the values themselves.
      dataset: the data that samples are compared with.
    Raises:
      ValueError: if the name is unknown, or the extractor does not suit the data.
    """
    name, _, path = spec.partition(":")
    if spec not in ("classifier", "vgg16", "pixels") and not (name == "inception" and path):
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
    if not is_grey_or_rgb(dataset.shape):
        raise ValueError(
            f"{name} features need grey or RGB images, and {dataset.name} has samples of shape "
            f"{dataset.shape}: "
            "choose pixels instead"
        )
    return _vgg16(dataset.shape) if name == "vgg16" else inception_extractor(*_resizing(path))


def is_grey_or_rgb(shape: tuple[int, ...]) -> bool:
    """Whether samples of a shape are grey or RGB images, which networks for ImageNet take."""
    return len(shape) == 3 and shape[-1] in (1, 3)


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
    """Make the extractor of the FID's features and logits.

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
        both = _in_calls(lambda rows: jnp.concatenate(outputs(rows)[::2], axis=1), whole)
        return FeatureSet(both[:, :2048], both[:, 2048:])

    name = "inception" if verify else f"inception-{file.stem}"
    return Extractor(name, run, f"{resizing}299x299", {"weights": file.name}, any_size=True)


def _in_calls(call: Callable[[np.ndarray], jax.Array], x: np.ndarray) -> np.ndarray:
    """Apply a function to samples, a fixed number at a time."""
    parts = []
    for first in range(0, len(x), _SAMPLES_PER_CALL):
        rows = x[first : first + _SAMPLES_PER_CALL]
        padded = np.pad(rows, [(0, _SAMPLES_PER_CALL - len(rows))] + [(0, 0)] * (x.ndim - 1))
        parts.append(np.asarray(call(padded))[: len(rows)])
    return np.concatenate(parts)

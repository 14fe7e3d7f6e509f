"""What scores look at: features of images, and how they were made, which a score's name carries.

extractor = make_extractor("classifier", dataset)
found = extractor.run(images)  # float [num, height, width, channels] in [-1, 1]
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.choices import Features
from jaxgan.data import Dataset, Records
from jaxgan.images.resampling import bicubic
from jaxgan.models import make_inception, vgg16_features
from jaxgan.scoring.classifier import classifier_for, classify

EXTRACTORS: tuple[str, ...] = get_args(Features)
_ROWS_A_CALL = 50
_VGG16_SIDE = 32  # below it the last features would be of one place or none


class FeatureSet(NamedTuple):
    """What is seen of samples: features [num, width], class logits [num, classes] or None."""

    features: np.ndarray
    logits: np.ndarray | None = None

    def rows(self, rows: np.ndarray | slice) -> Self:
        """What is seen of some of them."""
        logits = None if self.logits is None else self.logits[rows]
        return self._replace(features=self.features[rows], logits=logits)


class Extractor(NamedTuple):
    """A way to features.

    Attributes:
      name: "classifier", "vgg16", "inception" or "pixels".
      run: from images float [num, height, width, channels] in [-1, 1], or other samples, to what is
        seen of them, in calls of so many that they fit in memory.
      resized: the rule by which images were resized and to which size; "" if they were not.
      facts: what else a score depends on, such as the classifier's accuracy.
    """

    name: str
    run: Callable[[np.ndarray], FeatureSet]
    resized: str
    facts: dict[str, Any]


def make_extractor(spec: str, dataset: Dataset | Records) -> Extractor:
    """The extractor that a line of text names.

    Args:
      spec: one of `EXTRACTORS`: "classifier" is trained on the data set's own classes, once, see
        `jaxgan.scoring.classifier`; "vgg16" has the mean over all places of relu5_3, 512 features;
        "inception:FILE" those of the FID, from the weights that the user has; "pixels" are the
        values themselves.
      dataset: the data that samples are compared with.
    Raises:
      ValueError: if there is none of that name, or the data are none for it.
    """
    name, _, path = spec.partition(":")
    if (name == "inception") != bool(path) or name not in (
        "classifier",
        "vgg16",
        "inception",
        "pixels",
    ):
        raise ValueError(f"features must be one of {', '.join(EXTRACTORS)}, got {spec!r}")
    if name == "pixels":
        return Extractor(name, lambda x: FeatureSet(x.reshape(len(x), -1)), "", {})
    if name == "classifier":
        if isinstance(dataset, Records):
            raise ValueError(f"a classifier needs data in memory, {dataset.name} is streamed")
        return _classifier(dataset)
    if not are_pictures(dataset.shape):
        raise ValueError(
            f"{name} features need grey or RGB images, {dataset.name} has shape {dataset.shape}: "
            "choose pixels instead"
        )
    return _vgg16(dataset.shape) if name == "vgg16" else _inception(Path(os.path.expanduser(path)))


def are_pictures(shape: tuple[int, ...]) -> bool:
    """Whether samples of a shape are grey or RGB images, as networks trained on ImageNet take."""
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


def _inception(file: Path) -> Extractor:
    outputs = make_inception(file)

    def run(x):
        # As files hold them: the reference reads no others.
        whole = np.clip(np.rint((x + 1.0) * 127.5), 0, 255).astype(np.uint8)
        both = _in_calls(lambda rows: jnp.concatenate(outputs(rows)[::2], axis=1), whole)
        return FeatureSet(both[:, :2048], both[:, 2048:])

    facts = {"weights": file.name}
    return Extractor("inception", run, "bilinear299x299", facts)


def _in_calls(call: Callable[[np.ndarray], jax.Array], x: np.ndarray) -> np.ndarray:
    """Rows of what a function makes of samples, a fixed number at a time."""
    parts = []
    for first in range(0, len(x), _ROWS_A_CALL):
        rows = x[first : first + _ROWS_A_CALL]
        padded = np.pad(rows, [(0, _ROWS_A_CALL - len(rows))] + [(0, 0)] * (x.ndim - 1))
        parts.append(np.asarray(call(padded))[: len(rows)])
    return np.concatenate(parts)

"""The features of real and generated samples, taken in chunks."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from jaxgan.data import Dataset, Records, to_model_range
from jaxgan.metrics import Moments, no_moments, update_moments
from jaxgan.scoring.extractors import Extractor, FeatureSet

RANGE = (-1.0, 1.0)  # of the samples that extractors take
CHUNK = 1000
"""Samples in memory at once, a multiple of all extractors' batches: results do not depend on it."""

Report = Callable[[str, int, int], None]
"""`(name, done, all)`, called as the samples of one set are read."""


def silent(name: str, done: int, all_of_them: int):
    """A `Report` that shows nothing."""


class Seen(NamedTuple):
    """Samples as an extractor sees them.

    Attributes:
      features: their features, with what else the extractor gives, and their labels.
      numbers: their positions in the data, int [num].
    """

    features: FeatureSet
    numbers: np.ndarray


def shuffled(size: int, num: int, seed: int, first: int = 0) -> np.ndarray:
    """Positions of samples in random order, at most `num` from position `first` on."""
    return np.random.default_rng(seed).permutation(size)[first : first + num]


def real_rows(
    dataset: Dataset | Records, num: int, seed: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    """Real samples in random order and their conditions, at most `num` from position `first` on.

    Records that cannot be read are left out.
    """
    x, labels, _ = rows(dataset, shuffled(dataset.size, num, seed, first))
    return x, labels


def rows(
    dataset: Dataset | Records, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Samples at some positions, their conditions, and the positions of those that can be read.

    The conditions are labels int [num], -1 for unlabelled samples, or attributes float [num, n].
    """
    if isinstance(dataset, Dataset):
        known = dataset.labels if dataset.attributes is None else dataset.condition
        return np.asarray(dataset.x[numbers]), None if known is None else known[numbers], numbers
    found, kept = [], []
    for number in numbers:
        try:
            found.append(dataset.read(int(number)))
        except ValueError:
            continue
        kept.append(number)
    x = np.stack([x for x, _ in found]) if found else np.empty((0, *dataset.shape), dataset.dtype)
    at = np.asarray(kept, int)
    if dataset.attributes is not None:
        return x, dataset.attributes.rows[at], at
    classes = np.asarray([-1 if label is None else label for _, label in found], np.int32)
    return x, classes, at


def repeated_labels(labels: np.ndarray | None, num: int) -> np.ndarray | None:
    """Labels [num] for generated samples: those of the real ones, repeated as often as needed.

    Attributes [num, n] likewise.
    """
    if labels is None:
        return None
    known = labels if labels.ndim > 1 else labels[labels >= 0]
    return np.resize(known, (num, *known.shape[1:]))


def extract(
    extractor: Extractor,
    dataset: Dataset | Records,
    x: np.ndarray,
    labels: np.ndarray | None = None,
) -> FeatureSet:
    """The features of samples in the range of the data, with their labels."""
    found = extractor.run(to_model_range(x, dataset.low, dataset.high, RANGE))
    return found._replace(labels=labels)


def see(
    extractor: Extractor,
    dataset: Dataset | Records,
    numbers: np.ndarray,
    report: Report = silent,
) -> Seen:
    """The features of samples at some positions; only a chunk of the samples is in memory.

    Raises:
      ValueError: if none can be read.
    """
    parts, found = [], []
    for first in range(0, len(numbers), CHUNK):
        x, labels, kept = rows(dataset, numbers[first : first + CHUNK])
        if len(x):
            parts.append(extract(extractor, dataset, x, labels))
            found.append(kept)
        report(dataset.name, min(first + CHUNK, len(numbers)), len(numbers))
    if not parts:
        raise ValueError(f"{dataset.name}: none of {len(numbers)} samples can be read")
    return Seen(_joined(parts), np.concatenate(found))


def _joined(parts: list[FeatureSet]) -> FeatureSet:
    """One set of all samples; what an extractor does not give stays None."""
    return jax.tree.map(lambda *each: np.concatenate(each), *parts)


def feature_moments(
    extractor: Extractor,
    dataset: Dataset | Records,
    num: int | None = None,
    report: Report = silent,
) -> Moments:
    """Mean and scatter of the features of data, of which only a chunk is in memory.

    Args:
      extractor: from `make_extractor`.
      dataset: the data.
      num: number of samples, the first ones; None for all.
      report: called as samples are read.
    Raises:
      ValueError: if fewer than two samples can be read.
    """
    size = dataset.size if num is None else min(num, dataset.size)
    found: Moments | None = None
    for first in range(0, size, CHUNK):
        x = rows(dataset, np.arange(first, min(first + CHUNK, size)))[0]
        if len(x):
            features = extract(extractor, dataset, x).features
            found = update_moments(found or no_moments(features.shape[1]), features)
        report(dataset.name, min(first + CHUNK, size), size)
    if found is None or int(found.num) < 2:
        raise ValueError(f"{dataset.name}: statistics need at least two samples that can be read")
    return found

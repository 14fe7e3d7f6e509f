"""Real samples that generated ones are compared with."""

import numpy as np

from jaxgan.data import Dataset, Records, to_model_range
from jaxgan.scoring.extractors import Extractor, FeatureSet

RANGE = (-1.0, 1.0)  # of the samples that extractors take


def real_rows(
    dataset: Dataset | Records, num: int, seed: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    """Real samples in random order and their labels, at most `num` from position `first` on.

    Records that cannot be read are left out.
    """
    order = np.random.default_rng(seed).permutation(dataset.size)[first : first + num]
    if isinstance(dataset, Dataset):
        return dataset.x[order], None if dataset.labels is None else dataset.labels[order]
    found = []
    for number in order:
        try:
            found.append(dataset.read(int(number)))
        except ValueError:
            continue
    classes = np.asarray([-1 if label is None else label for _, label in found], np.int32)
    return np.stack([x for x, _ in found]), classes


def repeated_labels(labels: np.ndarray | None, num: int) -> np.ndarray | None:
    """Labels [num] for generated samples: those of the real ones, repeated as often as needed."""
    if labels is None:
        return None
    return np.resize(labels[labels >= 0], num)


def extract(
    extractor: Extractor,
    dataset: Dataset | Records,
    x: np.ndarray,
    labels: np.ndarray | None = None,
) -> FeatureSet:
    """The features of samples in the range of the data, with their labels."""
    found = extractor.run(to_model_range(x, dataset.low, dataset.high, RANGE))
    return found._replace(labels=labels)

"""Quality of samples of labelled data: class accuracy, intra-class variety, near-duplicates.

A Fréchet distance does not show which of these a generator lacks. The classes of samples come from
a classifier of real data, such as `jaxgan.scoring.classifier`.
"""

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

MOST_COMPARED = 10_000  # real samples whose nearest neighbours are searched
DUPLICATE_QUANTILE = 0.01


class NearDuplicates(NamedTuple):
    """How near samples are to training samples.

    Attributes:
      fraction: fraction of samples that are closer to a training sample than 99% of training
        samples are to their own nearest neighbour. Fresh real samples have about 1%.
      nearest: median distance from a sample to the nearest training sample.
      nearest_real: median distance from a training sample to its nearest neighbour.
    """

    fraction: float
    nearest: float
    nearest_real: float


def class_fractions(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The fraction of samples in each class that occurs among the labels.

    Args:
      classes: class of each sample, int [num].
      labels: labels of the real data; -1 for unlabelled samples.
    """
    return np.asarray([np.mean(classes == each) for each in _classes(labels)])


def class_accuracy(classes: np.ndarray, requested: np.ndarray) -> tuple[float, np.ndarray]:
    """The fraction of samples that have the requested class, overall and for each class.

    Perfect samples reach the accuracy of the classifier on held-out real data.

    Args:
      classes: class of each sample, int [num].
      requested: conditioning label of each sample, int [num].
    """
    each = [np.mean(classes[requested == label] == label) for label in np.unique(requested)]
    return float(np.mean(classes == requested)), np.asarray(each)


def intra_class_std(
    x: np.ndarray, classes: np.ndarray, real: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """The standard deviation of samples within each class, relative to that of real samples.

    1 means that the samples of a class vary as much as real ones; 0 means that they are all alike,
    or that there are fewer than two.

    Args:
      x: features of the samples, [num, features].
      classes: their classes, int [num].
      real: features of real samples, [num, features].
      labels: their labels, int [num]; -1 for unlabelled samples.
    """
    return np.asarray(
        [_std(x[classes == each]) / _std(real[labels == each]) for each in _classes(labels)]
    )


def near_duplicates(x: np.ndarray, real: np.ndarray) -> NearDuplicates:
    """Compare the distances from samples to training samples with those among training samples.

    Args:
      x: features of the samples, [num, features].
      real: features of the training samples, [num, features].
    """
    neighbours = NearestNeighbors(n_neighbors=2).fit(real)
    own = neighbours.kneighbors(real[:MOST_COMPARED])[0][:, 1]
    nearest = neighbours.kneighbors(x, n_neighbors=1)[0][:, 0]
    fraction = np.mean(nearest < np.quantile(own, DUPLICATE_QUANTILE))
    return NearDuplicates(float(fraction), float(np.median(nearest)), float(np.median(own)))


def _classes(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels[labels >= 0])


def _std(x: np.ndarray) -> float:
    """Root mean square deviation from the mean, over samples and features."""
    return float(np.sqrt(np.mean(np.var(x, axis=0)))) if len(x) > 1 else 0.0

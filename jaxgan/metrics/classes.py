"""Scores of samples of several classes: class accuracy, variety and distance within classes.

The classes of samples are those that a conditional generator was asked for, or those that a
classifier of real data, such as `jaxgan.scoring.classifier`, assigns.
"""

import warnings
from typing import NamedTuple

import numpy as np

from jaxgan.metrics.frechet import frechet_distance


class IntraClassDistance(NamedTuple):
    """Fréchet distances within classes.

    Attributes:
      mean: the mean over classes.
      each: the distance of each class [classes], in the order of `classes`.
      classes: the classes that occur among the real samples, ascending.
    """

    mean: float
    each: np.ndarray
    classes: np.ndarray


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


def intra_class_frechet_distance(
    x: np.ndarray, classes: np.ndarray, real: np.ndarray, labels: np.ndarray
) -> IntraClassDistance:
    """The Fréchet distance between the generated and the real samples of each class.

    Unlike the distance of all samples, it notices samples of the wrong class and classes without
    variety. Warns once if a class has fewer samples than features.

    Args:
      x: features of the samples, [num, features].
      classes: their classes, int [num].
      real: features of real samples, [num, features].
      labels: their labels, int [num]; -1 for unlabelled samples.
    Returns:
      Distances in squared units of the features, computed in float64.
    Raises:
      ValueError: if a class has fewer than two generated or real samples.
    Source: intra FID, Miyato & Koyama 2018, section 4.1, https://arxiv.org/abs/1802.05637
    """
    known = _classes(labels)
    counts = [min(np.sum(classes == each), np.sum(labels == each)) for each in known]
    if not len(known) or min(counts) < 2:
        raise ValueError(
            "a distance within classes needs two generated and two real samples of every class, "
            f"got at least {dict(zip(known.tolist(), map(int, counts), strict=True))}: draw more"
        )
    if min(counts) < np.shape(real)[1]:
        warnings.warn(
            f"{min(counts)} samples in a class with {np.shape(real)[1]} features: the Fréchet "
            "distances within classes depend on the number of samples",
            stacklevel=2,
        )
    with warnings.catch_warnings():  # issued above for all classes
        warnings.simplefilter("ignore")
        pairs = [(real[labels == each], x[classes == each]) for each in known]
        each = np.asarray([frechet_distance(*pair) for pair in pairs])
    return IntraClassDistance(float(np.mean(each)), each, known)


def _classes(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels[labels >= 0])


def _std(x: np.ndarray) -> float:
    """Root mean square deviation from the mean, over samples and features."""
    return float(np.sqrt(np.mean(np.var(x, axis=0)))) if len(x) > 1 else 0.0

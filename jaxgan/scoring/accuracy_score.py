"""The classification accuracy score: what a classifier learns from generated samples alone."""

from typing import NamedTuple

import numpy as np

from jaxgan.data import Dataset, to_model_range
from jaxgan.metrics import class_accuracy
from jaxgan.scoring.classifier import classify, train_classifier
from jaxgan.scoring.reference import RANGE
from jaxgan.types import Array


class AccuracyScore(NamedTuple):
    """Accuracy on real samples of a classifier that was trained on generated ones.

    Attributes:
      accuracy: fraction of the real samples that it classifies correctly.
      each: this fraction within each class, ascending [classes].
    """

    accuracy: float
    each: np.ndarray


def classification_accuracy_score(
    key: Array, generated: Dataset, real: Dataset, steps: int | None = None
) -> AccuracyScore:
    """Train a classifier on generated samples and test it on real ones.

    Compare with the score of real training samples in place of generated ones, as many and tested
    on the same samples. The classifier is that of `train_classifier`, so scores compare with each
    other but not with the published ones, which use a ResNet-50.

    Args:
      key: PRNG key of the classifier.
      generated: generated samples and the classes that were asked for.
      real: real samples and their labels, which were not used in training.
      steps: number of updates of the classifier, see `train_classifier`.
    Raises:
      ValueError: if the shapes or value ranges differ, or as `train_classifier`.
    Source: Ravuri & Vinyals 2019, section 3, https://arxiv.org/abs/1905.10887
    """
    forms = [(tuple(x.shape), x.low, x.high) for x in (generated, real)]
    if real.labels is None or forms[0] != forms[1]:
        raise ValueError(
            "real must have labels, and the shape and value range of generated, got "
            f"{'no labels' if real.labels is None else 'labels'} and {forms[1]} beside {forms[0]}"
        )
    classifier = train_classifier(key, generated, steps)
    x, labels = real.x[real.labels >= 0], real.labels[real.labels >= 0]
    logits = classify(classifier, to_model_range(x, real.low, real.high, RANGE)).logits
    return AccuracyScore(*class_accuracy(np.asarray(logits).argmax(axis=1), labels))

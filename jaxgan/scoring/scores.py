"""Scores of generated samples against real ones, each with a standard error and a baseline.

The name of a score says what it depends on. `fd_classifier@10k` is the Fréchet distance between
10,000 generated and 10,000 real samples on the features of the data set's own classifier.
`fd_vgg16-bicubic56x56@10k/1797` uses VGG16 features of images enlarged to 56x56 and 1,797 real
samples. Only Inception features, with the reference weights and preprocessing, yield `fid@10k`;
`fid_clean@10k` and `fid_tensorflow@10k` resize as clean-fid and torch-fidelity do.
"""

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from jaxgan import metrics
from jaxgan.data import Mixture
from jaxgan.scoring.extractors import Extractor, FeatureSet

GROUPS = 10
_NEIGHBOURS = 5
_PUBLISHED = {  # on Inception features
    "fd": "fid",
    "kd": "kid",
    "is": "is",
    "mind": "mind",
    "fd_infinity": "fid_infinity",
    "sfd": "sfid",
}
_RESIZED = {"bilinear299x299": "", "clean299x299": "_clean", "tensorflow299x299": "_tensorflow"}
_PROJECTIONS = 512


class Score(NamedTuple):
    """One number for a set of samples.

    Attributes:
      name: what it measures and depends on.
      value: the value for all samples.
      error: standard error of the value, by the jackknife over ten groups of the generated samples;
        NaN if there are fewer than twenty.
      baseline: the real-data baseline: the value for other real samples, as many as generated ones.
        None if there are not enough.
    """

    name: str
    value: float
    error: float
    baseline: float | None


Statistic = Callable[[FeatureSet, FeatureSet], dict[str, float]]


# --- The statistics


def _frechet(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    return {"fd": metrics.frechet_distance(real.features, fake.features)}


def _kernel(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    size = min(len(real.features), len(fake.features), 1000)
    found = metrics.kernel_distance(
        jax.random.key(0), real.features, fake.features, num_subsets=50, subset_size=size
    )
    return {"kd": found.mean}


def _inception(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    if fake.logits is None:
        raise ValueError(
            "the Inception score needs class logits: use classifier or inception features"
        )
    return {"is": metrics.inception_score(fake.logits).mean}


def _precision_recall(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    found = metrics.precision_recall(real.features, fake.features, _NEIGHBOURS)
    return {"precision": float(found.precision), "recall": float(found.recall)}


def _density_coverage(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    found = metrics.density_coverage(real.features, fake.features, _NEIGHBOURS)
    return {"density": float(found.density), "coverage": float(found.coverage)}


def _sliced(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    key = jax.random.key(0)
    found = metrics.sliced_wasserstein(key, real.features, fake.features, _PROJECTIONS)
    return {"swd": float(found)}


def _mind(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    return {"mind": float(metrics.mind(jax.random.key(0), real.features, fake.features))}


def _infinity(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    found = metrics.frechet_distance_infinity(jax.random.key(0), real.features, fake.features)
    return {"fd_infinity": found}


def _spatial(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    if real.spatial is None or fake.spatial is None:
        raise ValueError("the spatial distance needs feature maps: use inception features")
    return {"sfd": metrics.frechet_distance(real.spatial, fake.spatial)}


def _class_accuracy(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    requested = _labels(fake, "class_accuracy")
    if fake.logits is None:
        raise ValueError("class_accuracy needs class logits: use classifier features")
    known = requested >= 0
    accuracy, _ = metrics.class_accuracy(fake.logits.argmax(axis=1)[known], requested[known])
    return {"class_accuracy": accuracy}


def _intra_class_distance(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    classes, own = (_labels(x, "intra_class_fd") for x in (fake, real))
    found = metrics.intra_class_frechet_distance(fake.features, classes, real.features, own)
    return {"intra_class_fd": found.mean}


def _intra_class_std(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
    classes, own = (_labels(x, "intra_class_std") for x in (fake, real))
    found = metrics.intra_class_std(fake.features, classes, real.features, own)
    return {"intra_class_std": float(np.mean(found))}


def _labels(x: FeatureSet, name: str) -> np.ndarray:
    if x.labels is None:
        raise ValueError(f"{name} needs classes: evaluate a conditional run on labelled data")
    return x.labels


VALUES = {
    "pr": ("precision", "recall"),
    "dc": ("density", "coverage"),
    "modes": ("modes", "high_quality", "mode_deviation"),
    "memorisation": ("authenticity", "copied", "copying_test"),
}
"""The values of statistics that have several."""
STATISTICS: dict[str, Statistic] = {
    "fd": _frechet,
    "kd": _kernel,
    "is": _inception,
    "pr": _precision_recall,
    "dc": _density_coverage,
    "swd": _sliced,
    "mind": _mind,
    "fd_infinity": _infinity,
    "sfd": _spatial,
    "class_accuracy": _class_accuracy,
    "intra_class_fd": _intra_class_distance,
    "intra_class_std": _intra_class_std,
}
"""By their names: Fréchet distance, kernel distance, Inception score, precision and recall, density
and coverage (all with 5 neighbours), sliced Wasserstein distance, MIND, Fréchet distance
extrapolated to infinitely many samples, spatial Fréchet distance; and by classes, class accuracy,
mean Fréchet distance within classes, mean standard deviation within classes."""
LABELLED = ("class_accuracy", "intra_class_fd", "intra_class_std")
"""The statistics that need the classes of real and of generated samples."""


def make_coverage(mixture: Mixture) -> Statistic:
    """Make the statistic of a Gaussian mixture with known modes; its features are points."""

    def coverage(real: FeatureSet, fake: FeatureSet) -> dict[str, float]:
        found = metrics.mode_coverage(
            fake.features, mixture.centres, mixture.sigma, dimensions=mixture.dimensions
        )
        values = (found.modes, found.high_quality, found.std)
        return dict(zip(VALUES["modes"], map(float, values), strict=True))

    return coverage


# --- Scores


def scores_of(
    statistics: dict[str, Statistic],
    extractor: Extractor,
    real: FeatureSet,
    fake: FeatureSet,
    other: FeatureSet | None = None,
    errors: bool = True,
) -> list[Score]:
    """Score generated samples, which must be in random order.

    Args:
      statistics: by name, such as `STATISTICS`.
      extractor: the extractor of the features, for the scores' names.
      real: features of real samples.
      fake: features of generated samples.
      other: features of other real samples, as many as generated ones, for the baseline.
      errors: whether to estimate errors too, which takes ten times as long.
    Raises:
      ValueError: if a metric cannot be computed.
    """
    found = []
    sizes = len(fake.features), len(real.features)
    for statistic in statistics.values():
        values = statistic(real, fake)
        error = jackknife(statistic, real, fake) if errors else {}
        baseline = {} if other is None else statistic(real, other)
        found += [
            Score(
                score_name(name, extractor, *sizes),
                value,
                error.get(name, math.nan),
                baseline.get(name),
            )
            for name, value in values.items()
        ]
    return found


def jackknife(
    statistic: Statistic, real: FeatureSet, fake: FeatureSet, groups: int = GROUPS
) -> dict[str, float]:
    """Standard errors of a statistic's values, from its values without each group of samples.

    s^2 = (g - 1) / g sum over groups of (t_without - mean t_without)^2

    Source: Efron & Stein 1981, https://doi.org/10.1214/aos/1176345462
    """
    num = len(fake.features)
    if num < 2 * groups:
        return {}
    of = np.arange(num) % groups
    with warnings.catch_warnings():  # already issued for all samples
        warnings.simplefilter("ignore")
        values = [statistic(real, fake.rows(of != group)) for group in range(groups)]
    return {
        name: float(math.sqrt(groups - 1) * np.std([value[name] for value in values]))
        for name in values[0]
    }


# --- Names


def score_names(
    statistics: dict[str, Statistic], extractor: Extractor, fake: int, real: int
) -> tuple[str, ...]:
    """The names of all scores of some statistics, for given numbers of samples."""
    values = [value for name in statistics for value in VALUES.get(name, (name,))]
    return tuple(score_name(value, extractor, fake, real) for value in values)


def score_name(value: str, extractor: Extractor, fake: int, real: int) -> str:
    """The name of a score, for given numbers of generated and real samples."""
    count = _counts(fake, real)
    if value in VALUES["modes"]:
        return f"{value}@{count}"
    if extractor.name == "inception" and value in _PUBLISHED and extractor.resized in _RESIZED:
        return f"{_PUBLISHED[value]}{_RESIZED[extractor.resized]}@{count}"
    resized = f"-{extractor.resized}" if extractor.resized else ""
    return f"{value}_{extractor.name}{resized}@{count}"


def _counts(fake: int, real: int) -> str:
    """The numbers of samples in a score's name.

    >>> _counts(10_000, 10_000), _counts(2_500, 2_500), _counts(10_000, 1_797)
    ('10k', '2.5k', '10k/1797')
    """
    each = [f"{n / 1000:g}k" if n % 100 == 0 and n >= 1000 else str(n) for n in (fake, real)]
    return each[0] if fake == real else "/".join(each)

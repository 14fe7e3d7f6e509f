"""Scores of generated samples against real ones, each with its name, its error and its floor.

A name says what a score depends on: `fd_classifier@10k` is the Fréchet distance on the features of
the data set's own classifier, of 10,000 generated samples and as many real ones;
`fd_vgg16-bicubic56x56@10k/1797` that on VGG16's, of images enlarged to 56x56 and 1,797 real ones.
Only on Inception features, with the reference's preprocessing and weights, is it called `fid@10k`.
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
_PUBLISHED = {"fd": "fid", "kd": "kid", "is": "is"}  # on Inception features
_PROJECTIONS = 512


class Score(NamedTuple):
    """One number of a set of samples.

    Attributes:
      name: what it is and depends on.
      value: of all samples.
      error: standard error of the value from sample to sample, by the jackknife over ten groups
        of the generated samples; NaN if there are fewer than twenty.
      floor: what as many other real samples score, where there are so many; else None.
    """

    name: str
    value: float
    error: float
    floor: float | None


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
        raise ValueError("the Inception score needs class logits: give features that have some")
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


VALUES = {
    "pr": ("precision", "recall"),
    "dc": ("density", "coverage"),
    "modes": ("modes", "high_quality", "mode_deviation"),
}
"""The values of statistics that have not just one of their own name."""
STATISTICS: dict[str, Statistic] = {
    "fd": _frechet,
    "kd": _kernel,
    "is": _inception,
    "pr": _precision_recall,
    "dc": _density_coverage,
    "swd": _sliced,
}
"""By the names that are asked for: Fréchet distance, kernel distance, Inception score, precision
and recall, density and coverage (all with 5 neighbours), sliced Wasserstein distance."""


def make_coverage(mixture: Mixture) -> Statistic:
    """The statistic of a mixture of Gaussians whose modes are known; its features are points."""

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
    """All scores of generated samples, whose order is random.

    Args:
      statistics: by name, such as `STATISTICS`.
      extractor: that made what is seen; for the scores' names.
      real: real samples.
      fake: generated ones.
      other: further real samples, as many as generated ones, for the floor.
      errors: whether to estimate errors too, which takes ten times as long.
    Raises:
      ValueError: as the metrics, for what they cannot measure.
    """
    found = []
    sizes = len(fake.features), len(real.features)
    for statistic in statistics.values():
        values = statistic(real, fake)
        spread = jackknife(statistic, real, fake) if errors else {}
        floor = {} if other is None else statistic(real, other)
        found += [
            Score(
                score_name(name, extractor, *sizes),
                value,
                spread.get(name, math.nan),
                floor.get(name),
            )
            for name, value in values.items()
        ]
    return found


def jackknife(
    statistic: Statistic, real: FeatureSet, fake: FeatureSet, groups: int = GROUPS
) -> dict[str, float]:
    """Standard errors of a statistic's values: of those without each tenth of the samples.

    s^2 = (g - 1) / g sum over groups of (t_without - mean t_without)^2

    Source: Efron & Stein 1981, https://doi.org/10.1214/aos/1176345462
    """
    num = len(fake.features)
    if num < 2 * groups:
        return {}
    of = np.arange(num) % groups
    with warnings.catch_warnings():  # said of the whole
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
    """The names of all scores that some statistics give, of so many samples."""
    values = [value for name in statistics for value in VALUES.get(name, (name,))]
    return tuple(score_name(value, extractor, fake, real) for value in values)


def score_name(value: str, extractor: Extractor, fake: int, real: int) -> str:
    """The name of a score, of so many generated and so many real samples."""
    count = _counts(fake, real)
    if value in VALUES["modes"]:
        return f"{value}@{count}"
    if extractor.name == "inception" and value in _PUBLISHED:
        return f"{_PUBLISHED[value]}@{count}"
    resized = f"-{extractor.resized}" if extractor.resized else ""
    return f"{value}_{extractor.name}{resized}@{count}"


def _counts(fake: int, real: int) -> str:
    """The numbers of samples in a score's name.

    >>> _counts(10_000, 10_000), _counts(2_500, 2_500), _counts(10_000, 1_797)
    ('10k', '2.5k', '10k/1797')
    """
    each = [f"{n / 1000:g}k" if n % 100 == 0 and n >= 1000 else str(n) for n in (fake, real)]
    return each[0] if fake == real else "/".join(each)

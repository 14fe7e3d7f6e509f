"""Scores of samples against data: what `jaxgan evaluate` prints and writes.

samples = read_set("samples.npz")
found = evaluate_samples(samples, data.load("tfds:cifar10"))
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.atomic import replace_file
from jaxgan.checks import check_positive, check_seed
from jaxgan.data import Dataset, Records
from jaxgan.environment import environment
from jaxgan.metrics import frechet_distance_of, moments
from jaxgan.scoring.defaults import (
    check_labelled,
    check_names,
    chosen_statistics,
    usual_features,
)
from jaxgan.scoring.extractors import Extractor, FeatureSet, make_extractor
from jaxgan.scoring.image_files import shape_text
from jaxgan.scoring.memorisation import MOST_COMPARED, memorisation_scores, without_memorisation
from jaxgan.scoring.reference import Report, Seen, see, shuffled, silent
from jaxgan.scoring.scores import Score, Statistic, jackknife, score_name, scores_of
from jaxgan.scoring.statistics_file import FeatureStatistics, as_moments, features_name


class EvaluationOptions(NamedTuple):
    """How samples are scored.

    Attributes:
      metrics: names of `jaxgan.scoring.scores.STATISTICS`, "modes" for mixtures of Gaussians, and
        "memorisation"; None for those that suit the data.
      num: number of samples, and of real ones, if there are that many.
      features: a feature extractor, or its name, see `jaxgan.scoring.extractors`. None for the
        classifier of labelled data, VGG16 for other images where its weights are installed, and
        otherwise pixels.
      seed: seed of the samples, and of the choice of real ones.
      errors: whether to estimate standard errors, which takes ten times as long.
      resized: how images were resized before, for the names of scores, such as "lanczos64x64".
      held_out: real samples that were not used in training, for the metric "memorisation".
    """

    metrics: Sequence[str] | None = None
    num: int = 10_000
    features: str | Extractor | None = None
    seed: int = 0
    errors: bool = True
    resized: str = ""
    held_out: Dataset | Records | None = None


class Compared(NamedTuple):
    """Two sets of samples and their features.

    Attributes:
      samples: the generated samples.
      data: the real ones.
      fake: the features of the former.
      real: those of the latter.
    """

    samples: Dataset | Records
    data: Dataset | Records
    fake: Seen
    real: Seen


class Evaluation(NamedTuple):
    """The scores of samples, and everything that they depend on.

    Attributes:
      scores: one per value.
      facts: samples, data, their numbers, features, versions and date.
      compared: the samples and their features; None against a file of statistics.
    """

    scores: tuple[Score, ...]
    facts: dict[str, Any]
    compared: Compared | None = None


class Measures(NamedTuple):
    """What samples are scored by.

    Attributes:
      dataset: the data, for "memorisation" those of the training.
      extractor: that of the features.
      statistics: by name.
      held_out: other real samples, for "memorisation"; None without.
    """

    dataset: Dataset | Records
    extractor: Extractor
    statistics: dict[str, Statistic]
    held_out: Dataset | Records | None = None


def evaluate_samples(
    samples: Dataset | Records,
    dataset: Dataset | Records | FeatureStatistics,
    options: EvaluationOptions = EvaluationOptions(),  # noqa: B008 (immutable)
    report: Report = silent,
) -> Evaluation:
    """Score samples of any origin against real ones.

    Samples that are read from files are in memory a chunk at a time; their features stay.

    Args:
      samples: from `read_set`, or `jaxgan.data.from_arrays` for an array. Float images need a
        range: `samples._replace(low=-1.0, high=1.0)`. Their labels are the classes that were asked
        for.
      dataset: the real samples, or statistics of their features, which allow only "fd".
      options: metrics, number of samples, features, seed, held-out samples.
      report: called as samples are read.
    Raises:
      ValueError: if a name is unknown, or samples, data and metrics do not suit each other.
    """
    if isinstance(dataset, FeatureStatistics):
        return _against_statistics(samples, dataset, options, report)
    check_labelled(options.metrics or (), samples.num_classes is not None)
    measures = measures_of(dataset, options)
    check_comparable(samples, dataset, measures.extractor)
    if measures.extractor.any_size:  # networks for images of the usual range
        _check_range_known(samples, dataset)
    real = see_real(measures, options, report)
    numbers = shuffled(samples.size, options.num, options.seed)
    fake = see(measures.extractor, samples, numbers, report)
    other = see_others(measures, options, len(numbers), report)
    compared = Compared(samples, dataset, fake, real)
    return evaluation_of(measures, compared, other, options, report)


def measures_of(dataset: Dataset | Records, options: EvaluationOptions) -> Measures:
    """The extractor and the statistics that options ask for.

    Raises:
      ValueError: if they are unknown, or do not suit the data.
    """
    _check_options(options)
    names, held_out = without_memorisation(options.metrics, dataset, options.held_out)
    extractor = _extractor(options.features or usual_features(dataset), dataset, options.resized)
    if held_out is not None:
        check_comparable(held_out, dataset, extractor)
    return Measures(dataset, extractor, chosen_statistics(names, dataset, extractor), held_out)


def _check_options(options: EvaluationOptions):
    check_positive(num=options.num)
    check_seed(options.seed)
    check_names(options.metrics or ())  # before a classifier is trained


def _extractor(features: str | Extractor, dataset: Dataset | Records, resized: str) -> Extractor:
    found = make_extractor(features, dataset) if isinstance(features, str) else features
    return found._replace(resized="-".join(filter(None, (resized, found.resized))))


def check_comparable(samples: Dataset | Records, dataset: Dataset | Records, extractor: Extractor):
    """Raise a ValueError unless the features of samples and data can be compared."""
    if (samples.low is None) != (dataset.low is None):
        _check_range_known(samples, dataset)
    same = tuple(samples.shape) == tuple(dataset.shape)
    if not same and not (extractor.any_size and len(samples.shape) == len(dataset.shape) == 3):
        sides = min(*samples.shape[:2], *dataset.shape[:2])
        raise ValueError(
            f"{samples.name} has samples of {shape_text(samples.shape)}, and {dataset.name} of "
            f"{shape_text(dataset.shape)}: resize images to one size, such as with --size {sides}, "
            "and use grey or RGB for both"
        )


def _check_range_known(*sets: Dataset | Records):
    """Raise a ValueError if black and white are unknown in one of the sets."""
    for each in sets:
        if each.low is None or each.high is None:
            raise ValueError(
                f"{each.name} holds floats, whose values of black and white are unknown: give them "
                "with --range LOW,HIGH, such as --range=-1,1"
            )


def see_real(measures: Measures, options: EvaluationOptions, report: Report = silent) -> Seen:
    """The real samples that generated ones are compared with."""
    numbers = shuffled(measures.dataset.size, options.num, options.seed)
    return see(measures.extractor, measures.dataset, numbers, report)


def see_others(
    measures: Measures,
    options: EvaluationOptions,
    num: int,
    report: Report = silent,
) -> FeatureSet | None:
    """Other real samples than those, as many as generated ones; None if there are not enough."""
    if measures.dataset.size < options.num + num:
        return None
    numbers = shuffled(measures.dataset.size, num, options.seed, first=options.num)
    return see(measures.extractor, measures.dataset, numbers, report).features


def evaluation_of(
    measures: Measures,
    compared: Compared,
    other: FeatureSet | None,
    options: EvaluationOptions,
    report: Report = silent,
) -> Evaluation:
    """The scores of samples whose features are known, with the facts of the comparison."""
    extractor = measures.extractor
    scores = scores_of(
        measures.statistics,
        extractor,
        compared.real.features,
        compared.fake.features,
        other,
        errors=options.errors,
    )
    scores += _memorisation(measures, compared.fake.features, options, report)
    facts = {
        "samples_from": compared.samples.name,
        "data": compared.data.name,
        "samples": len(compared.fake.numbers),
        "real": len(compared.real.numbers),
        "shape": list(compared.samples.shape),
        "data_shape": list(compared.data.shape),
        **({} if measures.held_out is None else {"held_out_data": measures.held_out.name}),
    }
    return Evaluation(tuple(scores), facts | facts_of(extractor, options.seed), compared)


def _memorisation(
    measures: Measures, fake: FeatureSet, options: EvaluationOptions, report: Report
) -> list[Score]:
    if measures.held_out is None:
        return []
    pairs = (measures.dataset, MOST_COMPARED), (measures.held_out, 2 * len(fake.features))
    train, held_out = (
        see(measures.extractor, data, shuffled(data.size, num, options.seed), report).features
        for data, num in pairs
    )
    return memorisation_scores(measures.extractor, train, held_out, fake, options.errors)


def facts_of(extractor: Extractor, seed: int) -> dict[str, Any]:
    """What scores depend on besides samples and data, and the date."""
    made = environment()
    return {
        "seed": seed,
        "features": extractor.name,
        "resized": extractor.resized or "no",
        **extractor.facts,
        **{name: made[name] for name in ("date", "versions", "device")},
    }


# --- Statistics instead of data


def _against_statistics(
    samples: Dataset | Records,
    known: FeatureStatistics,
    options: EvaluationOptions,
    report: Report,
) -> Evaluation:
    _check_options(options)
    if tuple(options.metrics or ("fd",)) != ("fd",):
        raise ValueError(
            f"{known.name} holds a mean and a covariance, which allow only fd, got "
            f"{', '.join(options.metrics or ())}: give the data themselves for other metrics"
        )
    features = options.features
    if features is None or features == "classifier":
        raise ValueError(
            f"{known.name} holds statistics of {known.features or 'unknown'} features: give the "
            "same extractor, such as --features inception:FILE"
        )
    extractor = _extractor(features, samples, options.resized)
    if extractor.any_size:
        _check_range_known(samples)
    _check_same_features(known, extractor)
    numbers = shuffled(samples.size, options.num, options.seed)
    seen = see(extractor, samples, numbers, report)
    if seen.features.features.shape[1] != len(known.mean):
        raise ValueError(
            f"{known.name} holds statistics of {len(known.mean)} features, and "
            f"{features_name(extractor)} gives {seen.features.features.shape[1]}"
        )
    facts = {
        "samples_from": samples.name,
        "data": known.name,
        "samples": len(seen.numbers),
        "real": known.num,
        "shape": list(samples.shape),
    }
    score = _score_of_statistics(known, extractor, seen.features, options.errors)
    return Evaluation((score,), facts | facts_of(extractor, options.seed))


def _check_same_features(known: FeatureStatistics, extractor: Extractor):
    if known.features and known.features != features_name(extractor):
        raise ValueError(
            f"{known.name} holds statistics of {known.features} features, got "
            f"{features_name(extractor)}"
        )


def _score_of_statistics(
    known: FeatureStatistics, extractor: Extractor, fake: FeatureSet, errors: bool
) -> Score:
    """The Fréchet distance, named "/statistics" if the number of real samples is unknown."""
    real = as_moments(known)

    def distance(_: FeatureSet, some: FeatureSet) -> dict[str, float]:
        return {"fd": frechet_distance_of(real, moments(some.features))}

    num = len(fake.features)
    name = score_name("fd", extractor, num, known.num or num)
    error = jackknife(distance, fake, fake) if errors else {}
    return Score(
        name if known.num else f"{name}/statistics",
        distance(fake, fake)["fd"],
        error.get("fd", float("nan")),
        None,
    )


# --- The file of scores


def write_evaluation(evaluation: Evaluation, file: Path):
    """Write scores and facts as JSON; unknown numbers are null."""
    scores = [
        {name: None if x is None or x != x else x for name, x in score._asdict().items()}
        for score in evaluation.scores
    ]
    text = json.dumps({"scores": scores} | evaluation.facts, indent=2) + "\n"
    replace_file(file, lambda beside: beside.write_text(text))

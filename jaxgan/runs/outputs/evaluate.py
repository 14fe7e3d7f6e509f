"""Scores of a trained generator's samples: what `jaxgan evaluate` prints and writes.

generator = load_generator(Path("runs/digits"))
found = evaluate_generator(generator, data_of(generator.config))
"""

import functools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.atomic import replace_file
from jaxgan.checks import check_positive, check_seed
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.refine import RefinedSamples
from jaxgan.runs.outputs.samples import draw_with_conditions
from jaxgan.runs.settings.config import environment
from jaxgan.scoring.defaults import (
    check_labelled,
    check_names,
    chosen_statistics,
    usual_features,
)
from jaxgan.scoring.extractors import Extractor, make_extractor
from jaxgan.scoring.memorisation import memorisation_of, without_memorisation
from jaxgan.scoring.reference import extract, real_rows, repeated_labels
from jaxgan.scoring.scores import Score, scores_of


class EvaluationOptions(NamedTuple):
    """How a generator is scored.

    Attributes:
      metrics: names of `jaxgan.scoring.scores.STATISTICS`, and "modes" for mixtures of Gaussians;
        None for those that suit the data.
      num: number of samples, and of real ones if the data have that many.
      features: a feature extractor, see `jaxgan.scoring.extractors`. None for the classifier of
        labelled data, VGG16 for other images where its weights are installed, and otherwise pixels.
      seed: seed of the samples, and of the choice of real ones.
      errors: whether to estimate standard errors, which takes ten times as long.
    """

    metrics: Sequence[str] | None = None
    num: int = 10_000
    features: str | None = None
    seed: int = 0
    errors: bool = True


class Evaluation(NamedTuple):
    """The scores of a generator, and everything that they depend on.

    Attributes:
      scores: one per value.
      facts: recipe, step, data, numbers of samples, features, versions and date.
    """

    scores: tuple[Score, ...]
    facts: dict[str, Any]


Refine = Callable[[int, int, np.ndarray | None], RefinedSamples]
"""`(num, seed, labels) -> samples` that the discriminator has corrected."""


def evaluate_generator(
    generator: TrainedGenerator,
    dataset: Dataset | Records,
    options: EvaluationOptions = EvaluationOptions(),  # noqa: B008 (immutable)
    data_differ: str = "",
    refine: Refine | None = None,
    held_out: Dataset | Records | None = None,
) -> Evaluation:
    """Score a generator's samples against real ones.

    A conditional generator draws the labels of the real samples. One that is conditioned on images
    takes them from the data.

    Args:
      generator: from `load_generator`.
      dataset: the data to compare with, usually those of the run.
      options: metrics, number of samples, features, seed.
      data_differ: how the data differ from those of the run, for the record; "" if they do not.
      refine: draws the samples instead of the generator alone, see `runs.outputs.refine`.
      held_out: real samples that were not used in training, for the metric "memorisation".
    Raises:
      ValueError: if a name is unknown, or data and metrics do not suit each other.
    """
    check_positive(num=options.num)
    check_seed(options.seed)
    check_names(options.metrics or ())  # before a classifier is trained
    check_labelled(options.metrics or (), generator.data.num_classes is not None)
    names, copies = without_memorisation(options.metrics, dataset, held_out)
    extractor = make_extractor(options.features or usual_features(dataset), dataset)
    statistics = chosen_statistics(names, dataset, extractor)
    real, labels = real_rows(dataset, options.num, options.seed)
    requested = None
    if generator.data.num_classes is not None:
        requested = repeated_labels(labels, options.num)
    refined = None if refine is None else refine(options.num, options.seed, requested)
    other, other_labels = _other(dataset, options, len(real))
    if refined is None:
        real, fake, other = _samples(generator, dataset, options, real, requested, other)
    else:
        fake = refined.samples
    see = functools.partial(extract, extractor, dataset)
    fakes = see(fake, requested)
    features = see(real, labels), fakes, None if other is None else see(other, other_labels)
    scores = scores_of(statistics, extractor, *features, errors=options.errors)
    if copies is not None:
        scores += memorisation_of(extractor, dataset, copies, fakes, options.seed, options.errors)
    facts = _facts(generator, extractor) | {
        "data": dataset.name,
        "data_differ": data_differ or "no",
        "samples": options.num,
        "real": len(real),
        "seed": options.seed,
        **({} if refined is None else {"refined": "; ".join(refined.facts)}),
    }
    return Evaluation(tuple(scores), facts)


def _samples(
    generator: TrainedGenerator,
    dataset: Dataset | Records,
    options: EvaluationOptions,
    real: np.ndarray,
    labels: np.ndarray | None,
    other: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Real samples, generated ones, and other real ones for the baseline if they are comparable."""
    facts = generator.data
    drawn, conditions = draw_with_conditions(
        generator, options.num, options.seed, labels, lambda config: dataset
    )
    fake = np.asarray(drawn.x)
    if conditions.real is not None:
        targets = np.asarray(conditions.real)
        return to_data_range(targets, facts.low, facts.high, generator.model_range), fake, None
    return real, fake, other


def _other(
    dataset: Dataset | Records, options: EvaluationOptions, first: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Other real samples than the first ones and their labels, if there are enough."""
    if dataset.size < first + options.num:
        return None, None
    return real_rows(dataset, options.num, options.seed, first=first)


def _facts(generator: TrainedGenerator, extractor: Extractor) -> dict[str, Any]:
    levels = {each.config.options.recipe: each.step for each in generator.levels}
    return {
        "recipe": generator.config.options.recipe,
        "step": generator.step,
        **({"levels": levels} if generator.coarser else {}),
        "ema": generator.ema,
        **({"standing_statistics": generator.standing} if generator.standing else {}),
        "features": extractor.name,
        "resized": extractor.resized or "no",
        **({} if generator.truncation is None else {"truncation": generator.truncation}),
        **extractor.facts,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: environment()[name] for name in ("versions", "device")},
    }


def write_evaluation(evaluation: Evaluation, file: Path):
    """Write scores and facts as JSON; unknown numbers are null."""
    scores = [
        {name: None if x is None or x != x else x for name, x in score._asdict().items()}
        for score in evaluation.scores
    ]
    text = json.dumps({"scores": scores} | evaluation.facts, indent=2) + "\n"
    replace_file(file, lambda beside: beside.write_text(text))

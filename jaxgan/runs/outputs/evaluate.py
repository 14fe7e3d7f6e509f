"""Scores of a trained generator's samples: what `jaxgan evaluate` prints and writes.

generator = load_generator(Path("runs/digits"))
found = evaluate_generator(generator, data_of(generator.config))
"""

import functools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.atomic import replace_file
from jaxgan.checks import check_positive, check_seed
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.samples import draw_with_conditions
from jaxgan.runs.settings.config import environment
from jaxgan.scoring.defaults import check_names, chosen_statistics, usual_features
from jaxgan.scoring.extractors import Extractor, make_extractor
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


def evaluate_generator(
    generator: TrainedGenerator,
    dataset: Dataset | Records,
    options: EvaluationOptions = EvaluationOptions(),  # noqa: B008 (immutable)
    data_differ: str = "",
) -> Evaluation:
    """Score a generator's samples against real ones.

    A conditional generator draws the labels of the real samples. One that is conditioned on images
    takes them from the data.

    Args:
      generator: from `load_generator`.
      dataset: the data to compare with, usually those of the run.
      options: metrics, number of samples, features, seed.
      data_differ: how the data differ from those of the run, for the record; "" if they do not.
    Raises:
      ValueError: if a name is unknown, or data and metrics do not suit each other.
    """
    check_positive(num=options.num)
    check_seed(options.seed)
    check_names(options.metrics or ())  # before a classifier is trained
    extractor = make_extractor(options.features or usual_features(dataset), dataset)
    statistics = chosen_statistics(options.metrics, dataset, extractor)
    real, fake, other = _samples(generator, dataset, options)
    see = functools.partial(extract, extractor, dataset)
    features = see(real), see(fake), None if other is None else see(other)
    scores = scores_of(statistics, extractor, *features, errors=options.errors)
    facts = _facts(generator, extractor) | {
        "data": dataset.name,
        "data_differ": data_differ or "no",
        "samples": options.num,
        "real": len(real),
        "seed": options.seed,
    }
    return Evaluation(tuple(scores), facts)


def _samples(
    generator: TrainedGenerator, dataset: Dataset | Records, options: EvaluationOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Real samples, generated ones, and other real ones for the baseline if there are enough."""
    num, seed, facts = options.num, options.seed, generator.data
    real, labels = real_rows(dataset, num, seed)
    requested = None if facts.num_classes is None else repeated_labels(labels, num)
    drawn, conditions = draw_with_conditions(
        generator, num, seed, requested, lambda config: dataset
    )
    fake = np.asarray(drawn.x)
    if conditions.real is not None:
        targets = np.asarray(conditions.real)
        return to_data_range(targets, facts.low, facts.high, generator.model_range), fake, None
    if dataset.size < len(real) + num:
        return real, fake, None
    return real, fake, real_rows(dataset, num, seed, first=len(real))[0]


def _facts(generator: TrainedGenerator, extractor: Extractor) -> dict[str, Any]:
    levels = {each.config.options.recipe: each.step for each in generator.levels}
    return {
        "recipe": generator.config.options.recipe,
        "step": generator.step,
        **({"levels": levels} if generator.coarser else {}),
        "ema": generator.ema,
        "features": extractor.name,
        "resized": extractor.resized or "no",
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

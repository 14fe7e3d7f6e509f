"""Scores of a trained generator's samples: what `jaxgan evaluate RUN` prints and writes.

generator = load_generator(Path("runs/digits"))
found = evaluate_generator(generator, data_of(generator.config))
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.refine import RefinedSamples
from jaxgan.runs.outputs.samples import draw_with_conditions
from jaxgan.scoring.defaults import check_labelled
from jaxgan.scoring.evaluation import (
    Compared,
    Evaluation,
    EvaluationOptions,
    check_comparable,
    evaluate_samples,
    evaluation_of,
    measures_of,
    see_others,
    see_real,
)
from jaxgan.scoring.reference import Report, repeated_labels, see, silent
from jaxgan.scoring.statistics_file import FeatureStatistics

Refine = Callable[[int, int, np.ndarray | None], RefinedSamples]
"""`(num, seed, labels) -> samples` that the discriminator has corrected."""


def evaluate_generator(
    generator: TrainedGenerator,
    dataset: Dataset | Records | FeatureStatistics,
    options: EvaluationOptions = EvaluationOptions(),  # noqa: B008 (immutable)
    data_differ: str = "",
    refine: Refine | None = None,
    report: Report = silent,
) -> Evaluation:
    """Score a generator's samples against real ones.

    A conditional generator draws the labels or attributes of the real samples. One that is
    conditioned on images takes them from the data.

    Args:
      generator: from `load_generator`.
      dataset: the data to compare with, usually those of the run; or statistics of their features.
      options: metrics, number of samples, features, seed, held-out samples.
      data_differ: how the data differ from those of the run, for the record; "" if they do not.
      refine: draws the samples instead of the generator alone, see `runs.outputs.refine`.
      report: called as samples are read.
    Raises:
      ValueError: if a name is unknown, or data and metrics do not suit each other.
    """
    if isinstance(dataset, FeatureStatistics):
        return _against_statistics(generator, dataset, options, refine, report)
    check_labelled(options.metrics or (), generator.data.num_classes is not None)
    measures = measures_of(dataset, options)
    real, labels = None, None
    if generator.data.condition_width is not None:
        real = see_real(measures, options, report)
        labels = repeated_labels(real.features.labels, options.num)
    samples, targets, facts = _samples(generator, dataset, options, labels, refine)
    check_comparable(samples, dataset if targets is None else targets, measures.extractor)
    everything = np.arange(options.num)
    fake = see(measures.extractor, samples, everything, report)
    if targets is not None:
        real, other = see(measures.extractor, targets, everything, report), None
    else:
        real = real or see_real(measures, options, report)
        other = see_others(measures, options, options.num, report)
    compared = Compared(samples, dataset if targets is None else targets, fake, real)
    found = evaluation_of(measures, compared, other, options, report)
    own = {"data_differ": data_differ or "no", **facts}
    return found._replace(facts=_facts(generator) | found.facts | own)


def _samples(
    generator: TrainedGenerator,
    dataset: Dataset | Records,
    options: EvaluationOptions,
    labels: np.ndarray | None,
    refine: Refine | None,
) -> tuple[Dataset, Dataset | None, dict[str, Any]]:
    """Generated samples, the real ones that their conditions belong to, and facts."""
    if refine is not None:
        refined = refine(options.num, options.seed, labels)
        facts = {"refined": "; ".join(refined.facts)}
        return _as_data(generator, refined.samples, labels), None, facts
    drawn, conditions = draw_with_conditions(
        generator, options.num, options.seed, labels, lambda config: dataset
    )
    samples = _as_data(generator, np.asarray(drawn.x), labels)
    if conditions.real is None:
        return samples, None, {}
    low, high = generator.data.low, generator.data.high
    targets = to_data_range(np.asarray(conditions.real), low, high, generator.model_range)
    return samples, _as_data(generator, targets, labels)._replace(name=dataset.name), {}


def _against_statistics(
    generator: TrainedGenerator,
    known: FeatureStatistics,
    options: EvaluationOptions,
    refine: Refine | None,
    report: Report,
) -> Evaluation:
    if refine is not None:
        x = refine(options.num, options.seed, None).samples
    else:
        x = np.asarray(draw_with_conditions(generator, options.num, options.seed)[0].x)
    found = evaluate_samples(_as_data(generator, x), known, options, report)
    return found._replace(facts=_facts(generator) | found.facts)


def _as_data(
    generator: TrainedGenerator, x: np.ndarray, labels: np.ndarray | None = None
) -> Dataset:
    name = f"samples of {generator.config.options.recipe}"
    return Dataset(x, labels, generator.data.low, generator.data.high, name)


def _facts(generator: TrainedGenerator) -> dict[str, Any]:
    levels = {each.config.options.recipe: each.step for each in generator.levels}
    return {
        "recipe": generator.config.options.recipe,
        "step": generator.step,
        **({"levels": levels} if generator.coarser else {}),
        "ema": generator.ema,
        **({"standing_statistics": generator.standing} if generator.standing else {}),
        **({} if generator.truncation is None else {"truncation": generator.truncation}),
    }

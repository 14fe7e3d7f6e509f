"""Scores of a GAN while it trains."""

from collections.abc import Callable
from typing import NamedTuple

from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.scoring.defaults import (
    check_labelled,
    check_names,
    chosen_statistics,
    usual_features,
)
from jaxgan.scoring.extractors import make_extractor
from jaxgan.scoring.reference import extract, real_rows, repeated_labels
from jaxgan.scoring.scores import score_names, scores_of
from jaxgan.scoring.settings import Scoring
from jaxgan.training.keys import run_keys
from jaxgan.training.plan import Plan
from jaxgan.training.sampling import collect, has_images, make_pieces
from jaxgan.types import GAN, GANState


class Scorer(NamedTuple):
    """Scores of a state during training: their names, and `of(state) -> {name: value}`."""

    names: tuple[str, ...]
    of: Callable[[GANState], dict[str, float]]


def make_scorer(
    gan: GAN, scoring: Scoring, dataset: Dataset | Records, plan: Plan, seed: int, recipe: str
) -> Scorer | None:
    """Make the scorer that a configuration asks for; None if it asks for no scores.

    The samples come from one fixed set of latents and the EMA generator if there is one. Their
    classes or attributes are those of the real samples.

    Raises:
      ValueError: if metrics, features and data do not suit each other, or the generator takes
        images.
    """
    if not scoring.metrics:
        return None
    check_scorable(gan, recipe, dataset.shape, plan.conditional)
    check_names(scoring.metrics, "--score", "--score-features")
    extractor = make_extractor(scoring.features or usual_features(dataset), dataset)
    statistics = chosen_statistics(scoring.metrics, dataset, extractor)
    x, labels = real_rows(dataset, scoring.num, seed)
    check_labelled(scoring.metrics, plan.conditional and dataset.attributes is None)
    real = extract(extractor, dataset, x, labels)
    classes = repeated_labels(labels, scoring.num) if plan.conditional else None
    draw = make_pieces(run_keys(seed).scores, gan, scoring.num, classes, plan.devices)

    def of(state: GANState) -> dict[str, float]:
        samples = collect((piece.x for piece in draw(state)), scoring.num)
        own = to_data_range(samples, dataset.low, dataset.high, plan.model_range)
        fake = extract(extractor, dataset, own, classes)
        found = scores_of(statistics, extractor, real, fake, errors=False)
        return {score.name: score.value for score in found}

    return Scorer(score_names(statistics, extractor, scoring.num, len(x)), of)


def check_scorable(gan: GAN, recipe: str, shape: tuple[int, ...], conditional: bool):
    """Raise a ValueError if a generator takes images, which scores in training do not provide."""
    if has_images(gan, shape, conditional):
        raise ValueError(
            f"--score: the generator of {recipe} takes images and cannot be scored during "
            "training; use `jaxgan evaluate` afterwards"
        )

"""Real samples to score against, and scores while a run trains."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.scoring.defaults import check_names, chosen_statistics, usual_features
from jaxgan.scoring.extractors import make_extractor
from jaxgan.scoring.reference import real_rows, repeated_labels, seen
from jaxgan.scoring.scores import (
    score_names,
    scores_of,
)
from jaxgan.scoring.settings import Scoring
from jaxgan.training.keys import run_keys
from jaxgan.training.plan import Plan
from jaxgan.training.sampling import has_images, make_pieces
from jaxgan.types import GAN, GANState


class Scorer(NamedTuple):
    """Scores of a state while it trains: their names, and `of(state) -> {name: value}`."""

    names: tuple[str, ...]
    of: Callable[[GANState], dict[str, float]]


def make_scorer(
    gan: GAN, scoring: Scoring, dataset: Dataset | Records, plan: Plan, seed: int, recipe: str
) -> Scorer | None:
    """What scores a run on the way, as its configuration asks; None if it asks for nothing.

    The samples are of one fixed set of latents, of the averaged generator if there is one; classes
    are those of the real samples.

    Raises:
      ValueError: if metrics, features and data do not suit each other, or the generator is given
        images.
    """
    if not scoring.metrics:
        return None
    check_scorable(gan, recipe, dataset.shape, plan.conditional)
    check_names(scoring.metrics, "--score", "--score-features")
    extractor = make_extractor(scoring.features or usual_features(dataset), dataset)
    statistics = chosen_statistics(scoring.metrics, dataset, extractor)
    x, labels = real_rows(dataset, scoring.num, seed)
    real = seen(extractor, dataset, x)
    classes = repeated_labels(labels, scoring.num) if plan.conditional else None
    draw = make_pieces(run_keys(seed).scores, gan, scoring.num, classes, plan.devices)

    def of(state: GANState) -> dict[str, float]:
        samples = np.concatenate([np.asarray(piece) for piece in draw(state)])
        own = to_data_range(samples, dataset.low, dataset.high, plan.model_range)
        fake = seen(extractor, dataset, own)
        found = scores_of(statistics, extractor, real, fake, errors=False)
        return {score.name: score.value for score in found}

    return Scorer(score_names(statistics, extractor, scoring.num, len(x)), of)


def check_scorable(gan: GAN, recipe: str, shape: tuple[int, ...], conditional: bool):
    """Raises a ValueError if a generator takes images, which scores in training do not give it."""
    if has_images(gan, shape, conditional):
        raise ValueError(
            f"--score: the generator of {recipe} takes images, so it is not scored while it "
            "trains; use `jaxgan evaluate` afterwards"
        )

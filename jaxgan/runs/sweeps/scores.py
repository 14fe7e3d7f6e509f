"""The scores of a sweep, by its data."""

import functools
from collections.abc import Collection

import jax
import jax.numpy as jnp

from jaxgan.data import MIXTURES, Dataset, to_model_range
from jaxgan.metrics import mode_scores, quality_radius, sliced_wasserstein
from jaxgan.players import sample
from jaxgan.population.programs import Score
from jaxgan.types import Range

SAMPLES = 2_500
PROJECTIONS = 64
RANKING = {"modes": False, "sliced_wasserstein": True}
"""The scores that rank settings, and whether the lowest mean is the best."""


def score_for(dataset: Dataset, model_range: Range | None) -> Score:
    """The scores of samples: coverage of modes for mixtures, and otherwise a distance to the data.

    Args:
      dataset: the data; those of `jaxgan.data.MIXTURES` have known modes.
      model_range: the range of samples, see `jaxgan.Plan`.
    Returns:
      `score(key, gan, state) -> dict`, of 2,500 samples of the EMA generator.
    """
    if dataset.name in MIXTURES:
        return _coverage(dataset.name)
    rows = jnp.asarray(dataset.x[:: max(1, dataset.size // SAMPLES)][:SAMPLES])
    real = to_model_range(rows, dataset.low, dataset.high, model_range)
    real = real.reshape(len(real), -1)

    def distance(key, gan, state):
        sample_key, direction_key = jax.random.split(key)
        fake = sample(sample_key, gan, state, len(real)).reshape(len(real), -1)
        return {"sliced_wasserstein": sliced_wasserstein(direction_key, real, fake, PROJECTIONS)}

    return distance


@functools.cache  # so that programs made for one sweep serve the next
def _coverage(name: str) -> Score:
    centres, sigma, dimensions = MIXTURES[name]()
    radius = quality_radius(dimensions)

    def coverage(key, gan, state):
        return mode_scores(sample(key, gan, state, SAMPLES), centres, sigma, radius)

    return coverage


def main_score(scores: Collection[str]) -> tuple[str, bool]:
    """The score that ranks settings, and whether the lowest mean is the best."""
    return next((name, minimize) for name, minimize in RANKING.items() if name in scores)

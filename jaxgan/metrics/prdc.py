"""Precision, recall, density and coverage, which measure fidelity and diversity separately.

All estimate the support of a set by balls around its samples that reach to the k-th neighbour. Time
grows with the product of the numbers of samples. Memory holds two float64 copies of the features
and 256 rows of distances.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.metrics.checks import Features, check_features
from jaxgan.metrics.neighbours import balls_around, squared_nearest, squared_radii
from jaxgan.types import Array


class PrecisionRecall(NamedTuple):
    """Improved precision and recall.

    Attributes:
      precision: fraction of generated samples within the support of the real ones.
      recall: fraction of real samples within the support of the generated ones.
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Density and coverage.

    Attributes:
      density: how densely real samples lie around generated ones.
      coverage: fraction of real samples with a generated sample nearby.
    """

    density: float
    coverage: float


def precision_recall(real: Features, fake: Features, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    Precision is the fraction of generated samples in the ball of a real sample. Recall is the
    fraction of real samples in the ball of a generated sample. Balls are closed, as in the paper;
    those of the package prdc are open, which only ties show.

    Args:
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats; use as many as real ones to
        compare with published numbers.
      k: the neighbour to which balls reach.
    Returns:
      Two numbers in [0, 1], computed in float64; both are about 1 for a perfect generator.
    Raises:
      ValueError: if k is not positive, the sets differ in their number of features, or a set has k
        samples or fewer or non-finite values.
    Source: Kynkäänniemi et al. 2019, equations 1 and 2, https://arxiv.org/abs/1904.06991
    """
    _check(real, fake, k)
    with jax.enable_x64(True):
        real, fake = _centred(real, fake)
        precise = balls_around(fake, real, squared_radii(real, k)) > 0
        recalled = balls_around(real, fake, squared_radii(fake, k)) > 0
        return PrecisionRecall(*(float(jnp.mean(x, dtype=float)) for x in (precise, recalled)))


def density_coverage(real: Features, fake: Features, k: int = 5) -> DensityCoverage:
    """Density and coverage, which are less sensitive to outliers than precision and recall.

    Density is the mean number of real samples' balls around a generated sample, divided by k.
    Coverage is the fraction of real samples whose ball contains a generated sample.

    Balls are closed, those of the authors' package prdc are open, which only ties show: an exact
    copy of a real sample lies in k + 1 balls on average instead of k. With k = 5, copies of all
    real samples have density 1.2 here and 1 there, and coverage 1 in both. Where half of the
    samples were copies, coverage was 0.995 here and 0.965 there.

    Args:
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
      k: the neighbour to which balls reach.
    Returns:
      Density, non-negative, and coverage in [0, 1], computed in float64. For a perfect generator
      density is about 1; coverage is about 1 - 2^-k for as many generated as real samples.
    Raises:
      ValueError: if k is not positive, the sets differ in their number of features, or a set has k
        samples or fewer or non-finite values.
    Source: Naeem et al. 2020, equations 3 and 4, https://arxiv.org/abs/2002.09797
    """
    _check(real, fake, k)
    with jax.enable_x64(True):
        real, fake = _centred(real, fake)
        radii = squared_radii(real, k)
        density = jnp.mean(balls_around(fake, real, radii)) / k
        coverage = jnp.mean(squared_nearest(real, fake) <= radii, dtype=float)
        return DensityCoverage(float(density), float(coverage))


def _check(real: Features, fake: Features, k: int):
    if k < 1:
        raise ValueError(f"k must be positive, got {k}")
    check_features(real, fake, fewest=k + 1)


def _centred(real: Features, fake: Features) -> tuple[Array, Array]:
    """Both in float64 minus the real mean, because squares of large numbers hide distances."""
    x = jnp.asarray(real).astype(float)
    mean = jnp.mean(x, axis=0)[None]
    return x - mean, jnp.asarray(fake).astype(float) - mean

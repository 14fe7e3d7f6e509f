"""Fidelity and variety of samples apart: precision and recall, density and coverage.

All estimate the support of a set by balls around its samples, which reach to the k-th neighbour.
They cost time in the product of the numbers of samples, but memory only for two float64 copies of
the features and 256 rows of distances.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.metrics.checks import Features, check_features
from jaxgan.metrics.neighbours import balls_around, squared_nearest, squared_radii
from jaxgan.types import Array


class PrecisionRecall(NamedTuple):
    """Shares of generated samples among the real ones, and of real among the generated ones."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How densely real samples lie around generated ones, and the share that has one near."""

    density: float
    coverage: float


def precision_recall(real: Features, fake: Features, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    Precision is the share of generated samples that lie in the ball of a real one, recall the
    share of real samples that lie in the ball of a generated one.

    Args:
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats; as many as real ones, if numbers
        are to be compared with published ones.
      k: the neighbour that balls reach to.
    Returns:
      Two numbers in [0, 1], computed in float64; both 1 for a perfect generator.
    Raises:
      ValueError: if k is not positive, or the sets have other shapes, k samples or fewer, or
        values that are not finite.
    Source: Kynkäänniemi et al. 2019, equations 1 and 2, https://arxiv.org/abs/1904.06991
    """
    _check(real, fake, k)
    with jax.enable_x64(True):
        real, fake = _centred(real, fake)
        precise = balls_around(fake, real, squared_radii(real, k)) > 0
        recalled = balls_around(real, fake, squared_radii(fake, k)) > 0
        return PrecisionRecall(*(float(jnp.mean(x, dtype=float)) for x in (precise, recalled)))


def density_coverage(real: Features, fake: Features, k: int = 5) -> DensityCoverage:
    """Density and coverage, which single outliers change less than precision and recall.

    Density is the number of real samples' balls that a generated sample lies in, over k; coverage
    the share of real samples whose ball holds a generated one.

    Args:
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
      k: the neighbour that balls reach to.
    Returns:
      Density, not negative and about 1 for a perfect generator, and coverage in [0, 1], which
      then is about 1 - 2^-k for as many generated as real samples; computed in float64.
    Raises:
      ValueError: as `precision_recall`.
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
    """Float64, the real mean taken off: squares of large numbers would hide the distances."""
    x = jnp.asarray(real).astype(float)
    mean = jnp.mean(x, axis=0)[None]
    return x - mean, jnp.asarray(fake).astype(float) - mean

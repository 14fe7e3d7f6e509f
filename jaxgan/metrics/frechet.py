"""The Fréchet distance of two sets of features, each fitted by a normal distribution."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_features
from jaxgan.metrics.statistics import Moments, covariance, moments
from jaxgan.types import Array


def frechet_distance(real: Features, fake: Features) -> float:
    """Squared Fréchet distance of the normal distributions fitted to two sets of features.

    |m - n|^2 + tr(A + B - 2 (A B)^(1/2)) for means m, n and covariances A, B. Name the score after
    its features: it is the FID only on the features of the standard Inception network. Warns if a
    set has fewer samples than features, because the distance then depends on their number.

    Args:
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
    Returns:
      The non-negative distance in squared units of the features, computed in float64.
    Raises:
      ValueError: if the sets differ in their number of features, or one has fewer than two samples
        or non-finite values.
    Source: Dowson & Landau 1982, equation 4; Heusel et al. 2017, https://arxiv.org/abs/1706.08500

    >>> round(frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [9.0]])), 6)  # 25 + 8
    33.0
    """
    check_features(real, fake)
    _warn_of_few(min(len(real), len(fake)), np.shape(real)[1])
    with jax.enable_x64(True):
        return _distance(*(_mean_and_factor(x) for x in (real, fake)))


def frechet_distance_of(real: Moments, fake: Moments) -> float:
    """The Fréchet distance from moments, which may be gathered in chunks; see `moments`.

    Args:
      real: moments of the features of real samples.
      fake: moments of the features of generated samples.
    Returns:
      The non-negative distance in squared units of the features.
    Raises:
      ValueError: if the sets differ in their number of features, or one has fewer than two samples.
    """
    counts = int(real.num), int(fake.num)
    if min(counts) < 2 or real.mean.shape != fake.mean.shape:
        raise ValueError(
            "real and fake must have the same number of features and at least two samples each, "
            f"got {real.mean.shape[0]} and {fake.mean.shape[0]} features, "
            f"{counts[0]} and {counts[1]} samples"
        )
    _warn_of_few(min(counts), real.mean.shape[0])
    with jax.enable_x64(True):
        return _distance(*((x.mean, _factor(covariance(x))) for x in (real, fake)))


def _distance(real: tuple[Array, Array], fake: tuple[Array, Array]) -> float:
    """The distance from means [features] and factors F [features, any] of covariances F F^T.

    tr (A B)^(1/2) is the sum of the singular values of F_a^T F_b for any choice of factors. So no
    root can be complex, and no root is taken of a small eigenvalue with its rounding error.
    """
    return max(0.0, float(_distance_of_factors(*real, *fake)))


@jax.jit
def _distance_of_factors(m: Array, f: Array, n: Array, g: Array) -> Array:
    trace = jnp.sum(jnp.linalg.svd(f.T @ g, compute_uv=False))
    return jnp.sum((m - n) ** 2) + jnp.sum(f**2) + jnp.sum(g**2) - 2.0 * trace


def _mean_and_factor(x: Features) -> tuple[Array, Array]:
    num, features = np.shape(x)
    if num < features:  # the centred samples are a smaller, exact factor
        return _few_samples(jnp.asarray(x))
    whole = moments(x)
    return whole.mean, _factor(covariance(whole))


@jax.jit
def _few_samples(x: Array) -> tuple[Array, Array]:
    x = x.astype(float)
    mean = jnp.mean(x, axis=0)
    return mean, (x - mean[None]).T / jnp.sqrt(len(x) - 1.0)


def _factor(a: Array) -> Array:
    """F with F F^T = A: by Cholesky, or by the ten times slower eigenvectors if A is singular."""
    with jax.debug_nans(False):  # NaN means that A has no Cholesky factor
        factor = _cholesky(a)
    return factor if bool(jnp.isfinite(factor).all()) else _eigen_factor(a)


_cholesky = jax.jit(jnp.linalg.cholesky)


@jax.jit
def _eigen_factor(a: Array) -> Array:
    values, vectors = jnp.linalg.eigh(a)
    # smaller eigenvalues are rounding errors, whose roots would not be small
    least = len(a) * jnp.finfo(a.dtype).eps * jnp.max(jnp.abs(values))
    return vectors * jnp.sqrt(jnp.where(values > least, values, 0.0))[None]


def _warn_of_few(fewest: int, features: int):
    if fewest < features:
        warnings.warn(
            f"{fewest} samples with {features} features: the Fréchet distance depends on the "
            "number of samples if there are fewer samples than features",
            stacklevel=3,
        )

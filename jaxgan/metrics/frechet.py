"""The Fréchet distance of two sets of features, each fitted by a normal distribution."""

import warnings

import numpy as np

from jaxgan.metrics.checks import Features, check_features
from jaxgan.metrics.statistics import Moments, covariance, moments


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
    return _distance(*((x.mean, _factor(covariance(x))) for x in (real, fake)))


def _distance(real: tuple[np.ndarray, np.ndarray], fake: tuple[np.ndarray, np.ndarray]) -> float:
    """The distance from means [features] and factors F [features, any] of covariances F F^T.

    tr (A B)^(1/2) is the sum of the singular values of F_a^T F_b for any choice of factors. So no
    root can be complex, and no root is taken of a small eigenvalue with its rounding error.
    """
    from scipy import linalg  # here, since importing it takes longer than most of what is imported

    (m, f), (n, g) = real, fake
    spread = np.vdot(f, f) + np.vdot(g, g)
    trace = np.sum(linalg.svdvals(f.T @ g, overwrite_a=True, check_finite=False))
    return max(0.0, float(np.sum((m - n) ** 2) + spread - 2.0 * trace))


def _mean_and_factor(x: Features) -> tuple[np.ndarray, np.ndarray]:
    num, features = np.shape(x)
    if num < features:  # the centred samples are a smaller, exact factor
        centred = np.array(x, np.float64)
        mean = np.mean(centred, axis=0)
        centred -= mean
        return mean, centred.T / np.sqrt(num - 1.0)
    whole = moments(x)
    return whole.mean, _factor(covariance(whole))


def _factor(a: np.ndarray) -> np.ndarray:
    """F with F F^T = A: by Cholesky, or by the ten times slower eigenvectors if A is singular."""
    from scipy import linalg

    try:
        return linalg.cholesky(a, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return _eigen_factor(a)


def _eigen_factor(a: np.ndarray) -> np.ndarray:
    from scipy import linalg

    values, vectors = linalg.eigh(a, check_finite=False)
    # smaller eigenvalues are rounding errors, whose roots would not be small
    least = len(a) * np.finfo(a.dtype).eps * np.max(np.abs(values))
    return vectors * np.sqrt(np.where(values > least, values, 0.0))


def _warn_of_few(fewest: int, features: int):
    if fewest < features:
        warnings.warn(
            f"{fewest} samples with {features} features: the Fréchet distance depends on the "
            "number of samples if there are fewer samples than features",
            stacklevel=3,
        )

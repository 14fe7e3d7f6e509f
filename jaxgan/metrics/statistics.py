"""Mean and covariance of features that arrive in chunks or from several machines.

>>> halves = [moments(np.array([[0.0], [2.0]])), moments(np.array([[4.0], [6.0], [8.0]]))]
>>> whole = merge_moments(*halves)
>>> print(whole.num, whole.mean, covariance(whole))
5.0 [4.] [[10.]]
"""

from typing import NamedTuple

import numpy as np

from jaxgan.metrics.checks import Features, check_finite

CHUNK = 2048
"""The number of samples that are in memory as float64 at once."""


class Moments(NamedTuple):
    """The moments of a set of features, in float64.

    Attributes:
      num: the number of samples.
      mean: their mean [features].
      scatter: the sum of (x - mean) (x - mean)^T over the set, [features, features].
    """

    num: float
    mean: np.ndarray
    scatter: np.ndarray


def no_moments(features: int) -> Moments:
    """The moments of an empty set, to start from.

    Args:
      features: the number of features, 1 or more.
    Raises:
      ValueError: if features is not positive.
    """
    if features < 1:
        raise ValueError(f"features must be positive, got {features}")
    return Moments(0.0, np.zeros(features), np.zeros((features, features)))


def moments(x: Features) -> Moments:
    """The moments of a set of features, in float64 for any dtype of x.

    Args:
      x: features [num, features], floats; read in chunks, so that x is never copied as a whole.
    Raises:
      ValueError: if x has another shape or non-finite values.
    """
    if np.ndim(x) != 2:
        raise ValueError(f"x must be features [num, features], got shape {np.shape(x)}")
    return update_moments(no_moments(np.shape(x)[1]), x)


def update_moments(old: Moments, x: Features) -> Moments:
    """The moments with additional samples.

    Args:
      old: the moments so far.
      x: features of the additional samples [num, features], floats.
    Raises:
      ValueError: if x has another number of features or non-finite values.
    """
    if np.ndim(x) != 2 or np.shape(x)[1:] != old.mean.shape:
        raise ValueError(
            f"x must be features [num, {old.mean.shape[0]}] as before, got shape {np.shape(x)}"
        )
    check_finite("x", x)
    new = old
    for start in range(0, len(x), CHUNK):
        new = merge_moments(new, _of_chunk(np.array(x[start : start + CHUNK], np.float64)))
    return new


def merge_moments(a: Moments, b: Moments) -> Moments:
    """The moments of the union of two sets; merge the parts of several machines one by one.

    Args:
      a: moments of one set.
      b: moments of another set with the same number of features.
    Raises:
      ValueError: if the numbers of features differ.
    Source: Chan, Golub & LeVeque 1983, equation 1.5, https://doi.org/10.1080/00031305.1983.10483115
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            "a and b must have the same number of features, got "
            f"{a.mean.shape[0]} and {b.mean.shape[0]}"
        )
    # With d the difference of the means, S = S_a + S_b + n_a n_b / (n_a + n_b) d d^T
    num = a.num + b.num
    fraction = b.num / max(num, 1.0)
    difference = b.mean - a.mean
    scatter = np.outer(a.num * fraction * difference, difference)
    scatter += a.scatter
    scatter += b.scatter
    return Moments(num, a.mean + fraction * difference, scatter)


def covariance(of: Moments) -> np.ndarray:
    """The unbiased covariance matrix, scatter / (num - 1), float64 [features, features]."""
    return of.scatter / (of.num - 1.0)


def _of_chunk(x: np.ndarray) -> Moments:
    mean = np.mean(x, axis=0)
    x -= mean
    return Moments(float(len(x)), mean, x.T @ x)

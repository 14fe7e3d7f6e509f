"""Scores of several seeds: means with 95% intervals."""

from collections.abc import Sequence

import numpy as np

from jaxgan import population


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The 95% interval of a mean by Student's t distribution, NaN for a single value."""
    members = {"arm": np.zeros(len(values)), "score": np.asarray(values, float)}
    found = population.summary(members, ("arm",), "score")
    return float(found["low"][0]), float(found["high"][0])


def with_interval(values: Sequence[float] | np.ndarray, digits: int = 3) -> str:
    """The mean of some seeds with its 95% interval.

    >>> with_interval([1.0, 2.0, 3.0]), with_interval([2.5])
    ('2 (-0.484 to 4.48)', '2.5')
    """
    low, high = interval(values)
    ends = f" ({low:.{digits}g} to {high:.{digits}g})" if low < high else ""
    return f"{np.mean(values):.{digits}g}{ends}"

"""The settings of a population: points, each with a value for every number."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

Points = Mapping[str, np.ndarray]
"""The values [points] of each number, by name."""
Draw = Callable[[np.random.Generator, int], np.ndarray]
"""`(rng, num) -> values [num]`."""


def geomspace(start: float, stop: float, num: int) -> np.ndarray:
    """Values [num] from start to stop, both included, with equal ratios.

    Raises:
      ValueError: if an end is not positive and finite, or num is less than 1.

    >>> geomspace(0.1, 100.0, 4).tolist()
    [0.1, 1.0, 10.0, 100.0]
    """
    _check_ends(start, stop)
    if num < 1:
        raise ValueError(f"num must be 1 or more, got {num}")
    values = np.geomspace(start, stop, num)
    # Rounding in the logarithms would make 1.0000000000000002 of 1.
    return np.array([float(f"{value:.12g}") for value in values])


def grid(**values: float | Sequence[float] | np.ndarray) -> dict[str, np.ndarray]:
    """All combinations of the values of some numbers; the last number varies fastest.

    Args:
      values: the values of each number, by the name that `make_gan` has for it.
    Raises:
      ValueError: if there are no numbers, or a number has no values or non-finite ones.

    >>> points = grid(gamma=[1.0, 10.0], learning_rate=geomspace(1e-4, 1e-2, 3))
    >>> points["gamma"].tolist()
    [1.0, 1.0, 1.0, 10.0, 10.0, 10.0]
    """
    axes = {name: np.atleast_1d(np.asarray(each, float)) for name, each in values.items()}
    check_points({name: axis.ravel() for name, axis in axes.items()}, equal=False)
    combined = np.meshgrid(*axes.values(), indexing="ij")
    return {name: each.ravel() for name, each in zip(axes, combined, strict=True)}


def random(seed: int, num: int, **ranges: Draw) -> dict[str, np.ndarray]:
    """Random points, each number drawn by itself.

    Args:
      seed: of the draws.
      num: number of points.
      ranges: `uniform` or `log_uniform` of each number, by name.
    Raises:
      ValueError: if num is less than 1, there are no numbers, or a range is not a function.
    Source: Bergstra & Bengio 2012, https://jmlr.org/papers/v13/bergstra12a.html (random search)

    >>> points = random(0, 100, gamma=log_uniform(0.1, 100.0), b1=uniform(0.0, 0.9))
    >>> points["gamma"].shape, bool((points["b1"] < 0.9).all())
    ((100,), True)
    """
    if num < 1:
        raise ValueError(f"num must be 1 or more, got {num}")
    for name, draw in ranges.items():
        if not callable(draw):
            raise ValueError(
                f"{name} must be a range such as log_uniform(0.1, 100.0), got {draw!r}"
            )
    rng = np.random.default_rng(seed)
    points = {name: np.asarray(draw(rng, num), float) for name, draw in ranges.items()}
    check_points(points)
    return points


def uniform(low: float, high: float) -> Draw:
    """The range of a number that is drawn uniformly from [low, high)."""
    return lambda rng, num: rng.uniform(low, high, num)


def log_uniform(low: float, high: float) -> Draw:
    """The range of a number whose logarithm is drawn uniformly, for scales.

    Raises:
      ValueError: if an end is not positive and finite.
    """
    _check_ends(low, high)
    return lambda rng, num: np.exp(rng.uniform(math.log(low), math.log(high), num))


def check_points(points: Points, equal: bool = True):
    """Check the values of points.

    Args:
      points: values by name.
      equal: whether each number needs as many values as the others.
    Raises:
      ValueError: if there is no number, or its values are not finite numbers [points].
    """
    if not isinstance(points, Mapping) or not points:
        raise ValueError(
            f"points must map at least one number to its values, got {points!r}: pass "
            "population.grid(gamma=[1.0, 10.0]), for example"
        )
    for name, values in points.items():
        if np.ndim(values) != 1 or not len(values) or not np.isfinite(values).all():
            raise ValueError(f"{name} must have finite values [points], got {values!r}")
    lengths = {name: len(values) for name, values in points.items()}
    if equal and len(set(lengths.values())) > 1:
        raise ValueError(
            f"points must have as many values of each number, got {lengths}: "
            "population.grid combines all with all"
        )


def _check_ends(*ends: float):
    if not all(0.0 < end < math.inf for end in ends):
        raise ValueError(f"both ends must be positive and finite, got {ends}")

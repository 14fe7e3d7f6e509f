"""Successive halving: train all settings for a while, then only the best of them."""

import math
from typing import NamedTuple

import numpy as np

from jaxgan.checks import check_positive
from jaxgan.population.tables import Table, summary


class Halving(NamedTuple):
    """When settings are dropped, and by which score.

    All seeds of a setting go on or stop together. Settings are ranked by the mean of their score;
    one with a non-finite member comes last. Dropped settings take no part in
    `Population.summary` and `Population.best`.

    Attributes:
      steps: generator updates of the members that are never dropped.
      at: generator updates after which settings are dropped, ascending.
      keep: the fraction of the remaining settings to keep, in (0, 1); at least one is kept.
      score: name of the score; None if there is only one.
      minimize: whether the lowest mean is the best.
    Source: Jamieson & Talwalkar 2016, figure 1, https://arxiv.org/abs/1502.07943
    """

    steps: int
    at: tuple[int, ...]
    keep: float = 0.5
    score: str | None = None
    minimize: bool = False


def check_halving(halving: Halving):
    """Check that settings are dropped during training, and some are kept.

    Raises:
      ValueError: if not.
    """
    at, steps = halving.at, halving.steps
    check_positive(steps=steps)
    if not at or list(at) != sorted(set(at)) or not 0 < at[0] <= at[-1] < steps:
        raise ValueError(f"Halving.at must ascend between 0 and steps={steps}, got {at}")
    if not 0.0 < halving.keep < 1.0:
        raise ValueError(f"Halving.keep must lie in (0, 1), got {halving.keep}")


def surviving(halving: Halving, table: Table, numbers: tuple[str, ...], score: str) -> np.ndarray:
    """The places [kept] of the members that go on, in order.

    Args:
      halving: what counts.
      table: of the members that have been trained so far.
      numbers: the columns that make a setting.
      score: the column that counts.
    """
    settings = summary(table, numbers, score)
    means = np.where(settings["nonfinite"] > 0, np.nan, settings["mean"])
    ranked = np.argsort(means if halving.minimize else -means, kind="stable")  # NaN comes last
    kept = ranked[: max(1, math.ceil(halving.keep * len(ranked)))]
    chosen = {tuple(settings[name][place] for name in numbers) for place in kept}
    rows = zip(*(table[name] for name in numbers), strict=True)
    return np.flatnonzero([row in chosen for row in rows])

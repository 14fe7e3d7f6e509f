"""Results of a population: one row per member, and what they say about each setting."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.checks import closest
from jaxgan.types import GANState

Table = Mapping[str, np.ndarray]
"""Columns [rows] by name; `pandas.DataFrame(table)` shows it."""
CONFIDENCE = 0.95


class Population(NamedTuple):
    """Trained members.

    Attributes:
      table: one row per member, in the columns: the numbers; "seed"; the scores; "nonfinite", the
        number of its non-finite updates; and "step", the generator updates it has made. With the
        plan's nonfinite="stop" a member is frozen as it was before its first non-finite update.
        The members of a setting that `Halving` dropped have fewer steps than the others, and keep
        the score that they had then.
      numbers: the columns that make a setting.
      scores: the columns that are scores; NaN for members that became non-finite.
      states: the members' states on the host, NumPy arrays [members, ...].
    """

    table: Table
    numbers: tuple[str, ...]
    scores: tuple[str, ...]
    states: GANState

    def summary(self, score: str | None = None) -> Table:
        """A score by setting, see `jaxgan.population.summary`; by default the only score."""
        return summary(self.table, self.numbers, chosen_score(self.scores, score))

    def best(
        self, score: str | None = None, min_seeds: int = 1, minimize: bool = False
    ) -> dict[str, float]:
        """The setting with the best mean, see `jaxgan.population.best`."""
        return best(self.summary(score), min_seeds, minimize)

    def state(self, member: int) -> GANState:
        """The state of a member, by its row in the table."""
        return jax.tree.map(lambda x: x[member], self.states)


def summary(table: Table, numbers: Sequence[str], score: str) -> Table:
    """A score by setting.

    Members that are finite and have fewer steps than others are left out: `Halving` dropped them.

    Args:
      table: one row per member, see `Population`; without a column "step", all count.
      numbers: the columns that make a setting.
      score: the column to summarize.
    Returns:
      Columns [settings]: the numbers; "n", the members with a finite score; "nonfinite", the
      others; "mean" and "median" of the score; "low" and "high", the ends of the 95% confidence
      interval of the mean by Student's t distribution. Mean and median are NaN if n is 0, and the
      interval is NaN if n is less than 2.
    Raises:
      ValueError: if there is no such column.
    """
    for name in (*numbers, score):
        if name not in table:
            known = ", ".join(table)
            raise ValueError(f"there is no column {name!r}.{closest(name, table)} Known: {known}")
    values = np.asarray(table[score], float)
    whole = _trained_whole(table, values)
    rows = zip(*(np.asarray(table[name])[whole].tolist() for name in numbers), strict=True)
    groups: dict[tuple[float, ...], list[float]] = {}
    for setting, value in zip(rows, values[whole], strict=True):
        groups.setdefault(setting, []).append(value)
    facts = [_facts(np.array(values)) for values in groups.values()]
    columns = {name: np.array([key[i] for key in groups]) for i, name in enumerate(numbers)}
    return columns | {name: np.array([each[name] for each in facts]) for name in facts[0]}


def _trained_whole(table: Table, values: np.ndarray) -> np.ndarray:
    """Which rows were trained as long as any, or stopped since they became non-finite."""
    if "step" not in table:
        return np.full(len(values), True)
    step = np.asarray(table["step"])
    return (step == step.max()) | ~np.isfinite(values)


def _facts(values: np.ndarray) -> dict[str, float]:
    finite = values[np.isfinite(values)]
    n = len(finite)
    mean, median, half = np.nan, np.nan, np.nan
    if n:
        mean, median = finite.mean(), np.median(finite)
    if n > 1:
        from scipy import special  # here, since importing it takes longer than using it

        # mean -+ t s / sqrt(n), with n - 1 degrees of freedom
        t = special.stdtrit(n - 1, 0.5 + CONFIDENCE / 2)
        half = t * finite.std(ddof=1) / np.sqrt(n)
    return {
        "n": n,
        "nonfinite": len(values) - n,
        "mean": mean,
        "median": median,
        "low": mean - half,
        "high": mean + half,
    }


def best(settings: Table, min_seeds: int = 1, minimize: bool = False) -> dict[str, Any]:
    """The setting with the best mean, as a row of a summary.

    Args:
      settings: from `summary`.
      min_seeds: finite members that a setting needs to count.
      minimize: whether the lowest mean is the best.
    Raises:
      ValueError: if no setting has min_seeds finite members.
    """
    enough = np.asarray(settings["n"]) >= max(1, min_seeds)
    if not enough.any():
        raise ValueError(
            f"no setting has min_seeds={min_seeds} finite members, the most are "
            f"{max(settings['n'])}: train more seeds, or lower min_seeds"
        )
    means = np.where(enough, settings["mean"], np.inf if minimize else -np.inf)
    place = int(np.argmin(means) if minimize else np.argmax(means))
    return {name: column[place].item() for name, column in settings.items()}


def chosen_score(scores: Sequence[str], name: str | None) -> str:
    """The name of a score, or of the only one.

    Raises:
      ValueError: if there is no such score, or several to choose from.
    """
    if not scores:
        raise ValueError("there is no score: pass score=... to fit_many")
    if name is not None and name in scores:
        return name
    if name is None and len(scores) == 1:
        return scores[0]
    given = "choose one" if name is None else f"got {name!r}.{closest(name, scores)}"
    raise ValueError(f"score must be one of {', '.join(scores)}: {given}")

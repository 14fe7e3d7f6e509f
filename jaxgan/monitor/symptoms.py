"""What a window of logged metrics shows of a game: balance, or one of the ways in which it fails.

Each symptom is a function of `Window` that gives in words what it sees, or None. What these means
cannot show is not found: a generator that lost a few of many modes keeps its diversity.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, get_args

import numpy as np

from jaxgan.choices import AlertKind as Kind

KINDS: tuple[Kind, ...] = get_args(Kind)
ACCURACIES = ("accuracy_real", "accuracy_fake"), ("accuracy_pairs",)
LOGITS = "logit_real", "logit_fake", "logit_std"


class Thresholds(NamedTuple):
    """What counts as what.

    Attributes:
      rows: a window holds at least so many logged rows; of a metric that only some of them have,
        at least 3 values.
      rounds: and spans at least so many rounds.
      transient: rounds at the beginning in which a discriminator may win or be at chance, and
        diversity and score set no level.
      accuracy_tolerance: the largest distance of a mean accuracy from 1/2 in an equilibrium.
      swing: the largest mean distance of a row's accuracy from 1/2 in an equilibrium.
      chance_dprime: the d' up to which a discriminator is at chance, see `sensitivity`.
      min_logit_std: the deviation of the logits below which a discriminator is constant.
      accuracy: the least mean accuracy, of real and of fake samples, of one that wins.
      winning_dprime: the least d' of one that wins.
      collapsed: the share of its highest mean so far, or of 1 if that is less, below which
        diversity has collapsed.
      min_diversity: the diversity below which it has collapsed, whatever it was before.
      score: the metric that tells how good the generator is.
      mode: whether "max" or "min" of the score is best; of diversity, more than 1 is no better.
      relative_tolerance: a score has deteriorated if it is worse than its best by this fraction,
        and by twice the standard deviation of its rows.
    """

    rows: int = 20
    rounds: int = 200
    transient: int = 1000
    accuracy_tolerance: float = 0.1
    swing: float = 0.15
    chance_dprime: float = 0.25
    min_logit_std: float = 1e-4
    accuracy: float = 0.98
    winning_dprime: float = 5.0
    collapsed: float = 0.5
    min_diversity: float = 0.25
    score: str = "diversity"
    mode: Literal["max", "min"] = "max"
    relative_tolerance: float = 0.25


class Window(NamedTuple):
    """What is judged by.

    Attributes:
      windows: the last values of each metric, where they reach far enough back.
      best: the best means so far: "sensitivity", and after the transient "diversity", "score".
      late: whether the transient is over.
      thresholds: what counts as what.
    """

    windows: Mapping[str, np.ndarray]
    best: Mapping[str, float]
    late: bool
    thresholds: Thresholds


# --- Means over a window


def sensitivity(windows: Mapping[str, np.ndarray]) -> float | None:
    """How far apart real and fake logits lie, d' = (mean real - mean fake) / deviation of each.

    It has no unit, so it compares for every loss. 0 is chance; where logits are normal, pairs are
    told apart with the probability Phi(d' / sqrt(2)).

    Args:
      windows: rows of "logit_real", "logit_fake" and "logit_std", the deviation of both together.
    Returns:
      From -1,000 to 1,000; None without those metrics.
    Source: Green and Swets 1966, Signal Detection Theory and Psychophysics, chapter 3.

    >>> sensitivity({"logit_real": [3.0], "logit_fake": [-3.0], "logit_std": [5.0]})
    1.5
    """
    if not set(LOGITS) <= set(windows):
        return None
    gap = float(np.mean(windows["logit_real"]) - np.mean(windows["logit_fake"]))
    # of both together: the variance within, and that of the two means about theirs
    within = float(np.mean(np.square(windows["logit_std"]))) - gap**2 / 4
    return gap / math.sqrt(max(within, 1e-6 * gap**2)) if gap else 0.0


def level(windows: Mapping[str, np.ndarray], name: str) -> float | None:
    """The mean of a metric; of diversity at most 1, for more is no better."""
    if name not in windows:
        return None
    mean = float(np.mean(windows[name]))
    return min(1.0, mean) if name == "diversity" else mean


def _accuracies(seen: Window) -> dict[str, np.ndarray]:
    """Of real and of fake samples, or of pairs where the loss has no threshold."""
    for names in ACCURACIES:
        if set(names) <= set(seen.windows):
            return {name: seen.windows[name] for name in names}
    return {}


def _said(accuracies: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{name} {np.mean(values):.2f}" for name, values in accuracies.items())


# --- Symptoms


def _equilibrium(seen: Window) -> str | None:
    accuracies, limits = _accuracies(seen), seen.thresholds
    if not accuracies or "logit_std" not in seen.windows:
        return None
    deviation = float(np.mean(seen.windows["logit_std"]))
    if (
        deviation < limits.min_logit_std
        or seen.best.get("sensitivity", 0.0) <= limits.chance_dprime
    ):
        return None  # it cannot tell, or has not begun to
    diversity = level(seen.windows, "diversity")
    if diversity is not None and diversity < limits.collapsed:
        return None  # a generator that runs around is not found out either
    distances = [abs(float(np.mean(values)) - 0.5) for values in accuracies.values()]
    swings = [float(np.mean(np.abs(values - 0.5))) for values in accuracies.values()]
    if max(distances) > limits.accuracy_tolerance or max(swings) > limits.swing:
        return None
    varied = "" if diversity is None else f", diversity {diversity:.2f}"
    return (
        f"the discriminator hardly tells real from fake: {_said(accuracies)}, a row's "
        f"{max(swings):.2f} from 1/2 on average, logit_std {deviation:.2g}{varied}"
    )


def _wins(seen: Window) -> str | None:
    accuracies, apart, limits = _accuracies(seen), sensitivity(seen.windows), seen.thresholds
    if not seen.late or not accuracies or apart is None or apart < limits.winning_dprime:
        return None
    if min(np.mean(values) for values in accuracies.values()) < limits.accuracy:
        return None
    return f"the discriminator wins: {_said(accuracies)}, logits {apart:.1f} deviations apart"


def _fails(seen: Window) -> str | None:
    accuracies, apart, limits = _accuracies(seen), sensitivity(seen.windows), seen.thresholds
    if not seen.late or not accuracies or apart is None:
        return None
    deviation = float(np.mean(seen.windows["logit_std"]))
    if deviation < limits.min_logit_std and apart <= limits.chance_dprime:
        return f"the discriminator is constant: {_said(accuracies)}, logit_std {deviation:.2g}"
    most = seen.best["sensitivity"]
    if most > limits.chance_dprime:
        return None
    return (
        f"the discriminator was never better than chance: {_said(accuracies)}, logits {apart:.2f} "
        f"deviations apart, {most:.2f} at most so far"
    )


def _collapse(seen: Window) -> str | None:
    mean, limits = level(seen.windows, "diversity"), seen.thresholds
    if not seen.late or mean is None:
        return None
    best = seen.best["diversity"]
    if mean < limits.collapsed * best:
        return f"samples have become alike: diversity {mean:.2f}, before up to {best:.2f}"
    return f"samples are alike: diversity {mean:.2f}" if mean < limits.min_diversity else None


def _deterioration(seen: Window) -> str | None:
    name, limits = seen.thresholds.score, seen.thresholds
    value = level(seen.windows, name)
    if not seen.late or value is None:
        return None
    best = seen.best["score"]
    worse = best - value if limits.mode == "max" else value - best
    if worse <= max(limits.relative_tolerance * abs(best), 2 * float(np.std(seen.windows[name]))):
        return None
    return f"{name} has become worse: {value:.4g}, at best {best:.4g}"


# --- With what may help

SYMPTOMS: dict[Kind, tuple[Callable[[Window], str | None], str]] = {
    "equilibrium": (
        _equilibrium,
        "Judge by samples whether it has converged; more training may not help, or may harm",
    ),
    "discriminator-wins": (
        _wins,
        "The generator learns little from it: try a lower rate, fewer turns or less width for the "
        "discriminator, or a gradient penalty such as R1",
    ),
    "discriminator-fails": (
        _fails,
        "The generator learns nothing from it: look at the discriminator's rate, initial weights "
        "and input, or give it more width or turns",
    ),
    "collapse": (
        _collapse,
        "Go back to an earlier checkpoint; try the relativistic loss with R1 and R2, or a lower "
        "rate for the generator",
    ),
    "deterioration": (
        _deterioration,
        "An earlier checkpoint may be better (--keep-best keeps the best); averaged weights and "
        "falling rates help to hold what was reached",
    ),
}

"""Symptoms of a window of logged metrics: equilibrium, and the ways in which training fails.

Each symptom is a function of a `Window` that returns a description of what it sees, or None. Means
over samples cannot show everything: a generator that loses a few of many modes keeps its diversity.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, get_args

import numpy as np

from jaxgan.choices import AlertKind as Kind

KINDS: tuple[Kind, ...] = get_args(Kind)
ACCURACIES = ("accuracy_real", "accuracy_fake"), ("accuracy_pairs",)
LOGITS = "logit_real", "logit_fake", "logit_std"


class Thresholds(NamedTuple):
    """The limits of each kind of alert.

    Attributes:
      rows: the fewest logged rows in a window. A metric that only some rows have needs 3 values.
      rounds: the fewest rounds that a window spans.
      transient: warm-up rounds. During them the only possible alert is "equilibrium", and the best
        diversity and score are not tracked.
      accuracy_tolerance: equilibrium; the largest distance of a mean accuracy from 1/2.
      swing: equilibrium; the largest mean distance of a row's accuracy from 1/2.
      chance_dprime: a discriminator with a d' up to this is at chance, see `sensitivity`.
      min_logit_std: a discriminator whose logits have a smaller standard deviation is constant.
      accuracy: discriminator wins; the smallest mean accuracy, on real and on fake samples or
        pairwise.
      winning_dprime: discriminator wins; the smallest d'.
      oscillating: oscillation; the smallest fraction of rows with d' above 1, and of rows with d'
        below -1. At chance, noise alone gives 0.5% of either for a batch of 16, 4% for one of 8 and
        13% for one of 4: raise it for such small batches.
      collapsed: diversity below this fraction of its best mean (or of 1, if the best is higher) is
        a collapse.
      min_diversity: diversity below this is always a collapse.
      score: the metric that tells how good the generator is.
      mode: whether the best score is the "max" or the "min". Diversity above 1 counts as 1.
      relative_tolerance: deterioration; a score is worse than its best by more than this fraction,
        and by more than twice the standard deviation of its rows.
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
    oscillating: float = 0.1
    collapsed: float = 0.5
    min_diversity: float = 0.25
    score: str = "diversity"
    mode: Literal["max", "min"] = "max"
    relative_tolerance: float = 0.25


class Window(NamedTuple):
    """What a symptom is judged by.

    Attributes:
      windows: the latest values of each metric whose window is complete.
      best: the best means so far: "sensitivity", and after the transient "diversity" and "score".
      late: whether the transient is over.
      thresholds: the limits.
    """

    windows: Mapping[str, np.ndarray]
    best: Mapping[str, float]
    late: bool
    thresholds: Thresholds


# --- Means over a window


def sensitivity(windows: Mapping[str, np.ndarray]) -> float | None:
    """The sensitivity index d' = (mean real logit - mean fake logit) / standard deviation of each.

    It has no unit, so it can be compared between losses. 0 is chance. For normally distributed
    logits the pairwise accuracy is Phi(d' / sqrt(2)).

    Args:
      windows: values of "logit_real", "logit_fake" and "logit_std", the standard deviation of real
        and fake logits together.
    Returns:
      A number from -1,000 to 1,000; None if one of these metrics is missing.
    Source: Green and Swets 1966, Signal Detection Theory and Psychophysics, chapter 3.

    >>> sensitivity({"logit_real": [3.0], "logit_fake": [-3.0], "logit_std": [5.0]})
    1.5
    """
    if not set(LOGITS) <= set(windows):
        return None
    gap = np.mean(windows["logit_real"]) - np.mean(windows["logit_fake"])
    return float(_dprime(gap, np.mean(np.square(windows["logit_std"]))))


def _dprime(gap: np.ndarray, squared_std: np.ndarray) -> np.ndarray:
    # logit_std^2 is the variance within each side plus that of the two side means, gap^2 / 4
    within = np.maximum(squared_std - np.square(gap) / 4, 1e-6 * np.square(gap))
    return np.where(gap == 0, 0.0, gap / np.sqrt(np.where(gap == 0, 1.0, within)))


def _swings(windows: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """The fractions of the rows with d' above 1 and below -1."""
    real, fake, std = (windows.get(name, np.zeros(0)) for name in LOGITS)
    if not len(real) == len(fake) == len(std) > 0:
        return 0.0, 0.0  # some values were non-finite, and the rows are not known any more
    dprime = _dprime(real - fake, np.square(std))
    return float(np.mean(dprime > 1)), float(np.mean(dprime < -1))


def level(windows: Mapping[str, np.ndarray], name: str) -> float | None:
    """The mean of a metric, or None if it is missing; diversity is capped at 1."""
    if name not in windows:
        return None
    mean = float(np.mean(windows[name]))
    return min(1.0, mean) if name == "diversity" else mean


def _accuracies(window: Window) -> dict[str, np.ndarray]:
    """Accuracy on real and on fake samples, or pairwise if the loss has no threshold."""
    for names in ACCURACIES:
        if set(names) <= set(window.windows):
            return {name: window.windows[name] for name in names}
    return {}


def _described(accuracies: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{name} {np.mean(values):.2f}" for name, values in accuracies.items())


# --- Symptoms


def _equilibrium(window: Window) -> str | None:
    accuracies, limits = _accuracies(window), window.thresholds
    if not accuracies or "logit_std" not in window.windows:
        return None
    std = float(np.mean(window.windows["logit_std"]))
    if std < limits.min_logit_std or window.best.get("sensitivity", 0.0) <= limits.chance_dprime:
        return None  # the discriminator is constant, or has never been better than chance
    diversity = level(window.windows, "diversity")
    if diversity is not None and diversity < limits.collapsed:
        return None  # a generator that hops between modes also keeps the accuracy near 1/2
    distances = [abs(float(np.mean(values)) - 0.5) for values in accuracies.values()]
    swings = [float(np.mean(np.abs(values - 0.5))) for values in accuracies.values()]
    if max(distances) > limits.accuracy_tolerance or max(swings) > limits.swing:
        return None
    varied = "" if diversity is None else f", diversity {diversity:.2f}"
    return (
        f"the players are near equilibrium: {_described(accuracies)}, rows on average within "
        f"{max(swings):.2f} of 1/2, logit_std {std:.2g}{varied}"
    )


def _wins(window: Window) -> str | None:
    accuracies, apart, limits = _accuracies(window), sensitivity(window.windows), window.thresholds
    if not window.late or not accuracies or apart is None or apart < limits.winning_dprime:
        return None
    if min(np.mean(values) for values in accuracies.values()) < limits.accuracy:
        return None
    return (
        f"the discriminator overpowers the generator: {_described(accuracies)}, "
        f"real and fake logits {apart:.1f} standard deviations apart"
    )


def _fails(window: Window) -> str | None:
    accuracies, apart, limits = _accuracies(window), sensitivity(window.windows), window.thresholds
    if not window.late or not accuracies or apart is None:
        return None
    std = float(np.mean(window.windows["logit_std"]))
    if std < limits.min_logit_std and apart <= limits.chance_dprime:
        return f"the discriminator is constant: {_described(accuracies)}, logit_std {std:.2g}"
    most = window.best["sensitivity"]
    if most > limits.chance_dprime or min(_swings(window.windows)) >= limits.oscillating:
        return None
    return (
        f"the discriminator was never better than chance: {_described(accuracies)}, real and fake "
        f"logits {apart:.2f} standard deviations apart, at most {most:.2f} so far"
    )


def _oscillates(window: Window) -> str | None:
    above, below = _swings(window.windows)
    if not window.late or min(above, below) < window.thresholds.oscillating:
        return None
    return (
        f"the game oscillates: real logits are above fake ones by more than a standard deviation "
        f"in {above:.0%} of the rows, and below them by as much in {below:.0%}"
    )


def _collapse(window: Window) -> str | None:
    mean, limits = level(window.windows, "diversity"), window.thresholds
    if not window.late or mean is None:
        return None
    best = window.best["diversity"]
    if mean < limits.collapsed * best:
        return f"the generator has collapsed: diversity {mean:.2f}, at best {best:.2f}"
    if mean < limits.min_diversity:
        return f"the generator has collapsed: diversity {mean:.2f}"
    return None


def _deterioration(window: Window) -> str | None:
    name, limits = window.thresholds.score, window.thresholds
    value = level(window.windows, name)
    if not window.late or value is None:
        return None
    best = window.best["score"]
    worse = best - value if limits.mode == "max" else value - best
    if worse <= max(limits.relative_tolerance * abs(best), 2 * float(np.std(window.windows[name]))):
        return None
    return f"{name} has deteriorated: {value:.4g}, at best {best:.4g}"


# --- Symptoms with suggestions

SYMPTOMS: dict[Kind, tuple[Callable[[Window], str | None], str]] = {
    "equilibrium": (
        _equilibrium,
        "Look at samples to see whether training has converged; more training may not help",
    ),
    "discriminator-wins": (
        _wins,
        "The generator learns little: give the discriminator a lower learning rate, fewer updates "
        "or less width, or add a gradient penalty such as R1",
    ),
    "discriminator-fails": (
        _fails,
        "The generator learns nothing: check the discriminator's learning rate, initial weights "
        "and input, or give it more width or updates",
    ),
    "oscillation": (
        _oscillates,
        "Lower both learning rates and the momentum (Adam's b1), and add a gradient penalty such "
        "as R1",
    ),
    "collapse": (
        _collapse,
        "Return to an earlier checkpoint; try the relativistic loss with R1 and R2, or a lower "
        "learning rate for the generator",
    ),
    "deterioration": (
        _deterioration,
        "An earlier checkpoint may be better (--keep-best keeps the best); an EMA generator and a "
        "decaying learning rate help to keep what was reached",
    ),
}

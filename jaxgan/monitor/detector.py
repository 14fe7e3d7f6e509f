"""Convergence noticed, and what goes wrong before or after it, from the metrics that steps give.

All is judged by running means, and what lasts is a finding: told when it begins, and once. State
is a function of the logged rows alone, so whoever reads the same rows again finds the same.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.checks import check_choice
from jaxgan.monitor.symptoms import (
    ACCURACIES,
    KINDS,
    LOGITS,
    SYMPTOMS,
    Kind,
    Thresholds,
    Window,
    level,
    sensitivity,
)

__all__ = ["KINDS", "Alert", "Kind", "MonitorState", "Thresholds", "alerts", "init", "observe"]

ROWS_OF_A_HISTORY = 400
_LEAST = 3  # values in a window
_WATCHED = {*LOGITS, "diversity", *(name for names in ACCURACIES for name in names)}

Row = Mapping[str, Any]


class Alert(NamedTuple):
    """What was noticed: its kind, in which step and round, and what was seen and may help."""

    kind: Kind
    step: int
    round: int
    message: str

    def __str__(self) -> str:
        return f"step {self.step}: {self.kind}: {self.message}"


class MonitorState(NamedTuple):
    """What the rows so far have shown.

    Attributes:
      rows: how many there were.
      windows: (row, round, value) of each watched metric, as far back as a window reaches.
      best: the best means so far, see `Window`.
      on: the kinds that are found at present.
      since: for kinds that are about to begin or to end, the (row, round) from which on.
    """

    rows: int = 0
    windows: Mapping[str, tuple[tuple[int, int, float], ...]] = {}
    best: Mapping[str, float] = {}
    on: frozenset[Kind] = frozenset()
    since: Mapping[Kind, tuple[int, int]] = {}


# --- All rows at once


def alerts(
    rows: Iterable[Row] | Mapping[str, np.ndarray], thresholds: Thresholds | None = None
) -> list[Alert]:
    """What the metrics of a run show.

    Args:
      rows: those of a metrics.jsonl, a mapping each; or the history of `jaxgan.fit`, arrays
        [rounds], of which as many rounds are looked at as a run logs, about 400.
      thresholds: what counts as what; `Thresholds()` if not given.
    Returns:
      The alerts in their order, each when it begins.
    Raises:
      ValueError: if "round" or "step" are missing, or thresholds are out of range.

    >>> rows = [{"round": i, "step": i, "diversity": 1.0 if i < 2000 else 0} for i in range(3000)]
    >>> [(found.kind, found.step) for found in alerts(rows)]
    [('collapse', 2299), ('deterioration', 2359)]
    """
    state, found = init(), []
    for row in _rows_of(rows) if isinstance(rows, Mapping) else rows:
        state, new = observe(state, row, thresholds)
        found += new
    return found


def _rows_of(history: Mapping[str, np.ndarray]) -> Iterable[Row]:
    count = len(next(iter(history.values()), ()))
    every = max(1, count // ROWS_OF_A_HISTORY)
    for place in range(every - 1, count, every):
        yield {name: values[place] for name, values in history.items()}


# --- Row by row


def init() -> MonitorState:
    """The state before the first row."""
    return MonitorState()


def observe(
    state: MonitorState, row: Row, thresholds: Thresholds | None = None
) -> tuple[MonitorState, list[Alert]]:
    """Takes in one logged row.

    Args:
      state: from `init`, or the row before.
      row: metrics of a round, among them "round" and "step"; None and NaN are left out.
      thresholds: the same for all rows; `Thresholds()` if not given.
    Returns:
      The new state, and the alerts that begin with this row. One that lasts is not given again
      until it has ended, for a window's time, and begins anew.
    Raises:
      ValueError: see `alerts`.
    """
    thresholds = Thresholds() if thresholds is None else thresholds
    _check(row, thresholds)
    step, played = int(row["step"]), int(row["round"])
    state = _taken_in(state, row, thresholds)
    windows, late = _full(state, played, thresholds), played > thresholds.transient
    best = _best(Window(windows, state.best, late, thresholds))
    state, found = state._replace(best=best), []
    for kind, (symptom, advice) in SYMPTOMS.items():
        text, before = symptom(Window(windows, best, late, thresholds)), kind in state.on
        state = _turned(state, kind, text is not None, played, thresholds)
        if kind in state.on and not before:
            found.append(Alert(kind, step, played, f"{text}. {advice}"))
    return state, found


def _check(row: Row, thresholds: Thresholds):
    for name in ("round", "step"):
        if row.get(name) is None:
            raise ValueError(f"row must have a round and a step, the {name} is missing in {row}")
    check_choice(mode=(thresholds.mode, ("max", "min")))
    for name, value in thresholds._asdict().items():
        if name not in ("score", "mode") and not 0 <= value < math.inf:
            raise ValueError(f"{name} must be a number from 0 on, got {value}")


def _taken_in(state: MonitorState, row: Row, thresholds: Thresholds) -> MonitorState:
    """The state with a row's values, without those that its windows do not need any more."""
    now = state.rows + 1, int(row["round"])
    windows = dict(state.windows)
    for name in _WATCHED | {thresholds.score}:
        value = row.get(name)
        if value is None or not math.isfinite(value):
            continue
        values = (*windows.get(name, ()), (*now, float(value)))
        gone = 0
        while len(values) - gone > _LEAST and _is_window(values[gone + 1], now, thresholds):
            gone += 1
        windows[name] = values[gone:]
    return state._replace(rows=now[0], windows=windows)


def _full(state: MonitorState, played: int, thresholds: Thresholds) -> dict[str, np.ndarray]:
    """The values of those windows that reach far enough back."""
    return {
        name: np.array([value for _, _, value in values])
        for name, values in state.windows.items()
        if len(values) >= _LEAST and _is_window(values[0], (state.rows, played), thresholds)
    }


def _is_window(first: tuple, now: tuple[int, int], thresholds: Thresholds) -> bool:
    """Whether a window's time lies between two (row, round, ...)."""
    rows, rounds = now[0] - first[0], now[1] - first[1]
    return rows >= thresholds.rows - 1 and rounds >= thresholds.rounds - 1


def _best(seen: Window) -> Mapping[str, float]:
    better = max if seen.thresholds.mode == "max" else min
    now = [("sensitivity", sensitivity(seen.windows), max)]
    if seen.late:
        now.append(("diversity", level(seen.windows, "diversity"), max))
        now.append(("score", level(seen.windows, seen.thresholds.score), better))
    best = dict(seen.best)
    for name, value, choose in now:
        if value is not None:
            best[name] = choose(value, best.get(name, value))
    return best


def _turned(
    state: MonitorState, kind: Kind, holds: bool, played: int, thresholds: Thresholds
) -> MonitorState:
    """The state with a kind on or off, once its symptom has held, or not, for a window's time."""
    others = {name: since for name, since in state.since.items() if name != kind}
    if holds == (kind in state.on):
        return state._replace(since=others)
    now = state.rows, played
    since = state.since.get(kind, now)
    if not _is_window(since, now, thresholds):
        return state._replace(since={**others, kind: since})
    return state._replace(on=state.on ^ {kind}, since=others)

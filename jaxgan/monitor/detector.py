"""Turns logged metrics into alerts, one per event.

A symptom is judged by running means. It becomes an alert once it has lasted for a whole window, and
is reported when it begins. The state depends on the logged rows alone, so the same rows always give
the same alerts.
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
_MIN_VALUES = 3  # in a window
_WATCHED = {*LOGITS, "diversity", *(name for names in ACCURACIES for name in names)}

Row = Mapping[str, Any]


class Alert(NamedTuple):
    """One event in a run's training.

    Attributes:
      kind: what happened.
      step: the generator update at which it was reported.
      round: the round at which it was reported.
      message: the evidence, and a suggestion.
    """

    kind: Kind
    step: int
    round: int
    message: str

    def __str__(self) -> str:
        return f"step {self.step}: {self.kind}: {self.message}"


class MonitorState(NamedTuple):
    """What the monitor keeps between rows.

    Attributes:
      rows: the number of rows so far.
      windows: the latest (row, round, value) of each watched metric, one window long.
      best: the best means so far, see `Window`.
      on: the kinds of alert that are active.
      since: for each kind that is about to begin or end, the (row, round) at which that started.
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
    """All alerts for the metrics of a run.

    Args:
      rows: the rows of a metrics.jsonl, one mapping each; or the history of `jaxgan.fit`, arrays
        [rounds]. Of a history, about 400 evenly spaced rounds are read, as many as a run logs.
      thresholds: the limits of each kind of alert; `Thresholds()` if not given.
    Returns:
      The alerts in the order in which they begin.
    Raises:
      ValueError: if "round" or "step" is missing, or a threshold is out of range.

    >>> rows = [{"round": i, "step": i, "diversity": 1.0 if i < 2000 else 0} for i in range(3000)]
    >>> [(alert.kind, alert.step) for alert in alerts(rows)]
    [('collapse', 2299), ('deterioration', 2359)]
    """
    state, all_alerts = init(), []
    for row in _rows_of(rows) if isinstance(rows, Mapping) else rows:
        state, new = observe(state, row, thresholds)
        all_alerts += new
    return all_alerts


def _rows_of(history: Mapping[str, np.ndarray]) -> Iterable[Row]:
    count = len(next(iter(history.values()), ()))
    every = max(1, count // ROWS_OF_A_HISTORY)
    for index in range(every - 1, count, every):
        yield {name: values[index] for name, values in history.items()}


# --- Row by row


def init() -> MonitorState:
    """The state before the first row."""
    return MonitorState()


def observe(
    state: MonitorState, row: Row, thresholds: Thresholds | None = None
) -> tuple[MonitorState, list[Alert]]:
    """Reads one logged row.

    Args:
      state: the state from `init` or from the row before.
      row: the metrics of a round, including "round" and "step"; None and NaN are ignored.
      thresholds: the limits of each kind of alert, the same for all rows; `Thresholds()` if not
        given.
    Returns:
      The new state, and the alerts that begin with this row. An alert is not repeated while it
      lasts. It can begin again once its symptom has been absent for a whole window.
    Raises:
      ValueError: if "round" or "step" is missing, or a threshold is out of range.
    """
    thresholds = Thresholds() if thresholds is None else thresholds
    _check(row, thresholds)
    step, played = int(row["step"]), int(row["round"])
    state = _with_row(state, row, thresholds)
    windows, late = _full_windows(state, played, thresholds), played > thresholds.transient
    best = _best(Window(windows, state.best, late, thresholds))
    state, new = state._replace(best=best), []
    for kind, (symptom, advice) in SYMPTOMS.items():
        text, before = symptom(Window(windows, best, late, thresholds)), kind in state.on
        state = _switched(state, kind, text is not None, played, thresholds)
        if kind in state.on and not before:
            new.append(Alert(kind, step, played, f"{text}. {advice}"))
    return state, new


def _check(row: Row, thresholds: Thresholds):
    for name in ("round", "step"):
        if row.get(name) is None:
            raise ValueError(f"row must have a round and a step, but has no {name}: {dict(row)}")
    check_choice(mode=(thresholds.mode, ("max", "min")))
    for name, value in thresholds._asdict().items():
        if name not in ("score", "mode") and not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and 0 or more, got {value}")


def _with_row(state: MonitorState, row: Row, thresholds: Thresholds) -> MonitorState:
    """The state with a row's values added, and values older than a window dropped."""
    now = state.rows + 1, int(row["round"])
    windows = dict(state.windows)
    for name in _WATCHED | {thresholds.score}:
        value = row.get(name)
        if value is None or not math.isfinite(value):
            continue
        values = (*windows.get(name, ()), (*now, float(value)))
        start = 0
        while len(values) - start > _MIN_VALUES and _is_window(values[start + 1], now, thresholds):
            start += 1
        windows[name] = values[start:]
    return state._replace(rows=now[0], windows=windows)


def _full_windows(
    state: MonitorState, played: int, thresholds: Thresholds
) -> dict[str, np.ndarray]:
    """The values of the windows that are complete."""
    return {
        name: np.array([value for _, _, value in values])
        for name, values in state.windows.items()
        if len(values) >= _MIN_VALUES and _is_window(values[0], (state.rows, played), thresholds)
    }


def _is_window(first: tuple, now: tuple[int, int], thresholds: Thresholds) -> bool:
    """Whether the (row, round, ...) `first` and `now` are at least one window apart."""
    rows, rounds = now[0] - first[0], now[1] - first[1]
    return rows >= thresholds.rows - 1 and rounds >= thresholds.rounds - 1


def _best(window: Window) -> Mapping[str, float]:
    """The best means so far, this window's included."""
    better = max if window.thresholds.mode == "max" else min
    now = [("sensitivity", sensitivity(window.windows), max)]
    if window.late:
        now.append(("diversity", level(window.windows, "diversity"), max))
        now.append(("score", level(window.windows, window.thresholds.score), better))
    best = dict(window.best)
    for name, value, choose in now:
        if value is not None:
            best[name] = choose(value, best.get(name, value))
    return best


def _switched(
    state: MonitorState, kind: Kind, holds: bool, played: int, thresholds: Thresholds
) -> MonitorState:
    """The state with a kind switched on (off) once its symptom has held (ceased) for a window."""
    others = {name: since for name, since in state.since.items() if name != kind}
    if holds == (kind in state.on):
        return state._replace(since=others)
    now = state.rows, played
    since = state.since.get(kind, now)
    if not _is_window(since, now, thresholds):
        return state._replace(since={**others, kind: since})
    return state._replace(on=state.on ^ {kind}, since=others)

"""The outcome of a run: `result.json`."""

import json
from pathlib import Path
from typing import NamedTuple

from jaxgan.runs.disk.log import Row


class Result(NamedTuple):
    """The outcome of training a run, from its start or its last resumption.

    Attributes:
      seconds: duration, including compilation.
      round: total number of rounds.
      step: total number of generator updates.
      discarded: total number of updates skipped as non-finite.
      last: the last logged row.
      signal: number of the signal that stopped it; None if it ended by itself.
      finding: the alert that stopped it early, as requested; None if it ran to its end.
      updates: number of generator updates in these seconds; 0 if unknown.
    """

    seconds: float
    round: int
    step: int
    discarded: int
    last: Row
    signal: int | None
    finding: str | None = None
    updates: int = 0


def has_result(out: Path, played: int) -> bool:
    """Whether result.json holds the outcome after `played` rounds, with its duration."""
    try:
        return json.loads((out / "result.json").read_text())["round"] == played
    except (OSError, ValueError, KeyError, TypeError):
        return False

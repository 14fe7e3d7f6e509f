"""How a run ended: `result.json`."""

import json
from pathlib import Path
from typing import NamedTuple

from jaxgan.runs.disk.log import Row


class Result(NamedTuple):
    """How a start of a run ended.

    Attributes:
      seconds: it took, compilation included.
      round: rounds played in all.
      step: generator updates in all.
      discarded: updates in all that were skipped as not finite.
      last: the last logged row.
      signal: the number of the signal that stopped it; None if it ended by itself.
      finding: what it stopped early on, as it was asked to; None if it ran to its end.
    """

    seconds: float
    round: int
    step: int
    discarded: int
    last: Row
    signal: int | None
    finding: str | None = None


def has_result(out: Path, played: int) -> bool:
    """Whether the end after so many rounds is written down: then with the time that it took."""
    try:
        return json.loads((out / "result.json").read_text())["round"] == played
    except (OSError, ValueError, KeyError, TypeError):
        return False

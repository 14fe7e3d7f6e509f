"""A run under watch: what the monitor finds is told, written once, and may end the run."""

from collections.abc import Callable, Iterable

import jax

from jaxgan import monitor
from jaxgan.monitor.detector import Alert, Thresholds
from jaxgan.parallel import processes
from jaxgan.runs.disk.log import Row, RunLog, events
from jaxgan.runs.settings.config import Config
from jaxgan.types import GANState


class EarlyStopping:
    """What the rows of a run show so far; it is the same in all processes.

    `stop` is the first finding that the run is to stop on, if there is one.
    """

    def __init__(
        self,
        config: Config,
        state: GANState,
        rows: Iterable[Row],
        told: Callable[[Alert], None] = lambda finding: None,
    ):
        """Looks at the rows so far, whose alerts were told before."""
        keep = config.saving.keep
        self.stop: Alert | None = None
        self._config, self._told = config, told
        self._plays = bool(jax.tree.leaves(state.discriminator.params))
        self._thresholds = (
            Thresholds() if keep.metric is None else Thresholds(score=keep.metric, mode=keep.mode)
        )
        self._state = monitor.init()
        for row in rows:
            self._observed(row)

    def see(self, rows: Iterable[Row], journal: RunLog):
        """Looks at new rows; writes and tells what they show."""
        known = None
        for finding in (each for row in rows for each in self._observed(row)):
            known = _written(journal) if known is None else known
            if (finding.kind, finding.round) not in known:  # or else by a start that was cut short
                journal.write_event(finding.kind, finding.round, finding.message)
            if processes.is_writer():
                self._told(finding)

    def _observed(self, row: Row) -> list[Alert]:
        if not self._plays:  # logits that nobody gave
            row = {name: x for name, x in row.items() if not name.startswith(("logit", "accuracy"))}
        self._state, found = monitor.observe(self._state, row, self._thresholds)
        for finding in found:
            asked = finding.kind in self._config.stop_on
            if self.stop is None and asked and finding.round > self._config.stop_after:
                self.stop = finding
        return found


def _written(journal: RunLog) -> list[tuple]:
    return [(event.get("kind"), event.get("round")) for event in events(journal.run)]

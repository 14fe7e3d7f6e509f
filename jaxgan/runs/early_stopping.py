"""Early stopping: alerts of the monitor are reported, written once, and may end the run."""

from collections.abc import Callable, Iterable

import jax

from jaxgan import monitor
from jaxgan.monitor.detector import Alert, Thresholds
from jaxgan.parallel import processes
from jaxgan.runs.disk.log import Row, RunLog, events
from jaxgan.runs.settings.config import Config
from jaxgan.types import GANState


class EarlyStopping:
    """The monitor of a run; its state is the same in all processes.

    Attributes:
      stop: the first alert that stops the run; None if there is none yet.
    """

    def __init__(
        self,
        config: Config,
        state: GANState,
        rows: Iterable[Row],
        on_alert: Callable[[Alert], None] = lambda alert: None,
    ):
        """Reads the rows so far, whose alerts were reported before."""
        keep = config.options.saving.keep
        self.stop: Alert | None = None
        self._config, self._on_alert = config, on_alert
        self._plays = bool(jax.tree.leaves(state.discriminator.params))
        self._thresholds = (
            Thresholds() if keep.metric is None else Thresholds(score=keep.metric, mode=keep.mode)
        )
        self._state = monitor.init()
        for row in rows:
            self._observed(row)

    def see(self, rows: Iterable[Row], journal: RunLog):
        """Reads new rows; writes and reports their alerts."""
        known = None
        for alert in (each for row in rows for each in self._observed(row)):
            known = _written(journal) if known is None else known
            if (alert.kind, alert.round) not in known:  # a run that was cut short wrote it already
                journal.write_event(alert.kind, alert.round, alert.message)
            if processes.is_writer():
                self._on_alert(alert)

    def _observed(self, row: Row) -> list[Alert]:
        if not self._plays:  # without a discriminator, its metrics mean nothing
            row = {name: x for name, x in row.items() if not name.startswith(("logit", "accuracy"))}
        self._state, found = monitor.observe(self._state, row, self._thresholds)
        for alert in found:
            asked = alert.kind in self._config.options.stop_on
            if self.stop is None and asked and alert.round > self._config.stop_after:
                self.stop = alert
        return found


def _written(journal: RunLog) -> list[tuple]:
    return [(event.get("kind"), event.get("round")) for event in events(journal.run)]

"""The constants of a run while it trains."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from jaxgan.data import Dataset, Records
from jaxgan.monitor.detector import Alert
from jaxgan.runs.disk.log import Row
from jaxgan.runs.settings.config import Config
from jaxgan.scoring.in_training import Scorer
from jaxgan.training.sampling import Conditions, Drawn
from jaxgan.types import GAN, GANState


@dataclasses.dataclass(frozen=True)
class Run:
    """The constants of a run while it trains.

    Attributes:
      out: its folder.
      config: its configuration.
      gan: its GAN.
      dataset: its data.
      draw: draws the samples of its sample images from a state, in pieces.
      drawn_on: the conditions of those samples.
      on_row: called with each logged row.
      on_alert: called with each alert of the monitor.
      scorer: scores a state during training; None without scores.
      start: what it starts from beside its seed, in words; "" for nothing.
    """

    out: Path
    config: Config
    gan: GAN
    dataset: Dataset | Records
    draw: Callable[[GANState], list[Drawn]]
    drawn_on: Conditions
    on_row: Callable[[Row], None]
    on_alert: Callable[[Alert], None]
    scorer: Scorer | None = None
    start: str = ""


OnStart = Callable[[Run, int], Callable[[Row], None]]
"""Called with a run and its generator updates so far; returns the run's `on_row`."""

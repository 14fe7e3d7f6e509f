"""What stays the same while a run trains."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax

from jaxgan.data import Dataset, Records
from jaxgan.monitor.detector import Alert
from jaxgan.runs.disk.log import Row
from jaxgan.runs.settings.config import Config
from jaxgan.scoring.in_training import Scorer
from jaxgan.training.sampling import Conditions
from jaxgan.types import GAN, GANState


@dataclasses.dataclass(frozen=True)
class Run:
    """What stays the same while a run goes.

    `on_row` is called with each logged row, `on_alert` with each finding of the monitor.
    """

    out: Path
    config: Config
    gan: GAN
    dataset: Dataset | Records
    draw: Callable[[GANState], list[jax.Array]]
    drawn_on: Conditions
    on_row: Callable[[Row], None]
    on_alert: Callable[[Alert], None]
    scorer: Scorer | None = None


Begun = Callable[[Run, int], Callable[[Row], None]]
"""Called with a run and its generator updates so far; gives the run's `on_row`."""

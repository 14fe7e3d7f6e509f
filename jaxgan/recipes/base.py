"""What a recipe is: a complete setting, and what it is known to reach."""

import dataclasses
from collections.abc import Callable

from jaxgan.plan import Plan
from jaxgan.types import GAN

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A setting of everything, with what it is known to reach.

    Attributes:
      name: on the command line.
      summary: what it is, in a line.
      data: the default data, see `jaxgan.data.load`.
      gan: makes the GAN for samples of a shape; a conditional one takes the number of classes too.
      steps: generator updates.
      plan: batches and schedule.
      time: of the whole run, on two CPU cores.
      result: measured, with the command that measures it.
    """

    name: str
    summary: str
    data: str
    gan: Callable[[Shape, int | None], GAN]
    steps: int
    plan: Plan
    time: str = ""
    result: str = ""

"""What a recipe is: a complete setting, or a list of them, and what it is known to reach."""

import dataclasses
from collections.abc import Callable
from typing import Literal

from jaxgan.training.plan import Plan
from jaxgan.types import GAN

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A setting of everything, with what it is known to reach.

    Attributes:
      name: on the command line; of a stage, with that of the stages before a slash.
      summary: what it is, in a line.
      data: the default data, see `jaxgan.data.load`.
      gan: makes the GAN for samples of a shape; a conditional one takes the number of classes too.
      steps: generator updates.
      plan: batches and schedule.
      time: of the whole run, on two CPU cores.
      result: measured, with the command that measures it.
      begins_with: the stage, trained before, whose averaged generator this one starts from.
      needs: a package that is not installed with jaxgan, and the extra that installs it.
    """

    name: str
    summary: str
    data: str
    gan: Callable[[Shape, int | None], GAN]
    steps: int
    plan: Plan
    time: str = ""
    result: str = ""
    begins_with: str | None = None
    needs: tuple[str, str] | None = None

    @property
    def stage(self) -> str:
        """The name of a stage alone, which is that of its folder too."""
        return self.name.rpartition("/")[2]


@dataclasses.dataclass(frozen=True)
class StagedRecipe:
    """Recipes that are trained one after the other, each in its own sub-folder of the run.

    Attributes:
      name: on the command line.
      summary: what it is, in a line.
      stages: the recipes, called NAME/STAGE.
      time: of all stages, on two CPU cores.
      result: measured.
      drawn_by: what makes samples of the whole: the last stage, or all levels of a pyramid.
    """

    name: str
    summary: str
    stages: tuple[Recipe, ...]
    time: str = ""
    result: str = ""
    drawn_by: Literal["last", "pyramid"] = "last"

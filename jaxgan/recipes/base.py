"""The types of recipes: a complete training configuration, or a sequence of them."""

import dataclasses
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from jaxgan.training.plan import Plan

if TYPE_CHECKING:
    from jaxgan.types import GAN, Array

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A complete training configuration, with its measured results.

    Attributes:
      name: name on the command line; STAGED/STAGE for a stage of a staged recipe.
      summary: one-line description.
      data: default data, see `jaxgan.data.load`.
      gan: `(shape, num_classes, **hyperparameters) -> GAN` for samples of that shape; num_classes
        is None for an unconditional GAN, and `recipe_hyperparameters` lists the others.
      steps: number of generator updates.
      plan: batches and order of updates.
      time: training time on two CPU cores.
      result: measured results. Class fractions are of 1,000 samples; intra-class std is relative to
        real data; near-duplicates are closer to a training image than 99% of training images are to
        their nearest neighbour.
      begins_with: name of the earlier stage whose EMA generator is the initial generator.
      needs: a package that is not installed with jaxgan, and the command that installs it.
    """

    name: str
    summary: str
    data: str
    gan: "Callable[..., GAN]"
    steps: int
    plan: Plan
    time: str = ""
    result: str = ""
    begins_with: str | None = None
    needs: tuple[str, str] | None = None

    @property
    def stage(self) -> str:
        """The name without that of the staged recipe, which is also the name of its folder."""
        return self.name.rpartition("/")[2]


@dataclasses.dataclass(frozen=True)
class StagedRecipe:
    """Recipes that are trained one after the other, each in its own sub-folder of the run.

    Attributes:
      name: name on the command line.
      summary: one-line description.
      stages: the recipes, named NAME/STAGE.
      time: training time of all stages on two CPU cores.
      result: measured results.
      drawn_by: whether the "last" stage generates the samples, or all levels of a "pyramid".
    """

    name: str
    summary: str
    stages: tuple[Recipe, ...]
    time: str = ""
    result: str = ""
    drawn_by: Literal["last", "pyramid"] = "last"


@dataclasses.dataclass(frozen=True)
class Builder:
    """A function of this folder that makes a GAN; its module is imported when it is called.

    Attributes:
      name: MODULE.FUNCTION, such as "dcgan.dcgan_gan".
    """

    name: str

    @property
    def function(self) -> "Callable[..., GAN]":
        """The function itself."""
        module, _, function = self.name.partition(".")
        return getattr(importlib.import_module(f"jaxgan.recipes.{module}"), function)

    def __call__(
        self, shape: Shape, num_classes: int | None = None, **hyperparameters: "float | Array"
    ) -> "GAN":
        """The GAN for samples of a shape."""
        return self.function(shape, num_classes, **hyperparameters)

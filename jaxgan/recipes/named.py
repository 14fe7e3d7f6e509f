"""All recipes by name."""

import dataclasses
import functools
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jaxgan.caching import cached
from jaxgan.choices import AugmentationName
from jaxgan.recipes import facts
from jaxgan.recipes.base import Recipe, Shape, StagedRecipe

if TYPE_CHECKING:
    from jaxgan.types import GAN

STAGED: dict[str, StagedRecipe] = {staged.name: staged for staged in facts.STAGED}
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (*facts.SINGLE, *(stage for each in facts.STAGED for stage in each.stages))
}


def recipe(name: str) -> Recipe:
    """The recipe with a name.

    Args:
      name: name of a recipe, or STAGED/STAGE for a stage of a staged recipe.
    Raises:
      ValueError: if there is no such recipe, or it is a staged one.
    """
    if name in STAGED:
        stages = ", ".join(stage.name for stage in STAGED[name].stages)
        raise ValueError(f"recipe {name!r} has stages: {stages}; choose one of them")
    if name not in RECIPES:
        from jaxgan.checks import closest

        near = closest(str(name), [*RECIPES, *STAGED])
        raise ValueError(f"unknown recipe {name!r}.{near} Run `jaxgan recipes` for the list")
    return RECIPES[name]


def recipe_gan(
    name: str,
    shape: Shape,
    num_classes: int | None = None,
    augmentation: AugmentationName | None = None,
    numbers: Mapping[str, float] | None = None,
) -> "GAN":
    """The GAN of a recipe, for samples of the given shape.

    Args:
      name: name of the recipe.
      shape: shape of one sample.
      num_classes: number of classes of a conditional GAN.
      augmentation: name in `augment.NAMED`, to replace the recipe's own augmentation.
      numbers: values for some of the recipe's numbers, see `recipe_numbers`.
    Raises:
      ValueError: if there is no such recipe, or it does not support the shape or classes.
    """
    found = recipe(name)
    gan = found.gan(shape, num_classes, **(numbers or {}))
    if augmentation is None:
        return gan
    from jaxgan import augment

    model_range = found.plan.model_range or (-1.0, 1.0)
    made = augment.NAMED[augmentation](model_range=model_range)
    return dataclasses.replace(gan, augmentation=made)


def recipe_numbers(name: str) -> dict[str, float]:
    """The numbers of a recipe that may be traced, such as learning rates, with their defaults.

    Args:
      name: name of the recipe.
    Raises:
      ValueError: if there is no such recipe.

    >>> recipe_numbers("ring")
    {'learning_rate': 0.002, 'gamma': 10.0}
    """
    made = recipe(name).gan
    parameters = inspect.signature(getattr(made, "function", made)).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}


@cached  # so that programs made for one serve the next
def recipe_maker(name: str, shape: Shape, num_classes: int | None = None) -> "Callable[..., GAN]":
    """A recipe as `make_gan(**numbers) -> GAN`, for `jaxgan.fit_many`; see also `recipe_gan`.

    Numbers that are not given keep their defaults, see `recipe_numbers`.
    """
    return functools.partial(recipe(name).gan, shape, num_classes)


def check_installed(recipe: Recipe):
    """Check that the package a recipe needs is installed.

    Raises:
      ValueError: if it is not; the message says how to install it.
    """
    if recipe.needs is not None and importlib.util.find_spec(recipe.needs[0]) is None:
        package, command = recipe.needs
        raise ValueError(
            f"recipe {recipe.name} needs the package {package}; install it with {command}"
        )

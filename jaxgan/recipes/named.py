"""All recipes by name."""

import dataclasses
import functools
import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jaxgan.caching import cached
from jaxgan.choices import AugmentationName
from jaxgan.recipes import facts
from jaxgan.recipes.base import Recipe, Shape, StagedRecipe
from jaxgan.recipes.hyperparameters import HyperParameter, checked, hyperparameters_of

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
    hyperparameters: Mapping[str, Any] | None = None,
) -> "GAN":
    """The GAN of a recipe, for samples of the given shape.

    Args:
      name: name of the recipe.
      shape: shape of one sample.
      num_classes: number of classes or attributes of a conditional GAN.
      augmentation: name in `augment.NAMED`, to replace the recipe's own augmentation.
      hyperparameters: values for some of them, see `recipe_hyperparameters`.
    Raises:
      ValueError: if there is no such recipe, it does not support the shape or classes, or a
        hyper-parameter is unknown or out of range.
    """
    found = recipe(name)
    given = hyperparameters or {}
    checked(name, recipe_hyperparameters(name), given)
    gan = found.gan(shape, num_classes, **given)
    if augmentation is None:
        return gan
    from jaxgan import augment

    model_range = found.plan.model_range or (-1.0, 1.0)
    made = augment.NAMED[augmentation](model_range=model_range)
    return dataclasses.replace(gan, augmentation=made)


def recipe_hyperparameters(name: str) -> dict[str, HyperParameter]:
    """The hyper-parameters of a recipe, each with its type, range, default and meaning.

    Args:
      name: name of the recipe.
    Raises:
      ValueError: if there is no such recipe.

    >>> width = recipe_hyperparameters("ring")["width"]
    >>> width.default, width.help
    (64, 'Units of each hidden layer of both players.')
    """
    made = recipe(name).gan
    return hyperparameters_of(getattr(made, "function", made))


def recipe_numbers(name: str) -> dict[str, float]:
    """The numbers of a recipe that may be traced, such as learning rates, with their defaults.

    Args:
      name: name of the recipe.
    Raises:
      ValueError: if there is no such recipe.

    >>> recipe_numbers("ring")["gamma"]
    10.0
    """
    known = recipe_hyperparameters(name)
    return {each: known[each].default for each in known if known[each].is_traceable}


@cached  # so that programs made for one serve the next
def recipe_maker(name: str, shape: Shape, num_classes: int | None = None) -> "Callable[..., GAN]":
    """A recipe as `make_gan(**numbers) -> GAN`, for `jaxgan.fit_many`; see also `recipe_gan`.

    Hyper-parameters that are not given keep their defaults, see `recipe_hyperparameters`.
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

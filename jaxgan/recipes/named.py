"""All recipes by name."""

import dataclasses
import importlib.util

from jaxgan import augment
from jaxgan.checks import closest
from jaxgan.recipes import dcgan, lapgan, mixtures, mlp, pix2pix, resnet, srgan
from jaxgan.recipes.base import Recipe, Shape, StagedRecipe
from jaxgan.types import GAN

STAGED: dict[str, StagedRecipe] = {
    staged.name: staged for staged in (*lapgan.STAGED, *srgan.STAGED)
}
RECIPES = {
    recipe.name: recipe
    for recipe in (
        *mlp.RECIPES,
        *mixtures.RECIPES,
        *dcgan.RECIPES,
        *resnet.RECIPES,
        *pix2pix.RECIPES,
        *(stage for staged in STAGED.values() for stage in staged.stages),
    )
}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
      ValueError: if there is none (the error names the closest), or it has stages.
    """
    if name in STAGED:
        stages = ", ".join(stage.name for stage in STAGED[name].stages)
        raise ValueError(f"recipe {name!r} has stages: {stages}")
    if name not in RECIPES:
        near = closest(str(name), [*RECIPES, *STAGED])
        raise ValueError(f"unknown recipe {name!r}.{near} Run `jaxgan recipes` for the list")
    return RECIPES[name]


def recipe_gan(
    name: str,
    shape: Shape,
    num_classes: int | None = None,
    augmentation: augment.AugmentationName | None = None,
) -> GAN:
    """The GAN of a recipe, for samples of a shape.

    Args:
      name: of the recipe.
      shape: of a sample.
      num_classes: of the labels that a conditional GAN is given.
      augmentation: one of `augment.NAMED`, instead of the recipe's own.
    Raises:
      ValueError: if there is no such recipe, or shape or classes are none for it.
    """
    found = recipe(name)
    gan = found.gan(shape, num_classes)
    if augmentation is None:
        return gan
    model_range = found.plan.model_range or (-1.0, 1.0)
    made = augment.NAMED[augmentation](model_range=model_range)
    return dataclasses.replace(gan, augmentation=made)


def check_installed(recipe: Recipe):
    """Raises a ValueError that says how to install what a recipe needs, if it is not there."""
    if recipe.needs is not None and importlib.util.find_spec(recipe.needs[0]) is None:
        package, command = recipe.needs
        raise ValueError(f"recipe {recipe.name} needs the package {package}: {command}")

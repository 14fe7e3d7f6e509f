"""Named, complete settings. Each says what it trains on, how long it takes, what it reached."""

from jaxgan.recipes import convolutional, dense, modern
from jaxgan.recipes.base import Recipe

_FAMILIES = (*dense.RECIPES, *convolutional.RECIPES, *modern.RECIPES)
RECIPES = {recipe.name: recipe for recipe in _FAMILIES}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
      ValueError: if there is none; the error lists them.
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}; known: {', '.join(RECIPES)}")
    return RECIPES[name]

from .base import Recipe as Recipe, StagedRecipe as StagedRecipe
from .hyperparameters import HyperParameter as HyperParameter
from .named import (
    RECIPES as RECIPES,
    STAGED as STAGED,
    check_installed as check_installed,
    recipe as recipe,
    recipe_gan as recipe_gan,
    recipe_hyperparameters as recipe_hyperparameters,
    recipe_maker as recipe_maker,
    recipe_numbers as recipe_numbers,
)

"""The options of a run: those of its recipe or of the run in its folder, and those given."""

from pathlib import Path

from jaxgan.checks import check_positive
from jaxgan.recipes import recipe, recipe_hyperparameters
from jaxgan.recipes.hyperparameters import checked
from jaxgan.runs.settings.config import has_config, read_config
from jaxgan.runs.settings.options import Input, Options, Overrides, Saving
from jaxgan.scoring.settings import Scoring
from jaxgan.settings import with_values

DEFAULT_RECIPE = "digits"
HYPERPARAMETERS = "hyperparameters"
TAKE_ATTRIBUTES = (
    *("cgan", "conditional-dcgan", "biggan", "sngan", "r3gan", "stylegan2", "stylegan2-small"),
    *("digits", "few-shot", "lapgan", "conditional-lapgan", "projected", "r3gan-projected"),
)
"""The recipes whose networks and losses can be conditioned on attributes."""
LOGGED, PICTURED, SAVED = 400, 10, 10  # times per run


def options_for(out: Path, overrides: Overrides) -> Options:
    """The options of a run in a folder: those of the run that is there, or else of the recipe.

    Raises:
      ValueError: if the recipe is unknown, the run's config.json is invalid, or a hyper-parameter
        is unknown or out of range.
    """
    if has_config(out):
        options = read_config(out).options
    else:
        name = overrides.get("recipe", DEFAULT_RECIPE)
        options = options_from_recipe(name, overrides.get("steps"))
    given = overrides | with_hyperparameters(options, overrides)
    if given.get("input.condition"):
        _check_takes_attributes(options.recipe)
        given["plan.conditional"] = True
    return with_values(options, given)


def _check_takes_attributes(name: str):
    if name.partition("/")[0] not in TAKE_ATTRIBUTES:
        raise ValueError(
            f"--condition: the recipe {name} cannot be conditioned on attributes. Leave it out, or "
            f"choose one of {', '.join(TAKE_ATTRIBUTES)}"
        )


def with_hyperparameters(options: Options, overrides: Overrides) -> Overrides:
    """All hyper-parameters of a run as an option: those given, and those it had before.

    Raises:
      ValueError: if one that is given is unknown or invalid.
    """
    known = recipe_hyperparameters(options.recipe)
    given = checked(options.recipe, known, overrides.get(HYPERPARAMETERS, {}), rules=True)
    return {HYPERPARAMETERS: options.hyperparameters | given}


def options_from_recipe(name: str, steps: int | None = None) -> Options:
    """A recipe's options, for the given number of generator updates or the recipe's own.

    Raises:
      ValueError: if the recipe is unknown, or steps is not a positive int.
    """
    chosen = recipe(name)
    steps = chosen.steps if steps is None else steps
    check_positive(steps=steps)
    return Options(
        recipe=chosen.name,
        input=Input(chosen.data),
        steps=steps,
        plan=chosen.plan,
        hyperparameters={
            each: found.default for each, found in recipe_hyperparameters(name).items()
        },
        log_every=max(1, steps // LOGGED),
        sample_every=max(1, steps // PICTURED),
        saving=Saving(every=max(1, steps // SAVED)),
        scoring=Scoring(every=max(1, steps // SAVED)),
    )

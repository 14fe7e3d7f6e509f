"""The options of a run: those of its recipe or of the run in its folder, and those given."""

from pathlib import Path

from jaxgan.checks import check_positive
from jaxgan.recipes import recipe
from jaxgan.runs.settings.config import has_config, read_config
from jaxgan.runs.settings.options import Input, Options, Overrides, Saving
from jaxgan.scoring.settings import Scoring
from jaxgan.settings import with_values

DEFAULT_RECIPE = "digits"
LOGGED, PICTURED, SAVED = 400, 10, 10  # times per run


def options_for(out: Path, overrides: Overrides) -> Options:
    """The options of a run in a folder: those of the run that is there, or else of the recipe.

    Raises:
      ValueError: if the recipe is unknown, or the run's config.json is invalid.
    """
    if has_config(out):
        return with_values(read_config(out).options, overrides)
    name = overrides.get("recipe", DEFAULT_RECIPE)
    return with_values(options_from_recipe(name, overrides.get("steps")), overrides)


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
        log_every=max(1, steps // LOGGED),
        sample_every=max(1, steps // PICTURED),
        saving=Saving(every=max(1, steps // SAVED)),
        scoring=Scoring(every=max(1, steps // SAVED)),
    )

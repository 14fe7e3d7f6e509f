"""What a run is asked for: by its recipe, by the run that goes on, by who starts it."""

import math
from pathlib import Path
from typing import Any, NamedTuple, Self

from jaxgan.augment.named import AugmentationName
from jaxgan.checks import check_positive
from jaxgan.monitor.detector import KINDS, Kind
from jaxgan.recipes import recipe
from jaxgan.runs.settings.config import Config, Input, Saving, Seed, has_config, read_config
from jaxgan.scoring.in_training import Scoring
from jaxgan.training.plan import Count, Plan

LOGGED, PICTURED, SAVED = 400, 10, 10  # times a run


class Options(NamedTuple):
    """What a run is asked for; the fields of `Config` that a user chooses."""

    recipe: str
    augment: AugmentationName | None
    input: Input
    steps: Count
    seed: Seed
    log_every: Count
    sample_every: Count
    plan: Plan
    saving: Saving
    scoring: Scoring = Scoring()
    stop_on: tuple[Kind, ...] = ()

    def with_changes(self, wanted: "Overrides") -> Self:
        """The same options, but for those that are wanted otherwise."""
        keep = self.saving.keep._replace(**wanted.keep)
        return self._replace(
            **_tuples(wanted.run),
            plan=self.plan._replace(**wanted.plan),
            input=self.input._replace(**wanted.input),
            saving=self.saving._replace(keep=keep, **wanted.saving),
            scoring=self.scoring._replace(**_tuples(wanted.scoring)),
        )


class Overrides(NamedTuple):
    """The options that somebody gave, by name; the others are the recipe's or the run's."""

    run: dict[str, Any]
    plan: dict[str, Any]
    input: dict[str, Any]
    saving: dict[str, Any]
    keep: dict[str, Any]
    scoring: dict[str, Any] = {}  # noqa: RUF012 (nobody writes to it)


def _tuples(given: dict[str, Any]) -> dict[str, Any]:
    """Options that were written down as JSON have lists."""
    return {name: tuple(x) if isinstance(x, list) else x for name, x in given.items()}


def options_for(out: Path, wanted: Overrides) -> Options:
    """The options of a run in a folder: those of the run that is there, or else of the recipe.

    Raises:
      ValueError: if the recipe is unknown, or the run's config.json is no good.
    """
    if has_config(out):
        return options_from_config(read_config(out)).with_changes(wanted)
    return options_from_recipe(
        wanted.run.get("recipe", "digits"), wanted.run.get("steps")
    ).with_changes(wanted)


def options_from_config(config: Config) -> Options:
    """The options that a run was started with."""
    return Options(*(getattr(config, name) for name in Options._fields))


def options_from_recipe(name: str, steps: int | None = None) -> Options:
    """A recipe's options, for so many generator updates or as many as it names.

    Raises:
      ValueError: if the recipe is unknown, or steps are no positive int.
    """
    chosen = recipe(name)
    steps = chosen.steps if steps is None else steps
    check_positive(steps=steps)
    return Options(
        recipe=chosen.name,
        augment=None,
        input=Input(chosen.data),
        steps=steps,
        seed=0,
        log_every=max(1, steps // LOGGED),
        sample_every=max(1, steps // PICTURED),
        plan=chosen.plan,
        saving=Saving(every=max(1, steps // SAVED)),
        scoring=Scoring(every=max(1, steps // SAVED)),
    )


# --- Options that are texts or other units


def bytes_of(gibibytes: float) -> int:
    """The bytes of so many GiB."""
    if not math.isfinite(gibibytes):
        raise ValueError(f"--max-memory must be a number of GiB, got {gibibytes}")
    return round(gibibytes * 2**30)


def best_of(text: str) -> dict[str, str]:
    """METRIC:max or METRIC:min, or METRIC alone for the largest."""
    metric, colon, mode = text.partition(":")
    if not metric or (colon and mode not in ("max", "min")):
        raise ValueError(f"--keep-best must be METRIC:max or METRIC:min, got {text!r}")
    return {"metric": metric, "mode": mode or "max"}


def kinds_of(text: str) -> tuple[Kind, ...]:
    """KIND,KIND,... each once, or none."""
    kinds = tuple(kind for kind in KINDS if kind in text.split(","))
    if text != "none" and set(kinds) != set(text.split(",")):
        raise ValueError(f"--stop-on must be some of {','.join(KINDS)}, or none, got {text!r}")
    return kinds

"""Tables of the report and of model cards: settings, metrics, scores, events."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pydantic

from jaxgan.recipes import RECIPES, recipe_hyperparameters
from jaxgan.runs.disk.log import Row, events, mean_row
from jaxgan.runs.settings.config import Config
from jaxgan.training.plan import Plan

EVENTS = 200  # at most, per run
RELIABLE = 1000  # samples in a score
QUIET = frozenset(("equilibrium", "resume", "signal", "start", "stop"))
"""Kinds of events that are not warnings."""

Table = list[tuple[str, str]]
Content = TypeVar("Content")


class ScoreTable(NamedTuple):
    """Scores of a run.

    Attributes:
      columns: titles of the columns that hold numbers.
      rows: name of each score, and its number per column.
      facts: what the scores depend on.
      few: number of samples, if they are too few for reliable scores; otherwise None.
      older: the step of the scores and the last one, if that is a later one; otherwise None.
    """

    columns: list[str]
    rows: list[tuple[str, list[str]]]
    facts: Table
    few: int | None
    older: tuple[int, int] | None


class EventTable(NamedTuple):
    """The last events of a run: time, round, kind, message, and whether it is a warning."""

    rows: list[tuple[str, str, str, str, bool]]
    total: int


# --- Settings


def date_text(time: str) -> str:
    """An ISO date and time as text, in UTC; other texts are returned as they are.

    >>> date_text("2026-11-28T11:21:17+00:00"), date_text("?")
    ('28 Nov 2026, 11:21 UTC', '?')
    """
    try:
        moment = datetime.fromisoformat(time).astimezone(UTC)
    except ValueError:
        return time
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def configuration_table(config: Config) -> Table:
    """The main settings of a run."""
    plan, data = config.options.plan, config.data
    shape = " × ".join(map(str, data.shape))
    recipe = RECIPES.get(config.options.recipe)
    classes = "unconditional" if data.num_classes is None else f"conditional, {data.num_classes}"
    if data.attributes:
        classes = f"conditional, attributes {', '.join(data.attributes)}"
    return [
        (
            "Recipe",
            f"{config.options.recipe}: {recipe.summary}" if recipe else config.options.recipe,
        ),
        ("Data", f"{config.options.input.source}: {data.size:,} samples of shape {shape}"),
        ("Classes", classes),
        ("Generator updates", f"{config.options.steps:,}"),
        ("Batch size", f"{plan.batch_size:,}"),
        ("Update rule", _update_rule(plan)),
        ("Hyper-parameters", _hyperparameters(config)),
        ("Augmentation", config.options.augment or "none"),
        ("Precision", plan.precision),
        ("Seed", str(config.options.seed)),
    ]


def _hyperparameters(config: Config) -> str:
    """The hyper-parameters of a run, with the recipe's values of those that were changed."""
    name, values = config.options.recipe, config.options.hyperparameters
    known = recipe_hyperparameters(name) if name in RECIPES else {}
    shown = []
    for each, value in values.items():
        changed = each in known and known[each].default != value
        shown.append(f"{each} {value}" + (f" (recipe: {known[each].default})" if changed else ""))
    return ", ".join(shown) or "none"


def _update_rule(plan: Plan) -> str:
    """The update rule of a plan; with the updates per round if it alternates.

    >>> _update_rule(Plan(n_critic=5))
    'alternating, 5 updates of the discriminator and 1 of the generator, discriminator first'
    >>> _update_rule(Plan(update="extragradient"))
    'extragradient'
    """
    rule = str(plan.update)
    if not rule.endswith("alternating"):
        return rule
    updates = (
        f"{plan.n_critic} updates of the discriminator and {plan.n_generator} of the generator"
    )
    return f"{rule}, {updates}, {plan.first} first"


def environment_table(config: Config) -> Table:
    """Date, machine and versions of a run."""
    devices = "all" if config.options.plan.devices is None else str(config.options.plan.devices)
    return [
        ("Started", date_text(config.date)),
        ("Machine", config.device),
        ("Devices used", f"{devices}, with {config.options.plan.parallel}"),
        ("Python", config.python),
        *config.versions.items(),
    ]


def flat(value: Any, place: str = "") -> Table:
    """A JSON object as dotted names with their values."""
    if not isinstance(value, dict):
        return [(place, value if isinstance(value, str) else json.dumps(value))]
    dot = f"{place}." if place else ""
    return [pair for name, part in value.items() for pair in flat(part, f"{dot}{name}")]


# --- Metrics, scores, events


def metrics_table(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Name of each metric, its last value, and its mean over the last 5% of the rows."""
    means = mean_row(list(rows[-max(1, len(rows) // 20) :]))
    last = {name: value for row in rows for name, value in row.items() if value is not None}
    return [(name, _number(last[name]), _number(mean)) for name, mean in means.items()]


class _Score(pydantic.BaseModel):
    name: str
    value: float | None
    error: float | None
    baseline: float | None


class _Scores(pydantic.BaseModel):
    """The content of scores.json: the scores, and everything that they depend on."""

    model_config = pydantic.ConfigDict(extra="allow")

    scores: list[_Score]


_COLUMNS = {"value": "value", "error": "error", "baseline": "real-data baseline"}


def score_table(file: Path, last: int) -> ScoreTable:
    """The scores of a run that has reached the step `last`."""
    found = read_json(file, _Scores) or _Scores(scores=[])
    facts = found.model_extra or {}
    shown = [
        name
        for name in _COLUMNS
        if name == "value" or any(getattr(score, name) is not None for score in found.scores)
    ]
    rows = [
        (score.name, [_number(getattr(score, name)) for name in shown]) for score in found.scores
    ]
    num = facts.get("samples")
    few = num if isinstance(num, int) and num < RELIABLE else None
    step = facts.get("step")
    older = (step, last) if isinstance(step, int) and step < last else None
    return ScoreTable([_COLUMNS[name] for name in shown], rows, flat(facts), few, older)


def event_table(run: Path) -> EventTable:
    """The last events of a run."""
    found = events(run)
    return EventTable([_event(event) for event in found[-EVENTS:]], len(found))


def _event(event: dict[str, Any]) -> tuple[str, str, str, str, bool]:
    time, number, kind, message = (
        str(event.get(name, "")) for name in ("time", "round", "kind", "message")
    )
    return date_text(time), number, kind, message, kind not in QUIET


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else ""


# --- Files


def read_json(path: Path, kind: type[Content]) -> Content | None:
    """The content of a JSON file; None if it does not exist yet."""
    try:
        return pydantic.TypeAdapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ValueError(f"{path} is damaged: {place}: {problem['msg']}") from None

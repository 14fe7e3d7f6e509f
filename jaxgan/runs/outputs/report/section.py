"""What the report says about a run, or about one stage of it, read from the run's files."""

import base64
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pydantic
from PIL import Image

from jaxgan import plots
from jaxgan.recipes import RECIPES, recipe_hyperparameters
from jaxgan.runs.disk.log import REAL, Row, counted, events, mean_row, read_rows
from jaxgan.runs.disk.result import Result
from jaxgan.runs.outputs.report.curves import evenly, figures
from jaxgan.runs.settings.config import Config, read_config, to_json
from jaxgan.training.plan import Plan

SCORES = "scores.json"
IMAGES, EVENTS = 60, 200  # at most, per run
RELIABLE = 1000  # samples in a score
QUIET = frozenset(("equilibrium", "resume", "signal", "start", "stop"))
"""Kinds of events that are not warnings."""

Table = list[tuple[str, str]]
Read = TypeVar("Read")


class SampleImages(NamedTuple):
    """Images of samples over time.

    Attributes:
      images: step and data URI of each, evenly chosen.
      total: number of images in the run's folder.
      left_out: number of unreadable files, and of links to files outside the folder.
      real: an image of real samples, as a data URI; None if there is none.
    """

    images: list[tuple[int, str]]
    total: int
    left_out: int
    real: str | None


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


class Section(NamedTuple):
    """The report's section on a run.

    Attributes:
      folder: the run's folder.
      recipe: name of the recipe.
      status: how far training is, in a sentence.
      finished: whether it has ended.
      configuration: the main settings.
      settings: all settings.
      environment: date, machine and versions.
      samples: images of samples over time.
      figures: curves for plotly, see `curves.figures`; empty if plotly is not installed.
      curves: in that case an image of the curves, as a data URI; None without metrics.
      metrics: name of each metric, its last value, and its mean over the last 5% of the rows.
      scores: the scores of `jaxgan evaluate`.
      events: the last events.
    """

    folder: Path
    recipe: str
    status: str
    finished: bool
    configuration: Table
    settings: Table
    environment: Table
    samples: SampleImages
    figures: list[dict[str, Any]]
    curves: str | None
    metrics: list[tuple[str, str, str]]
    scores: ScoreTable
    events: EventTable


def read_section(run: Path, scores_file: Path, interactive: bool) -> Section:
    """Read the section of a run.

    Args:
      run: folder of the run.
      scores_file: its scores.json, which need not exist.
      interactive: whether the page has interactive curves.
    Raises:
      FileNotFoundError: if the folder contains no run.
      ValueError: if a file of the run is damaged.
    """
    config, (found, invalid) = read_config(run), read_rows(run)
    rows = counted(found, sys.maxsize)
    result = _read(run / "result.json", Result)
    status, finished = _status(config, rows, result)
    if invalid:
        status += f" {invalid} invalid line(s) of metrics.jsonl are left out."
    return Section(
        folder=run,
        recipe=config.options.recipe,
        status=status,
        finished=finished,
        configuration=configuration_table(config),
        settings=_flat(json.loads(to_json(config))),
        environment=_environment(config),
        samples=_samples(run),
        figures=figures(rows) if interactive else [],
        curves=None if interactive or not rows else _curves_image(rows),
        metrics=_metrics(rows),
        scores=score_table(scores_file, _last_step(rows, result)),
        events=_events(run),
    )


def _read(path: Path, kind: type[Read]) -> Read | None:
    """The content of a JSON file; None if it does not exist yet."""
    try:
        return pydantic.TypeAdapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ValueError(f"{path} is damaged: {place}: {problem['msg']}") from None


# --- Status and settings


def _status(config: Config, rows: Sequence[Row], result: Result | None) -> tuple[str, bool]:
    """How far training is, in a sentence, and whether it has ended."""
    if result is not None and result.finding is not None:
        return f"Stopped early at step {result.step:,}: {result.finding}", True
    if result is not None and result.step >= config.options.steps:
        skipped = f"; {result.discarded:,} non-finite updates skipped" if result.discarded else ""
        took = f"the last session took {duration(result.seconds)}{_speed(result)}"
        return (
            f"Finished: {result.step:,} generator updates{skipped}; {took}, including compilation.",
            True,
        )
    if not rows:
        return (
            f"Not finished: no metrics yet, of {config.options.steps:,} generator updates.",
            False,
        )
    reached = f"{rows[-1]['step']:,} of {config.options.steps:,} generator updates"
    return f"Not finished: {reached} logged.", False


def _speed(result: Result) -> str:
    """The speed of a session in brackets, with two digits; empty if it is unknown.

    >>> _speed(Result(60.0, 0, 0, 0, {}, None, updates=20_000))
    ' (330 updates per second)'
    """
    if not result.updates or not result.seconds:
        return ""
    speed = result.updates / result.seconds
    return f" ({float(f'{speed:.2g}'):g} updates per second)"


def _last_step(rows: Sequence[Row], result: Result | None) -> int:
    logged = rows[-1]["step"] if rows else 0
    return logged if result is None else max(logged, result.step)


def duration(seconds: float) -> str:
    """A duration as text.

    >>> duration(7.25), duration(4758.6)
    ('7.2 s', '1 h 19 min')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


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


def _environment(config: Config) -> Table:
    devices = "all" if config.options.plan.devices is None else str(config.options.plan.devices)
    return [
        ("Started", date_text(config.date)),
        ("Machine", config.device),
        ("Devices used", f"{devices}, with {config.options.plan.parallel}"),
        ("Python", config.python),
        *config.versions.items(),
    ]


def _flat(value: Any, place: str = "") -> Table:
    """A JSON object as dotted names with their values."""
    if not isinstance(value, dict):
        return [(place, value if isinstance(value, str) else json.dumps(value))]
    dot = f"{place}." if place else ""
    return [pair for name, part in value.items() for pair in _flat(part, f"{dot}{name}")]


# --- Metrics, scores, events


def _metrics(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
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
    found = _read(file, _Scores) or _Scores(scores=[])
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
    return ScoreTable([_COLUMNS[name] for name in shown], rows, _flat(facts), few, older)


def _events(run: Path) -> EventTable:
    found = events(run)
    return EventTable([_event(event) for event in found[-EVENTS:]], len(found))


def _event(event: dict[str, Any]) -> tuple[str, str, str, str, bool]:
    time, number, kind, message = (
        str(event.get(name, "")) for name in ("time", "round", "kind", "message")
    )
    return date_text(time), number, kind, message, kind not in QUIET


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else ""


# --- Images


def _samples(run: Path) -> SampleImages:
    files, left_out = _sample_files(run)
    steps = np.asarray(list(files))[evenly(len(files), IMAGES)].tolist()
    images = [(step, data_uri(files[step].read_bytes())) for step in steps]
    real = run / "samples" / REAL
    uri = data_uri(real.read_bytes()) if is_within(run, real) else None
    return SampleImages(images, len(files), left_out, uri)


def _sample_files(run: Path) -> tuple[dict[int, Path], int]:
    """The images of samples by step, in order, and the number of files left out."""
    found, left_out = {}, 0
    for path in (run / "samples").glob("step_*.png"):
        if match := re.fullmatch(r"step_(\d+)", path.stem):
            if is_within(run, path):
                found[int(match[1])] = path
            else:
                left_out += 1
    return dict(sorted(found.items())), left_out


def is_within(run: Path, path: Path) -> bool:
    """Whether a file lies in a run's folder: a link could lead to any file of the machine."""
    return path.is_file() and path.resolve().is_relative_to(run.resolve())


def _curves_image(rows: Sequence[Row]) -> str:
    file = BytesIO()
    Image.fromarray(plots.rendered(plots.training_curves(rows))).save(file, "PNG")
    return data_uri(file.getvalue())


def data_uri(png: bytes) -> str:
    """A PNG file as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"

"""A run as one HTML page: what was asked for, its samples and curves over time, its scores, events.

All is in the page, which loads nothing from elsewhere. Curves are interactive where plotly is
installed, and else a picture.
"""

import base64
import json
import re
import sys
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pydantic
from jinja2 import Environment, StrictUndefined
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.recipes import RECIPES
from jaxgan.runs.disk.log import Row, counted, events, mean_row, read_rows
from jaxgan.runs.disk.result import Result
from jaxgan.runs.disk.stage_folders import LEVELS, check_run, staged_in
from jaxgan.runs.outputs.report.curves import evenly, figures
from jaxgan.runs.settings.config import Config, has_config, read_config, to_json

TEMPLATE, SCORES = "page.html.jinja", "scores.json"
PICTURES, EVENTS = 60, 200  # at most so many of a run
QUIET = frozenset(("equilibrium", "resume", "signal", "stop"))
"""Kinds of events that are no warnings."""

Table = list[tuple[str, str]]
Read = TypeVar("Read")


class Picture(NamedTuple):
    """A picture of samples, as a data URI, and the generator updates before it."""

    step: int
    uri: str


class Section(NamedTuple):
    """What the page says of a run, or of one stage of it.

    Attributes:
      name: of the recipe.
      state: whether it is finished, in a sentence; and `finished`.
      asked: what was asked for, in short; `settings` is all of it.
      environment: versions and devices.
      figures: see `jaxgan.runs.outputs.report.curves.figures`; none where plotly is not installed.
      curves: then a picture of the curves, as a data URI; None without metrics.
      pictures: of samples, evenly chosen of `pictured`; `links_out` are left out.
      end: each metric with its last value and its mean over the last twentieth of the rows.
      scores: name, value, error and floor each; `scored` is on what.
      events: time, round, kind and message each, the last of `happened`, and whether it warns.
    """

    name: str
    state: str
    finished: bool
    asked: Table
    settings: Table
    environment: Table
    figures: list[dict[str, Any]]
    curves: str | None
    pictures: list[Picture]
    pictured: int
    links_out: int
    end: list[tuple[str, str, str]]
    scores: list[tuple[str, ...]]
    scored: Table
    events: list[tuple[str, str, str, str, bool]]
    happened: int


class _Score(pydantic.BaseModel):
    name: str
    value: float | None
    error: float | None
    floor: float | None


class _Scores(pydantic.BaseModel):
    """What scores.json holds: the scores, and all that they depend on."""

    model_config = pydantic.ConfigDict(extra="allow")

    scores: list[_Score]


def write_report(run: Path, out: Path | None = None) -> Path:
    """Writes the page of a run; gives its file.

    Args:
      run: folder of a run, of one or of many stages, finished or not.
      out: a .html file; RUN/report.html if not given.
    Raises:
      FileNotFoundError: if the folder holds no run.
      ValueError: if out has another ending, or a file of the run is damaged.
    """
    out = run / "report.html" if out is None else out
    if out.suffix != ".html":
        raise ValueError(f"--out must end in .html, got {out}")
    check_replaceable(out)
    text = page(run)
    # Names that are no UTF-8 stand in it as they are escaped in Python.
    content = text.encode("utf-8", "backslashreplace")
    replace_file(out, lambda beside: beside.write_bytes(content))
    return out


def page(run: Path) -> str:
    """The page of a run, as HTML; errors are those of `write_report`."""
    check_run(run)
    staged, plotly = staged_in(run), plotly_script()
    folders = [run] if staged is None else [run / recipe.stage for recipe in staged.stages]
    levels = run / LEVELS if staged is not None and staged.drawn_by == "pyramid" else None
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("jaxgan.runs.outputs.report") / TEMPLATE
    template = environment.from_string(source.read_text("utf-8"))
    return template.render(
        name=run.resolve().name,
        staged=staged,
        sections=[
            (folder.name, _section(folder, _scores_file(run, folder, folders), plotly is not None))
            for folder in folders
        ],
        levels=_uri(levels.read_bytes()) if levels and _is_within(run, levels) else None,
        plotly=plotly,
    )


def plotly_script() -> str | None:
    """The script that draws interactive curves; None where plotly is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        return None
    return get_plotlyjs()


# --- A run


def _scores_file(run: Path, folder: Path, folders: Sequence[Path]) -> Path:
    """Where the scores of a stage are: those of the whole run are told with the last one."""
    whole = run / SCORES
    return whole if folder == folders[-1] and whole.is_file() else folder / SCORES


def _section(run: Path, scores_file: Path, interactive: bool) -> Section | None:
    if not has_config(run):
        return None  # a stage that has not begun
    config, (found, left_out) = read_config(run), read_rows(run)
    rows = counted(found, sys.maxsize)
    state, finished = _state(config, rows, _read(run / "result.json", Result))
    if left_out:
        state += f" {left_out} line(s) of metrics.jsonl hold no metrics and are left out."
    happened, (pictures, links_out) = events(run), _picture_files(run)
    scores = _read(scores_file, _Scores) or _Scores(scores=[])
    return Section(
        name=config.options.recipe,
        state=state,
        finished=finished,
        asked=_asked(config),
        settings=_flat(json.loads(to_json(config))),
        environment=_environment(config),
        figures=figures(rows) if interactive else [],
        curves=None if interactive or not rows else _curves_picture(rows),
        pictures=[
            Picture(step, _uri(pictures[step].read_bytes()))
            for step in np.asarray(list(pictures))[evenly(len(pictures), PICTURES)].tolist()
        ],
        pictured=len(pictures),
        links_out=links_out,
        end=_end(rows),
        scores=[
            (each.name, *map(_number, (each.value, each.error, each.floor)))
            for each in scores.scores
        ],
        scored=_flat(scores.model_extra),
        events=[_event(event) for event in happened[-EVENTS:]],
        happened=len(happened),
    )


def _read(path: Path, kind: type[Read]) -> Read | None:
    """What a file of a run holds; None if it is not there yet."""
    try:
        return pydantic.TypeAdapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ValueError(f"{path} is damaged: {place}: {problem['msg']}") from None


def _state(config: Config, rows: Sequence[Row], result: Result | None) -> tuple[str, bool]:
    """How far a run is, in a sentence, and whether that is its end."""
    if result is not None and result.finding is not None:
        return f"Stopped early, after {result.step:,} updates, on {result.finding}", True
    if result is not None and result.step >= config.options.steps:
        took = f"the last start took {_duration(result.seconds)}, compilation included"
        lost = f"; {result.discarded:,} were skipped as not finite" if result.discarded else ""
        return f"Finished: {result.step:,} generator updates{lost}; {took}.", True
    if not rows:
        return (
            f"Not finished: nothing is logged yet of {config.options.steps:,} generator updates.",
            False,
        )
    reached = f"{rows[-1]['step']:,} of {config.options.steps:,} generator updates"
    return f"Not finished: the log reaches {reached}.", False


def _duration(seconds: float) -> str:
    """A time as one says it.

    >>> _duration(7.25), _duration(4758.6)
    ('7.2 s', '1 h 19 min')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _asked(config: Config) -> Table:
    plan, data = config.options.plan, config.data
    shape = " × ".join(map(str, data.shape))
    classes = "not told to the networks" if data.num_classes is None else str(data.num_classes)
    recipe = RECIPES.get(config.options.recipe)
    turns = f"{plan.n_critic} of the discriminator, {plan.n_generator} of the generator"
    return [
        (
            "Recipe",
            f"{config.options.recipe}: {recipe.summary}" if recipe else config.options.recipe,
        ),
        ("Data", f"{config.options.input.source}: {data.size:,} samples of shape {shape}"),
        ("Classes", classes),
        ("Generator updates", f"{config.options.steps:,}"),
        ("Batch size", f"{plan.batch_size:,}"),
        ("Turns in a round", f"{turns}; {plan.update}, {plan.first} first"),
        ("Augmentation", config.options.augment or "none"),
        ("Precision", plan.precision),
        ("Seed", str(config.options.seed)),
    ]


def _environment(config: Config) -> Table:
    devices = "all" if config.options.plan.devices is None else str(config.options.plan.devices)
    return [
        ("Begun", config.date),
        ("Machine", config.device),
        ("Devices used", f"{devices}, by {config.options.plan.parallel}"),
        ("Python", config.python),
        *config.versions.items(),
    ]


def _flat(value: Any, place: str = "") -> Table:
    """A JSON object as dotted names with their values."""
    if not isinstance(value, dict):
        return [(place, value if isinstance(value, str) else json.dumps(value))]
    dot = f"{place}." if place else ""
    return [pair for name, part in value.items() for pair in _flat(part, f"{dot}{name}")]


def _end(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    means = mean_row(list(rows[-max(1, len(rows) // 20) :]))
    last = {name: value for row in rows for name, value in row.items() if value is not None}
    return [(name, _number(last[name]), _number(mean)) for name, mean in means.items()]


def _event(event: dict[str, Any]) -> tuple[str, str, str, str, bool]:
    time, number, kind, message = (
        str(event.get(name, "")) for name in ("time", "round", "kind", "message")
    )
    return time, number, kind, message, kind not in QUIET


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else ""


# --- Pictures


def _picture_files(run: Path) -> tuple[dict[int, Path], int]:
    """The pictures of samples by generator updates, in their order; and how many lie elsewhere."""
    found, links_out = {}, 0
    for path in (run / "samples").glob("step_*.png"):
        if match := re.fullmatch(r"step_(\d+)", path.stem):
            if _is_within(run, path):
                found[int(match[1])] = path
            else:
                links_out += 1
    return dict(sorted(found.items())), links_out


def _is_within(run: Path, path: Path) -> bool:
    """Whether a file lies in a run's folder: a link might lead to any file of the machine."""
    return path.is_file() and path.resolve().is_relative_to(run.resolve())


def _curves_picture(rows: Sequence[Row]) -> str:
    file = BytesIO()
    Image.fromarray(plots.rendered(plots.training_curves(rows))).save(file, "PNG")
    return _uri(file.getvalue())


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"

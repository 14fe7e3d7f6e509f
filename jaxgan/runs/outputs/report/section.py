"""What the report says about a run, or about one stage of it, read from the run's files."""

import base64
import json
import re
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.runs.disk.log import REAL, Row, counted, read_rows
from jaxgan.runs.disk.result import Result
from jaxgan.runs.outputs.report.curves import evenly, figures
from jaxgan.runs.outputs.report.tables import (
    EventTable,
    ScoreTable,
    Table,
    configuration_table,
    environment_table,
    event_table,
    flat,
    metrics_table,
    read_json,
    score_table,
)
from jaxgan.runs.settings.config import Config, read_config, to_json

SCORES = "scores.json"
IMAGES = 60  # at most, per run


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
    result = read_json(run / "result.json", Result)
    status, finished = _status(config, rows, result)
    if invalid:
        status += f" {invalid} invalid line(s) of metrics.jsonl are left out."
    return Section(
        folder=run,
        recipe=config.options.recipe,
        status=status,
        finished=finished,
        configuration=configuration_table(config),
        settings=flat(json.loads(to_json(config))),
        environment=environment_table(config),
        samples=_samples(run),
        figures=figures(rows) if interactive else [],
        curves=None if interactive or not rows else _curves_image(rows),
        metrics=metrics_table(rows),
        scores=score_table(scores_file, _last_step(rows, result)),
        events=event_table(run),
    )


# --- Status


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

"""What a run writes during training: metrics, events and images.

metrics.jsonl   one line of metrics per logged round, without timestamps
events.jsonl    starts, stops, warnings and errors with their time; never shortened
events.out...   metrics and images for TensorBoard, see `jaxgan.runs.disk.trackers` for others
samples/        images of one fixed set of latents over time; real.png shows real samples
curves.png      losses, accuracy and diversity
"""

import contextlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import append_text, holds_text, replace_file, save_figure
from jaxgan.choices import TrackerName
from jaxgan.parallel import processes
from jaxgan.plots.training import is_row
from jaxgan.runs.disk.trackers import open_trackers

Row = dict[str, Any]
REAL = "real.png"


def read_rows(run: Path) -> tuple[list[Row], int]:
    """The rows of a run's metrics.jsonl, and the number of invalid or truncated lines."""
    lines = _lines(run)
    rows = [row for row in map(_row, lines) if row is not None]
    return rows, len(lines) - len(rows)


def metrics_rows(run: Path) -> list[Row]:
    """The rows of a run's metrics.jsonl, without invalid or truncated lines."""
    return read_rows(run)[0]


def counted(found: list[Row], played: int) -> list[Row]:
    """The rows up to round `played`, in order; the last row of a round counts."""
    rounds = {row["round"]: row for row in found if row["round"] <= played}
    return [rounds[number] for number in sorted(rounds)]


def events(run: Path) -> list[dict[str, Any]]:
    """The events of a run's events.jsonl, without invalid or truncated lines."""
    found = []
    for line in _lines(run, "events.jsonl"):
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [event for event in found if isinstance(event, dict)]


def _lines(run: Path, name: str = "metrics.jsonl") -> list[bytes]:
    with contextlib.suppress(FileNotFoundError):
        return (run / name).read_bytes().splitlines()
    return []


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:  # not JSON, or not text
        return None
    return row if is_row(row) and type(row.get("round")) is int else None


def row_of(metrics: dict[str, np.ndarray], place: int) -> Row:
    """One round of a call's metrics as JSON values; non-finite numbers become null."""
    first = ("round", "step")
    names = [*first, *(name for name in metrics if name not in first)]
    return {name: _json_number(metrics[name][place]) for name in names}


def _json_number(value: Any) -> float | int | None:
    number = value.item()
    return number if math.isfinite(number) else None


class RunLog:
    """The files of a run, opened at a round. Entries of later rounds are removed.

    Of several processes, only the writer touches files; `rows` are the same in all.
    """

    def __init__(
        self, run: Path, played: int, step: int, track: Sequence[TrackerName] = ("tensorboard",)
    ):
        """Open the log after `played` rounds and `step` generator updates, with its trackers."""
        self.run, self._track = run, track
        found, left_out = read_rows(run)
        self.rows = counted(found, played)
        self.skipped_in_a_row = 0
        self._saved = len(self.rows)
        self._writes = processes.is_writer()
        if self._writes:
            self._note_lost(left_out, played)
            self._take_back(found, played, step)

    def _take_back(self, found: list[Row], played: int, step: int):
        run = self.run
        (run / "samples").mkdir(exist_ok=True)
        text = _text(self.rows)
        if not holds_text(run / "metrics.jsonl", text):
            replace_file(run / "metrics.jsonl", lambda beside: beside.write_text(text))
        for row in found:
            # Later rounds may update only the discriminator, at the same step as the image.
            if row["step"] > step:
                (run / "samples" / image_name(row["step"])).unlink(missing_ok=True)
        # A new file for the later rounds makes TensorBoard hide the old ones.
        purge = played + 1 if found or played else None

        def left_out(name: str, text: str):
            self.write_event("track", played, f"{name} is left out from now on: {text}")

        self._trackers = open_trackers(self._track, run, purge, left_out)

    def _note_lost(self, left_out: int, played: int):
        if played and not (self.run / "metrics.jsonl").exists():
            self.write_event("metrics", played, "metrics.jsonl is missing: a new one is started")
        if left_out:
            self.write_event(
                "metrics", played, f"{left_out} invalid line(s) of metrics.jsonl are left out"
            )

    def close(self):
        """Close the log and draw the curves."""
        if not self._writes:
            return
        with contextlib.ExitStack() as last:
            last.callback(
                lambda: save_figure(plots.training_curves(self.rows), self.run / "curves.png")
            )
            for tracker in self._trackers:
                last.callback(tracker.close)

    def write_rows(self, rows: list[Row]):
        """Append rows of metrics."""
        self.rows += rows
        if not self._writes:
            return
        append_text(self.run / "metrics.jsonl", _text(rows))
        for row in rows:
            values = {name: x for name, x in row.items() if name not in ("round", "step")}
            for tracker in self._trackers:
                tracker.write_scalars(values, row["round"])

    def write_image(self, image: np.ndarray, step: int, played: int):
        """Write an image uint8 [height, width, 3] of samples, drawn at a step and round."""
        if not self._writes:
            return
        path = self.run / "samples" / image_name(step)
        replace_file(path, Image.fromarray(image).save)
        for tracker in self._trackers:
            tracker.write_image("samples", image, played)

    def write_real_image(self, image: np.ndarray):
        """Write an image uint8 [height, width, 3] of real samples."""
        if self._writes:
            replace_file(self.run / "samples" / REAL, Image.fromarray(image).save)

    def write_event(self, kind: str, played: int, message: str):
        """Append an event after `played` rounds, with the time."""
        if self._writes:
            write_event(self.run, kind, played, message)

    def settle(self) -> dict[str, float]:
        """Flush the rows to disk before a checkpoint; returns their means since the last one."""
        if self._writes:
            with (self.run / "metrics.jsonl").open("a") as file:
                os.fsync(file.fileno())
            for tracker in self._trackers:
                tracker.flush()
        means = mean_row(self.rows[self._saved :])
        self._saved = len(self.rows)
        return means


def mean_row(rows: list[Row]) -> dict[str, float]:
    """The mean of each metric over the rows that have it; empty if there are no rows.

    >>> mean_row([{"round": 1, "step": 1, "value": 2.0}, {"round": 2, "step": 2, "value": 4.0}])
    {'value': 3.0}
    """
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None and name not in ("round", "step"):
                values.setdefault(name, []).append(value)
    return {name: math.fsum(found) / len(found) for name, found in values.items()}


def image_name(step: int) -> str:
    """The file name of the image of samples at a step."""
    return f"step_{step:07d}.png"


def write_event(run: Path, kind: str, played: int, message: str):
    """Append a line to events.jsonl; bytes of file names that are not UTF-8 are escaped."""
    message = message.encode("utf-8", "backslashreplace").decode()
    time = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"time": time, "kind": kind, "round": played, "message": message})
    append_text(run / "events.jsonl", line + "\n")


def _text(rows: list[Row]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@contextlib.contextmanager
def open_log(
    run: Path, played: int, step: int, track: Sequence[TrackerName] = ("tensorboard",)
) -> Iterator[RunLog]:
    """Open a `RunLog` that is closed on leaving, also after an error."""
    journal = RunLog(run, played, step, track)
    try:
        yield journal
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to report
            journal.close()
        raise
    journal.close()

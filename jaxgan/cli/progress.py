"""The progress of a run on the terminal."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Row = Mapping[str, Any]
PLAIN_LINES = 20
LINE_SECONDS = 10


@contextmanager
def display(console: Console, steps: int) -> Iterator[Callable[[Row], None]]:
    """A progress bar on a terminal, and occasional lines of text elsewhere."""
    measure = _speedometer()
    if console.is_terminal:
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("compiling", total=steps)

            def update(row: Row):
                speed = measure(row)
                parts = [*_rounds(speed), *_main_metrics(row)]
                progress.update(task, completed=row["step"], description="  ".join(parts))

            yield update
    else:
        due = 0

        def print_line(row: Row):
            nonlocal due
            speed = measure(row)
            if row["round"] >= due:
                due = row["round"] + steps // PLAIN_LINES
                left = (
                    []
                    if speed is None
                    else [f"{duration((steps - row['step']) / speed.steps)} left"]
                )
                parts = [f"step {row['step']:,}/{steps:,}", *_rounds(speed), *left]
                line = "  ".join([*parts, *_main_metrics(row)])
                console.print(line, highlight=False, soft_wrap=True)

        yield print_line


@contextmanager
def reading(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each set of samples that is read, and occasional lines elsewhere.

    Sets that are read at once show nothing.
    """
    if console.is_terminal:
        columns = (
            *(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()),
            TextColumn("{task.description}", markup=False),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=None)

            def update(name: str, done: int, total: int):
                if progress.tasks[0].description != name:
                    progress.reset(task)
                progress.update(task, completed=done, total=total, description=name)

            yield update
    else:
        shown = time.perf_counter()

        def print_line(name: str, done: int, total: int):
            nonlocal shown
            if time.perf_counter() - shown > LINE_SECONDS:
                shown = time.perf_counter()
                console.print(f"{done:,}/{total:,}  {name}", highlight=False, soft_wrap=True)

        yield print_line


def duration(seconds: float) -> str:
    """A duration in words.

    >>> duration(13.84), duration(117.7), duration(3700)
    ('13.8 s', '1 min 58 s', '1 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class _Speed(NamedTuple):
    """Rounds and generator updates per second."""

    rounds: float
    steps: float


def _speedometer() -> Callable[[Row], _Speed | None]:
    """Returns a function of rows that measures the speed between the last two; None at first."""
    marks: list[tuple[float, Row]] = []
    speed = None

    def measure(row: Row) -> _Speed | None:
        nonlocal speed
        now = time.perf_counter()
        if not marks:  # the first rows come with the compilation
            marks.append((now, row))
        elif now - marks[-1][0] > 0.2:
            then, last = marks[-1]
            steps = (row["step"] - last["step"]) / (now - then)
            if steps > 0:  # none in the discriminator's epochs
                speed = _Speed((row["round"] - last["round"]) / (now - then), steps)
            marks.append((now, row))
        return speed

    return measure


def _rounds(speed: _Speed | None) -> list[str]:
    if speed is None:
        return []
    return [f"{speed.rounds:.{0 if speed.rounds >= 10 else 1}f} rounds/s"]


def _main_metrics(row: Row) -> list[str]:
    def shown(**names: str) -> list[str]:
        found = {label: row.get(name) for label, name in names.items()}
        return [f"{label} {x:.2f}" for label, x in found.items() if x is not None]

    accuracies = shown(real="accuracy_real", fake="accuracy_fake")
    return [
        *shown(D="discriminator_loss", G="generator_loss"),
        *([f"D accuracy: {', '.join(accuracies)}"] if accuracies else []),
        *(f"D pairwise {text}" for text in shown(accuracy="accuracy_pairs")),
        *shown(diversity="diversity"),
    ]


def without_discriminator(row: Row) -> Row:
    """A row of a run that trains no discriminator: what is left of it without that player."""
    judged = ("discriminator", "accuracy")
    return {name: value for name, value in row.items() if not name.startswith(judged)}

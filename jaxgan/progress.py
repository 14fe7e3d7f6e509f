"""How far a run is, on the terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxgan.journal import Row

PLAIN_LINES = 20


@contextmanager
def display(console: Console, steps: int) -> Iterator[Callable[[Row], None]]:
    """A progress bar on a terminal, a plain line now and then elsewhere."""
    speed = _speedometer()
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
                text = _main_metrics(row, speed(row))
                progress.update(task, completed=row["step"], description=text)

            yield update
    else:
        due = 0

        def print_line(row: Row):
            nonlocal due
            text = _main_metrics(row, speed(row))
            if row["round"] >= due:
                due = row["round"] + steps // PLAIN_LINES
                console.print(
                    f"step {row['step']}/{steps}  {text}", highlight=False, soft_wrap=True
                )

        yield print_line


def _speedometer() -> Callable[[Row], float]:
    """Rounds a second since the last row that came at another time."""
    marks = [(time.perf_counter(), 0)]
    speed = 0.0

    def measure(row: Row) -> float:
        nonlocal speed
        now, (then, number) = time.perf_counter(), marks[-1]
        if now - then > 0.2:
            speed = (row["round"] - number) / (now - then)
            marks.append((now, row["round"]))
        return speed

    return measure


def _main_metrics(row: Row, speed: float) -> str:
    shown = {
        "D": row.get("discriminator_loss"),
        "G": row.get("generator_loss"),
        "accuracy real": row.get("accuracy_real"),
        "fake": row.get("accuracy_fake"),
        "pairs": row.get("accuracy_pairs"),
        "diversity": row.get("diversity"),
    }
    metrics = "  ".join(f"{name} {value:.2f}" for name, value in shown.items() if value is not None)
    return f"{speed:.0f} rounds/s  {metrics}"

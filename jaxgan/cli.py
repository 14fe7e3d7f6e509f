"""The command line: jaxgan train, sample, recipes."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from jaxgan import recipes, runs, samples
from jaxgan.data.sources import SPECS

PLAIN_LINES = 20

app = typer.Typer(
    help="Generative adversarial networks in JAX.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main():
    """Runs the command line; bad input ends in one line that says what is wrong, and status 2."""
    try:
        app()
    except (ValueError, OSError) as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


def _count(help_text: str, default: str = "the recipe's") -> typer.models.OptionInfo:
    return typer.Option(min=1, help=help_text, show_default=default)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A name that `jaxgan recipes` lists.")] = "digits",
    data: Annotated[
        str | None, typer.Option(help=f"One of: {', '.join(SPECS)}.", show_default="the recipe's")
    ] = None,
    steps: Annotated[int | None, _count("Generator updates.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is random.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="A new folder.", show_default="runs/RECIPE")
    ] = None,
    batch_size: Annotated[int | None, _count("Over all devices.")] = None,
    n_critic: Annotated[int | None, _count("Discriminator turns a round.")] = None,
    n_generator: Annotated[int | None, _count("Generator turns a round.")] = None,
    alternation: Annotated[
        Literal["steps", "epochs"] | None,
        typer.Option(help="What the turns are counted in.", show_default="the recipe's"),
    ] = None,
    update: Annotated[
        Literal["alternating", "simultaneous"] | None,
        typer.Option(help="Who sees whose update.", show_default="the recipe's"),
    ] = None,
    first: Annotated[
        Literal["discriminator", "generator"] | None,
        typer.Option(help="Whose turn comes first.", show_default="the recipe's"),
    ] = None,
    accumulate: Annotated[int | None, _count("Micro-batches an update.")] = None,
    parallel: Annotated[
        Literal["jit", "pmap"], typer.Option(help="How the step runs on devices.")
    ] = "jit",
    devices: Annotated[int | None, _count("How many devices.", "all")] = None,
    rounds_per_call: Annotated[
        int | None, _count("Rounds in one compiled call.", "what is fast")
    ] = None,
    log_every: Annotated[int | None, _count("Rounds.", "400 times a run")] = None,
    sample_every: Annotated[
        int | None,
        _count("Generator updates; pictures come at the end of a compiled call.", "10 times a run"),
    ] = None,
):
    """Train RECIPE on DATA and write a run's folder."""
    chosen = recipes.recipe(recipe)
    given: dict[str, Any] = {
        "batch_size": batch_size,
        "n_critic": n_critic,
        "n_generator": n_generator,
        "alternation": alternation,
        "update": update,
        "first": first,
        "accumulate": accumulate,
        "wrapper": parallel,
        "devices": devices,
        "rounds_per_call": rounds_per_call,
    }
    steps = steps or chosen.steps
    options = runs.Options(
        data=data or chosen.data,
        steps=steps,
        seed=seed,
        log_every=log_every or max(1, steps // 400),
        sample_every=sample_every or max(1, steps // 10),
        plan=chosen.plan._replace(**{k: v for k, v in given.items() if v is not None}),
    )
    out = out or runs.free_folder(chosen.name)
    console = Console()
    console.print(f"{chosen.name} on {options.data}: {steps} steps -> {out}", highlight=False)
    with _display(console, steps) as tell:
        result = runs.train_run(chosen, options, out, tell)
    console.print(f"{result['seconds']} s; samples and curves are in {out}", highlight=False)


@app.command()
def sample(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    out: Annotated[Path, typer.Option(help=".png: a picture; .npz: the array `samples`.")],
    num: Annotated[int | None, _count("How many.", "64, or 8 of each class")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the latents.")] = 0,
    ema: Annotated[bool, typer.Option(help="Sample the averaged generator.")] = True,
    label: Annotated[
        int | None,
        typer.Option(help="Class of all samples.", show_default="all, one a row of the picture"),
    ] = None,
):
    """Write samples of a run, in the range of the data it was trained on."""
    samples.check_writable(run, out)
    num = num or samples.default_num(run, label)
    labels = samples.asked_labels(run, num, label)
    drawn = samples.sample_run(run, num, seed, ema, labels)
    samples.write_samples(drawn, run, out, labels)
    Console().print(f"{num} samples -> {out}", highlight=False)


@app.command("recipes")
def list_recipes():
    """List the recipes, each with its data, its time on two CPU cores and what was measured."""
    table = Table.grid(padding=(0, 2))
    for each in recipes.RECIPES.values():
        size = f"{each.steps:,} steps of {each.plan.batch_size}, {each.time} on two cores"
        table.add_row(each.name, each.summary, style="bold")
        table.add_row("", f"data {each.data}; {size}")
        table.add_row("", each.result)
        table.add_row("", "")
    Console().print(table, highlight=False)


@contextmanager
def _display(console: Console, steps: int) -> Iterator[Callable[[runs.Row], None]]:
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

            def update(row: runs.Row):
                text = _main_metrics(row, speed(row))
                progress.update(task, completed=row["step"], description=text)

            yield update
    else:
        due = 0

        def print_line(row: runs.Row):
            nonlocal due
            text = _main_metrics(row, speed(row))
            if row["round"] >= due:
                due = row["round"] + steps // PLAIN_LINES
                console.print(
                    f"step {row['step']}/{steps}  {text}", highlight=False, soft_wrap=True
                )

        yield print_line


def _speedometer() -> Callable[[runs.Row], float]:
    """Rounds a second since the last row that came at another time."""
    marks = [(time.perf_counter(), 0)]
    speed = 0.0

    def measure(row: runs.Row) -> float:
        nonlocal speed
        now, (then, number) = time.perf_counter(), marks[-1]
        if now - then > 0.2:
            speed = (row["round"] - number) / (now - then)
            marks.append((now, row["round"]))
        return speed

    return measure


def _main_metrics(row: runs.Row, speed: float) -> str:
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

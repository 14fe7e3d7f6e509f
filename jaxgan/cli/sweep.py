"""The command that compares many settings of a recipe: `jaxgan sweep`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxgan.cli.console import at_home, count, make_console, say
from jaxgan.cli.help import Command
from jaxgan.cli.options import named_numbers
from jaxgan.recipes import recipe

if TYPE_CHECKING:
    from rich.console import Console

    from jaxgan.runs.sweeps.settings import SweepSettings
    from jaxgan.runs.sweeps.sweep import Progress

app = typer.Typer()


@app.command("sweep", cls=Command)
def sweep(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="Name of the recipe.")],
    out: Annotated[
        Path,
        typer.Option(
            help="New folder, or the folder of a sweep, which is then resumed.", callback=at_home
        ),
    ],
    grid: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=LOW:HIGH:NUM",
            help="Values of a number of the recipe, with equal ratios, or NAME=VALUE,VALUE,... "
            "Repeat it for further numbers; all combinations are trained.",
        ),
    ],
    fixed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A hyper-parameter of all members, such as width=64; repeat it for others.",
        ),
    ] = None,
    seeds: Annotated[int, count("Members per setting.", "4")] = 4,
    steps: Annotated[int | None, count("Generator updates of each member.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the whole sweep.")] = 0,
    devices: Annotated[
        int | None, count("Number of devices over which members are split.", "all")
    ] = None,
):
    """Train RECIPE with many settings and seeds, and compare them on a page.

    A sweep that was interrupted resumes with the same command, after its last finished chunk of
    members. Example: jaxgan sweep ring --grid gamma=0.1:10:8 --grid learning_rate=1e-4:1e-2:8
    --seeds 16 --out sweeps/ring
    """
    from jaxgan.runs.sweeps.settings import SweepSettings, parse_grid
    from jaxgan.settings import check_fields

    chosen = recipe(name)
    settings = SweepSettings(
        chosen.name,
        parse_grid(grid),
        seeds,
        steps or chosen.steps,
        seed,
        named_numbers(fixed or (), "--set"),
    )
    _swept(check_fields(settings), out, devices)


def _swept(settings: "SweepSettings", out: Path, devices: int | None):
    from jaxgan.runs.sweeps.page import best_setting, write_page
    from jaxgan.runs.sweeps.sweep import run_sweep

    console = make_console()
    try:
        table = run_sweep(settings, out, devices, _progress_line(console))
    except KeyboardInterrupt:
        say(console, "Interrupted; the same command resumes after the last finished chunk.")
        raise typer.Exit(130) from None
    best = best_setting(table, tuple(settings.grid))
    if best is not None:
        numbers = ", ".join(f"{name} {best[name]:.4g}" for name in settings.grid)
        say(console, f"best: {numbers} (mean {best['mean']:.4g} of {best['n']} members)")
    say(console, f"report -> {write_page(out)}")


def _progress_line(console: "Console") -> Callable[["Progress"], None]:
    """A function that prints how far the sweep is, some twenty times."""
    due = 0

    def show(progress: "Progress"):
        nonlocal due
        if progress.done >= due or progress.done == progress.total:
            due = progress.done + progress.total // 20
            say(console, f"{progress.done} of {progress.total} members")

    return show

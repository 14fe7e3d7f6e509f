"""The commands that train: `jaxgan train` and `jaxgan resume`."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxgan.cli import messages
from jaxgan.cli.console import at_home, make_console, say
from jaxgan.cli.help import Command
from jaxgan.cli.options import with_options
from jaxgan.runs.settings.options import Overrides

if TYPE_CHECKING:
    from jaxgan.runs.disk.log import Row
    from jaxgan.runs.disk.result import Result
    from jaxgan.runs.run import Run

app = typer.Typer()
_PROCESSES = "Several processes"


def train(
    overrides: Overrides,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder, or the folder of a run, which is then resumed.",
            show_default="runs/RECIPE",
            callback=at_home,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Resume even if settings change the results.")
    ] = False,
    distributed: Annotated[
        bool,
        typer.Option(
            "--distributed",
            help="Join the other processes of this job, as the cluster's environment says.",
            rich_help_panel=_PROCESSES,
        ),
    ] = False,
    coordinator: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Address of process 0, which all others can reach.",
            rich_help_panel=_PROCESSES,
        ),
    ] = None,
    num_processes: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Number of processes.", rich_help_panel=_PROCESSES),
    ] = None,
    process_id: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Index of this process, from 0 on.",
            rich_help_panel=_PROCESSES,
        ),
    ] = None,
):
    """Train RECIPE in a new run folder; with --out RUN, resume RUN if it exists.

    Options without a default keep the value of the recipe or of the resumed run. Ctrl-C, SIGTERM
    or SIGHUP (unless started with nohup) saves the state and ends with status 130, 143 or 129; a
    second Ctrl-C or SIGTERM ends at once.
    """
    _start_processes(distributed, coordinator, num_processes, process_id)
    taken = None
    if out is None:
        out, taken = _new_folder(overrides)
    _train(out, overrides, force, taken)


app.command("train", cls=Command)(with_options(train))


def resume(
    overrides: Overrides,
    run: Annotated[Path, typer.Argument(help="Folder of a run.", callback=at_home)],
):
    """Resume a run from its last checkpoint, to the bit.

    Options that are not given stay as they were; settings that would change the results are not
    among them. A run that has stopped early (--stop-on) resumes only with other --steps, or
    another --stop-on.
    """
    from jaxgan.runs.disk import stage_folders

    stage_folders.check_run(run)
    _train(run, overrides, force=False)


app.command("resume", cls=Command)(
    with_options(resume, lambda setting: setting.may_change, show_defaults=False)
)


def _start_processes(
    distributed: bool, coordinator: str | None, num_processes: int | None, process_id: int | None
):
    """Joins the processes of the run, if there are several."""
    from jaxgan.parallel import processes

    addresses = processes.Addresses(coordinator, num_processes, process_id)
    if distributed or any(value is not None for value in addresses):
        console = make_console(stderr=True)
        processes.start_processes(addresses, lambda text: say(console, text))


def _new_folder(overrides: Overrides) -> tuple[Path, Path | None]:
    """A free folder for a run, and the folder of the recipe's name if that is taken."""
    from jaxgan import recipes
    from jaxgan.runs.disk.folder import free_folder
    from jaxgan.runs.settings.resolve import DEFAULT_RECIPE

    name = overrides.get("recipe", DEFAULT_RECIPE)
    if name not in recipes.STAGED:
        recipes.recipe(name)  # raises an error if there is none
    out, usual = free_folder(name), Path("runs", name)
    return out, None if out == usual else usual


def _train(out: Path, overrides: Overrides, force: bool, taken: Path | None = None):
    """Trains in a folder; `taken` is the folder that the user may have expected."""
    from jaxgan.cli.progress import display, without_discriminator
    from jaxgan.parallel import processes

    console = make_console(quiet=not processes.is_writer())
    trained: list[str] = []
    with contextlib.ExitStack() as shown:

        def on_start(run: "Run", step: int) -> Callable[["Row"], None]:
            shown.close()  # the bar of the stage before
            lines = [] if trained else messages.folder_taken(taken, out)
            for line in (*lines, *messages.starting(run, step)):
                say(console, line)
            trained.append(run.config.options.recipe)
            show = shown.enter_context(display(console, run.config.options.steps))
            return show if _plays(run) else lambda row: show(without_discriminator(row))

        result = _result(
            out, overrides, force, on_start, on_alert=lambda alert: say(console, str(alert))
        )
    if result.signal is not None:
        resume = f"Resume with: jaxgan resume {out}"
        say(console, f"Interrupted; saved at step {result.step:,}. {resume}")
        raise typer.Exit(128 + result.signal)
    if not trained:
        messages.check_steps(out, overrides.get("steps"), result.step)
    for line in messages.ending(out, result, bool(trained)):
        say(console, line)


def _plays(run: "Run") -> bool:
    """Whether a run trains a discriminator, not a generator alone."""
    from jaxgan.training.programs import has_discriminator
    from jaxgan.training.state import init_input

    return has_discriminator(run.gan, init_input(run.dataset, run.config.options.plan))


def _result(
    out: Path,
    overrides: Overrides,
    force: bool,
    on_start: Callable[["Run", int], Callable[["Row"], None]],
    on_alert: Callable,
) -> "Result":
    """Trains a recipe in a folder, in stages if it has any."""
    from jaxgan import recipes
    from jaxgan.runs import stages
    from jaxgan.runs import train as runs
    from jaxgan.runs.disk import stage_folders
    from jaxgan.runs.settings.compare import check_same_recipe
    from jaxgan.runs.settings.resolve import options_for

    name = overrides.get("recipe", "")
    staged = stage_folders.staged_in(out) or recipes.STAGED.get(name)
    if staged is not None:
        check_same_recipe(staged.name, name or staged.name, out)
        return stages.train_stages(staged, overrides, out, on_start, force, on_alert)
    options = options_for(out, overrides)
    return runs.train_run(options, out, force=force, on_alert=on_alert, on_start=on_start)

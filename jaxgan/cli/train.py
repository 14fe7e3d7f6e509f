"""The command line: training here, what is made of runs in `jaxgan.cli.outputs`."""

import contextlib
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jaxgan import augment as augmentations
from jaxgan import recipes
from jaxgan.cli import messages, outputs
from jaxgan.cli.console import at_home, count, hold_streams, let_go, make_console, say
from jaxgan.cli.progress import display
from jaxgan.data.sources import SPECS
from jaxgan.data.summary import summary
from jaxgan.monitor.detector import KINDS, Alert
from jaxgan.nonfinite import NonFiniteError
from jaxgan.parallel import processes
from jaxgan.parallel.processes import Addresses
from jaxgan.runs import stages
from jaxgan.runs import train as runs
from jaxgan.runs.disk import stage_folders
from jaxgan.runs.disk.folder import free_folder
from jaxgan.runs.disk.log import Row, metrics_rows
from jaxgan.runs.settings.compare import check_same_recipe
from jaxgan.runs.settings.options import Overrides, best_of, bytes_of, kinds_of, options_for

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(outputs.app)


def main():
    """Runs the command line; bad input ends in one line that says what is wrong, and status 2."""
    hold_streams()
    warnings.formatwarning = messages.one_line_warning
    try:
        messages.refuse_absent(sys.argv[1:])
        app()
    except (ValueError, OSError, NonFiniteError) as error:
        _refuse(str(error))
    except (RuntimeError, AssertionError):
        problem = processes.device_problem()
        if problem is None:
            raise
        _refuse(problem)
    finally:
        let_go()


def _refuse(message: str):
    console = make_console(stderr=True)
    console.print(f"Error: {message}", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=messages.print_version,
            is_eager=True,
            help="Print the versions of jaxgan and jax, and the devices.",
        ),
    ] = False,
):
    """Generative adversarial networks in JAX."""


@app.command("help", hidden=True)
def show_help(context: typer.Context, command: Annotated[str | None, typer.Argument()] = None):
    """Show the help of a command."""
    messages.show_help(context, command)


@app.command()
def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A name that `jaxgan recipes` lists.", show_default="digits"),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help=f"One of: {', '.join(SPECS)}.", show_default="the recipe's")
    ] = None,
    steps: Annotated[int | None, count("Generator updates in all.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of all that is random.", show_default="0")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A new folder, or a run's, which is then resumed.",
            show_default="runs/RECIPE",
            callback=at_home,
        ),
    ] = None,
    batch_size: Annotated[int | None, count("Over all devices.")] = None,
    n_critic: Annotated[int | None, count("Discriminator turns a round.")] = None,
    n_generator: Annotated[int | None, count("Generator turns a round.")] = None,
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
    accumulate: Annotated[int | None, count("Micro-batches an update.")] = None,
    flip: Annotated[
        bool | None,
        typer.Option(help="Mirror every other real image.", show_default="the recipe's"),
    ] = None,
    crop: Annotated[
        int | None,
        typer.Option(
            min=0, help="Shift real images by up to so many pixels.", show_default="the recipe's"
        ),
    ] = None,
    augment: Annotated[
        augmentations.AugmentationName | None,
        typer.Option(
            help="What the discriminator sees is augmented, real or not.",
            show_default="the recipe's",
        ),
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(help="Of the networks' arithmetic.", show_default="the recipe's"),
    ] = None,
    nonfinite: Annotated[
        Literal["stop", "skip", "rollback"] | None,
        typer.Option(
            help="What to do where a loss or gradient is not finite: stop; skip the update; or go "
            "back to the last checkpoint with a fresh key.",
            show_default="stop",
        ),
    ] = None,
    parallel: Annotated[
        Literal["jit", "pmap"] | None,
        typer.Option(help="How the step runs on devices.", show_default="jit"),
    ] = None,
    devices: Annotated[int | None, count("How many devices.", "all")] = None,
    rounds_per_call: Annotated[
        int | None, count("Rounds in one compiled call.", "what is fast")
    ] = None,
    log_every: Annotated[int | None, count("Rounds.", "400 times a run")] = None,
    sample_every: Annotated[
        int | None,
        count("Generator updates; pictures come at the end of a compiled call.", "10 times a run"),
    ] = None,
    save_every: Annotated[
        int | None, count("Generator updates between checkpoints.", "10 times a run")
    ] = None,
    save_minutes: Annotated[
        float | None,
        typer.Option(min=0.0, help="Most minutes between checkpoints.", show_default="10"),
    ] = None,
    keep: Annotated[int | None, count("How many of the last checkpoints stay.", "3")] = None,
    keep_best: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC:max|min", help="Keep the checkpoint that is best by a metric too."
        ),
    ] = None,
    stop_on: Annotated[
        str | None,
        typer.Option(
            metavar="KIND[,KIND]|none",
            help=f"End the run early on what the monitor finds: {', '.join(KINDS)}.",
            show_default="none",
        ),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]|none",
            help="Score samples on the way, by some of the metrics of `jaxgan evaluate`.",
            show_default="none",
        ),
    ] = None,
    score_every: Annotated[
        int | None, count("Generator updates between scores.", "10 times a run")
    ] = None,
    score_num: Annotated[int | None, count("Samples scored.", "2000")] = None,
    score_features: Annotated[
        str | None,
        typer.Option(help="What metrics look at.", show_default="what suits the data"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that read streamed data.", show_default="0"),
    ] = None,
    max_memory: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="GiB of decoded data kept in memory; more is streamed.", show_default="2"
        ),
    ] = None,
    max_bad_fraction: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of records that may be unreadable; 0 stops at the first.",
            show_default="0.01",
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        count("Pixels that an image may have; larger ones are unreadable.", "178,956,970"),
    ] = None,
    tfds_manual_dir: Annotated[
        Path | None,
        typer.Option(
            help="Files that TFDS prepares data from, instead of the network.", callback=at_home
        ),
    ] = None,
    distributed: Annotated[
        bool,
        typer.Option(
            help="Join the other processes of this job, as the cluster's environment says."
        ),
    ] = False,
    coordinator: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the processes of the run meet.")
    ] = None,
    num_processes: Annotated[int | None, typer.Option(min=1, help="How many there are.")] = None,
    process_id: Annotated[int | None, typer.Option(min=0, help="Which this is.")] = None,
    force: Annotated[
        bool, typer.Option(help="Go on with settings that change the mathematics.")
    ] = False,
):
    """Train RECIPE on DATA in a run's folder, or go on with the run that is there.

    Ctrl-C, SIGTERM or SIGHUP (unless it is ignored) saves the state and ends with status 130, 143
    or 129; a second Ctrl-C or SIGTERM ends at once.
    """
    addresses = Addresses(coordinator, num_processes, process_id)
    if distributed or any(value is not None for value in addresses):
        console = make_console(stderr=True)
        processes.start_processes(addresses, lambda text: say(console, text))
    given = _given(
        {
            "recipe": recipe,
            "augment": augment,
            "steps": steps,
            "seed": seed,
            "log_every": log_every,
            "sample_every": sample_every,
            "stop_on": None if stop_on is None else kinds_of(stop_on),
        }
    )
    plan = _given(
        {
            "batch_size": batch_size,
            "n_critic": n_critic,
            "n_generator": n_generator,
            "alternation": alternation,
            "update": update,
            "first": first,
            "accumulate": accumulate,
            "flip": flip,
            "crop": crop,
            "precision": precision,
            "nonfinite": nonfinite,
            "parallel": parallel,
            "devices": devices,
            "rounds_per_call": rounds_per_call,
        }
    )
    reading = _given(
        {
            "source": data,
            "workers": workers,
            "max_bytes": None if max_memory is None else bytes_of(max_memory),
            "max_bad_fraction": max_bad_fraction,
            "max_pixels": max_pixels,
            "tfds_manual_dir": None if tfds_manual_dir is None else str(tfds_manual_dir),
        }
    )
    kept = _given({"last": keep}) | ({} if keep_best is None else best_of(keep_best))
    saving = _given({"every": save_every, "minutes": save_minutes})
    scoring = _given(
        {
            "metrics": None
            if score is None
            else tuple(score.split(","))
            if score != "none"
            else (),
            "every": score_every,
            "num": score_num,
            "features": score_features,
        }
    )
    taken = None
    if out is None:
        name = recipe if recipe in recipes.STAGED else recipes.recipe(recipe or "digits").name
        out, usual = free_folder(name), Path("runs", name)
        taken = None if out == usual else usual
    _train(out, Overrides(given, plan, reading, saving, kept, scoring), force, taken)


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", callback=at_home)],
    steps: Annotated[int | None, count("Generator updates in all.", "the run's")] = None,
):
    """Go on with a run from its last checkpoint; `train --out RUN` takes all other options.

    A run that has stopped early (--stop-on) goes on only with other --steps, or another --stop-on.
    """
    stage_folders.check_run(run)
    _train(run, Overrides(_given({"steps": steps}), {}, {}, {}, {}), force=False)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _train(out: Path, wanted: Overrides, force: bool, taken: Path | None = None):
    """Trains in a folder; `taken` is the one that the user may have thought of."""
    staged = stage_folders.staged_in(out) or recipes.STAGED.get(wanted.run.get("recipe", ""))
    console = make_console(quiet=not processes.is_writer())
    trained: list[str] = []
    with contextlib.ExitStack() as shown:

        def begun(run: runs.Run, step: int) -> Callable[[Row], None]:
            shown.close()  # the bar of the stage before
            if taken is not None and not trained:
                more = f"`jaxgan resume {taken}` would continue it"
                say(console, f"{taken} exists, writing to {out} ({more})")
            config = run.config
            trained.append(config.recipe)
            at = f", from step {step:,}" if step else ""
            what = f"{config.recipe} on {config.input.source}"
            say(console, f"{what}: {config.steps:,} steps{at} -> {run.out}")
            say(console, summary(run.dataset))
            if not step and metrics_rows(run.out):
                say(console, f"{run.out} has no checkpoint: training starts from the beginning")
            return shown.enter_context(display(console, config.steps))

        def on_alert(finding: Alert):
            say(console, str(finding))

        if staged is not None:
            check_same_recipe(staged.name, wanted.run.get("recipe", staged.name), out)
            result = stages.train_stages(staged, wanted, out, begun, force, on_alert)
        else:
            options = options_for(out, wanted)
            result = runs.train_run(options, out, force=force, on_alert=on_alert, begun=begun)
    if result.signal is not None:
        say(
            console, f"Interrupted; saved at step {result.step:,}. Resume with: jaxgan resume {out}"
        )
        raise typer.Exit(128 + result.signal)
    if not trained:
        messages.check_steps(out, wanted.run.get("steps"), result.step)
    for line in messages.ending(out, result, bool(trained)):
        say(console, line)

"""What the command line says of versions, of options that it lacks, and of runs at their end."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import jax
import typer
from typer.core import TyperGroup

from jaxgan.checks import closest
from jaxgan.cli.progress import duration
from jaxgan.runs.disk import stage_folders
from jaxgan.runs.disk.result import Result
from jaxgan.runs.settings.config import read_config

_FIXED = (
    "is not an option: learning rates, widths and latent sizes are part of a recipe; for others "
    "train from Python, see jaxgan.fit"
)
ABSENT = {
    "--epochs": "is not an option: training is counted in generator updates, use --steps",
    "--iterations": "is not an option: use --steps",
    "--gpus": "is not an option: use --devices",
    "--output": "is not an option: use --out",
    **dict.fromkeys(("--lr", "--learning-rate", "--latent-dim", "--gamma", "--width"), _FIXED),
}
"""Options of `train` that users of other tools look for, and what to do instead."""


def refuse_absent(arguments: Sequence[str]):
    """Raises a ValueError for an option of `ABSENT` among the arguments of `jaxgan train`."""
    for name in (argument.partition("=")[0] for argument in arguments):
        if arguments[0] == "train" and name in ABSENT:
            raise ValueError(f"{name} {ABSENT[name]}")


def one_line_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """A warning as the command line shows it, for `warnings.formatwarning`."""
    return f"Warning: {message}\n"


def print_version(wanted: bool):
    """Prints what a report of a fault should name, and ends."""
    if not wanted:
        return
    kinds = ", ".join(sorted({device.device_kind for device in jax.devices()}))
    typer.echo(f"jaxgan {version('jaxgan')}")
    typer.echo(f"jax {version('jax')}, jaxlib {version('jaxlib')}")
    typer.echo(f"devices: {jax.device_count()} x {kinds}")
    raise typer.Exit


def show_help(context: typer.Context, command: str | None):
    """Prints the help of a command, or of all of them."""
    whole = context.parent
    assert whole is not None  # it is a command of the app
    if command is None:
        typer.echo(whole.get_help())
        return
    group = whole.command
    assert isinstance(group, TyperGroup)
    names = [name for name in group.list_commands(whole) if name != "help"]
    found = group.get_command(whole, command)
    if found is None:
        raise ValueError(
            f"no such command {command!r}.{closest(command, names)} Commands: {', '.join(names)}"
        )
    typer.echo(found.get_help(typer.Context(found, info_name=command, parent=whole)))


# --- Runs


def check_steps(out: Path, steps: int | None, reached: int):
    """Raises a ValueError if a run that did not train is asked for fewer steps than it has made."""
    if steps is None or steps >= reached:
        return
    if (
        read_config(stage_folders.last_stage(out)).steps != steps
    ):  # rounded up to whole rounds, if equal
        raise ValueError(
            f"{out} is already at step {reached:,}: --steps {steps:,} is less. Give more steps "
            "to continue, or a new --out to train for fewer"
        )


def ending(out: Path, result: Result, trained: bool) -> list[str]:
    """The lines on a run that has come to its end; `trained` says whether it did just now."""
    lines = []
    if result.finding is not None:
        more = "to continue, give other --steps or another --stop-on"
        lines.append(f"stopped early on {result.finding} ({more})")
    elif not trained:
        done = f"{out} is already complete ({result.step:,} steps)"
        return [f"{done}. Use --steps N to continue, with N the total"]
    if trained:
        lines.append(f"{duration(result.seconds)}; samples and curves are in {out}")
        lines.append(f"Next: jaxgan sample {out} --out samples.png, or jaxgan report {out}")
    return lines

"""The messages of the command line: versions, missing options, the start and end of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from jaxgan.runs.disk.result import Result
    from jaxgan.runs.run import Run

_SET = "is not an option: use --set {}=VALUE; `jaxgan recipes RECIPE` lists what can be set"
_NAMED = {
    **dict.fromkeys(("--lr", "--learning-rate"), "learning_rate"),
    **{"--latent-dim": "latent_size", "--gamma": "gamma", "--width": "width"},
}
ABSENT = {
    "--epochs": "is not an option: training is counted in generator updates, use --steps",
    "--iterations": "is not an option: use --steps",
    "--gpus": "is not an option: use --devices",
    "--output": "is not an option: use --out",
    **{option: _SET.format(name) for option, name in _NAMED.items()},
}
"""Options of other tools, and what to use instead."""


def refuse_absent(arguments: Sequence[str]):
    """Raises a ValueError for an option that a command cannot have, which says what to use instead.

    Args:
      arguments: of the command line. `jaxgan train` has no option in `ABSENT`; `jaxgan resume` has
        none of a setting that stays.
    """
    command = arguments[0] if arguments else ""
    for number, argument in enumerate(arguments):
        name = argument.partition("=")[0]
        if command == "train" and name in ABSENT:
            raise ValueError(f"{name} {ABSENT[name]}")
        if command == "resume" and name.startswith("--"):
            _refuse_fixed(name, " ".join(arguments[number : number + 1 + (name == argument)]))


def _refuse_fixed(name: str, typed: str):
    """Raises a ValueError for an option of a setting that stays; `typed` is it with its value."""
    from jaxgan.runs.settings.options import Options
    from jaxgan.settings import bare, declared

    for each in declared(Options):
        flag, is_switch = each.setting.flag, bare(each.kind) is bool
        changes = each.setting.may_change or each.setting.python_only
        if changes or name not in (flag, *([f"--no-{flag[2:]}"] * is_switch)):
            continue
        raise ValueError(
            f"{name} cannot change: a resumed run keeps all settings that change its results. "
            f"Start a new run, jaxgan train RECIPE {name if is_switch else typed} --out NEW, or "
            "change --steps and the other options that `jaxgan resume --help` lists"
        )


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
    """Prints the versions and devices, which a bug report should contain, and ends."""
    if not wanted:
        return
    from importlib.metadata import version

    import jax

    kinds = ", ".join(sorted({device.device_kind for device in jax.devices()}))
    typer.echo(f"jaxgan {version('jaxgan')}")
    typer.echo(f"jax {version('jax')}, jaxlib {version('jaxlib')}")
    typer.echo(f"devices: {jax.device_count()} x {kinds}")
    raise typer.Exit


def show_help(context: typer.Context, command: str | None):
    """Prints the help of a command, or that of jaxgan."""
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
        from jaxgan.checks import closest

        raise ValueError(
            f"no such command {command!r}.{closest(command, names)} Commands: {', '.join(names)}"
        )
    typer.echo(found.get_help(typer.Context(found, info_name=command, parent=whole)))


# --- Runs


def check_steps(out: Path, steps: int | None, reached: int):
    """Raises a ValueError if a finished run is asked for fewer steps than it has trained for."""
    from jaxgan.runs.disk import stage_folders
    from jaxgan.runs.settings.config import read_config

    if steps is None or steps >= reached:
        return
    asked = read_config(stage_folders.last_stage(out)).options.steps
    if asked != steps:  # or else the steps were rounded up to whole rounds
        raise ValueError(
            f"{out} is already at step {reached:,}: --steps {steps:,} is less. Give more steps "
            "to continue, or a new --out to train for fewer"
        )


def folder_taken(taken: Path | None, out: Path) -> list[str]:
    """The line on a run that does not go to the folder of its recipe's name."""
    if taken is None:
        return []
    return [f"{taken} exists, writing to {out} (`jaxgan resume {taken}` would resume it)"]


def starting(run: "Run", step: int) -> list[str]:
    """The lines on a run that starts, or resumes after some generator updates."""
    from jaxgan.data.summary import summary
    from jaxgan.runs.disk.log import metrics_rows

    options = run.config.options
    at = f", from step {step:,}" if step else ""
    what = f"{options.recipe} on {options.input.source}"
    lines = [f"{what}: {options.steps:,} steps{at} -> {run.out}", summary(run.dataset)]
    lines += [run.start] if run.start else []
    if not step and metrics_rows(run.out):
        lines.append(f"{run.out} has no checkpoint: training starts from the beginning")
    return lines


def ending(out: Path, result: "Result", trained: bool) -> list[str]:
    """The lines on a run that has ended; `trained` says whether it was trained just now."""
    from jaxgan.cli.progress import duration

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

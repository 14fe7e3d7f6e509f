"""The command line. Commands import JAX and the rest of jaxgan only when they run."""

import sys
import warnings
from typing import Annotated, NoReturn

import typer

from jaxgan.cli import (
    evaluate,
    explore,
    hub,
    messages,
    outputs,
    projection,
    recipes,
    sweep,
    train,
)
from jaxgan.cli.compilation_cache import use_compilation_cache
from jaxgan.cli.console import hold_streams, let_go, make_console, say
from jaxgan.cli.help import Command, Group

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (train, sweep, outputs, evaluate, explore, projection, hub, recipes):
    app.add_typer(part.app)


def main():
    """Runs the command line; invalid input ends in a one-line error and status 2."""
    hold_streams()
    use_compilation_cache()
    warnings.formatwarning = messages.one_line_warning
    try:
        messages.refuse_absent(sys.argv[1:])
        app()
    except (ValueError, OSError) as error:
        _refuse(str(error))
    except ArithmeticError as error:
        from jaxgan.nonfinite import NonFiniteError

        if not isinstance(error, NonFiniteError):
            raise
        _refuse(str(error))
    except (RuntimeError, AssertionError):
        from jaxgan.parallel import processes

        problem = processes.device_problem()
        if problem is None:
            raise
        _refuse(problem)
    finally:
        let_go()


def _refuse(message: str) -> NoReturn:
    console = make_console(stderr=True)
    say(console, f"Error: {message}")
    sys.exit(2)


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=messages.print_version,
            is_eager=True,
            help="Print the versions of jaxgan and JAX, and the devices.",
        ),
    ] = False,
):
    """Generative adversarial networks in JAX."""


@app.command("help", cls=Command, hidden=True)
def show_help(context: typer.Context, command: Annotated[str | None, typer.Argument()] = None):
    """Show the help of a command."""
    messages.show_help(context, command)

"""The command that lists the recipes."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from jaxgan.cli.console import make_console, say
from jaxgan.cli.help import Command
from jaxgan.recipes import RECIPES, STAGED, recipe, recipe_hyperparameters
from jaxgan.recipes.base import Recipe, StagedRecipe

app = typer.Typer()


@app.command("recipes", cls=Command)
def list_recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe, for its details.")] = None,
):
    """List the recipes, or show one recipe's data, size, results and hyper-parameters."""
    if name is None:
        console = make_console()
        console.print(_all_recipes(console.width), highlight=False)
        note = "TIME is on two CPU cores, * on larger data. Details: jaxgan recipes NAME"
        say(console, note)
    elif name in STAGED:
        staged = STAGED[name]
        say(make_console(), f"{name}: {staged.summary}")
        make_console().print(_details(staged.time, staged.result, f"jaxgan train {name}"))
        for stage in staged.stages:
            _show_recipe(stage)
    else:
        _show_recipe(recipe(name))


def _all_recipes(width: int) -> Table:
    """The table of all recipes, each in one line of a terminal."""
    rows = [_row(each, (each,)) for each in RECIPES.values() if "/" not in each.name]
    rows += [_row(staged, staged.stages) for staged in STAGED.values()]
    room = width - sum(max(map(len, column)) + 2 for column in list(zip(*rows, strict=True))[:-1])
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("NAME", "DATA", "STEPS", "TIME", "SUMMARY"):
        table.add_column(title, justify="right" if title == "STEPS" else "left", no_wrap=True)
    for *facts, summary in rows:
        fits = len(summary) <= room
        table.add_row(*facts, summary if fits else f"{summary[: max(room, 20) - 1]}…")
    return table


def _row(each: Recipe | StagedRecipe, parts: Sequence[Recipe]) -> tuple[str, ...]:
    # The rest of these two is among the details.
    time, summary = re.split(r",| \(", each.time)[0], each.summary.partition(";")[0]
    steps = f"{sum(part.steps for part in parts):,}"
    return each.name, parts[0].data, steps, re.sub(r" on .*", " *", time), summary


def _show_recipe(shown: Recipe):
    say(make_console(), f"{shown.name}: {shown.summary}")
    table = _details(shown.time, shown.result, f"jaxgan train {shown.name}")
    table.add_row("  data", shown.data)
    table.add_row("  steps", f"{shown.steps:,} of batch size {shown.plan.batch_size}")
    if shown.begins_with is not None:
        table.add_row("  starts from", f"the generator of the stage {shown.begins_with}")
    if shown.needs is not None:
        table.add_row("  needs", " ".join((shown.needs[0], f"({shown.needs[1]})")))
    make_console().print(table, highlight=False)
    _show_hyperparameters(shown.name)


def _show_hyperparameters(name: str):
    table = Table.grid(padding=(0, 2))
    for each, found in recipe_hyperparameters(name).items():
        rule = "" if found.rule is None else f" auto: {found.rule.text}."
        table.add_row(f"    {each}", f"{found.default:g}", f"{found.help}{rule}")
    say(make_console(), "  hyper-parameters, for --set NAME=VALUE")
    make_console().print(table, highlight=False)


def _details(time: str, result: str, command: str) -> Table:
    table = Table.grid(padding=(0, 2))
    rows = {"train": command, "time": f"{time} on two CPU cores" if time else "", "result": result}
    for title, text in rows.items():
        if text:
            table.add_row(f"  {title}", text)
    return table

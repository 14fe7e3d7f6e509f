"""The command that lists the recipes."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from jaxgan.cli.console import make_console, say
from jaxgan.cli.help import Command
from jaxgan.recipes import RECIPES, STAGED, recipe
from jaxgan.recipes.base import Recipe, StagedRecipe

app = typer.Typer()


@app.command("recipes", cls=Command)
def list_recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe, for its details.")] = None,
):
    """List the recipes, or show one recipe's data, size, time and measured results."""
    if name is None:
        make_console().print(_all_recipes(), highlight=False)
        note = "TIME is on two CPU cores, * on larger data. Details: jaxgan recipes NAME"
        say(make_console(), note)
    elif name in STAGED:
        staged = STAGED[name]
        say(make_console(), f"{name}: {staged.summary}")
        make_console().print(_details(staged.time, staged.result, f"jaxgan train {name}"))
        for stage in staged.stages:
            _show_recipe(stage)
    else:
        _show_recipe(recipe(name))


def _all_recipes() -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("NAME", "DATA", "TIME"):
        table.add_column(title, no_wrap=True)
    table.add_column("SUMMARY")
    for each in RECIPES.values():
        if "/" not in each.name:
            _add_row(table, each, (each,))
    for staged in STAGED.values():
        _add_row(table, staged, staged.stages)
    return table


def _add_row(table: Table, each: Recipe | StagedRecipe, parts: Sequence[Recipe]):
    # The rest of these two is among the details.
    time, summary = re.split(r",| \(", each.time)[0], each.summary.partition(";")[0]
    table.add_row(each.name, parts[0].data, re.sub(r" on .*", " *", time), summary)


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


def _details(time: str, result: str, command: str) -> Table:
    table = Table.grid(padding=(0, 2))
    rows = {"train": command, "time": f"{time} on two CPU cores" if time else "", "result": result}
    for title, text in rows.items():
        if text:
            table.add_row(f"  {title}", text)
    return table

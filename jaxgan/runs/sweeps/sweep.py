"""A sweep in a folder: members chunk by chunk, each stored whole, so that a killed one resumes."""

import contextlib
import csv
import functools
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from filelock import FileLock, Timeout

from jaxgan import parallel
from jaxgan.atomic import replace_file
from jaxgan.data import Dataset, load
from jaxgan.environment import environment
from jaxgan.population import Table, grid
from jaxgan.population.fitting import check_population, table_of
from jaxgan.population.members import Members, Setup, all_members, chunks, make_setup, trained
from jaxgan.recipes import check_installed, recipe, recipe_hyperparameters, recipe_maker
from jaxgan.recipes.base import Recipe
from jaxgan.runs.sweeps.scores import score_for
from jaxgan.runs.sweeps.settings import (
    FILE,
    SweepFile,
    SweepSettings,
    check_numbers,
    check_same,
    read_sweep,
    to_json,
)

TABLE = "table.csv"
LOCK = ".lock"
INTEGERS = ("seed", "nonfinite", "step")


class Progress(NamedTuple):
    """How far a sweep is: members trained, of how many."""

    done: int
    total: int


def run_sweep(
    settings: SweepSettings,
    out: Path,
    devices: int | None = None,
    on_chunk: Callable[[Progress], Any] = lambda progress: None,
) -> Table:
    """Trains all members of a sweep that its folder does not have yet; returns the table of all.

    The table file is replaced after each chunk of members, whole or not at all. So a sweep that was
    killed continues after its last finished chunk, to the same table on the same kind of machine.

    Args:
      settings: what is swept.
      out: a new folder, or that of a sweep with the same settings, which is resumed.
      devices: number of devices over which members are split; all if None.
      on_chunk: called at the start and after each chunk.
    Raises:
      ValueError: if the recipe lacks a number, or the folder has other settings.
      FileExistsError: if the folder holds something else, or another process uses it.
    """
    old = read_sweep(out)
    if old is not None:
        check_same(old.settings, settings, out)
        settings = old.settings  # the order of its grid is that of the members
    setup, members = _prepared(settings, devices)
    with _held(out):
        file = old or SweepFile(settings, _size(setup, members), environment())
        _check_devices(file.chunk, devices)
        if old is None:
            replace_file(out / FILE, lambda part: part.write_text(to_json(file)))
        setup = setup._replace(at_once=file.chunk // _num_devices(devices))
        rows = read_table(out)
        on_chunk(Progress(len(rows), len(members.seed)))
        rounds = -(-settings.steps // setup.plan.n_generator)
        for places in chunks(setup, len(members.seed)):
            if places[-1] >= len(rows):
                own = members.taken(places)
                rows += _rows(table_of(own, trained(setup, own, None, 0, rounds)))
                rows = rows[: len(members.seed)]  # the last chunk may repeat a member
                _write_table(out, rows)
                on_chunk(Progress(len(rows), len(members.seed)))
    return columns_of(rows)


def _prepared(settings: SweepSettings, devices: int | None) -> tuple[Setup, Members]:
    chosen = recipe(settings.recipe)
    check_numbers(settings, recipe_hyperparameters(chosen.name))
    dataset = _data(chosen)
    plan = chosen.plan._replace(devices=devices)
    points = grid(**settings.grid)
    make_gan, key = recipe_maker(chosen.name, dataset.shape), jax.random.key(settings.seed)
    if settings.hyperparameters:
        make_gan = functools.partial(make_gan, **settings.hyperparameters)
    check_population(key, make_gan, dataset, points, settings.seeds, plan)
    members = all_members(points, settings.seeds)
    score = score_for(dataset, plan.model_range)
    return make_setup(key, make_gan, dataset, plan, score, members), members


def _data(chosen: Recipe) -> Dataset:
    check_installed(chosen)
    dataset = load(chosen.data)
    if chosen.plan.conditional or not isinstance(dataset, Dataset):
        raise ValueError(
            f"recipe {chosen.name} cannot be swept, only unconditional recipes with data in "
            "memory: use jaxgan.fit_many, with a score of your own"
        )
    return dataset


def _num_devices(devices: int | None) -> int:
    return len(parallel.select_devices(devices))


def _size(setup: Setup, members: Members) -> int:
    return len(chunks(setup, len(members.seed))[0])


def _check_devices(chunk: int, devices: int | None):
    if chunk % _num_devices(devices):
        raise ValueError(
            f"the sweep has chunks of {chunk} members, which do not divide over "
            f"{_num_devices(devices)} devices: resume it with --devices 1"
        )


@contextlib.contextmanager
def _held(out: Path) -> Iterator[None]:
    """A sweep's folder, locked for this process.

    Raises:
      FileExistsError: if it holds something else, or another process has locked it.
    """
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file: give a folder")
    others = {path.name for path in out.iterdir()} - {LOCK} if out.exists() else set()
    if others and FILE not in others:
        raise FileExistsError(
            f"{out} is not the folder of a sweep, it contains {min(others)}: give a new folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=0):
            yield
    except Timeout:
        raise FileExistsError(f"{out} is in use by another sweep") from None


# --- The table file


def _rows(table: Table) -> list[dict[str, Any]]:
    values = [np.asarray(column).tolist() for column in table.values()]
    return [dict(zip(table, row, strict=True)) for row in zip(*values, strict=True)]


def _write_table(out: Path, rows: list[dict[str, Any]]):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)  # floats as repr, from which they are read back to the bit
    replace_file(out / TABLE, lambda part: part.write_text(text.getvalue()))


def read_table(out: Path) -> list[dict[str, Any]]:
    """The rows of a sweep's table so far, one per member.

    Raises:
      ValueError: if the file is damaged.
    """
    path = out / TABLE
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            return [
                {name: int(x) if name in INTEGERS else float(x) for name, x in row.items()}
                for row in csv.DictReader(file, strict=True)
            ]
    except (ValueError, TypeError, csv.Error) as error:
        raise ValueError(f"{path} is damaged: {error}; delete it to train all again") from error


def columns_of(rows: list[dict[str, Any]]) -> Table:
    """Rows as a table of columns."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}

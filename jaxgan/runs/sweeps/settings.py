"""What is swept: the recipe, the values of its numbers, seeds and steps. Imports no JAX."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from jaxgan.recipes.hyperparameters import Given, HyperParameter, checked
from jaxgan.settings import Count, Seed, Setting, documented, read_json

FILE = "sweep.json"


@documented
class SweepSettings(NamedTuple):
    """The settings of a sweep, all of which its results depend on."""

    recipe: Annotated[str, Setting("Name of the recipe.")]
    grid: Annotated[dict[str, tuple[float, ...]], Setting("The values of each number.")]
    seeds: Annotated[Count, Setting("Members per setting.")]
    steps: Annotated[Count, Setting("Generator updates of each member.")]
    seed: Annotated[Seed, Setting("Seed of the whole sweep.")] = 0
    hyperparameters: Annotated[
        Given, Setting("Hyper-parameters that are the same for all members.")
    ] = {}  # noqa: RUF012 (it is never changed)


def parse_grid(texts: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """The values of each number, from NAME=LOW:HIGH:NUM (equal ratios) or NAME=VALUE,VALUE,...

    Raises:
      ValueError: if a text has another form, or a number is given twice.

    >>> parse_grid(["gamma=0.1:10:3", "b1=0,0.5"])
    {'gamma': (0.1, 1.0, 10.0), 'b1': (0.0, 0.5)}
    """
    grid: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        if not name or not values:
            raise ValueError(f"{_FORM}, got {text!r}")
        if name in grid:
            raise ValueError(f"--grid gives {name} twice: list all its values in one")
        grid[name] = _spaced(text, values) if ":" in values else _listed(text, values)
    if not grid:
        raise ValueError(f"a sweep needs numbers to vary: {_FORM}")
    return grid


_FORM = "--grid takes NAME=LOW:HIGH:NUM or NAME=VALUE,VALUE,..., such as gamma=0.1:10:8"


def _spaced(text: str, values: str) -> tuple[float, ...]:
    from jaxgan.population.points import geomspace

    try:
        low, high, num = values.split(":")
        ends, count = (float(low), float(high)), int(num)
    except ValueError:
        raise ValueError(f"{_FORM}, got {text!r}") from None
    try:
        return tuple(geomspace(*ends, count).tolist())
    except ValueError as error:
        raise ValueError(f"--grid {text}: {error}; list the values instead") from None


def _listed(text: str, values: str) -> tuple[float, ...]:
    try:
        found = tuple(float(value) for value in values.split(","))
    except ValueError:
        raise ValueError(f"{_FORM}, got {text!r}") from None
    if not all(math.isfinite(value) for value in found) or len(set(found)) < len(found):
        raise ValueError(f"--grid {text}: the values must be finite, and each given once")
    return found


def check_numbers(settings: SweepSettings, known: Mapping[str, HyperParameter]):
    """Raises a ValueError unless a recipe has all hyper-parameters of a sweep, with their values.

    Args:
      settings: of the sweep.
      known: the hyper-parameters of its recipe.
    """
    recipe = settings.recipe
    checked(recipe, known, settings.hyperparameters)
    for name, values in settings.grid.items():
        if name in settings.hyperparameters:
            raise ValueError(f"{name} is given by --grid and by --set: give it once")
        for value in values:
            if name in known and not known[name].is_traceable:
                raise ValueError(
                    f"one program cannot vary {name} of recipe {recipe}: give each value to a "
                    f"sweep of its own, with --set {name}={value:g}"
                )
            checked(recipe, known, {name: value})


class SweepFile(NamedTuple):
    """The contents of sweep.json.

    Attributes:
      settings: of the sweep.
      chunk: members per chunk, so that a resumed sweep has the same chunks.
      made_with: versions, device and date of the start.
    """

    settings: SweepSettings
    chunk: int
    made_with: dict[str, Any]


def to_json(file: SweepFile) -> str:
    """The text of sweep.json."""
    return json.dumps(file._asdict() | {"settings": file.settings._asdict()}, indent=2) + "\n"


def read_sweep(folder: Path) -> SweepFile | None:
    """The contents of a folder's sweep.json; None if there is none.

    Raises:
      ValueError: if the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return read_json(SweepFile, path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; sweep into a new folder") from error


def check_same(old: SweepSettings, new: SweepSettings, folder: Path):
    """Raises a ValueError if a folder is of a sweep with other settings."""
    for name, before, now in zip(old._fields, old, new, strict=True):
        if before != now:
            raise ValueError(
                f"{folder} has a sweep with another {name}: {before}, got {now}; give a new "
                "folder with --out, or the same settings to resume it"
            )

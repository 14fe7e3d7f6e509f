"""The configuration of a run, `config.json`: its options, and what it was made with."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pydantic

from jaxgan.data import Dataset, Records, load
from jaxgan.runs.settings.fingerprint import DataFacts, check_attributes, check_range
from jaxgan.runs.settings.options import Input, Options
from jaxgan.settings import Setting, is_group, read_json


def load_input(source: Input) -> Dataset | Records:
    """The data of a run; errors are those of `jaxgan.data.load`."""
    return load(
        source.source,
        max_bytes=round(source.max_memory * 2**30),
        max_bad_fraction=source.reading.max_bad_fraction,
        max_pixels=source.max_pixels,
        tfds_manual_dir=source.tfds_manual_dir,
        condition=source.condition,
    )


class Config(NamedTuple):
    """The options of a run, and what it was made with.

    Attributes:
      options: what was asked for.
      gan: checksum of the recipe's networks, losses and optimizers, see `gan_fingerprint`.
      data: what the data are.
      versions: of the packages.
      device: the devices, processes and CPU cores.
      python: version of Python.
      date: when this configuration was written.
      stop_after: alerts stop the run only if they begin after this round.
    """

    options: Options
    gan: str
    data: DataFacts
    versions: Annotated[dict[str, str], Setting(may_change=True)]
    device: Annotated[str, Setting(may_change=True)]
    python: Annotated[str, Setting(may_change=True)]
    date: Annotated[str, Setting(may_change=True)]
    stop_after: Annotated[int, pydantic.Field(ge=0), Setting(may_change=True)] = 0


# --- Reading and writing one

_NUMBERS = re.compile(r"\[\n([-+.\de,\s]+)\]")


def has_config(run: Path, name: str = "config.json") -> bool:
    """Whether a folder is that of a run, which has this file.

    Raises:
      OSError: if that is unknown: its name is too long, or the folder may not be read.
    """
    try:
        return (run / name).is_file()
    except OSError as error:
        raise OSError(f"{run} cannot be a run's folder: {error.strerror}") from error


def read_config(run: Path) -> Config:
    """The config.json of a run.

    Raises:
      FileNotFoundError: if the folder holds no run.
      ValueError: if the file is not JSON, or has unknown, missing or invalid fields.
    """
    path = run / "config.json"
    if not has_config(run):
        raise FileNotFoundError(f"{run} is not a run's folder: there is no {path}.{_instead(run)}")
    try:
        config = read_json(Config, path.read_bytes())
        check_range(config.data)
        check_attributes(config.data)
    except ValueError as error:
        raise ValueError(f"{path} is not a run's configuration: {error}") from None
    return config


def _instead(run: Path) -> str:
    """A question for a run that was named without its folder; empty if there is none."""
    there = Path("runs") / run
    found = any((there / name).is_file() for name in ("config.json", "stages.json"))
    return f" Did you mean {there}?" if found else ""


def to_json(config: Config) -> str:
    """The text of a config.json, with each list of numbers on one line."""
    text = json.dumps(_plain(config), indent=2)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def _plain(value: Any) -> Any:
    """Groups as JSON objects."""
    if is_group(type(value)):
        return {name: _plain(part) for name, part in value._asdict().items()}
    return value

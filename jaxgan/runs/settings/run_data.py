"""The data of a run: found again from any folder, and compared with those it was trained on."""

import functools
from collections.abc import Callable
from typing import Any

from jaxgan.data import Dataset, Records
from jaxgan.data.sources import absolute, absolute_path
from jaxgan.runs.settings.compare import changes
from jaxgan.runs.settings.config import Config, load_input
from jaxgan.runs.settings.fingerprint import data_facts

_ABSOLUTE: dict[str, Callable[[str], str]] = {
    "source": absolute,
    "tfds_manual_dir": absolute_path,
    "features": functools.partial(absolute, kinds=("inception",)),
}


def absolute_paths(given: dict[str, Any]) -> dict[str, Any]:
    """Fields of `Input` or `Scoring`, the paths among them so that they hold from any folder.

    Raises:
      ValueError: if a path is not UTF-8, which JSON cannot hold.
    """
    paths = {name: find(given[name]) for name, find in _ABSOLUTE.items() if given.get(name)}
    for path in paths.values():
        if path != path.encode("utf-8", "replace").decode():
            raise ValueError(f"{path!r} is not in UTF-8: rename it, or link to it by another name")
    return given | paths


def load_data(
    config: Config, source: str | None = None, force: bool = False
) -> tuple[Dataset | Records, str]:
    """The data of a run, and how they differ from those that it was trained on; "" if they do not.

    Args:
      config: of the run.
      source: where they lie now, see `jaxgan.data.load`; as in `config` if not given.
      force: take also data that differ.
    Raises:
      FileNotFoundError: if they are not there any more.
      ValueError: if they differ.
    """
    place = config.input if source is None else config.input._replace(source=source)
    try:
        dataset = load_input(place)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; if the data have moved, give their new location with --data"
        ) from error
    differ = _differences(config, dataset)
    if differ and not force:
        raise ValueError(
            f"the data at {place.source} are not those that the run was trained on: {differ}. Say "
            "where the run's data are with --data, or use --force to take these anyway"
        )
    return dataset, differ


def _differences(config: Config, dataset: Dataset | Records) -> str:
    now = config.model_copy(update={"data": data_facts(dataset, config.plan.conditional)})
    return ", ".join(changes(config, now))


def data_of(config: Config, source: str | None = None, force: bool = False) -> Dataset | Records:
    """The data alone, of `load_data`."""
    return load_data(config, source, force)[0]

"""The data of a run: found from any folder, and compared with those it was trained on."""

from collections.abc import Mapping
from typing import Any

from jaxgan.data import Dataset, Records
from jaxgan.runs.settings.compare import changes
from jaxgan.runs.settings.config import Config, load_input
from jaxgan.runs.settings.fingerprint import data_facts
from jaxgan.runs.settings.options import Options
from jaxgan.settings import declared

_ABSOLUTE = {
    each.path: each.setting.absolute
    for each in declared(Options)
    if each.setting.absolute is not None
}


def absolute_paths(given: Mapping[str, Any]) -> dict[str, str]:
    """The options, by dotted name, that contain paths, with absolute paths instead.

    Raises:
      ValueError: if a path is not UTF-8, which JSON cannot hold.
    """
    paths = {name: find(given[name]) for name, find in _ABSOLUTE.items() if given.get(name)}
    for path in paths.values():
        if path != path.encode("utf-8", "replace").decode():
            raise ValueError(f"{path!r} is not in UTF-8: rename it, or link to it by another name")
    return paths


def load_data(
    config: Config, source: str | None = None, force: bool = False
) -> tuple[Dataset | Records, str]:
    """The data of a run, and how they differ from its training data, "" if they do not.

    Args:
      config: of the run.
      source: their present location, see `jaxgan.data.load`; by default that in `config`.
      force: accept data that differ.
    Raises:
      FileNotFoundError: if the data are missing.
      ValueError: if they differ.
    """
    place = config.options.input
    place = place if source is None else place._replace(source=source)
    try:
        dataset = load_input(place)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; if the data have moved, give their new location with --data"
        ) from error
    differ = _differences(config, dataset)
    if differ and not force:
        raise ValueError(
            f"the data at {place.source} differ from those that the run was trained on: {differ}. "
            "Give the location of the run's data with --data, or use --force to accept these"
        )
    return dataset, differ


def _differences(config: Config, dataset: Dataset | Records) -> str:
    facts = data_facts(dataset, config.options.plan.conditional)
    return ", ".join(changes(config, config._replace(data=facts)))


def data_of(config: Config, source: str | None = None, force: bool = False) -> Dataset | Records:
    """The data of `load_data`, without the differences."""
    return load_data(config, source, force)[0]

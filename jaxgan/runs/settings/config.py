"""What a run was asked for: `config.json`, checked when read, and compared when a run goes on."""

import json
import os
import platform
import reprlib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import jax
import pydantic
import pydantic_core

from jaxgan.augment.named import AugmentationName
from jaxgan.data import Dataset, Records, load
from jaxgan.monitor.detector import Kind
from jaxgan.runs.disk.checkpoint import Keep
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.scoring.in_training import Scoring
from jaxgan.training.plan import Count, Plan

PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


Valid = TypeVar("Valid")
Seed = Annotated[int, pydantic.Field(ge=0, lt=2**32)]
"""Of larger ones jax would take the last 32 bits alone."""


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        said = "must be in UTF-8, or config.json could not hold it: rename it"
        raise pydantic_core.PydanticCustomError("utf8", said) from None
    return text


Text = Annotated[str, pydantic.AfterValidator(_utf8)]
"""What is read again as it was written."""


class Saving(NamedTuple):
    """When the state is saved, and which checkpoints are kept. It is saved at the end in any case.

    Attributes:
      every: generator updates between two checkpoints.
      minutes: the longest time between two, in minutes.
      keep: which stay.
    """

    every: Count
    minutes: Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)] = 10.0
    keep: Keep = Keep()


class Input(NamedTuple):
    """How the data are read; nothing of it changes a result.

    Attributes:
      source: names the data, see `jaxgan.data.load`.
      max_bytes: of data that are kept in memory, decoded; larger ones are streamed.
      workers: processes that read streamed data.
      max_bad_fraction: share of all records that may be unreadable.
      max_pixels: that an image in a folder may have; None for Pillow's own limit.
      tfds_manual_dir: where files lie that TFDS is to prepare data from.
    """

    source: Text
    max_bytes: Annotated[int, pydantic.Field(ge=0)] = 2**31
    workers: Annotated[int, pydantic.Field(ge=0)] = 0
    max_bad_fraction: Annotated[float, pydantic.Field(ge=0, le=1)] = 0.01
    max_pixels: Count | None = None
    tfds_manual_dir: Text | None = None


def load_input(source: Input) -> Dataset | Records:
    """The data of a run, read as it says; errors are those of `jaxgan.data.load`."""
    return load(
        source.source,
        max_bytes=source.max_bytes,
        max_bad_fraction=source.max_bad_fraction,
        max_pixels=source.max_pixels,
        tfds_manual_dir=source.tfds_manual_dir,
    )


class Config(pydantic.BaseModel):
    """All that a run was asked for, and with what it was made.

    `setting` is a checksum of the recipe's networks, losses and optimizers, see
    `gan_fingerprint`. The run stops on alerts of the kinds `stop_on` that begin later than in the
    round `stop_after`.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)

    recipe: str
    augment: AugmentationName | None = None
    setting: str
    seed: Seed
    steps: Count
    log_every: Count
    sample_every: Count
    input: Input
    plan: Plan
    saving: Saving
    scoring: Scoring = Scoring()
    stop_on: tuple[Kind, ...] = ()
    stop_after: Annotated[int, pydantic.Field(ge=0)] = 0
    data: DataFacts
    versions: dict[str, str]
    device: str
    python: str
    date: str


# --- Making one


def environment() -> dict[str, Any]:
    """What a run is made with: versions, devices, date."""
    kinds = {device.device_kind for device in jax.devices()}
    return {
        "versions": {package: version(package) for package in PACKAGES},
        "device": f"{len(jax.devices())} x {', '.join(sorted(kinds))}, "
        f"{jax.process_count()} process(es) of {os.cpu_count()} CPU cores",
        "python": platform.python_version(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


# --- Reading one


def has_config(run: Path, name: str = "config.json") -> bool:
    """Whether a folder is a run's: whether the file is in it that makes it one.

    Raises:
      OSError: if that cannot be told: its name is too long, or the folder is not to be looked into.
    """
    try:
        return (run / name).is_file()
    except OSError as error:
        raise OSError(f"{run} cannot be a run's folder: {error.strerror}") from error


def read_config(run: Path) -> Config:
    """The config.json of a run.

    Raises:
      FileNotFoundError: if the folder holds no run.
      ValueError: if the file is no JSON, or has unknown, missing or wrongly typed fields, or
        such as are out of range.
    """
    path = run / "config.json"
    if not has_config(run):
        raise FileNotFoundError(f"{run} is not a run's folder: there is no {path}")
    try:
        config = Config.model_validate_json(path.read_bytes())
    except pydantic.ValidationError as error:
        raise ValueError(f"{path} is not a run's configuration: {_problems(error)}") from None
    for name, pair in {
        "plan.model_range": config.plan.model_range or (None, None),
        "data.low and data.high": (config.data.low, config.data.high),
    }.items():
        low, high = pair
        if pair != (None, None) and (low is None or high is None or not low < high):
            raise ValueError(
                f"{path} is not a run's configuration: {name} must be a lower and a higher number, "
                f"got {pair}"
            )
    return config


def check_fields(value: Valid) -> Valid:
    """A named tuple such as `Input`, if all its fields are of their types and in range.

    Raises:
      ValueError: if they are not; it names them.
    """
    try:
        return pydantic.TypeAdapter(type(value)).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        raise ValueError(_problems(error)) from None


def _problems(error: pydantic.ValidationError) -> str:
    return "; ".join(_problem(problem) for problem in error.errors(include_url=False))


def _problem(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "the file"
    told = problem["type"].startswith("missing") or problem["type"] == "json_invalid"
    got = "" if told else f", got {reprlib.repr(problem['input'])}"
    return f"{place}: {problem['msg'][0].lower()}{problem['msg'][1:]}{got}"


def to_json(config: Config) -> str:
    """The text of a config.json."""
    fields = {name: _plain(getattr(config, name)) for name in Config.model_fields}
    return json.dumps(fields, indent=2) + "\n"


def _plain(value: Any) -> Any:
    """Named tuples as JSON objects."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value

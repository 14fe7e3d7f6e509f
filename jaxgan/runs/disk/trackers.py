"""Where a run's metrics and images go, beside its own files: TensorBoard, W&B, MLflow.

Each tracker has the methods of `EventFile`. One of a service never ends a run: after an error it is
left out, and an event says why. A service keeps what it has seen, so that rounds repeated after a
kill appear there twice; the run's own files have them once.
"""

import contextlib
import functools
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from PIL import Image

from jaxgan.atomic import replace_file
from jaxgan.choices import TrackerName
from jaxgan.runs.disk.tensorboard import EventFile

_IDS = "trackers.json"
"""The names under which services know a run, so that it continues there."""


class Tracker(Protocol):
    """Receives metrics and images; see `EventFile`."""

    def write_scalars(self, values: Mapping[str, float | None], step: int):
        """Add the value of each name."""

    def write_image(self, name: str, image: np.ndarray, step: int):
        """Add an image uint8 [height, width, 3]."""

    def flush(self):
        """Write what is held back."""

    def close(self):
        """End the record."""


def check_trackers(names: Sequence[TrackerName]):
    """Raise a ValueError unless the packages of all trackers are installed."""
    for name in names:
        if name in _PACKAGES:
            _package(name)


def open_trackers(
    names: Sequence[TrackerName],
    run: Path,
    purge_step: int | None,
    on_error: Callable[[str, str], None],
) -> list[Tracker]:
    """The trackers of a run, which continue what they know of it.

    Args:
      names: of the trackers.
      run: the run's folder, which has a config.json.
      purge_step: the step from which on TensorBoard hides earlier files; None for a new run.
      on_error: called with the name of a service and a text when it is left out.
    """
    made: list[Tracker] = []
    if "tensorboard" in names:
        made.append(EventFile(run, purge_step))
    for name in names:
        if name in _SERVICES:
            made.append(_Lenient(name, functools.partial(_SERVICES[name], run), on_error))
    return made


class _Lenient:
    """A tracker of a service, which is left out after its first error."""

    def __init__(
        self, name: str, opened: Callable[[], Tracker], on_error: Callable[[str, str], None]
    ):
        self._name, self._on_error = name, on_error
        self._tracker: Tracker | None = None
        self._try(lambda: setattr(self, "_tracker", opened()))

    def _try(self, act: Callable[[], Any]):
        try:
            act()
        except Exception as error:  # services fail in many ways; training continues
            self._tracker = None
            text = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._on_error(self._name, text)

    def write_scalars(self, values: Mapping[str, float | None], step: int):
        known = {name: x for name, x in values.items() if x is not None and math.isfinite(x)}
        if (tracker := self._tracker) is not None:
            self._try(lambda: tracker.write_scalars(known, step))

    def write_image(self, name: str, image: np.ndarray, step: int):
        if (tracker := self._tracker) is not None:
            self._try(lambda: tracker.write_image(name, image, step))

    def flush(self):
        if (tracker := self._tracker) is not None:
            self._try(tracker.flush)

    def close(self):
        if (tracker := self._tracker) is not None:
            self._try(tracker.close)


# --- Services


class _WandB:
    """A run of Weights & Biases, in the project WANDB_PROJECT or "jaxgan"."""

    def __init__(self, run: Path):
        wandb = _package("wandb")
        known = _ids(run).get("wandb")
        self._wandb = wandb
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "jaxgan"),
            id=known,
            name=run.resolve().name,
            dir=run,
            config=_settings(run),
            resume="allow",
        )
        if known is None:
            _keep_id(run, "wandb", self._run.id)
        # W&B's own step only grows, but rounds may be trained again
        self._run.define_metric("round")
        self._run.define_metric("*", step_metric="round")

    def write_scalars(self, values: Mapping[str, float | None], step: int):
        self._run.log({**values, "round": step})

    def write_image(self, name: str, image: np.ndarray, step: int):
        self._run.log({name: self._wandb.Image(Image.fromarray(image)), "round": step})

    def flush(self):
        pass  # it has a process of its own

    def close(self):
        self._run.finish()


class _MLflow:
    """A run of MLflow at MLFLOW_TRACKING_URI, or else in the run's folder, mlflow.db."""

    def __init__(self, run: Path):
        mlflow, place = _package("mlflow"), run.resolve()
        asked = os.environ.get("MLFLOW_TRACKING_URI")
        self._client = mlflow.MlflowClient(tracking_uri=asked or f"sqlite:///{place}/mlflow.db")
        known = _ids(run).get("mlflow")
        if known is None:
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "jaxgan")
            found = self._client.get_experiment_by_name(name)
            images = None if asked else (place / "mlartifacts").as_uri()
            number = found.experiment_id if found else self._client.create_experiment(name, images)
            known = self._client.create_run(number, run_name=run.resolve().name).info.run_id
            for label, value in _settings(run).items():
                self._client.log_param(known, label, str(value)[:500])
            _keep_id(run, "mlflow", known)
        else:
            self._client.update_run(known, status="RUNNING")
        self._id = known

    def write_scalars(self, values: Mapping[str, float | None], step: int):
        for name, value in values.items():
            self._client.log_metric(self._id, _plain(name), float(value or 0.0), step=step)

    def write_image(self, name: str, image: np.ndarray, step: int):
        self._client.log_image(self._id, image, key=_plain(name), step=step, synchronous=True)

    def flush(self):
        pass  # each call writes

    def close(self):
        self._client.set_terminated(self._id)


_SERVICES: dict[str, Callable[[Path], Tracker]] = {"wandb": _WandB, "mlflow": _MLflow}
_PACKAGES = {"wandb": "wandb", "mlflow": "mlflow"}


def _package(name: str) -> ModuleType:
    try:
        return __import__(_PACKAGES[name])
    except ImportError as error:
        raise ValueError(f"--track {name} needs a package: pip install 'jaxgan[{name}]'") from error


def _plain(name: str) -> str:
    """A name in the letters that MLflow takes."""
    return re.sub(r"[^\w\-. /]", "_", name)


def _settings(run: Path) -> dict[str, Any]:
    """The options in the run's config.json, by dotted name."""

    def flat(value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {place: value}
        dot = f"{place}." if place else ""
        parts = [flat(part, f"{dot}{name}") for name, part in value.items()]
        return {name: each for part in parts for name, each in part.items()}

    with contextlib.suppress(FileNotFoundError):
        return flat(json.loads((run / "config.json").read_bytes())["options"], "")
    return {}


def _ids(run: Path) -> dict[str, str]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        found = json.loads((run / _IDS).read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def _keep_id(run: Path, name: str, known: str):
    text = json.dumps(_ids(run) | {name: known}) + "\n"
    replace_file(run / _IDS, lambda beside: beside.write_text(text))

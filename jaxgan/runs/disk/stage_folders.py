"""The folder of a run with several stages, and its stages.json."""

from pathlib import Path
from typing import Any

import pydantic

from jaxgan.checks import closest
from jaxgan.recipes import STAGED
from jaxgan.recipes.base import StagedRecipe
from jaxgan.runs.settings.config import has_config, read_config

FILE, LEVELS = "stages.json", "levels.png"


class _Written(pydantic.BaseModel):
    """The content of stages.json."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    recipe: str
    overrides: dict[str, Any]


def staged_in(run: Path) -> StagedRecipe | None:
    """The recipe of a run with stages; None for other folders.

    Raises:
      ValueError: if its stages.json is invalid.
    """
    if not has_config(run, FILE):
        return None
    name = read_stages(run).recipe
    if name not in STAGED:
        raise ValueError(f"{run / FILE} names an unknown recipe {name!r}.{closest(name, STAGED)}")
    return STAGED[name]


def read_stages(run: Path) -> _Written:
    """The content of a folder's stages.json."""
    try:
        return _Written.model_validate_json((run / FILE).read_bytes())
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ValueError(f"{run / FILE} is damaged: {place}: {problem['msg']}") from None


def last_stage(run: Path) -> Path:
    """The folder of a run's last stage; the run itself if it has no stages."""
    staged = staged_in(run)
    return run if staged is None else run / staged.stages[-1].stage


def generating_folder(run: Path) -> Path:
    """The folder of what generates a run's samples: its last stage, or a whole pyramid."""
    staged = staged_in(run)
    return run if staged is not None and staged.drawn_by == "pyramid" else last_stage(run)


def check_run(run: Path):
    """Raise a FileNotFoundError or ValueError unless a folder contains a run."""
    if staged_in(run) is None:
        read_config(run)

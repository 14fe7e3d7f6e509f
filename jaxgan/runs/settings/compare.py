"""Two configurations of runs compared: what differs, and what of it changes the numbers."""

from pathlib import Path
from typing import Any

from jaxgan.runs.settings.config import Config

TRACED_BY = ("jax", "flax", "optax")
MATHEMATICS = frozenset(
    (
        "recipe",
        "augment",
        "setting",
        "seed",
        "data.shape",
        "data.size",
        "data.num_classes",
        "data.low",
        "data.high",
        "data.fingerprint",
        "data.checksum",
        "plan.batch_size",
        "plan.n_critic",
        "plan.n_generator",
        "plan.alternation",
        "plan.update",
        "plan.first",
        "plan.accumulate",
        "plan.model_range",
        "plan.conditional",
        "plan.flip",
        "plan.crop",
        "plan.precision",
    )
)
"""What changes the numbers that a run computes; the rest may differ when it goes on."""


def differences(old: Config, new: Config) -> dict[str, tuple[Any, Any]]:
    """The settings, by dotted name, in which two configurations differ: `(old, new)` each."""
    before, after = _flat(old), _flat(new)
    if None in (before["data.checksum"], after["data.checksum"]):
        before["data.checksum"] = after["data.checksum"] = None
    if any(old.versions.get(name) != new.versions.get(name) for name in TRACED_BY):
        before["setting"] = after["setting"] = ""  # the same setting may look otherwise now
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def _flat(config: Config) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    names = ("recipe", "augment", "setting", "seed", "steps", "log_every", "sample_every")
    for name in (*names, "stop_on", "stop_after"):
        flat[name] = getattr(config, name)
    for group in ("input", "plan", "saving", "scoring", "data"):
        flat |= {f"{group}.{name}": x for name, x in getattr(config, group)._asdict().items()}
    return flat


def shared_settings(config: Config) -> str:
    """What must be the same in all processes of a run: all but how each reads its data."""
    own = ("input.source", "input.workers", "input.tfds_manual_dir")  # data.* are compared
    return repr({name: value for name, value in _flat(config).items() if name not in own})


def check_same_recipe(old: str, new: str, run: Path):
    """Raises a ValueError if the run in a folder is of another recipe than the one given."""
    if old != new:
        raise ValueError(
            f"{run} was trained with recipe {old}, not {new}: use a new --out for {new}, or "
            f"`jaxgan resume {run}` to continue {old}"
        )


def check_same_mathematics(old: Config, new: Config, run: Path):
    """Raises a ValueError that shows the differences, if the new settings change the numbers."""
    listed = changes(old, new)
    if listed:
        raise ValueError(
            f"cannot resume {run}: these settings would change the result: {', '.join(listed)}. "
            "Use a new --out, or --force to resume anyway"
        )


def changes(old: Config, new: Config) -> list[str]:
    """The differences between two configurations that change the numbers, in words."""
    found = differences(old, new).items()
    return list(dict.fromkeys(_change(name, *pair) for name, pair in found if name in MATHEMATICS))


def _change(name: str, old: Any, new: Any) -> str:
    """A difference in words; checksums say only that there is one."""
    if name == "setting":
        return "the recipe's networks, losses or optimizers"
    if name in ("data.fingerprint", "data.checksum"):
        return "the contents of the data"
    return f"{name.removeprefix('plan.').replace('.', ' ')} {old} -> {new}"

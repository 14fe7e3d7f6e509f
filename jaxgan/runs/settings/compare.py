"""Two configurations compared: what differs, and what of it changes the results of a run."""

from pathlib import Path
from typing import Any

from jaxgan.runs.settings.config import Config
from jaxgan.settings import declared, flatten

TRACED_BY = ("jax", "flax", "optax")
"""The packages whose versions change the program of a GAN, and so its checksum."""
MADE_WITH = frozenset(("versions", "device", "python", "date"))
CONTENTS = ("data.fingerprint", "data.checksum", "data.attribute_rows")
"""What says only that data differ, but not how."""
_SETTINGS = {each.path.removeprefix("options."): each.setting for each in declared(Config)}


def differences(old: Config, new: Config) -> dict[str, tuple[Any, Any]]:
    """The settings, by dotted name, in which two configurations differ: `(old, new)` each."""
    before, after = _flat(old), _flat(new)
    if None in (before["data.checksum"], after["data.checksum"]):
        before["data.checksum"] = after["data.checksum"] = None
    if any(old.versions.get(name) != new.versions.get(name) for name in TRACED_BY):
        before["gan"] = after["gan"] = ""
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def _flat(config: Config) -> dict[str, Any]:
    flat = {name.removeprefix("options."): value for name, value in flatten(config).items()}
    return {name: value for name, value in flat.items() if name not in MADE_WITH}


def shared_settings(config: Config) -> str:
    """The settings that must be the same in all processes of a run, as text."""
    flat = _flat(config)
    return repr({name: flat[name] for name in flat if not _SETTINGS[name].per_process})


def check_same_recipe(old: str, new: str, run: Path):
    """Raises a ValueError if the run in a folder is of another recipe than the one given."""
    if old != new:
        raise ValueError(
            f"{run} was trained with recipe {old}, not {new}: use a new --out for {new}, or "
            f"`jaxgan resume {run}` to continue {old}"
        )


def check_same_results(old: Config, new: Config, run: Path):
    """Raises a ValueError with the differences, if the new settings would change the results."""
    listed = changes(old, new)
    if listed:
        raise ValueError(
            f"cannot resume {run}: these settings would change the result: {', '.join(listed)}. "
            "Use a new --out, or --force to resume anyway"
        )


def changes(old: Config, new: Config) -> list[str]:
    """The differences between two configurations that change the results, in words.

    Every difference does, but for the settings that are declared with `may_change`.
    """
    found = differences(old, new).items()
    changed = (_in_words(name, *pair) for name, pair in found if not _SETTINGS[name].may_change)
    return list(dict.fromkeys(changed))


def _in_words(name: str, old: Any, new: Any) -> str:
    """A difference in words; checksums say only that there is one."""
    if name == "gan":
        return "the recipe's networks, losses or optimizers"
    if name in CONTENTS:
        return "the contents of the data"
    if isinstance(old, dict) and isinstance(new, dict):
        names = [each for each in old | new if old.get(each) != new.get(each)]
        return ", ".join(f"{each} {old.get(each)} -> {new.get(each)}" for each in names)
    return f"{name.removeprefix('plan.').replace('.', ' ')} {old} -> {new}"

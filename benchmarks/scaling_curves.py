"""The curves of `scaling.py`: what grows along each, and what stays as it is."""

from typing import Any, NamedTuple

Settings = dict[str, Any]


class Curve(NamedTuple):
    """Points that differ in one setting.

    Attributes:
      axis: the setting.
      points: its values.
      quick: its values with `--quick`.
      fixed: the other settings.
      columns: titles of the costs, by their names in a row.
      unit: what bytes are counted by, if memory and files should grow by a constant each.
    """

    axis: str
    points: tuple[int, ...]
    quick: tuple[int, ...]
    fixed: Settings
    columns: dict[str, str]
    unit: str = ""


LARGE = {"windows": 7, "seconds": 0.5}
SMALL = {"windows": 3, "seconds": 0.01, "batch": 4, "width": 4, "size": 8}
"""What `--quick` has instead, as far as a curve has such settings."""

_DCGAN = {"recipe": "dcgan", "batch": 64, "width": 64, "size": 28}
_RING = {"recipe": "ring", "batch": 16, "width": 16}
_STEP = {
    "ms": "ms per round",
    "memory_mib": "memory, MiB",
    "compile_s": "compilation, s",
    "compile_mib": "its memory, MiB",
}
_STREAM = {
    "ms": "ms per batch",
    "first_s": "first batch, s",
    "memory_mib": "memory, MiB",
    "disk_mib": "on disk, MiB",
}
_RUN = {
    "ms": "ms per round",
    "first_s": "first row, s",
    "memory_mib": "memory, MiB",
    "resident_mib": "at the end, MiB",
    "grown_mib": "since the first tenth, MiB",
    "metrics_kib": "metrics.jsonl, KiB",
    "events_kib": "event file, KiB",
    "checkpoints_kib": "checkpoints, KiB",
    "samples_kib": "sample images, KiB",
}

CURVES = {
    "batch": Curve("batch", (16, 32, 64, 128, 256, 512), (4,), _DCGAN, _STEP, "sample"),
    "width": Curve("width", (16, 32, 64, 128), (4,), _DCGAN, _STEP),
    "size": Curve("size", (16, 32, 64, 128), (8,), _DCGAN | {"batch": 16}, _STEP),
    "devices": Curve("devices", (1, 2, 4, 8), (2,), _DCGAN, _STEP),
    "processes": Curve("processes", (1, 2), (2,), _DCGAN, _STEP),
    "records": Curve(
        "records",
        (1_000, 10_000, 100_000, 1_000_000),
        (100, 1_000),
        {"batch": 64},
        _STREAM,
        "record",
    ),
    "rounds": Curve("rounds", (1_000, 10_000, 100_000, 1_000_000), (1_000,), _RING, _RUN, "round"),
    "rows": Curve(
        "rounds", (1_000, 10_000, 100_000), (1_000,), _RING | {"log_every": 1}, _RUN, "row"
    ),
}


def settings_of(name: str, n: int, quick: bool) -> Settings:
    """All settings of a curve's point.

    >>> settings_of("records", 1_000, quick=False)
    {'windows': 7, 'seconds': 0.5, 'batch': 64, 'records': 1000}
    """
    curve = CURVES[name]
    settings = LARGE | curve.fixed
    if quick:
        settings |= {each: SMALL[each] for each in settings if each in SMALL}
    return settings | {curve.axis: n}

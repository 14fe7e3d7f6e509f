"""A run's folder: what `jaxgan train` writes and `jaxgan sample` reads.

config.json     what was asked for, on which data, with which versions
metrics.jsonl   the metrics of each logged round, a line each
events.out...   the same for TensorBoard, with the pictures
samples/        pictures of one fixed set of latents over time
curves.png      losses, accuracy and diversity
state/          the final state (Orbax)
result.json     the time taken and the last metrics
"""

import contextlib
import datetime
import itertools
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from tensorboardX import SummaryWriter

from jaxgan import checkpoint, plots
from jaxgan.data import Dataset, load, to_own_range
from jaxgan.recipes import Recipe
from jaxgan.steps import check_positive, sample
from jaxgan.train import Plan, iterate
from jaxgan.types import GANState, Metrics

Row = dict[str, Any]


class Options(NamedTuple):
    """What a run is asked for beside its recipe's networks."""

    data: str
    steps: int
    seed: int
    log_every: int
    sample_every: int
    plan: Plan


class Entry(NamedTuple):
    """What there is to write at one point of a run; the state comes with the last entry only."""

    round: int
    step: int
    rows: list[Row]
    samples: np.ndarray | None
    state: GANState | None


# --- Training


def train_run(
    chosen: Recipe, options: Options, out: Path, tell: Callable[[Row], None] = lambda row: None
) -> dict[str, Any]:
    """Trains a recipe into a new folder, and gives what result.json holds.

    Args:
      chosen: the recipe.
      options: what else is asked for.
      out: the folder; must be new or empty.
      tell: called with each logged row.
    Raises:
      FileExistsError: if there is something in the folder.
      ValueError: if options or data are no good.
    """
    check_positive(log_every=options.log_every, sample_every=options.sample_every)
    dataset = load(options.data)
    if options.plan.conditional and dataset.num_classes is None:
        raise ValueError(f"{chosen.name} needs labels, and {dataset.name} has none")
    started = time.perf_counter()
    entries = _entries(chosen, options, dataset)
    with _claimed(out):
        first = next(entries)  # compiles, and so refuses what cannot be trained
        _start_folder(out, chosen, options, dataset)
    rows: list[Row] = []
    with contextlib.closing(SummaryWriter(str(out))) as events:
        try:
            for entry in itertools.chain([first], entries):
                _write_entry(entry, out, events, dataset, options.plan)
                rows += entry.rows
                for row in entry.rows:
                    tell(row)
        finally:  # of a run cut short, the curves so far
            _save_figure(plots.training_curves(rows), out / "curves.png")
    checkpoint.save(out / "state", entry.state)
    result = {"seconds": round(time.perf_counter() - started, 1), "last": rows[-1] if rows else {}}
    _write_json(result, out / "result.json")
    return result


def _entries(chosen: Recipe, options: Options, dataset: Dataset) -> Iterator[Entry]:
    """What there is to write, one compiled call late: the device works while the host writes."""
    shape = dataset.x.shape[1:]
    num_classes = conditional_classes(dataset, options.plan)
    gan = chosen.gan(shape, num_classes)
    train_key, picture_key = jax.random.split(jax.random.key(options.seed))
    num = plots.num_pictured(shape, num_classes)
    labels = None if num_classes is None else jnp.asarray(plots.class_rows(num, num_classes))
    draw = jax.jit(lambda state: sample(picture_key, gan, state, num, labels))
    progress, samples, waiting, rounds, step = None, None, None, 0, 0
    for progress in iterate(train_key, gan, dataset, options.steps, options.plan):
        pictured = progress.step // options.sample_every > step // options.sample_every
        samples = draw(progress.state) if pictured else None
        if waiting is not None:
            yield _entry(*waiting, options.log_every)
        before, rounds = rounds, rounds + len(progress.metrics["round"])
        logged = rounds // options.log_every > before // options.log_every
        step = progress.step
        waiting = (step, progress.metrics, samples, None) if logged or pictured else None
    assert progress is not None  # there is at least one call
    state = progress.state
    samples = draw(state) if samples is None else samples
    yield _entry(step, progress.metrics, samples, state, options.log_every)


def conditional_classes(dataset: Dataset, plan: Plan) -> int | None:
    """How many classes the networks are told of; None for unconditional training."""
    return dataset.num_classes if plan.conditional else None


def _entry(
    step: int,
    metrics: Metrics,
    samples: jax.Array | None,
    state: GANState | None,
    log_every: int,
) -> Entry:
    values = jax.device_get(metrics)  # waits for the call that made them
    number = int(values["round"][-1])
    counts = ("round", "step")
    names = [*counts, *(name for name in values if name not in counts)]
    due = [i for i, number in enumerate(values["round"]) if number % log_every == 0]
    rows = [{name: _json_number(values[name][i]) for name in names} for i in due]
    return Entry(number, step, rows, None if samples is None else np.asarray(samples), state)


def _json_number(value: Any) -> float | int | None:
    """A metric as JSON can hold it: null for what is not finite."""
    number = value.item()
    return number if math.isfinite(number) else None


# --- Writing


def free_folder(name: str) -> Path:
    """The first of runs/NAME, runs/NAME-2, ... that is not there."""
    number = 1
    while (folder := Path("runs", name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return folder


@contextlib.contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """Takes the folder for this run alone, and gives it back if the run does not come to be."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"--out {out} is there already: give a new folder, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    config = out / "config.json"
    try:
        config.touch(exist_ok=False)  # of two runs that start at once, one gets here first
    except FileExistsError:
        raise FileExistsError(f"--out {out} was just taken by another run") from None
    try:
        yield
    except BaseException:
        config.unlink()
        out.rmdir()
        raise


def _start_folder(out: Path, chosen: Recipe, options: Options, dataset: Dataset):
    packages = ("jaxgan", "jax", "flax", "optax", "numpy")
    device = jax.devices()[0]
    config = {
        "recipe": chosen.name,
        **options._asdict(),
        "plan": options.plan._asdict(),
        "shape": dataset.x.shape[1:],
        "num_classes": conditional_classes(dataset, options.plan),
        "low": dataset.low,
        "high": dataset.high,
        "versions": {package: version(package) for package in packages},
        "device": f"{len(jax.devices())} x {device.device_kind}, {os.cpu_count()} CPU cores",
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    _write_json(config, out / "config.json")
    (out / "samples").mkdir()


def _write_entry(entry: Entry, out: Path, events: SummaryWriter, dataset: Dataset, plan: Plan):
    with (out / "metrics.jsonl").open("a") as file:
        for row in entry.rows:
            file.write(json.dumps(row) + "\n")
    for row in entry.rows:
        for name, value in row.items():
            if name not in ("round", "step"):
                events.add_scalar(name, math.nan if value is None else value, row["round"])
    if entry.samples is not None:
        own = to_own_range(entry.samples, dataset.low, dataset.high, plan.model_range)
        picture = plots.picture(
            own, dataset.low, dataset.high, dataset.x, conditional_classes(dataset, plan)
        )
        if picture is not None:
            replace_file(
                out / "samples" / f"step_{entry.step:07d}.png", Image.fromarray(picture).save
            )
            events.add_image("samples", picture, entry.round, dataformats="HWC")


def replace_file(path: Path, write: Callable[[Path], Any]):
    """Writes beside the file and renames: it is whole, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    write(beside)
    os.replace(beside, path)


def _write_json(content: dict, path: Path):
    replace_file(path, lambda beside: beside.write_text(json.dumps(content, indent=2) + "\n"))


def _save_figure(figure: Figure, path: Path):
    replace_file(path, lambda beside: figure.savefig(beside, dpi=110))


# --- Reading


def read_config(run: Path) -> dict[str, Any]:
    """The config.json of a run.

    Raises:
      FileNotFoundError: if the folder holds no run.
    """
    path = run / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{run} is not a run's folder: there is no {path}")
    return json.loads(path.read_text())

"""What share of a training step the input and the checkpoints take: a case of pipeline.py."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

import jax
import jax.numpy as jnp

import jaxgan
from jaxgan import data, parallel
from jaxgan.data import Dataset, Records
from jaxgan.recipes import recipe
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.training.loop import Progress, iterate
from jaxgan.training.plan import Plan
from jaxgan.training.state import init_run
from jaxgan.types import GAN

RECIPE = "dcgan"
STEPS_A_WINDOW = 20

Run = Callable[[int], None]


def bare(gan: GAN, plan: Plan, dataset: Dataset) -> Run:
    """The step alone, again and again on one batch that is on the device."""
    mesh = parallel.make_mesh()
    step = parallel.jit_step(
        jaxgan.make_train_step(gan),
        mesh,
        donate=True,
        compiler_options=parallel.convolution_options(),
    )
    x = dataset.x[: plan.batch_size]
    x = jnp.asarray(data.to_model_range(x, dataset.low, dataset.high, plan.model_range))
    key = jax.random.key(0)
    state = parallel.replicate(jaxgan.init(key, gan, x), mesh)

    def run(num: int):
        nonlocal state
        for _ in range(num):
            state, metrics = step(key, state, x)
        jax.block_until_ready(metrics)

    return run


def looped(progress: Generator[Progress, None, None]) -> Run:
    """The training loop, one step a call."""

    def run(num: int):
        for _ in range(num):
            metrics = next(progress).metrics
        jax.block_until_ready(metrics)

    return run


def saving(progress: Generator[Progress, None, None], manager) -> Run:
    """The training loop with one checkpoint at the start of a window, written meanwhile."""

    def run(num: int):
        for number in range(num):
            now = next(progress)
            if number == 0:
                checkpoint.save(manager, now.round, now.state)
        jax.block_until_ready(now.metrics)
        checkpoint.finish(manager)

    return run


def measure(runs: dict[str, Run], windows: int) -> dict[str, list[float]]:
    """Seconds a step of each, windows in turn, after a warm-up."""
    for run in runs.values():
        run(3)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for window in range(windows):
        names = list(runs)
        for name in names[window % len(names) :] + names[: window % len(names)]:
            began = time.perf_counter()
            runs[name](STEPS_A_WINDOW)
            found[name].append((time.perf_counter() - began) / STEPS_A_WINDOW)
    return found


def run_training(dataset: Dataset, records: Records, options: argparse.Namespace) -> list[dict]:
    """Step times with and without input and checkpoints, and their shares.

    The bare step and the loop with data in memory differ by what drawing batches costs; the loop
    and the loop with a checkpoint, by what one checkpoint costs; a run saves ten times.
    """
    plan = recipe(RECIPE).plan._replace(batch_size=options.batch)
    gan = recipe(RECIPE).gan(dataset.shape, None)
    begin = lambda source: init_run(jax.random.key(0), gan, source, plan)  # noqa: E731
    loop = lambda source: iterate(gan, source, 10**9, plan, begin(source))  # noqa: E731
    with (
        tempfile.TemporaryDirectory() as name,
        checkpoint.open_manager(Path(name) / "checkpoints", checkpoint.Keep()) as manager,
    ):
        loops = [loop(dataset), loop(records), loop(dataset)]
        runs = {
            "bare step": bare(gan, plan, dataset),
            "in memory": looped(loops[0]),
            "streamed by Grain": looped(loops[1]),
            "with a checkpoint": saving(loops[2], manager),
        }
        found = measure(runs, options.windows)
        for each in loops:
            each.close()
    return _rows(found, options, dataset)


def _rows(found: dict[str, list[float]], options: argparse.Namespace, dataset: Dataset):
    every = options_from_recipe(RECIPE).saving.every
    medians = {name: statistics.median(times) for name, times in found.items()}
    # Differences of neighbouring windows: the machine's moods then fall out.
    extra = {
        name: statistics.median(a - b for a, b in zip(found[name], found["bare step"], strict=True))
        for name in ("in memory", "streamed by Grain")
    }
    saved = STEPS_A_WINDOW * statistics.median(
        a - b for a, b in zip(found["with a checkpoint"], found["in memory"], strict=True)
    )
    shares = {name: seconds / medians["in memory"] for name, seconds in extra.items()}
    shares["with a checkpoint"] = saved / (every * medians["in memory"])
    print(f"\ntraining: {RECIPE} on {dataset.shape[0]}x{dataset.shape[1]}, batches of", end=" ")
    print(f"{options.batch}; a checkpoint every {every} steps costs {1000 * saved:.0f} ms each")
    rows = []
    for name, median in medians.items():
        share = f"{shares[name]:8.1%}" if name in shares else ""
        print(f"{name:<20}{1000 * median:>10.1f} ms a step{share}")
        rows.append(
            {
                "case": "training",
                "path": name,
                "ms_per_step": round(1000 * median, 2),
                "share": round(shares[name], 4) if name in shares else None,
                "windows": [round(1000 * t, 2) for t in found[name]],
            }
        )
    return rows

"""One point of a curve of `scaling.py`, measured in this process and printed as JSON.

    python benchmarks/scaling_points.py CURVE SETTINGS FOLDER [HOST:PORT PROCESSES PROCESS]

SETTINGS are JSON, and FOLDER is for files.
"""

import ctypes
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxgan
from jaxgan import parallel
from jaxgan.parallel import processes
from jaxgan.recipes import recipe

Settings = dict[str, Any]
Costs = dict[str, float]

MIB = 2**20
PARTS = 10  # of a run in a folder, each with a checkpoint
RECORDS = "records.parquet"


# --- Memory


def resident_mib() -> float:
    """Memory of this process now."""
    return _status("VmRSS")


def peak_mib() -> float:
    """The most memory that this process has had."""
    # The peak of `getrusage` would be at least that of the process which started this one.
    return _status("VmHWM")


def forget_peak():
    """Starts the peak anew, without memory that was freed."""
    ctypes.CDLL(None).malloc_trim(0)  # the allocator would keep what compilation has freed
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no line {name}")


# --- A round of a recipe on images


def of_rounds_on_images(settings: Settings) -> Costs:
    """Costs of a round, an update of each player, on one batch that is on the devices."""
    jax.devices()
    base = resident_mib()
    run, first_s = make_run(settings)
    compile_mib = peak_mib() - base
    forget_peak()
    times = windows(run, settings)
    return {
        "ms": statistics.median(times),
        "lowest_ms": min(times),
        "highest_ms": max(times),
        "compile_s": max(first_s - 1e-3 * statistics.median(times), 0.0),
        "base_mib": base,
        "memory_mib": peak_mib() - base,
        "compile_mib": compile_mib,
    }


def make_run(settings: Settings) -> tuple[Callable[[int], None], float]:
    """`run(rounds)`, and the seconds of its first round, with compilation."""
    shape = (settings["size"], settings["size"], 1)
    gan = recipe(settings["recipe"]).gan(shape, None, width=settings["width"])
    x = np.random.default_rng(0).uniform(-1, 1, (settings["batch"], *shape)).astype(np.float32)
    mesh = parallel.make_mesh()
    step = parallel.jit_step(
        jaxgan.make_train_step(gan),
        mesh,
        donate=True,
        compiler_options=parallel.convolution_options(),
    )
    state = jax.jit(lambda key: jaxgan.init(key, gan, x[:2]))(jax.random.key(0))
    key, state = parallel.replicate((jax.random.key(1), state), mesh)
    batch = parallel.split_batch(x[processes.own_slice(len(x))], mesh)

    def run(rounds: int):
        nonlocal state
        for _ in range(rounds):
            state, metrics = step(key, state, batch)
        jax.block_until_ready((state, metrics))

    return run, seconds_of(run, 1)


def windows(run: Callable[[int], None], settings: Settings) -> list[float]:
    """Milliseconds per round in each window, after a warm-up."""
    run(1)
    rounds = rounds_that_take(settings["seconds"], run)
    return [1e3 * seconds_of(run, rounds) / rounds for _ in range(settings["windows"])]


def rounds_that_take(seconds: float, run: Callable[[int], None]) -> int:
    """The number of rounds that take so long; at first some may cost nothing, as prefetched ones.

    It is the same in all processes, each of which must play as many.
    """
    rounds, microseconds = 1, 0
    while microseconds < 2e5 * seconds:
        rounds *= 2
        (microseconds,) = processes.largest([round(1e6 * seconds_of(run, rounds))])
    return max(1, round(rounds * 1e6 * seconds / microseconds))


def seconds_of(run: Callable[[int], None], rounds: int) -> float:
    """The time that rounds take."""
    started = time.perf_counter()
    run(rounds)
    return time.perf_counter() - started


# --- Streamed records


def of_records(settings: Settings, folder: Path) -> Costs:
    """Costs of opening a file of records, and of streaming batches from it."""
    import grain  # noqa: F401 (so that the base has what reading needs)
    import pyarrow.parquet  # noqa: F401

    from jaxgan.data.parquet import parquet_records
    from jaxgan.data.streaming import stream

    base, started = resident_mib(), time.perf_counter()
    records = parquet_records(folder / RECORDS)
    batches = stream(records, (0,), 0, None, settings["batch"])
    next(batches)
    first_s = time.perf_counter() - started

    def run(count: int):
        for _ in range(count):
            next(batches)

    times = windows(run, settings)
    batches.close()
    return {
        "first_s": first_s,
        "ms": statistics.median(times),
        "base_mib": base,
        "memory_mib": peak_mib() - base,
        "resident_mib": resident_mib() - base,
        "disk_mib": (folder / RECORDS).stat().st_size / MIB,
    }


# --- A run in its folder


def of_run(settings: Settings, folder: Path) -> Costs:
    """Costs of a run in its folder, as `jaxgan train` writes it, and the sizes of its files."""
    from jaxgan.runs.settings.resolve import options_for
    from jaxgan.runs.train import train_run

    rounds, out = settings["rounds"], folder / "run"
    overrides = {
        "recipe": settings["recipe"],
        "steps": rounds,
        "plan.batch_size": settings["batch"],
        "hyperparameters": {"width": settings["width"]},
    }
    overrides |= {name: settings[name] for name in ("log_every",) if name in settings}
    marks: list[tuple[float, float]] = []  # at the first row, and when each part is over

    def on_row(row):
        if PARTS * row["round"] >= len(marks) * rounds:
            marks.append((time.perf_counter(), resident_mib()))

    jax.devices()
    base, started = resident_mib(), time.perf_counter()
    train_run(options_for(out, overrides), out, on_start=lambda run, step: on_row)
    return run_costs(marks, started, rounds, base) | sizes(out)


def run_costs(marks: list[tuple[float, float]], started: float, rounds: int, base: float) -> Costs:
    """Time and memory of a run; a part of it has a tenth of the rounds."""
    parts = itertools.pairwise(marks[1:])
    return {
        "ms": statistics.median(1e3 * PARTS * (b[0] - a[0]) / rounds for a, b in parts),
        "first_s": marks[0][0] - started,
        "base_mib": base,
        "memory_mib": peak_mib() - base,
        "resident_mib": resident_mib() - base,
        "grown_mib": marks[-1][1] - marks[1][1],
    }


def sizes(out: Path) -> Costs:
    """KiB of the files that a run writes."""
    found = {"metrics_kib": "metrics.jsonl", "events_kib": "events.out*", "log_kib": "events.jsonl"}
    found |= {"checkpoints_kib": "checkpoints/**/*", "samples_kib": "samples/*"}
    return {
        name: sum(each.stat().st_size for each in out.glob(files) if each.is_file()) / 1024
        for name, files in found.items()
    }


# --- The process


def main():
    """Measures the point, and prints what it costs on the last line."""
    curve, settings, folder, *connection = sys.argv[1:]
    if connection:
        coordinator, count, number = connection
        processes.start_processes(processes.Addresses(coordinator, int(count), int(number)))
    found = measured(curve, json.loads(settings), Path(folder))
    print(json.dumps(found))


def measured(curve: str, settings: Settings, folder: Path) -> Costs:
    """The costs of a point."""
    if curve == "records":
        return of_records(settings, folder)
    if curve in ("rounds", "rows"):
        return of_run(settings, folder)
    return of_rounds_on_images(settings)


if __name__ == "__main__":
    main()

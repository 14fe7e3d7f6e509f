"""Images a second of the input paths, measured side by side over the same image files.

    pip install '.[bench]'
    python benchmarks/pipeline.py --data idx:../shared/data/mnist --json pipeline.json

The images of a data set are written as PNG files into a temporary folder, and batches of them are
drawn in random order by: the device-resident path (decoded once; a compiled call gathers 100
batches, as the training loop does); `jaxgan.data.stream` through Grain with 0, 1, 2 ... worker
processes, prefetched to the device; and PyTorch's DataLoader with as many. Every path ends with
float32 batches in -1..1 on the device, each pixel used once. Windows of all paths take turns, and
medians are compared. A window starts once the batches that workers had ready are used up.

The case `training` times the DCGAN's step alone, in the loop with its data in memory or streamed,
and with a checkpoint being written.
"""

import argparse
import importlib.metadata
import importlib.util
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from machine import (
    cpu_times,
    others_share,
    print_disturbance,
    print_machine,
)
from PIL import Image
from pipeline_training import run_training

from jaxgan import data

BATCHES_A_CALL = 100
READY_AHEAD = 4  # batches a worker may have ready at most, with one at work


class InputPath(NamedTuple):
    """A way that images take: `run_batches` draws and uses at least so many, and says how many."""

    name: str
    workers: int | None
    run_batches: Callable[[int], int]
    close: Callable[[], None]


# --- The files


def write_images(spec: str, num: int, size: int, folder: Path) -> None:
    """So many images of a data set as PNG files, resized, repeated if there are too few."""
    dataset = data.load(spec)
    if not isinstance(dataset, data.Dataset) or dataset.low is None or len(dataset.shape) != 3:
        raise SystemExit(f"--data must name images that fit in memory, got {spec}")
    for number in range(num):
        image = data.scale(
            dataset.x[number % dataset.size, :, :, 0], (dataset.low, dataset.high), (0, 255)
        )
        pixels = Image.fromarray(np.round(image).astype(np.uint8))
        pixels = pixels.resize((size, size), Image.Resampling.LANCZOS)
        pixels.save(folder / f"{number:06}.png")


# --- The paths


def resident(records: data.Records, batch_size: int) -> InputPath:
    """All images decoded to the device; many batches are gathered in one compiled call."""
    dataset = data.decode(records)

    @jax.jit
    def use(rows, indices):
        def one_batch(total, batch):
            # as the training loop does it: rows of a matrix, clipped
            x = jnp.take(rows, batch, axis=0, mode="clip").reshape(batch_size, *dataset.shape)
            return total + data.to_model_range(x, 0.0, 255.0, (-1, 1)).sum(), None

        return jax.lax.scan(one_batch, 0.0, indices)[0]

    rows = jnp.asarray(dataset.x.reshape(dataset.size, -1))
    first = itertools.count(step=BATCHES_A_CALL)

    def run_batches(num: int) -> int:
        calls = -(-num // BATCHES_A_CALL)
        for _ in range(calls):
            indices = data.batch_indices([0], next(first), BATCHES_A_CALL, batch_size, dataset.size)
            total = use(rows, indices)
        total.block_until_ready()
        return calls * BATCHES_A_CALL

    return InputPath("device-resident", None, run_batches, lambda: None)


def streamed(records: data.Records, batch_size: int, workers: int) -> InputPath:
    """Files read batch by batch through Grain, and prefetched to the device."""
    use = jax.jit(lambda x: data.to_model_range(x, 0.0, 255.0, (-1, 1)).sum())
    batches = data.stream(records, [0], 0, None, batch_size, workers=workers)
    on_device = data.prefetch(batches, lambda batch: jax.device_put(batch.x))

    def run_batches(num: int) -> int:
        for x in itertools.islice(on_device, num):
            total = use(x)
        total.block_until_ready()
        return num

    return InputPath("jaxgan, Grain", workers, run_batches, on_device.close)


def torch_loader(files: list[str], batch_size: int, workers: int) -> InputPath:
    """The same files through PyTorch's DataLoader."""
    import pipeline_torch

    batches: Iterator = pipeline_torch.batches(files, batch_size, workers)

    def run_batches(num: int) -> int:
        for batch in itertools.islice(batches, num):
            pipeline_torch.consume(batch)
        return num

    return InputPath("PyTorch DataLoader", workers, run_batches, batches.close)


def make_paths(folder: Path, options: argparse.Namespace) -> list[InputPath]:
    records = data.folder_records(folder)
    paths = [resident(records, options.batch)]
    paths += [streamed(records, options.batch, workers) for workers in options.workers]
    if importlib.util.find_spec("torch") is None:
        print("PyTorch DataLoader: skipped, no torch here:  pip install '.[bench]'")
        return paths
    files = [str(file) for file in sorted(folder.iterdir())]
    return paths + [torch_loader(files, options.batch, workers) for workers in options.workers]


# --- Measuring


def measure(paths: list[InputPath], options: argparse.Namespace) -> list[list[float]]:
    """Images a second of every path, one figure a window, taking turns after a warm-up."""
    counts = []
    for path in paths:
        path.run_batches(10)  # starts workers, compiles
        counts.append(max(1, round(options.window_seconds * rate(path, 20))))
    found: list[list[float]] = [[] for _ in paths]
    for window in range(options.windows):
        for i in ((i + window) % len(paths) for i in range(len(paths))):
            found[i].append(options.batch * rate(paths[i], counts[i]))
    return found


def rate(path: InputPath, num: int) -> float:
    """Batches a second, of at least so many."""
    if path.workers is not None:
        path.run_batches(READY_AHEAD * max(1, path.workers))
    start = time.perf_counter()
    done = path.run_batches(num)
    return done / (time.perf_counter() - start)


def busy_elsewhere(seconds: float = 1.0) -> float | None:
    """The share of the cores that other processes use while this one rests."""
    before = cpu_times()
    time.sleep(seconds)
    return others_share(before, cpu_times())


# --- The cases


def run_images(options: argparse.Namespace) -> list[dict]:
    """Images a second of each path."""
    others = busy_elsewhere()  # before workers start, which would count as others
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(options.data, options.num, options.size, folder)
        shown = f"{options.num} PNG files of {options.size}x{options.size}, from {options.data}"
        print(f"\nimages: {shown}, batches of {options.batch}")
        paths = make_paths(folder, options)
        try:
            found = measure(paths, options)
        finally:
            for path in paths:
                path.close()
    rows = []
    print(f"{'path':<20}{'workers':>8}{'images/s':>12}{'min':>12}{'max':>12}")
    for path, rates in zip(paths, found, strict=True):
        median, workers = statistics.median(rates), "" if path.workers is None else path.workers
        print(
            f"{path.name:<20}{workers:>8}{median:>12,.0f}{min(rates):>12,.0f}{max(rates):>12,.0f}"
        )
        rows.append(
            {
                "case": "images",
                "path": path.name,
                "workers": path.workers,
                "images_per_s": round(median, 1),
                "files": shown,
                "batch": options.batch,
            }
        )
    if others is not None:
        print(f"Other processes used {max(others, 0.0):.0%} of the cores just before")
    return rows


def run_shares(options: argparse.Namespace) -> list[dict]:
    """The share of a training step that input and checkpoints take."""
    with tempfile.TemporaryDirectory() as name:
        write_images(options.data, options.num, options.size, Path(name))
        records = data.folder_records(name)
        others = cpu_times()
        rows = run_training(data.decode(records), records, options)
        print_disturbance(others_share(others, cpu_times()))
    return rows


# Name on the command line: what measures it.
CASES: dict[str, Callable[[argparse.Namespace], list[dict]]] = {
    "images": run_images,
    "training": run_shares,
}


# --- The command


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(CASES), help="default: %(default)s")
    parser.add_argument("--data", default="digits", help="images (default: %(default)s)")
    parser.add_argument("--num", type=int, default=4096, help="image files (default: %(default)s)")
    parser.add_argument("--size", type=int, default=28, help="pixels a side (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--workers", default="0,1,2", help="default: %(default)s")
    parser.add_argument("--windows", type=int, default=9, help="7 or more (default: %(default)s)")
    parser.add_argument("--window-seconds", type=float, default=0.7, help="default: %(default)s")
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file")
    options = parser.parse_args(arguments)
    options.cases = options.cases.split(",")
    if unknown := sorted(set(options.cases) - set(CASES)):
        parser.error(f"unknown cases: {', '.join(unknown)}; known: {', '.join(CASES)}")
    try:
        options.workers = [int(workers) for workers in options.workers.split(",")]
    except ValueError:
        parser.error(f"--workers must be numbers such as 0,1,2, got {options.workers!r}")
    if min(options.num, options.size, options.batch) < 1 or min(options.workers) < 0:
        parser.error("--num, --size and --batch must be positive, --workers 0 or more")
    if options.windows < 7 or options.window_seconds <= 0:
        parser.error("--windows must be 7 or more, --window-seconds positive")
    return options


def main():
    """Measures the chosen cases."""
    options = parse()
    print_machine()
    packages = ("grain", "pillow")
    print(", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages))
    rows = []
    for name in options.cases:
        rows += CASES[name](options)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()

"""Time until a training writes its first rows and until its end, with an empty and a warm cache.

    python benchmarks/first_minutes.py --recipe digits --repeats 3

Each repeat trains twice in new folders: first with an empty cache of compiled programs, then with
what the first run left in it. A row per round is logged, so that the first rows come right after
the first compiled call. Peak memory is that of the training's process.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from machine import cpu_times, others_share, print_disturbance, print_machine


class Times(NamedTuple):
    """Seconds from the start of the command, and the most memory that it took."""

    first_rows: float
    end: float
    peak_mib: float


def trained(recipe: str, steps: int | None, folder: Path, cache: Path) -> Times:
    """Trains in a process of its own."""
    command = [sys.executable, "-m", "jaxgan", "train", recipe, "--out", str(folder)]
    command += ["--log-every", "1"] + ([] if steps is None else ["--steps", str(steps)])
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    rows, first, start = folder / "metrics.jsonl", None, time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    while True:
        if first is None and rows.exists() and rows.stat().st_size:
            first = time.perf_counter() - start
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    process.returncode = os.waitstatus_to_exitcode(status)  # it was waited for here
    if process.returncode or first is None:
        raise RuntimeError(f"{' '.join(command)} ended with exit status {process.returncode}")
    return Times(first, time.perf_counter() - start, usage.ru_maxrss / 1024)


def main():
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--steps", type=int, help="default: the recipe's")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print_machine()
    before, found = cpu_times(), {"empty": [], "warm": []}
    for _ in range(args.repeats):
        with tempfile.TemporaryDirectory() as place:
            for cache in found:
                run = Path(place) / cache
                found[cache].append(trained(args.recipe, args.steps, run, Path(place) / "cache"))
    print("\n| cache | first rows, s | end, s | peak memory, MiB |\n|---|---:|---:|---:|")
    for cache, times in found.items():
        first, end, peak = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"| {cache} | {first:.1f} | {end:.1f} | {peak:.0f} |")
    print_disturbance(others_share(before, cpu_times()))


if __name__ == "__main__":
    main()

"""CPU seconds of importing jaxgan, and of commands that compute nothing.

    python benchmarks/import_time.py --repeats 9 --json import_time.json

Every row is a process of its own. The rows take turns, after one round that writes the bytecode,
and medians are compared. CPU seconds are user plus system time of all threads. A further run of
each row, not timed, says whether it imports JAX.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from machine import cpu_times, others_share, print_machine

BASE = "import jax, flax, optax"
ROWS = {
    BASE: ("-c", BASE),
    "import jaxgan": ("-c", "import jaxgan"),
    "import jaxgan, and use its core": (
        "-c",
        "import jaxgan; jaxgan.GAN, jaxgan.fit, jaxgan.sample, jaxgan.losses, jaxgan.models",
    ),
    "... and networks, latents, data": (
        "-c",
        "import jaxgan; jaxgan.fit, jaxgan.from_linen, jaxgan.models.MLPGenerator,"
        "jaxgan.models.DCGANGenerator, jaxgan.latents.normal, jaxgan.data.load",
    ),
    "jaxgan --help": ("-m", "jaxgan", "--help"),
    "jaxgan recipes": ("-m", "jaxgan", "recipes"),
    "jaxgan train --setps 100": ("-m", "jaxgan", "train", "--setps", "100"),
}


class Seconds(NamedTuple):
    """Time that a process took."""

    cpu: float
    wall: float


def run_once(arguments: tuple[str, ...]) -> Seconds:
    """Runs Python with these arguments; output and exit status are ignored."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it again
    return Seconds(usage.ru_utime + usage.ru_stime, time.perf_counter() - start)


def imports_jax(arguments: tuple[str, ...]) -> bool:
    """Whether Python with these arguments imports JAX."""
    command = [sys.executable, "-X", "importtime", *arguments]
    log = subprocess.run(command, capture_output=True, text=True).stderr
    return re.search(r"\| +jax$", log, re.MULTILINE) is not None


def measure(repeats: int) -> list[dict]:
    """Medians of each row."""
    uses_jax = {name: imports_jax(arguments) for name, arguments in ROWS.items()}
    seconds: dict[str, list[Seconds]] = {name: [] for name in ROWS}
    for _ in range(repeats):
        for name, arguments in ROWS.items():
            seconds[name].append(run_once(arguments))
    rows = []
    for name, runs in seconds.items():
        cpu, wall = (statistics.median(each) for each in zip(*runs, strict=True))
        rows.append({"row": name, "cpu_s": cpu, "wall_s": wall, "imports_jax": uses_jax[name]})
    return rows


def print_rows(rows: list[dict]):
    """The rows as a table, with their CPU time relative to the first."""
    print(f"\n{'':34}{'CPU, s':>8}{'wall, s':>9}{'relative':>10}  JAX imported")
    for row in rows:
        relative = row["cpu_s"] / rows[0]["cpu_s"]
        print(f"{row['row']:34}{row['cpu_s']:8.2f}{row['wall_s']:9.2f}{relative:10.2f}", end="")
        print(f"  {'yes' if row['imports_jax'] else 'no'}")


def main():
    """Measures all rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9, help="runs of each row (default: 9)")
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be 1 or more")
    print_machine()
    before = cpu_times()
    time.sleep(1.0)
    others = others_share(before, cpu_times())  # while this process and its children rest
    if others is not None:
        print(f"Other processes used {max(others, 0.0):.0%} of the cores just before")
    rows = measure(options.repeats)
    print_rows(rows)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()

"""How cost and memory grow: with batch, width, size, devices, processes, records and rounds.

    python benchmarks/scaling.py --json scaling.json --picture scaling.png

Every point is measured in a process of its own, since a peak of memory belongs to a process. Memory
is the most above what the imports take, of several processes the sum. Times are medians of several
windows after a warm-up; compilation and its memory are beside them. Each curve ends with the power
of n by which a cost grows (least squares of its logarithm), and with bytes per record, round or row
where memory and files should grow by a constant each. In `rounds` a run logs 400 times, as by
default; in `rows`, in every round.

With --json, each point is written as soon as it is measured, and points that are there already, of
the same settings, versions and number of cores, are not measured again. CPU only: virtual devices
share the cores.
"""

import argparse
import importlib.metadata
import io
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np
from machine import available_cores, cpu_times, is_quiet, others_share, print_machine
from PIL import Image
from scaling_curves import CURVES, Settings, settings_of
from scaling_report import Row, picture, table

from jaxgan.atomic import replace_file, save_figure

POINT = Path(__file__).with_name("scaling_points.py")
PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "optax", "grain", "pyarrow", "orbax-checkpoint")
ROWS_OF_A_GROUP = 10_000
IMAGES = 256


# --- One point


def wanted_point(name: str, n: int, quick: bool) -> Row:
    """What identifies a point: a row with all of it is not measured again."""
    versions = {each: importlib.metadata.version(each) for each in PACKAGES}
    return {
        "curve": name,
        "n": n,
        "settings": settings_of(name, n, quick),
        "versions": {"python": platform.python_version(), **versions},
        "cores": available_cores(),
    }


def is_measured(row: Row, wanted: Row) -> bool:
    """Whether a row is that of a point, and holds its costs."""
    return "failed" not in row and all(row.get(each) == value for each, value in wanted.items())


def measured(wanted: Row) -> Row:
    """The row of a point, with what other processes used of the cores meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        if wanted["curve"] == "records":
            write_records(Path(folder) / "records.parquet", wanted["n"])
        before = cpu_times()
        costs = costs_of(wanted["curve"], wanted["settings"], folder)
        share = others_share(before, cpu_times())
    return wanted | {"others_share": share if share is None else round(share, 3)} | costs


def costs_of(name: str, settings: Settings, folder: str) -> dict[str, Any]:
    """The costs of a point, measured in a process of its own, or why there are none."""
    command = [sys.executable, str(POINT), name, json.dumps(settings), folder]
    joined = _connections(settings.get("processes", 1))
    flag = f"--xla_force_host_platform_device_count={settings.get('devices', 1)}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {flag}"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    running = [
        subprocess.Popen([*command, *each], stdout=subprocess.PIPE, text=True, env=environment)
        for each in joined
    ]
    outputs = [each.communicate()[0] for each in running]
    if failed := [each.returncode for each in running if each.returncode]:
        return {"failed": f"exit status {failed[0]}"}
    found = [json.loads(output.splitlines()[-1]) for output in outputs]
    sums = {each: sum(costs[each] for costs in found) for each in found[0] if _is_memory(each)}
    return {each: float(f"{value:.5g}") for each, value in (found[0] | sums).items()}


def _connections(count: int) -> list[list[str]]:
    """What each of several processes is told about the others."""
    if count == 1:
        return [[]]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [[address, str(count), str(number)] for number in range(count)]


def _is_memory(name: str) -> bool:
    return name in ("base_mib", "memory_mib", "compile_mib")


def write_records(file: Path, count: int):
    """Writes a Parquet file of PNG images of 8x8 grey pixels; some repeat."""
    import pyarrow
    import pyarrow.parquet

    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 8, 8), dtype=np.uint8)
    images = [_png(each) for each in pixels]
    schema = pyarrow.schema([("image", pyarrow.binary())])
    with pyarrow.parquet.ParquetWriter(  # as it would be if no image repeated
        file, schema, compression="none", use_dictionary=False
    ) as writer:
        for start in range(0, count, ROWS_OF_A_GROUP):
            numbers = range(start, min(start + ROWS_OF_A_GROUP, count))
            group = {"image": [images[number % IMAGES] for number in numbers]}
            writer.write_table(pyarrow.table(group, schema=schema))


def _png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


# --- All points


def measure(name: str, quick: bool, kept: list[Row]) -> Iterator[Row]:
    """The rows of a curve, as they come; `kept` are those that were measured before."""
    for n in CURVES[name].quick if quick else CURVES[name].points:
        wanted = wanted_point(name, n, quick)
        found = next((row for row in kept if is_measured(row, wanted)), None)
        yield measured(wanted) if found is None else found


def updated(kept: list[Row], row: Row) -> list[Row]:
    """The rows with one more, instead of any of the same point."""
    wanted = {each: row[each] for each in ("curve", "n", "settings", "versions", "cores")}
    others = [old for old in kept if any(old.get(each) != x for each, x in wanted.items())]
    return [*others, row]


def print_quietness(rows: list[Row]):
    """Says whether other processes disturbed the points."""
    shares = [row["others_share"] for row in rows if row["others_share"] is not None]
    if shares:
        print(f"\nOther processes used at most {max(0.0, *shares):.0%} of the cores meanwhile")
    if not all(map(is_quiet, shares)):
        print("The machine was not quiet: times of the points marked * are upper bounds")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", default=",".join(CURVES), help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="a few tiny points")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to this file")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw all curves")
    options = parser.parse_args(arguments)
    options.curves = options.curves.split(",")
    if unknown := sorted(set(options.curves) - set(CURVES)):
        parser.error(f"unknown curves: {', '.join(unknown)}; known: {', '.join(CURVES)}")
    if not Path("/proc/self/status").exists():
        parser.error("memory is read from /proc/self/status, which only Linux has")
    return options


def main():
    """Measures, prints, writes and draws the chosen curves."""
    options = parse()
    print_machine()
    kept: list[Row] = []
    if options.json and options.json.exists():
        kept = json.loads(options.json.read_text())
    found: list[Row] = []
    for name in options.curves:
        rows: list[Row] = []
        for row in measure(name, options.quick, kept):
            rows.append(row)
            kept = updated(kept, row)
            if options.json:
                text = json.dumps(kept, indent=1) + "\n"
                replace_file(options.json, lambda beside, text=text: beside.write_text(text))
        print(f"\n{table(name, rows)}", flush=True)
        found += rows
    print_quietness(found)
    if options.picture:
        save_figure(picture(found), options.picture)


if __name__ == "__main__":
    main()

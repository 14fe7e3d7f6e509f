"""The Fréchet distance of large sets: time, memory and value beside other implementations.

    python benchmarks/frechet.py
    python benchmarks/frechet.py --samples 2000 --features 256 --json frechet.json

Ways, each in a process of its own over the same float32 features: `jaxgan` (`frechet_distance`, its
compilation counted in the first call), `scipy` (np.cov and the matrix root `scipy.linalg.sqrtm` in
one formula), and `pytorch-fid` (mu and sigma by NumPy, then the package's own
`calculate_frechet_distance`; pip install pytorch-fid, here or for another Python that is named by
--pytorch-fid-python). The features are normal, correlated, with variances that fall as their number
squared. Peak memory is that of the process, features and libraries included; `before` is the peak
when the features lay ready.
"""

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np


class Features:
    """Two sets of correlated features, float32 [samples, features]."""

    def __init__(self, samples: int, features: int):
        rng = np.random.default_rng(0)
        scales = (1.0 / np.arange(1, features + 1)).astype(np.float32)
        mixing = rng.standard_normal((features, features), np.float32) / np.sqrt(features)
        self.real, self.fake = (np.empty((samples, features), np.float32) for _ in range(2))
        for x in (self.real, self.fake):
            for rows in np.array_split(x, max(1, samples // 1000)):  # so that the peak is not ours
                np.matmul(rng.standard_normal(rows.shape, np.float32) * scales, mixing, out=rows)
        self.fake *= np.float32(1.1)
        self.fake += np.float32(0.01)


# --- The ways


def with_jaxgan() -> Callable:
    from jaxgan.metrics import frechet_distance

    return frechet_distance


def with_scipy() -> Callable:
    from scipy import linalg

    def distance(real, fake):
        (m, a), (n, b) = _statistics(real), _statistics(fake)
        root = linalg.sqrtm(a @ b).real
        return np.sum((m - n) ** 2) + np.trace(a) + np.trace(b) - 2 * np.trace(root)

    return distance


def with_pytorch_fid() -> Callable:
    from pytorch_fid.fid_score import calculate_frechet_distance

    def distance(real, fake):
        return calculate_frechet_distance(*_statistics(real), *_statistics(fake))

    return distance


def _statistics(x):
    return np.mean(x, axis=0, dtype=np.float64), np.cov(x, rowvar=False, dtype=np.float64)


WAYS: dict[str, Callable[[], Callable]] = {
    "jaxgan": with_jaxgan,
    "scipy": with_scipy,
    "pytorch-fid": with_pytorch_fid,
}


# --- Measuring


def measure(way: str, options: argparse.Namespace) -> dict:
    """One way in this process."""
    distance = WAYS[way]()
    sets = Features(options.samples, options.features)
    before = _peak()
    seconds = []
    for _ in range(1 + options.repeats):
        start = time.perf_counter()
        value = float(distance(sets.real, sets.fake))
        seconds.append(time.perf_counter() - start)
    return {
        "way": way,
        "samples": options.samples,
        "features": options.features,
        "value": value,
        "first_s": round(seconds[0], 3),
        "again_s": round(statistics.median(seconds[1:] or seconds), 3),
        "before_mib": before,
        "peak_mib": _peak(),
    }


def _peak() -> int:
    """The most memory that this process has had, in MiB."""
    try:  # getrusage would count what the parent had when it started this process
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 2**10
    except OSError:
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def measure_apart(way: str, options: argparse.Namespace) -> dict | None:
    """One way in a new process; None if its package is missing, or it fails and says why."""
    python = sys.executable
    if way == "pytorch-fid":
        python = options.pytorch_fid_python or python
        if python == sys.executable and importlib.util.find_spec("pytorch_fid") is None:
            print("pytorch-fid: skipped, it is not here:  pip install pytorch-fid")
            return None
    command = [python, __file__, "--only", way]
    for name in ("samples", "features", "repeats"):
        command += [f"--{name}", str(getattr(options, name))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(f"{way}: failed")
        return None
    return json.loads(done.stdout.splitlines()[-1])


def print_head():
    """The head of the table; `times` are multiples of the first way's."""
    print(f"{'way':<14}{'distance':>20}{'first s':>10}{'again s':>10}{'times':>8}", end="")
    print(f"{'before MiB':>12}{'peak MiB':>10}{'times':>8}")


def print_row(row: dict, first: dict):
    """One way, as soon as it is measured: others may take many minutes."""
    times, memory = (row[name] / first[name] for name in ("again_s", "peak_mib"))
    print(f"{row['way']:<14}{row['value']:>20.12g}{row['first_s']:>10.2f}", end="")
    print(f"{row['again_s']:>10.2f}{times:>8.2f}", end="")
    print(f"{row['before_mib']:>12,}{row['peak_mib']:>10,}{memory:>8.2f}", flush=True)


# --- The command


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--features", type=int, default=2048, help="default: %(default)s")
    parser.add_argument(
        "--repeats", type=int, default=1, help="calls after the first (default: %(default)s)"
    )
    parser.add_argument("--pytorch-fid-python", metavar="PYTHON", help="a Python that has it")
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file")
    parser.add_argument("--only", choices=list(WAYS), help="one way, here; prints its row as JSON")
    options = parser.parse_args(arguments)
    if min(options.samples - 1, options.features) < 1 or options.repeats < 0:
        parser.error("--samples must be 2 or more, --features positive, --repeats 0 or more")
    return options


def main():
    """Measures all ways, one after the other."""
    options = parse()
    if options.only:
        print(json.dumps(measure(options.only, options)))
        return
    from machine import cpu_times, others_share, print_machine

    print_machine()
    before = cpu_times()
    time.sleep(1.0)
    others = others_share(before, cpu_times())  # while this process and its children rest
    if others is not None:
        print(f"Other processes used {max(others, 0.0):.0%} of the cores just before")
    print(f"Fréchet distance of {options.samples} x {options.features} features\n")
    print_head()
    rows: list[dict] = []
    for way in WAYS:
        row = measure_apart(way, options)
        if row is not None:
            rows.append(row)
            print_row(row, rows[0])
    values = [row["value"] for row in rows]
    print(f"largest relative difference of the distances: {np.ptp(values) / max(values):.1e}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()

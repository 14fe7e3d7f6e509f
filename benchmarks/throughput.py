"""Steps a second of the same networks in jaxgan, PyTorch and Keras 3, measured side by side.

    pip install '.[bench]'
    python benchmarks/throughput.py --cases mnist-mlp,toy --json throughput.json

One step is one update of each player: of the discriminator on a real and a generated batch, then
of the generator on fresh latents; both by Adam on the case's loss (with a gradient penalty too: one
update of the critic a step, not five), all in float32. The case srresnet is one network by itself,
updated once a step on the mean squared error. Minibatches are gathered from the data in
memory within the step. Windows of every framework take turns, so that a disturbance hits all of
them, and medians are compared. Each framework is written in its fastest usual form; where it has
several, the fastest counts. No framework keeps an averaged generator. The row "jaxgan" computes all
of its metrics (accuracies, diversity, gradient norms ...), as the library's loop does; "jaxgan,
losses only" does the others' work and no more. Ratios are printed only if other processes used at
most 5% of the cores meanwhile.
"""

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from machine import (
    MATRIX_SIZE,
    cpu_times,
    is_quiet,
    matrix_product_rates,
    others_share,
    print_disturbance,
    print_machine,
)
from throughput_frameworks import srresnet_with_jaxgan, with_jaxgan
from throughput_frameworks.cases import (
    CASES,
    Case,
    Runner,
    SuperResolution,
    flop_per_step,
    make_data,
)

AnyCase = Case | SuperResolution


class Row(NamedTuple):
    """What was measured of one runner: step times in milliseconds, one a window, and losses."""

    runner: Runner
    step_ms: list[float]
    losses: np.ndarray

    @property
    def median(self) -> float:
        return statistics.median(self.step_ms)


# --- The frameworks


def _make_jaxgan(case: AnyCase, data: np.ndarray) -> list[Runner]:
    if isinstance(case, SuperResolution):
        return srresnet_with_jaxgan.make(case, data)
    return with_jaxgan.make(case, data)


def _make_torch(case: AnyCase, data: np.ndarray) -> list[Runner]:
    from throughput_frameworks import srresnet_with_torch, with_torch

    if isinstance(case, SuperResolution):
        return srresnet_with_torch.make(case, data)
    return with_torch.make(case, data)


def _make_torch_compile(case: AnyCase, data: np.ndarray) -> list[Runner]:
    from throughput_frameworks import srresnet_with_torch, with_torch

    if isinstance(case, SuperResolution):
        return srresnet_with_torch.make_compiled(case, data)
    return with_torch.make_compiled(case, data)


def _make_keras(case: AnyCase, data: np.ndarray) -> list[Runner]:
    if isinstance(case, SuperResolution):
        raise NotImplementedError("it is written in jaxgan and PyTorch alone")
    from throughput_frameworks import with_keras

    return with_keras.make(case, data)


# Name on the command line: what makes its runners, and the package it needs.
FRAMEWORKS: dict[str, tuple[Callable[[AnyCase, np.ndarray], list[Runner]], str]] = {
    "jaxgan": (_make_jaxgan, "jax"),
    "torch": (_make_torch, "torch"),
    "torch-compile": (_make_torch_compile, "torch"),
    "keras": (_make_keras, "keras"),
}


def make_runners(case: AnyCase, data: np.ndarray, frameworks: list[str]) -> list[Runner]:
    """All runners of a case; a framework that is missing or fails costs a line, not the run."""
    runners = []
    for name in frameworks:
        make, package = FRAMEWORKS[name]
        if importlib.util.find_spec(package) is None:
            print(f"{name}: skipped, no {package} here:  pip install '.[bench]'")
            continue
        try:
            runners += make(case, data)
        except NotImplementedError as error:
            print(f"{name}: not for this case, {error}")
        except Exception as error:
            if name == "jaxgan":
                raise
            reason = str(error).strip().splitlines() or [""]
            print(f"{name}: failed, {type(error).__name__}: {reason[0]}")
    return runners


# --- Measuring


def measure(runners: list[Runner], windows: int, window_seconds: float) -> list[Row]:
    """Windows of every runner, taking turns after a warm-up."""
    counts, losses = [], []
    for runner in runners:
        warm_up = runner.run_steps(10)
        seconds, more = _timed(runner, len(warm_up))
        counts.append(max(1, round(window_seconds / seconds)))
        losses.append([warm_up, more])
    step_ms: list[list[float]] = [[] for _ in runners]
    for window in range(windows):
        for i in _rotated(len(runners), window):
            seconds, new = _timed(runners[i], counts[i])
            step_ms[i].append(1e3 * seconds)
            losses[i].append(new)
    together = [np.concatenate(each) for each in losses]
    return [Row(*row) for row in zip(runners, step_ms, together, strict=True)]


def _timed(runner: Runner, num: int) -> tuple[float, np.ndarray]:
    """Seconds a step, and the losses."""
    start = time.perf_counter()
    losses = runner.run_steps(num)
    return (time.perf_counter() - start) / len(losses), losses


def _rotated(num: int, by: int) -> list[int]:
    return [(i + by) % num for i in range(num)]


# --- Checking that the work is the same


def check_same_work(case: AnyCase, row: Row, highest_start: float):
    """Raises a RuntimeError unless a row has the case's networks and they were trained.

    The loss must fall below the highest start of all rows: some have trained while they compiled.
    """
    name = f"{case.name}, {row.runner.framework} ({row.runner.variant})"
    if row.runner.num_params != case.num_params:
        raise RuntimeError(
            f"{name}: parameters {row.runner.num_params}, expected {case.num_params}"
        )
    if not np.isfinite(row.losses).all():
        raise RuntimeError(f"{name}: a loss is not finite")
    if not first_losses(row)[1] < highest_start:
        raise RuntimeError(f"{name}: the loss did not fall from {highest_start:.3f}")


def first_losses(row: Row) -> tuple[float, float, float]:
    """The discriminator's, or that of a single network: at the start, lowest, and at the end.

    Each is a mean over 10 steps (the start over 3).

    The lowest, since the loss of a player that is played against need not stay low.
    """
    losses = row.losses[:, 0]
    smooth = np.convolve(losses, np.full(10, 0.1), mode="valid")
    return float(losses[:3].mean()), float(smooth.min()), float(smooth[-1])


# --- Telling


def fastest(rows: list[Row]) -> dict[str, Row]:
    """The fastest variant of every framework, by its name."""
    best: dict[str, Row] = {}
    for row in rows:
        name = row.runner.framework
        if name not in best or row.median < best[name].median:
            best[name] = row
    return best


def print_table(rows: list[Row], flop: int, batch: int):
    """One line a row; a star marks the variant of a framework that counts."""
    best = fastest(rows)
    widths = (24, 22, 9, 9, 9, 11, 9, 10)
    titles = ("framework", "variant", "step ms", "min", "max", "samples/s", "GFLOP/s", "compile s")
    # The discriminator's, where there is one.
    print(_line(titles, widths) + "  loss: start, lowest, end")
    for row in rows:
        name = row.runner.framework
        counts = "*" if best[name] is row else " "
        times = (row.median, min(row.step_ms), max(row.step_ms))
        cells = [name, row.runner.variant, *(f"{x:.3f}" for x in times)]
        cells += [f"{1e3 * batch / row.median:.0f}", f"{1e-6 * flop / row.median:.1f}"]
        cells.append(f"{row.runner.compile_seconds:.1f}")
        losses = "  ".join(f"{loss:.3f}" for loss in first_losses(row))
        print(f"{_line(cells, widths)} {counts}{losses}")


def _line(cells: tuple[str, ...] | list[str], widths: tuple[int, ...]) -> str:
    pairs = list(zip(cells, widths, strict=True))
    return "".join([f"{c:<{w}}" for c, w in pairs[:2]] + [f"{c:>{w}}" for c, w in pairs[2:]])


def print_ratios(rows: list[Row], flop: int, best_rate: float):
    """How jaxgan stands to the others and to the limit."""
    best = fastest(rows)
    for ours in (row for name, row in best.items() if name.startswith("jaxgan")):
        others = [(name, row) for name, row in best.items() if not name.startswith("jaxgan")]
        ratios = ", ".join(f"{row.median / ours.median:.2f}x {name}" for name, row in others)
        share = 1e-6 * flop / ours.median / best_rate
        print(f"{ours.runner.framework} ({ours.runner.variant}) is {ratios or 'alone here'};")
        print(f"  {share:.0%} of the best matrix product's rate")


# --- The command


def run_case(case: AnyCase, options: argparse.Namespace) -> list[dict]:
    """Measures, checks and prints one case; gives its rows for the file."""
    flop = flop_per_step(case)
    print(f"\n{case.description}")
    runners = make_runners(case, make_data(case), options.frameworks)
    counted = [r.xla_flop for r in runners if r.xla_flop is not None]
    xla = f"; XLA counts {1e-9 * counted[0]:.3f} in jaxgan's" if counted else ""
    print(f"{1e-9 * flop:.3f} GFLOP in a step's matrix products and convolutions{xla}")
    rates = matrix_product_rates()
    before = cpu_times()
    rows = measure(runners, options.windows, options.window_seconds)
    others = others_share(before, cpu_times())
    highest_start = max(first_losses(row)[0] for row in rows)
    for row in rows:
        check_same_work(case, row, highest_start)
    print_table(rows, flop, case.batch)
    rates = {name: max(rate, rates[name]) for name, rate in matrix_product_rates().items()}
    listed = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    print(f"Matrix product {MATRIX_SIZE}x{MATRIX_SIZE} in float32, GFLOP/s: {listed}")
    print_disturbance(others)
    if is_quiet(others):
        print_ratios(rows, flop, max(rates.values()))
    return [
        {
            "case": case.name,
            "framework": name,
            "step_ms": row.median,
            "samples_per_s": 1e3 * case.batch / row.median,
            "compile_s": row.runner.compile_seconds,
            "flop_per_step": flop,
            "others_share": others,
        }
        for name, row in fastest(rows).items()
    ]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # One step of the larger DCGAN takes seconds on a CPU.
    usual = ",".join(name for name in CASES if name != "dcgan-64")
    parser.add_argument("--cases", default=usual, help="default: %(default)s; also dcgan-64")
    parser.add_argument("--frameworks", default=",".join(FRAMEWORKS), help="default: %(default)s")
    parser.add_argument("--windows", type=int, default=9, help="7 or more (default %(default)s)")
    parser.add_argument("--window-seconds", type=float, default=0.7, help="default: %(default)s")
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file")
    options = parser.parse_args(arguments)
    for name, known in (("cases", CASES), ("frameworks", FRAMEWORKS)):
        chosen = getattr(options, name).split(",")
        if unknown := sorted(set(chosen) - set(known)):
            parser.error(f"unknown {name}: {', '.join(unknown)}; known: {', '.join(known)}")
        setattr(options, name, chosen)
    if options.windows < 7 or options.window_seconds <= 0:
        parser.error("--windows must be 7 or more, --window-seconds positive")
    return options


def main():
    """Measures the chosen cases."""
    options = parse()
    print_machine()
    rows = []
    for name in options.cases:
        rows += run_case(CASES[name], options)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()

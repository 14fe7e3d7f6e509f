"""One command of at most ten minutes for a GPU or TPU: time per step, share of the peak, precision.

    python benchmarks/gpu.py --json gpu.json

For each case, one update of each player on random data, in three precisions: float32 (products in
float32), TF32 (products as XLA computes float32 by default; the same as float32 where a device has
no TF32) and bfloat16 (networks in bfloat16, losses and optimizers in float32). Many steps run in
one compiled call. GFLOP/s are XLA's count of operations over the time; the share is that of the
best matrix product in the same precision, measured before. The last rows train 64 small GANs
together, and one of them.

Rows are printed and written as they come. No new row begins after --minutes; what was left out is
listed. `--quick` tries everything in small, also on a CPU. PyTorch is in `throughput.py`.
"""

import argparse
import contextlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from machine import print_machine
from throughput_frameworks import srresnet_with_jaxgan, with_jaxgan
from throughput_frameworks.cases import CASES, Case, SuperResolution, low_resolution, make_data

import jaxgan
from jaxgan.recipes import recipe, recipe_maker
from jaxgan.types import GAN, Batch

PRECISIONS = ("float32", "tf32", "bfloat16")
PRODUCTS = {"float32": "highest", "tf32": "default", "bfloat16": "default"}
RECIPES = {"stylegan2": ((64, 64, 3), 32), "sngan": ((32, 32, 3), 64), "r3gan": ((32, 32, 3), 64)}
"""Recipes with the shape of their samples and their batch size."""
MEMBERS = 64
Step = Callable[[jax.Array, Any, Any], Any]


class Program(NamedTuple):
    """A training: its state, its data, `(key, state, data) -> state`, and samples per step."""

    state: Any
    data: Any
    step: Step
    batch: int


class Effort(NamedTuple):
    """Steps per compiled call, windows that are timed, and seconds of each."""

    steps: int
    windows: int
    seconds: float


# --- Cases


def make_programs() -> dict[str, Callable[[str], Program]]:
    """What makes each program in a precision, by name."""
    made: dict[str, Callable[[str], Program]] = {}
    for name, case in CASES.items():
        made[name] = lambda precision, case=case: of_case(case, precision)
    for name, (shape, batch) in RECIPES.items():
        made[f"{name} {shape[0]}x{shape[1]}"] = lambda precision, given=(name, shape, batch): (
            of_recipe(*given, precision)
        )
    return made


def of_case(case: Case | SuperResolution, precision: str) -> Program:
    """A case of `throughput.py`."""
    if isinstance(case, SuperResolution):
        return of_super_resolution(case, precision)
    gan = with_jaxgan.make_gan(case, joint_pass=not case.batch_norm)
    return of_gan(gan, case.sample_shape, case.batch, precision)


def of_recipe(name: str, shape: tuple[int, ...], batch: int, precision: str) -> Program:
    """A recipe, without classes."""
    return of_gan(recipe(name).gan(shape, None), shape, batch, precision)


def of_gan(gan: GAN, shape: tuple[int, ...], batch: int, precision: str) -> Program:
    """A GAN on samples that are drawn anew in each step."""
    gan = in_precision(gan, precision)
    step = jaxgan.make_train_step(gan)
    x = jax.random.uniform(jax.random.key(2), (4 * batch, *shape), minval=-1.0)

    def update(key, state, x):
        index_key, step_key = jax.random.split(key)
        index = jax.random.randint(index_key, (batch,), 0, len(x))
        return step(step_key, state, x[index])[0]

    state = jax.jit(lambda: jaxgan.init(jax.random.key(0), gan, x[:batch]))()
    return Program(state, x, update, batch)


def of_super_resolution(case: SuperResolution, precision: str) -> Program:
    """The generator alone, on the mean squared error."""
    gan = in_precision(srresnet_with_jaxgan.make_gan(case), precision)
    truths = make_data(case)[: case.batch]
    images = [
        jnp.asarray(x, jnp.float32) / 127.5 - 1.0 for x in (truths, low_resolution(case, truths))
    ]
    batch = Batch(*images)
    step = jaxgan.make_generator_step(gan)
    state = jax.jit(lambda: jaxgan.init(jax.random.key(0), gan, batch))()
    return Program(state, batch, lambda key, state, data: step(key, state, data)[0], case.batch)


def in_precision(gan: GAN, precision: str) -> GAN:
    """A GAN whose networks compute in bfloat16, if that is asked for."""
    return jaxgan.gan_in_precision(gan, "bfloat16") if precision == "bfloat16" else gan


def of_population(members: int) -> Program:
    """GANs of the recipe `ring` that differ in their learning rates, and are computed together."""
    shape, batch = (2,), recipe("ring").plan.batch_size
    make, rates = recipe_maker("ring", shape), jnp.geomspace(1e-4, 1e-2, members)
    x = jax.random.normal(jax.random.key(2), (1024, *shape))

    def start(rate):
        return jaxgan.init(jax.random.key(0), make(learning_rate=rate), x[:batch])

    def update(key, state, data):
        def one(rate, state):
            return jaxgan.make_train_step(make(learning_rate=rate))(key, state, data[:batch])[0]

        return jax.vmap(one)(rates, state)

    return Program(jax.jit(jax.vmap(start))(rates), x, update, members * batch)


# --- Measuring


def measured(program: Program, precision: str, effort: Effort) -> dict[str, float]:
    """Milliseconds per step (median, lowest and highest), compilation, and operations."""

    def many(key, state, data):
        def one(carry, _):
            key, state = carry
            key, step_key = jax.random.split(key)
            return (key, program.step(step_key, state, data)), None

        return jax.lax.scan(one, (key, state), length=effort.steps)[0]

    def single(key, state, data):
        key, step_key = jax.random.split(key)
        return key, program.step(step_key, state, data)

    started = time.perf_counter()
    with jax.default_matmul_precision(PRODUCTS[precision]):
        given = (jax.random.key(1), program.state, program.data)
        counted = jax.jit(single).lower(*given).cost_analysis() or {}
        call = (
            jax.jit(many if effort.steps > 1 else single, donate_argnums=1).lower(*given).compile()
        )
    compiled = time.perf_counter() - started
    times = windows(call, given, effort)
    return {
        "step_ms": statistics.median(times),
        "lowest_ms": min(times),
        "highest_ms": max(times),
        "compile_s": compiled,
        "gflop": 1e-9 * float(counted.get("flops", np.nan)),
    }


def windows(call: Callable, given: tuple, effort: Effort) -> list[float]:
    """Milliseconds per step of each window."""
    key, state, data = given

    def run(calls: int) -> float:
        nonlocal key, state
        started = time.perf_counter()
        for _ in range(calls):
            key, state = call(key, state, data)
        jax.block_until_ready(state)
        return time.perf_counter() - started

    run(1)
    calls = max(1, round(effort.seconds / max(run(2) / 2, 1e-6)))
    return [1e3 * run(calls) / (calls * effort.steps) for _ in range(effort.windows)]


def product_rates(size: int) -> dict[str, float]:
    """GFLOP/s of the best of nine square matrix products, in each precision."""
    rates = {}
    for precision in PRECISIONS:
        dtype = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
        x = jax.random.normal(jax.random.key(0), (size, size), dtype)
        with jax.default_matmul_precision(PRODUCTS[precision]):
            product = jax.jit(lambda x: x @ x).lower(x).compile()
        product(x).block_until_ready()
        seconds = []
        for _ in range(9):
            started = time.perf_counter()
            product(x).block_until_ready()
            seconds.append(time.perf_counter() - started)
        rates[precision] = 2e-9 * size**3 / min(seconds)
    return rates


# --- The table


def rows(effort: Effort, rates: dict[str, float], wanted: list[str]) -> Iterator[dict[str, Any]]:
    """A row for each case and precision, and for the populations."""
    programs = make_programs()
    for name in wanted:
        for precision in PRECISIONS:
            yield row(name, precision, lambda n=name, p=precision: programs[n](p), effort, rates)
    for members in (1, MEMBERS):
        name = f"ring, {members} together"
        yield row(name, "tf32", lambda m=members: of_population(m), effort, rates)


def row(
    name: str,
    precision: str,
    make: Callable[[], Program],
    effort: Effort,
    rates: dict[str, float],
) -> dict[str, Any]:
    """One row, or the reason why there is none."""
    found: dict[str, Any] = {"case": name, "precision": precision}
    try:
        program = make()
        found |= measured(program, precision, effort)
    except (RuntimeError, ValueError) as error:  # such as too little memory
        return found | {"failed": (str(error).strip() or type(error).__name__).splitlines()[0]}
    rate = 1e3 * found["gflop"] / found["step_ms"]
    more = {"samples_per_s": 1e3 * program.batch / found["step_ms"], "gflop_per_s": rate}
    return found | more | {"share": rate / rates[precision]}


TITLES = (
    "case",
    "precision",
    "ms per step",
    "samples/s",
    "GFLOP/s",
    "share of the peak",
    "compile s",
)


def line(found: dict[str, Any]) -> str:
    """A row as Markdown."""
    if "failed" in found:
        return f"| {found['case']} | {found['precision']} | {found['failed']} | | | | |"
    span = f"{found['step_ms']:.3g} ({found['lowest_ms']:.3g} to {found['highest_ms']:.3g})"
    numbers = (
        f"{found['samples_per_s']:,.0f} | {found['gflop_per_s']:,.0f} | {found['share']:.1%} "
        f"| {found['compile_s']:.1f}"
    )
    return f"| {found['case']} | {found['precision']} | {span} | {numbers} |"


def parse() -> argparse.Namespace:
    """The command line's options."""
    known = list(make_programs())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(known), help="default: all")
    parser.add_argument("--minutes", type=float, default=9.0, help="no row begins later")
    parser.add_argument("--quick", action="store_true", help="one step per call, short windows")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    args.cases = [each for each in args.cases.split(",") if each]
    if unknown := sorted(set(args.cases) - set(known)):
        parser.error(f"unknown cases {', '.join(unknown)}; known: {', '.join(known)}")
    return args


def main():
    """Measures, prints and writes the rows."""
    args, started = parse(), time.monotonic()
    print_machine()
    effort = Effort(1, 3, 0.05) if args.quick else Effort(50, 9, 0.3)
    rates = product_rates(512 if args.quick else 8192)
    shown = ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items())
    print(f"Best matrix product, GFLOP/s: {shown}\n")
    print(f"| {' | '.join(TITLES)} |\n|---|---|{'---:|' * (len(TITLES) - 2)}", flush=True)
    found: list[dict[str, Any]] = []
    with contextlib.closing(rows(effort, rates, args.cases)) as coming:
        for each in coming:
            print(line(each), flush=True)
            found.append(each)
            if args.json:
                facts = {"device": jax.devices()[0].device_kind, "rates": rates, "rows": found}
                args.json.write_text(json.dumps(facts, indent=1) + "\n")
            if time.monotonic() - started > 60 * args.minutes:
                break
    total = len(PRECISIONS) * len(args.cases) + 2
    if len(found) < total:
        print(
            f"\n{total - len(found)} of {total} rows were left out after {args.minutes:g} minutes"
        )


if __name__ == "__main__":
    main()

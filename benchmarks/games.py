"""What update rules do: on the bilinear game, on a ring of Gaussians, and on a map to be learned.

    python benchmarks/games.py --tables bilinear --h 0.2,0.5 --json factors.json
    python benchmarks/games.py --tables ring --seeds 10 --json ring.json
    python benchmarks/games.py --tables flow --seeds 5 --json flow.json

- `bilinear`: the factor by which a round contracts min over x, max over y of x y, with learning
  rate h. Rules are named as `jaxgan.updates.from_name` takes them.
- `ring`: each rule on the ring of 8 Gaussians, in the setting of the recipe `ring` with constant
  learning rate and gamma: modes, high-quality samples, time and gradients per round.
- `flow`: the generator as a map from a normal distribution to a mixture of four in one dimension,
  with and without the transport term of adversarial flow models, against the exact optimal map.

A file that exists is kept, and what it holds already is not measured again.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from machine import print_machine
from scipy.stats import norm

import jaxgan
from jaxgan import Params, data, games, latents, losses, updates
from jaxgan.metrics import mode_coverage
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes import recipe
from jaxgan.regularizers import r1, r2
from jaxgan.terms import transport
from jaxgan.types import GAN, Array
from jaxgan.updates import Update, from_name

Row = dict[str, Any]

# --- Factors of the bilinear game

BILINEAR = (
    *("simultaneous", "alternating", "extragradient", "extrapolation_from_the_past"),
    *("optimistic", "consensus:weight=1", "symplectic:weight=1", "competitive"),
    *("unrolled:k=5", "runge_kutta:order=2", "runge_kutta:order=4"),
    *("runge_kutta:order=4,joint=false", "lookahead:k=10,alpha=0.5", "lookahead:k=6,alpha=0.3"),
    *("lookahead:k=10,alpha=0.5,inner=alternating",),
)
NEGATIVE_MOMENTUM = "alternating, momentum=-0.5"


def bilinear_rows(h: float) -> Iterator[Row]:
    """The spectral radius of a round of each rule, in float64."""
    for name in BILINEAR:
        text = f"{name}:learning_rate={h}" if name == "competitive" else name
        rounds = int(name.partition("k=")[2].partition(",")[0]) if "lookahead" in name else 1
        yield {"rule": name, "h": h, "factor": factor(from_name(text), optax.sgd(h), rounds)}
    momentum = optax.sgd(h, momentum=-0.5)
    yield {"rule": NEGATIVE_MOMENTUM, "h": h, "factor": factor(from_name("alternating"), momentum)}


def factor(rule: Update, optimizer: optax.GradientTransformation, rounds: int = 1) -> float:
    """The contraction per round: of the parameters, and of all that rule and optimizer keep."""
    with jax.enable_x64(True):
        game = games.bilinear()
        state = updates.start_state(Params(1.0, 0.5), optimizer, rule)
        play = updates.make_round(game, optimizer, rule)

        def several(state):
            for _ in range(rounds):
                state = play(state)
            return state

        # The first round of a rule may be another one than all that follow.
        state = jax.jit(several)(state)
        radius = np.abs(games.eigenvalues(jax.jit(several), state)).max()
    return float(radius) ** (1 / rounds)


# --- Rules on the ring

RING = (
    *("alternating", "simultaneous", "extragradient", "extrapolation_from_the_past"),
    *("optimistic", "consensus:weight=0.1", "symplectic:weight=1"),
    *("competitive:learning_rate=0.002,iterations=5", "unrolled:k=5"),
    *("lookahead:k=5,alpha=0.5,inner=alternating", "runge_kutta:order=2", "runge_kutta:order=4"),
    *("anderson:rounds=5,inner=alternating",),
)
BATCH_SIZE, NUM, ROUNDS = 256, 2_500, 100
GAMMA = 0.05


def ring_row(name: str, seeds: int, steps: int) -> Row:
    """Scores of a rule on the ring, one per seed, all seeds at once."""
    gan, mixture = ring_gan(), data.MIXTURES["ring8"]()
    x = jnp.asarray(data.load(recipe("ring").data).x)
    rule = from_name(name)
    start, play, draw = (jax.jit(f) for f in seeded(gan, rule, len(x)))
    keys = jax.random.split(jax.random.key(0), seeds)
    state = start(keys, x)
    state = jax.block_until_ready(play(keys, state, x))  # compiles
    begun, cpu_begun = time.perf_counter(), time.process_time()
    for _ in range(steps // ROUNDS - 1):
        state = play(keys, state, x)
    jax.block_until_ready(state)
    rounds = max(1, steps // ROUNDS - 1) * ROUNDS * seeds
    seconds = (time.perf_counter() - begun) / rounds
    cpu_seconds = (time.process_time() - cpu_begun) / rounds
    samples = np.asarray(draw(keys, state))
    sound = [np.isfinite(own).all() for own in samples]
    found = [mode_coverage(s, *mixture[:2]) for s, ok in zip(samples, sound, strict=True) if ok]
    return {
        "rule": name,
        "steps": steps,
        "seeds": seeds,
        "finite": int(sum(sound)),
        "modes": [float(each.modes) for each in found],
        "high_quality": [float(each.high_quality) for each in found],
        "milliseconds": 1e3 * seconds,
        "processor_milliseconds": 1e3 * cpu_seconds,
        "gradients": rule.gradients,
        "products": rule.products,
    }


def ring_gan() -> GAN:
    """The recipe `ring` with constant numbers, and an Adam that has derivatives everywhere."""
    adam = optax.adam(1e-3, b1=0.5, b2=0.9, eps_root=1e-12)
    return dataclasses.replace(
        recipe("ring").gan((2,), None),
        penalties=tuple(jaxgan.penalty(penalize, gamma=GAMMA) for penalize in (r1, r2)),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def seeded(gan: GAN, rule: Update, size: int) -> tuple[Callable, Callable, Callable]:
    """Start, some rounds and samples of several seeds at once."""
    step = jaxgan.make_train_step(gan, rule)

    def start(key: Array, x: Array):
        return jaxgan.init(jax.random.fold_in(key, 0), gan, x[:BATCH_SIZE], rule)

    def play(key: Array, state, x: Array):
        def body(state, _):
            order_key, step_key = jax.random.split(jax.random.fold_in(key, 1 + state.step))
            rows = jax.random.randint(order_key, (BATCH_SIZE,), 0, size)
            return step(step_key, state, jnp.take(x, rows, axis=0, mode="clip"))[0], None

        return jax.lax.scan(body, state, length=ROUNDS)[0]

    def draw(key: Array, state):
        return jaxgan.sample(jax.random.fold_in(key, 2**31 - 1), gan, state, NUM)

    shared = (0, 0, None)
    return jax.vmap(start, (0, None)), jax.vmap(play, shared), jax.vmap(draw)


# --- A map from a normal distribution to a mixture

MEANS, SIGMA = (-1.5, -0.5, 0.5, 1.5), 0.05
FLOW_BATCH = 256


def flow_gan(weight: float, steps: int) -> GAN:
    """A generator of one number from one, with the transport term of this weight, decayed to 0."""
    decay = optax.cosine_decay_schedule(weight, steps)
    terms = (jaxgan.generator_term(transport, decay),) if weight else ()
    adam = optax.adam(1e-3, b1=0.0, b2=0.9)
    return jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((1,), (128, 128), output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator((128, 128), dropout=0.0)),
        latent=latents.normal(1),
        loss=losses.relativistic,
        penalties=(jaxgan.penalty(r1, gamma=0.1), jaxgan.penalty(r2, gamma=0.1)),
        generator_terms=terms,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def mixture_quantiles(levels: np.ndarray) -> np.ndarray:
    """The quantiles of the mixture, by bisection of its distribution function."""
    low, high = np.full_like(levels, -3.0), np.full_like(levels, 3.0)
    for _ in range(60):
        middle = (low + high) / 2
        below = norm.cdf((middle[:, None] - np.array(MEANS)[None]) / SIGMA).mean(axis=1) < levels
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def flow_row(weight: float, seeds: int, steps: int) -> Row:
    """The error of the learned map against quantile to quantile, one per seed."""
    gan, levels = flow_gan(weight, steps), (np.arange(2_000) + 0.5) / 2_000
    optimal = mixture_quantiles(levels)
    z = jnp.asarray(norm.ppf(levels), jnp.float32)[:, None]
    x = jax.random.choice(jax.random.key(7), jnp.array(MEANS), (100_000, 1))
    x = x + SIGMA * jax.random.normal(jax.random.key(8), x.shape)
    start, play, _ = (jax.jit(f) for f in seeded(gan, from_name("alternating"), len(x)))
    keys = jax.random.split(jax.random.key(0), seeds)
    state = start(keys, x)
    for _ in range(steps // ROUNDS):
        state = play(keys, state, x)
    mapped = jax.jit(
        jax.vmap(lambda key, own: jaxgan.make_generate(key, gan, own)(z), in_axes=(0, 0))
    )(keys, state)
    g = np.asarray(mapped)[..., 0]
    return {
        "weight": weight,
        "steps": steps,
        "seeds": seeds,
        "map_error": np.sqrt(np.mean((g - optimal[None]) ** 2, axis=1)).tolist(),
        # The same samples in order: what is left if any map to the distribution will do.
        "distribution_error": np.sqrt(
            np.mean((np.sort(g, axis=1) - optimal[None]) ** 2, axis=1)
        ).tolist(),
        "monotone": (np.diff(g, axis=1) > 0).mean(axis=1).tolist(),
    }


# --- The script


def rows_of(name: str, args: argparse.Namespace) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    """What is to be measured for a table: a name for each part, and a function that measures it."""
    if name == "bilinear":
        for h in map(float, args.h.split(",")):
            yield f"bilinear {h}", lambda h=h: list(bilinear_rows(h))
    elif name == "ring":
        for rule in RING:
            yield f"ring {rule}", lambda rule=rule: [ring_row(rule, args.seeds, args.steps)]
    else:
        for weight in map(float, args.weights.split(",")):
            yield (
                f"flow {weight}",
                lambda weight=weight: [flow_row(weight, args.seeds, args.steps)],
            )


def shown(row: Row) -> str:
    """A row in one line: numbers, and means with the standard deviation over seeds."""

    def cell(value: Any) -> str:
        if isinstance(value, list):
            return f"{np.mean(value):.4g} +- {np.std(value, ddof=len(value) > 1):.2g}"
        return f"{value:.5f}" if isinstance(value, float) else str(value)

    return "  ".join(f"{name} {cell(value)}" for name, value in row.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", default="bilinear", help="bilinear, ring, flow")
    parser.add_argument("--h", default="0.2", help="learning rates of the bilinear game")
    parser.add_argument("--weights", default="0,0.1,1", help="first weights of the transport term")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=3_000, help="rounds on the ring and the flow")
    parser.add_argument("--json", type=Path, help="file of rows, written as they come")
    args = parser.parse_args()
    print_machine()
    rows: list[Row] = []
    kept = json.loads(args.json.read_text()) if args.json and args.json.exists() else []
    for table in args.tables.split(","):
        print(f"\n{table}")
        for part, measure in rows_of(table, args):
            found = [row for row in kept if row["part"] == part]
            found = found or [{"table": table, "part": part} | row for row in measure()]
            rows += found
            for row in found:
                print(
                    shown({k: v for k, v in row.items() if k not in ("table", "part")}), flush=True
                )
            if args.json:
                others = [row for row in kept if row["part"] not in {row["part"] for row in rows}]
                args.json.write_text(json.dumps(rows + others, indent=1))


if __name__ == "__main__":
    main()

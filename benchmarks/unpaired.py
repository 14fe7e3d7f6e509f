"""CycleGAN between digits and other digits, inverted and slanted: how many keep their class?

    python benchmarks/unpaired.py --data idx:DIR --out unpaired

Domain A is one half of the digits, domain B the other half, inverted and slanted, so no digit is in
both and no pair exists. Scored are digits of neither half: the test split, or the last tenth where
there is none. A classifier of each domain assigns classes to translations; it never sees them in
training. The cycle error is the mean of |F(G(a)) - a| over values in [-1, 1], that of the
translation the mean of |G(a) - b|, with b what inverting and slanting make of a. The slant of ink
is its covariance of columns and rows over the variance of rows, in pixels per row to the right.

A run that was stopped continues from its last saved state. OUT/scores.json holds the scores over
time, OUT/samples.png in rows: A, A to B, A to B to A, B, B to A, B to A to B.
"""

import argparse
import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import optax
from machine import print_machine
from PIL import Image

import jaxgan
from jaxgan import data, plots
from jaxgan.recipes import cyclegan
from jaxgan.runs.disk import checkpoint
from jaxgan.scoring.classifier import Classifier, classifier_for, classify
from jaxgan.training.state import RunState, init_run
from jaxgan.types import GAN, Array

SCORED, SHOWN = 1000, 24
Pair = tuple[np.ndarray, np.ndarray]


# --- The two domains


class Domains(NamedTuple):
    """Digits of both domains.

    Attributes:
      training: unpaired digits.
      images: other digits of A and of B, [SCORED, ...] in [-1, 1].
      labels: their classes.
      other: what each of them is in the other domain.
      classifiers: of A and of B.
    """

    training: data.Dataset
    images: Pair
    labels: Pair
    other: Pair
    classifiers: tuple[Classifier, Classifier]


def turned(dataset: data.Dataset, slope: float) -> data.Dataset:
    """The digits of domain B: inverted, and slanted by `slope` pixels per row."""
    assert dataset.high is not None
    x = (dataset.high - data.slanted(dataset.x, slope)).astype(dataset.x.dtype)
    return dataset._replace(x=x, name=f"turned {dataset.name}")


def rows(dataset: data.Dataset, index) -> data.Dataset:
    """Some of the digits."""
    return dataset._replace(x=dataset.x[index], condition=dataset.labels[index])


def split(spec: str) -> tuple[data.Dataset, data.Dataset]:
    """Digits to train on and others, in random order."""
    rng = np.random.default_rng(0)
    if spec.startswith("idx:"):
        parts = data.load(spec), data.load(f"{spec}:test")
        return tuple(rows(part, rng.permutation(part.size)) for part in parts)
    whole = data.load(spec)
    order = rng.permutation(whole.size)
    last = max(1, whole.size // 10)
    return rows(whole, order[:-last]), rows(whole, order[-last:])


def make_domains(spec: str, slope: float) -> Domains:
    """Both domains of a data set of digits."""
    train, held_out = split(spec)
    half, scored = train.size // 2, min(SCORED, held_out.size // 2)
    bright = turned(train, slope)
    sides = rows(train, slice(half)), rows(bright, slice(half, None))
    other = [rows(held_out, slice(scored)), rows(held_out, slice(scored, 2 * scored))]
    both_ways = [(each.x, turned(each, slope).x) for each in other]

    def scaled(x: np.ndarray) -> np.ndarray:
        return data.to_model_range(x, train.low, train.high, (-1.0, 1.0))

    return Domains(
        data.unpaired(*sides),
        images=(scaled(both_ways[0][0]), scaled(both_ways[1][1])),
        labels=(other[0].labels, other[1].labels),
        other=(scaled(both_ways[0][1]), scaled(both_ways[1][0])),
        classifiers=(classifier_for(train), classifier_for(bright)),
    )


# --- Training


def make_gan(shape: tuple[int, ...], args: argparse.Namespace) -> GAN:
    """The recipe's GAN with the sizes and the schedule of the arguments."""
    gan = cyclegan.cyclegan_gan(shape, cycle=args.cycle)
    rate = cyclegan.constant_then_linear(args.learning_rate, args.steps)
    return dataclasses.replace(
        gan,
        generator=cyclegan.generators(shape, args.width, args.blocks),
        discriminator=cyclegan.discriminators(shape, args.width),
        generator_optimizer=optax.adam(rate, b1=0.5),
        discriminator_optimizer=optax.adam(rate, b1=0.5),
    )


def make_draw(gan: GAN, num: int) -> Callable[[RunState, Pair], Pair]:
    """Makes the compiled translation of both domains' images, `(state, (a, b)) -> (F(b), G(a))`."""

    @jax.jit
    def draw(state: RunState, images: Pair):
        return jaxgan.sample(jax.random.key(0), gan, state.gan, num, images)

    return lambda state, images: jax.device_get(draw(state, images))


def slant(x: np.ndarray, inverted: bool) -> float:
    """Mean slant of the ink of digits [n, height, width, 1] in [-1, 1]."""
    ink = (1.0 - x if inverted else 1.0 + x)[..., 0] / 2
    ink = ink / np.maximum(ink.sum((1, 2), keepdims=True), 1e-6)
    up, right = -np.arange(x.shape[1])[None, :, None], np.arange(x.shape[2])[None, None, :]
    up = up - (ink * up).sum((1, 2), keepdims=True)
    right = right - (ink * right).sum((1, 2), keepdims=True)
    covariance, variance = ((ink * up * other).sum((1, 2)) for other in (right, up))
    return float(np.mean(covariance / np.maximum(variance, 1e-6)))


def scores(domains: Domains, state: RunState, draw: Callable) -> dict[str, float]:
    """Classes kept, cycle errors and errors of the translations, both ways."""
    to_a, to_b = draw(state, domains.images)
    back = draw(state, (to_a, to_b))
    found = {}
    ways = (("A to B", to_b, 0, 1), ("B to A", to_a, 1, 0))
    for way, made, source, target in ways:
        classes = classify(domains.classifiers[target], made).logits.argmax(axis=1)
        found[f"{way}, class kept"] = float(np.mean(classes == domains.labels[source]))
        found[f"{way}, slant"] = slant(made, inverted=target == 1)
        found[f"{way}, error"] = float(np.abs(made - domains.other[source]).mean())
        found[f"{way} and back, cycle error"] = float(
            np.abs(back[source] - domains.images[source]).mean()
        )
    return found


def picture(domains: Domains, state: RunState, draw: Callable) -> np.ndarray:
    """Digits of both domains, their translations, and the ways back."""
    to_a, to_b = draw(state, domains.images)
    back = draw(state, (to_a, to_b))
    shown = (domains.images[0], to_b, back[0], domains.images[1], to_a, back[1])
    names = ("A", "to B", "and back", "B", "to A", "and back")
    grid = np.concatenate([x[:SHOWN] for x in shown])
    return plots.sample_grid(grid, -1.0, 1.0, len(grid) // len(names), names)


def train(domains: Domains, gan: GAN, key: Array, args: argparse.Namespace) -> RunState:
    """Train, from the last saved state if there is one, and write scores at intervals."""
    plan = jaxgan.recipes.recipe("cyclegan").plan._replace(batch_size=args.batch_size)
    plan = plan._replace(rounds_per_call=math.gcd(args.every, 4))  # a call ends at each score
    draw = make_draw(gan, len(domains.images[0]))
    file = args.out / "scores.json"
    start = jax.eval_shape(lambda: init_run(key, gan, domains.training, plan))
    found = checkpoint.restore_latest(args.out / "states", start)
    state = init_run(key, gan, domains.training, plan) if found is None else found.state
    done = int(state.gan.step)
    table = json.loads(file.read_text()) if file.exists() else []
    table, began = [row for row in table if row["step"] <= done], time.perf_counter()
    before = table[-1]["seconds"] if table else 0.0
    left = args.steps - done
    with checkpoint.open_manager(args.out / "states", checkpoint.Keep(last=1)) as manager:
        for progress in jaxgan.iterate(gan, domains.training, left, plan, state) if left else ():
            state = progress.state
            if progress.step % args.every and progress.step < args.steps:
                continue
            row = {"step": progress.step, "seconds": before + time.perf_counter() - began}
            table.append(row | scores(domains, state, draw))
            print("  ".join(f"{name} {value:.4g}" for name, value in table[-1].items()), flush=True)
            checkpoint.save(manager, progress.step, state)
            checkpoint.finish(manager)
            file.write_text(json.dumps(table, indent=1) + "\n")
            Image.fromarray(picture(domains, state, draw)).save(args.out / "samples.png")
    return state


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="idx:DIR for MNIST, or digits")
    parser.add_argument("--out", type=Path, required=True, help="folder, to resume in too")
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--every", type=int, default=500, help="steps between scores")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--width", type=int, default=cyclegan.WIDTH)
    parser.add_argument("--blocks", type=int, default=cyclegan.BLOCKS)
    parser.add_argument("--slope", type=float, default=0.25, help="of domain B, pixels per row")
    parser.add_argument("--cycle", type=float, default=10.0, help="weight of the cycle errors")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print_machine()
    args.out.mkdir(parents=True, exist_ok=True)
    domains = make_domains(args.data, args.slope)
    shown = ", ".join(f"{each.accuracy:.1%}" for each in domains.classifiers)
    slants = [slant(x, inverted=place == 1) for place, x in enumerate(domains.images)]
    print(f"slant of A {slants[0]:.3f}, of B {slants[1]:.3f} pixels per row")
    print(f"classifiers of A and B are right on {shown} of held-out digits")
    gan = make_gan(domains.training.shape, args)
    train(domains, gan, jax.random.key(args.seed), args)


if __name__ == "__main__":
    main()

"""What does fine-tuning to one class gain over training from nothing?

    jaxgan train conditional-dcgan --set width=32 --data folder:DIR@32 --flip --out RUN
    python benchmarks/fine_tuning.py RUN --data folder:DIR@32 --name horse --json fine_tuning.json

RUN is a conditional run on all classes. Each arm trains on the images of one class: a DCGAN of the
same widths from random weights; from the weights of the run, but for its generator's first layer,
which has the labels among its inputs there; and the run's own networks, with the label of the
class. On the way the EMA generator is scored by the Fréchet distance of 5,000 samples to the real
images of the class, on the features of a small classifier of all classes, lower is better. Half of
the real images is scored against the other half as a floor. Means of the seeds are printed with
their 95% intervals. Runs that the file of --json holds are not made again.
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from machine import print_machine
from PIL import Image
from seeds import interval, with_interval

import jaxgan
from jaxgan import data, plots
from jaxgan.metrics import frechet_distance
from jaxgan.recipes import recipe, recipe_gan
from jaxgan.runs import load_state
from jaxgan.scoring.classifier import classifier_for, classify
from jaxgan.types import GAN, GANState

SAMPLES = 5_000
A_CALL = 500


class Arm(NamedTuple):
    """A GAN, whether it takes labels, and whether it starts from the run."""

    recipe: str
    labelled: bool
    tuned: bool


ARMS = {
    "random weights": Arm("dcgan", labelled=False, tuned=False),
    "the run, no labels": Arm("dcgan", labelled=False, tuned=True),
    "the run, labels": Arm("conditional-dcgan", labelled=True, tuned=True),
}
Score = Callable[[np.ndarray], float]


class OneClass(NamedTuple):
    """The real images [n, h, w, c] of one class, its label, and the number of classes."""

    x: np.ndarray
    label: int
    classes: int


def start(arm: Arm, gan: GAN, images: data.Dataset, plan: jaxgan.Plan, source: GANState, seed: int):
    """The state from which a run begins."""
    state = jaxgan.init_run(jax.random.key(seed), gan, images, plan)
    return state._replace(gan=jaxgan.transfer(state.gan, source).state) if arm.tuned else state


def make_draw(gan: GAN, arm: Arm, own: OneClass, seed: int) -> Callable[[GANState], np.ndarray]:
    """A function of a state that draws the samples, in [-1, 1]."""
    key = jax.random.fold_in(jax.random.key(seed), 1)
    labels = jnp.full(A_CALL, own.label, jnp.int32) if arm.labelled else None
    draw = jax.jit(
        lambda state, first: jaxgan.sample(key, gan, state, first + jnp.arange(A_CALL), labels)
    )
    return lambda state: np.concatenate([draw(state, at) for at in range(0, SAMPLES, A_CALL)])


def train(
    arm: Arm, seed: int, own: OneClass, source: GANState, score: Score, args
) -> tuple[list[dict], np.ndarray]:
    """The distances on the way, the first before any step, and the last samples."""
    gan = recipe_gan(
        arm.recipe,
        own.x.shape[1:],
        own.classes if arm.labelled else None,
        hyperparameters={"width": args.width},
    )
    labels = np.full(len(own.x), own.label, np.int32) if arm.labelled else None
    images = data.from_arrays(own.x, labels)
    plan = recipe(arm.recipe).plan._replace(
        conditional=arm.labelled,
        flip=True,
        batch_size=args.batch_size,
        rounds_per_call=math.gcd(args.every, 4),  # a call ends at each score
    )
    state = start(arm, gan, images, plan, source, seed)
    draw = make_draw(gan, arm, own, seed)
    samples = draw(state.gan)
    rows = [{"step": 0, "distance": score(samples)}]
    for progress in jaxgan.iterate(gan, images, args.steps, plan, state):
        if progress.step % args.every:
            continue
        samples = draw(progress.state.gan)
        rows.append({"step": progress.step, "distance": score(samples)})
        print(f"step {progress.step}  distance {rows[-1]['distance']:.4g}", flush=True)
    return rows, samples


def parse() -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a conditional run on all classes")
    parser.add_argument("--data", required=True, help="the data of that run")
    parser.add_argument("--name", required=True, help="name of the class")
    parser.add_argument("--width", type=int, default=32, help="of the run's networks")
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--every", type=int, default=250, help="steps from one score to the next")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--picture", type=Path, help="a file for the curves")
    parser.add_argument("--samples", help="start of the names of pictures of samples")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.steps % args.every:
        parser.error(f"--every {args.every} does not divide --steps {args.steps}")
    return args


def print_table(results: dict[str, dict[str, list[dict]]]):
    """The distances of each arm over steps: means of the seeds with intervals."""
    steps = [row["step"] for row in results[next(iter(results))]["0"]]
    print(f"| | {' | '.join(f'{step:,}' for step in steps)} |\n|---{'|---' * len(steps)}|")
    for name, seeds in results.items():
        columns = zip(*seeds.values(), strict=True)
        cells = [with_interval([row["distance"] for row in rows]) for rows in columns]
        print(f"| {name} | {' | '.join(cells)} |")


def picture(results: dict[str, dict[str, list[dict]]], floor: float, file: Path):
    """Curves of the distance over steps with bands of the intervals."""
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for name, seeds in results.items():
        columns = [list(rows) for rows in zip(*seeds.values(), strict=True)]
        steps = [rows[0]["step"] for rows in columns]
        values = [[row["distance"] for row in rows] for rows in columns]
        (line,) = axes.plot(steps, np.mean(values, axis=1), label=name)
        if len(seeds) > 1:
            low, high = np.transpose([interval(each) for each in values])
            axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.axhline(floor, color="0.5", linestyle=":", label="other real images")
    axes.set(yscale="log", xlabel="step", ylabel="Fréchet distance", xlim=(0, None))
    axes.legend()
    figure.savefig(file, dpi=120)


def main():
    """Makes the runs that the file of --json lacks, prints the table and draws the curves."""
    args = parse()
    print_machine()
    dataset = data.load(args.data)
    names = dataset.class_names or ()
    if args.name not in names:
        raise SystemExit(f"--name must be one of {', '.join(names)}, got {args.name}")
    own = OneClass(
        dataset.x[dataset.labels == names.index(args.name)], names.index(args.name), len(names)
    )
    classifier = classifier_for(dataset)
    images = data.scale(own.x, (dataset.low, dataset.high), (-1.0, 1.0))
    real = classify(classifier, images).features
    floor = float(frechet_distance(real[::2], real[1::2]))
    print(f"classifier right on {classifier.accuracy:.1%} of held-out images; floor {floor:.3g}")
    kept = ("data", "name", "width", "steps", "every", "batch_size")
    facts = {each: getattr(args, each) for each in kept}
    facts |= {"classifier_accuracy": classifier.accuracy, "floor": floor}
    done = json.loads(args.json.read_text()) if args.json and args.json.exists() else facts
    if any(done.get(each) != facts[each] for each in kept):
        raise SystemExit(f"{args.json} has runs of other {', '.join(kept)}: choose another file")
    results, source = done.setdefault("arms", {}), load_state(args.run)

    def score(samples):
        return float(frechet_distance(real, classify(classifier, samples).features))

    for seed in range(args.seeds):
        for name, arm in ARMS.items():
            if str(seed) in results.setdefault(name, {}):
                continue
            print(f"--- {name}, seed {seed}")
            rows, samples = train(arm, seed, own, source, score, args)
            results[name][str(seed)] = rows
            if args.samples and seed == 0:
                grid = plots.sample_grid(samples[:32], -1.0, 1.0, columns=8)
                Image.fromarray(grid).save(f"{args.samples}_{list(ARMS).index(name)}.png")
            if args.json:
                args.json.write_text(json.dumps(done, indent=1) + "\n")
    print_table(results)
    if args.picture:
        picture(results, floor, args.picture)


if __name__ == "__main__":
    main()

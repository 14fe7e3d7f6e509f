"""What does fine-tuning to one class gain over training from nothing?

    jaxgan train conditional-dcgan --set width=32 --data folder:DIR@32 --flip --out RUN
    python benchmarks/fine_tuning.py RUN --data folder:DIR@32 --name horse --json fine_tuning.json

RUN is a conditional run on all classes. Each arm trains on the images of one class: a DCGAN of the
same widths from random weights; from the weights of the run, but for the generator's first layer
and the discriminator's last one, which take the labels there; and the run's own networks, with the
label of the class. On the way the EMA generator is scored by the Fréchet distance of 5,000 samples
to the real images of the class, on the features of a small classifier of all classes, lower is
better. Half of the real images is scored against the other half as a floor. Means of the seeds are
printed with their 95% intervals. Runs that the file of --json holds are not made again.
"""

import argparse
import itertools
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


def setup(arm: Arm, own: OneClass, args) -> tuple[GAN, data.Dataset, jaxgan.Plan]:
    """The GAN of an arm, its images, with labels if it takes them, and its plan."""
    gan = recipe_gan(
        arm.recipe,
        own.x.shape[1:],
        own.classes if arm.labelled else None,
        hyperparameters={"width": args.width},
    )
    labels = np.full(len(own.x), own.label, np.int32) if arm.labelled else None
    plan = recipe(arm.recipe).plan._replace(
        conditional=arm.labelled,
        flip=True,
        batch_size=args.batch_size,
        rounds_per_call=math.gcd(args.every, 4),  # a call ends at each score
    )
    return gan, data.from_arrays(own.x, labels), plan


def train(
    arm: Arm, seed: int, own: OneClass, source: GANState, score: Score, args
) -> tuple[list[dict], np.ndarray]:
    """The distances on the way, the first before any step, and the last samples."""
    gan, images, plan = setup(arm, own, args)
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
    figure, axes = plt.subplots(figsize=(6.0, 3.6), layout="constrained")
    for (name, seeds), colour in zip(results.items(), plots.PALETTE, strict=False):
        columns = [list(rows) for rows in zip(*seeds.values(), strict=True)]
        steps = [rows[0]["step"] for rows in columns]
        values = [[row["distance"] for row in rows] for rows in columns]
        axes.plot(steps, np.mean(values, axis=1), "o-", color=colour, label=name, ms=4)
        low, high = np.transpose([interval(each) for each in values])
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, lw=0)
    axes.axhline(floor, color="0.6", linestyle=":", label="other real images")
    axes.set(
        xlabel="step", ylabel="Fréchet distance", yscale="log", xlim=(0, None), ylim=(None, 500)
    )
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    figure.savefig(file, dpi=140)
    plt.close(figure)


def class_of(dataset: data.Dataset, name: str) -> OneClass:
    """The images of a class; ends the program if there is none of this name."""
    names = dataset.class_names or ()
    if name not in names:
        raise SystemExit(f"--name must be one of {', '.join(names)}, got {name}")
    label = names.index(name)
    return OneClass(dataset.x[dataset.labels == label], label, len(names))


def make_score(dataset: data.Dataset, own: OneClass) -> tuple[Score, dict[str, float]]:
    """The distance of samples in [-1, 1] to the real images, and facts about it."""
    classifier = classifier_for(dataset)
    images = data.scale(own.x, (dataset.low, dataset.high), (-1.0, 1.0))
    real = classify(classifier, images).features
    floor = float(frechet_distance(real[::2], real[1::2]))
    print(f"classifier right on {classifier.accuracy:.1%} of held-out images; floor {floor:.3g}")

    def score(samples):
        return float(frechet_distance(real, classify(classifier, samples).features))

    return score, {"classifier_accuracy": classifier.accuracy, "floor": floor}


def begun(args: argparse.Namespace, found: dict[str, float]) -> dict:
    """What the file of --json holds, or a start; ends the program if its settings are others."""
    names = ("data", "name", "width", "steps", "every", "batch_size")
    facts = {name: getattr(args, name) for name in names}
    if not (args.json and args.json.exists()):
        return facts | found | {"arms": {}}
    done = json.loads(args.json.read_text())
    if any(done.get(name) != value for name, value in facts.items()):
        raise SystemExit(f"{args.json} has runs of other {', '.join(names)}: choose another file")
    return done


def main():
    """Makes the runs that the file of --json lacks, prints the table and draws the curves."""
    args = parse()
    print_machine()
    dataset = data.load(args.data)
    own, source = class_of(dataset, args.name), load_state(args.run)
    score, found = make_score(dataset, own)
    done = begun(args, found)
    for seed, (name, arm) in itertools.product(range(args.seeds), ARMS.items()):
        if str(seed) in done["arms"].setdefault(name, {}):
            continue
        print(f"--- {name}, seed {seed}")
        rows, samples = train(arm, seed, own, source, score, args)
        done["arms"][name][str(seed)] = rows
        if args.samples and seed == 0:
            grid = plots.sample_grid(samples[:32], -1.0, 1.0, columns=8)
            Image.fromarray(grid).save(f"{args.samples}_{list(ARMS).index(name)}.png")
        if args.json:
            args.json.write_text(json.dumps(done, indent=1) + "\n")
    print_table(done["arms"])
    if args.picture:
        picture(done["arms"], found["floor"], args.picture)


if __name__ == "__main__":
    main()

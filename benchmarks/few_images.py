"""What do DiffAugment and ADA gain when a GAN has few images to learn from?

    python benchmarks/few_images.py --data idx:DIR --steps 1500 --seeds 3 --json few_images.json

Trains the DCGAN recipe on the first images of a labelled data set three times: as it is, with
DiffAugment (color, translation, cutout) and with ADA. ADA's strength is given a tenth of the
published number of images to rise in, as these runs see that few. On the way the averaged
generator is scored by the Fréchet distance of 5,000 samples to images that no GAN saw, on the
hidden layer of a small classifier of real images (fitted on the images that are neither; its
accuracy is printed): lower is better. The same number of real images is scored as a floor.
Means of the seeds are printed with their 95% intervals. Runs that the file of --json holds are not
made again.
"""

import argparse
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from seeds import with_interval
from sklearn.neural_network import MLPClassifier

import jaxgan
from jaxgan import augment, data, plots
from jaxgan.metrics import frechet_distance
from jaxgan.recipes import recipe
from jaxgan.types import GAN

SAMPLES = 5_000
ARMS: dict[str, Callable[[], jaxgan.Augmentation] | None] = {
    "plain": None,
    "diffaugment": augment.diffaugment,
    "ada": lambda: augment.adaptive(ramp=50_000.0),
}


class Judge(NamedTuple):
    """Features [n, d] of images [n, h, w, c] in [-1, 1], and how good the classifier is."""

    features: Callable[[np.ndarray], np.ndarray]
    accuracy: float


def make_judge(x: np.ndarray, labels: np.ndarray, held_out: tuple[np.ndarray, np.ndarray]) -> Judge:
    """The hidden layer of a perceptron that tells the classes apart."""
    machine = MLPClassifier((64,), early_stopping=True, max_iter=100, random_state=0)
    machine.fit(_flat(x), labels)
    weights, biases = machine.coefs_[0], machine.intercepts_[0]
    accuracy = float(machine.score(_flat(held_out[0]), held_out[1]))
    return Judge(lambda x: np.maximum(_flat(x) @ weights + biases[None], 0.0), accuracy)


def _flat(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float64).reshape(len(x), -1)


def split(dataset: data.Dataset, num: int) -> tuple[np.ndarray, Judge, np.ndarray]:
    """The few images, as they are stored; the judge; images for comparison in [-1, 1]."""
    x = np.asarray(dataset.x)
    compared, fitted = slice(num, num + SAMPLES), slice(num + SAMPLES, num + 5 * SAMPLES)
    scaled = [x[part].astype(np.float32) / 127.5 - 1.0 for part in (compared, fitted)]
    labels = [dataset.condition[part] for part in (compared, fitted)]
    judge = make_judge(scaled[1], labels[1], (scaled[0], labels[0]))
    return x[:num], judge, scaled[0]


Score = Callable[[np.ndarray], float]


def train(arm: str, seed: int, x: np.ndarray, score: Score, args: argparse.Namespace) -> list[dict]:
    """A run of one arm and seed: the scores of its averaged generator on the way."""
    gan, plan = make_gan(arm, x, args), recipe("dcgan").plan._replace(batch_size=args.batch_size)
    plan = plan._replace(rounds_per_call=math.gcd(args.every, 4))  # a call ends at each score
    key, sample_key = jax.random.split(jax.random.key(seed))
    state = jaxgan.init_run(key, gan, x, plan)
    # one index a sample, so that parts of one call make one set
    draw = jax.jit(
        lambda state, first: jaxgan.sample(sample_key, gan, state, first + jnp.arange(500))
    )
    rows = []
    for progress in jaxgan.iterate(gan, x, args.steps, plan, state):
        if progress.step % args.every and progress.step != args.steps:
            continue
        parts = [draw(progress.state.gan, first) for first in range(0, SAMPLES, SAMPLES // 10)]
        metrics = jax.device_get(progress.metrics)
        row = {
            "step": progress.step,
            "distance": score(np.concatenate(parts)),
            "logit_real": float(metrics["logit_real"][-1]),
            "logit_fake": float(metrics["logit_fake"][-1]),
        }
        if "augment_strength" in metrics:
            row["strength"] = float(metrics["augment_strength"][-1])
        rows.append(row)
        if args.pictures:
            grid = plots.sample_grid(parts[0][:64], -1.0, 1.0)
            Image.fromarray(grid).save(f"{args.pictures}_{arm}_{seed}_{progress.step}.png")
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
    return rows


def make_gan(arm: str, x: np.ndarray, args: argparse.Namespace) -> GAN:
    """The recipe's DCGAN with the augmentation of an arm."""
    gan, make = recipe("dcgan").gan(x.shape[1:], None), ARMS[arm]
    if arm == "diffaugment":
        return dataclasses.replace(gan, augmentation=augment.diffaugment(args.policy.split(",")))
    return gan if make is None else dataclasses.replace(gan, augmentation=make())


def parse() -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="labelled grey images, such as idx:DIR")
    parser.add_argument("--num", type=int, default=500, help="images to learn from")
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--every", type=int, default=250, help="steps from one score to the next")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--policy", default="color,translation,cutout", help="of DiffAugment")
    parser.add_argument("--pictures", help="start of the names of pictures of samples")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def print_table(results: dict[str, dict[str, list[dict]]]):
    """The best and the last distance of each arm, over seeds."""
    print("| | best distance | at step | last distance | seeds |\n|---|---|---|---|---|")
    for arm, seeds in results.items():
        best = [min(rows, key=lambda row: row["distance"]) for rows in seeds.values()]
        distances = with_interval([row["distance"] for row in best])
        steps = ", ".join(f"{row['step']:,}" for row in best)
        last = with_interval([rows[-1]["distance"] for rows in seeds.values()])
        print(f"| {arm} | {distances} | {steps} | {last} | {len(seeds)} |")


def main():
    """Makes the runs that the file of --json lacks, and prints the table."""
    args = parse()
    x, judge, compared = split(data.load(args.data), args.num)
    real = judge.features(compared)
    floor = frechet_distance(real, judge.features(x / np.float32(127.5) - 1))
    print(f"classifier right on {judge.accuracy:.1%} of unseen images; the few images: {floor:.2f}")
    names = ("data", "num", "steps", "every", "batch_size", "policy")
    facts = {name: getattr(args, name) for name in names}
    facts |= {"classifier_accuracy": judge.accuracy, "few_images": floor}
    done = json.loads(args.json.read_text()) if args.json and args.json.exists() else facts
    if any(done.get(name) != facts[name] for name in names):
        raise SystemExit(f"{args.json} has runs of other {', '.join(names)}: choose another file")
    results = done.setdefault("arms", {})
    for seed in range(args.seeds):
        for arm in args.arms.split(","):
            runs = results.setdefault(arm, {})
            if str(seed) in runs:
                continue
            print(f"--- {arm}, seed {seed}")
            runs[str(seed)] = train(
                arm, seed, x, lambda made: frechet_distance(real, judge.features(made)), args
            )
            if args.json:
                args.json.write_text(json.dumps(done, indent=1) + "\n")
    print_table(results)


if __name__ == "__main__":
    main()

"""Score against wall-clock time on MNIST: the textbook's notebook in Keras 3, and jaxgan's recipes.

    python benchmarks/mnist.py --data idx:DIR --minutes 10 --json mnist.json --picture mnist.png

Each arm trains for the same time, compilation included and scoring left out; on the way 10,000
samples are scored: the Fréchet distance to as many real images on the features of MNIST's own
small classifier, lower is better, and that classifier's Inception score. jaxgan's samples are the
averaged generator's, the notebook keeps no average. Other work on the machine counts against the
arm that runs beside it. What is finished is kept in the file of --json and not done again.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from clock import at_marks
from PIL import Image

import jaxgan
from jaxgan import data, plots
from jaxgan.metrics import frechet_distance, inception_score
from jaxgan.recipes import recipe
from jaxgan.scoring.classifier import Classifier, classifier_for, classify

ARMS = ("keras notebook", "mnist-mlp", "dcgan", "wgan-gp", "r3gan")
KERAS = ARMS[0]
SAMPLES = 10_000
A_CALL = 500


class Snapshot(NamedTuple):
    """Samples [10000, 28, 28, 1] in [-1, 1], with the steps and seconds of training before them."""

    seconds: float
    steps: int
    samples: np.ndarray


def jaxgan_snapshots(name: str, dataset: data.Dataset, args) -> Iterator[Snapshot]:
    """Trains a recipe; a snapshot at each mark of the clock."""
    chosen = recipe(name)
    gan, plan = chosen.gan(dataset.shape, None), chosen.plan
    started = time.perf_counter()
    train_key, sample_key = jax.random.split(jax.random.key(args.seed))
    state = jaxgan.init_run(train_key, gan, dataset, plan)
    draw = jax.jit(
        lambda state, first: jaxgan.sample(sample_key, gan, state, first + jnp.arange(A_CALL))
    )
    low, high = plan.model_range
    calls = jaxgan.iterate(gan, dataset, 10**9, plan, state)
    for spent, progress in at_marks(calls, args.marks, started):
        parts = [np.asarray(draw(progress.state.gan, at)) for at in range(0, SAMPLES, A_CALL)]
        samples = data.scale(np.concatenate(parts), (low, high), (-1.0, 1.0))
        yield Snapshot(spent, progress.step, samples)


def keras_snapshots(dataset: data.Dataset, args) -> Iterator[Snapshot]:
    """Trains the notebook's networks as it does, with `train_on_batch`."""
    from throughput_frameworks import with_keras  # sets Keras's backend
    from throughput_frameworks.cases import CASES

    case = CASES["mnist-mlp"]
    started, spent, steps = time.perf_counter(), 0.0, 0
    models = with_keras.make_models(case)
    step = with_keras.make_step(case, dataset.x.reshape(dataset.size, -1), *models)
    rng = np.random.default_rng(args.seed)
    for mark in args.marks:
        while spent + time.perf_counter() - started < mark:
            step()
            steps += 1
        spent += time.perf_counter() - started
        parts = [
            models[0].predict_on_batch(rng.standard_normal((A_CALL, case.latents), np.float32))
            for _ in range(SAMPLES // A_CALL)
        ]
        samples = np.concatenate(parts).reshape(-1, *dataset.shape) * 2.0 - 1.0
        yield Snapshot(spent, steps, samples)
        started = time.perf_counter()


def scores(classifier: Classifier, real: np.ndarray, samples: np.ndarray) -> dict[str, float]:
    """Of samples [n, 28, 28, 1] in [-1, 1] against features of real ones."""
    found = classify(classifier, samples)
    return {
        "fd_classifier@10k": frechet_distance(real, found.features),
        "is_classifier@10k": float(inception_score(found.logits).mean),
    }


def run_arm(name: str, dataset, classifier, real, args) -> list[dict]:
    """The rows of one arm; the last samples as a picture, if asked."""
    if name == KERAS:
        snapshots = keras_snapshots(dataset, args)
    else:
        snapshots = jaxgan_snapshots(name, dataset, args)
    rows = []
    for snapshot in snapshots:
        row = {"seconds": round(snapshot.seconds, 1), "steps": snapshot.steps}
        rows.append(row | scores(classifier, real, snapshot.samples))
        print("  ".join(f"{key} {value:.5g}" for key, value in rows[-1].items()), flush=True)
    if args.samples:
        grid = plots.sample_grid(snapshot.samples[:64], -1.0, 1.0)
        Image.fromarray(grid).save(f"{args.samples}_{name.replace(' ', '_')}.png")
    return rows


def picture(results: dict[str, list[dict]], floor: float, out: Path):
    """Curves of the distance over time, with the floor of real images."""
    figure, axes = plt.subplots(figsize=(6.0, 3.6), layout="constrained")
    shapes = ("o-", "s-", "^-", "d-", "--")
    for (name, rows), shape, colour in zip(results.items(), shapes, plots.PALETTE, strict=False):
        minutes, scores = zip(
            *((row["seconds"] / 60, row["fd_classifier@10k"]) for row in rows), strict=True
        )
        axes.plot(minutes, scores, shape, color=colour, label=name, ms=4)
    axes.axhline(floor, color="0.6", linestyle=":", label="other real images")
    axes.set(xlabel="training time, minutes", ylabel="fd_classifier@10k", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(out, dpi=140)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="MNIST: idx:DIR or tfds:mnist")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--minutes", type=float, default=10.0, help="of training an arm")
    parser.add_argument("--points", type=int, default=10, help="scores on the way")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="half a minute an arm, two scores")
    parser.add_argument("--samples", help="start of the names of pictures of samples")
    parser.add_argument("--picture", type=Path, help="file for the curves")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.quick:
        args.minutes, args.points = 0.5, 2
    args.marks = [60 * args.minutes * (i + 1) / args.points for i in range(args.points)]
    dataset = data.load(args.data)
    classifier = classifier_for(dataset)
    order = np.random.default_rng(0).permutation(dataset.size)[: 2 * SAMPLES]
    images = data.scale(dataset.x[order], (0, 255), (-1.0, 1.0))
    real = classify(classifier, images[:SAMPLES]).features
    floor = scores(classifier, real, images[SAMPLES:])
    print(f"classifier right on {classifier.accuracy:.1%} of held-out images; other real: {floor}")
    facts = {"minutes": args.minutes, "seed": args.seed, "data": args.data}
    facts |= {"classifier_accuracy": classifier.accuracy, "real": floor}
    done = json.loads(args.json.read_text()) if args.json and args.json.exists() else facts
    if any(done[name] != facts[name] for name in ("minutes", "seed", "data")):
        parser.error(f"{args.json} has arms of other --minutes, --seed or --data")
    results = done.setdefault("arms", {})
    for name in args.arms.split(","):
        if name in results:
            continue
        print(f"--- {name}")
        results[name] = run_arm(name, dataset, classifier, real, args)
        if args.json:
            args.json.write_text(json.dumps(done, indent=1) + "\n")
    for name, rows in results.items():
        last = "  ".join(f"{key} {value:.5g}" for key, value in rows[-1].items())
        print(f"{name:15} {last}")
    if args.picture:
        picture(results, floor["fd_classifier@10k"], args.picture)


if __name__ == "__main__":
    main()

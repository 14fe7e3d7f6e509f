"""Score against wall-clock time on MNIST: the textbook's notebook in Keras 3, and jaxgan's recipes.

    python benchmarks/mnist.py --data idx:DIR --minutes 10 --json mnist.json --picture mnist.png

Each arm trains for the same time, compilation included and scoring left out; on the way 10,000
samples are scored: the Fréchet distance to as many real images on the features of MNIST's own
small classifier, lower is better, and that classifier's Inception score. jaxgan's samples are the
averaged generator's, the notebook keeps no average. Other work on the machine counts against the
arm that runs beside it, unless --processor-time counts the seconds that the cores worked. With
--seeds 3, curves have bands from the worst seed to the best one. Scores are kept in the file of
--json and not computed again; with --keep a stopped arm continues.

A recipe with truncation also has a row for each psi, with precision and recall:

    python benchmarks/mnist.py --data idx:DIR --arms stylegan2-small,dcgan,r3gan --minutes 60
        --processor-time --keep DIR --json mnist_hour.json --picture mnist_hour.png
"""

import argparse
import functools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from clock import Marks, snapshots
from PIL import Image
from seeds import with_interval

import jaxgan
from jaxgan import data, plots
from jaxgan.metrics import frechet_distance, inception_score, precision_recall
from jaxgan.recipes import recipe, recipe_numbers
from jaxgan.scoring.classifier import Classifier, classifier_for, classify
from jaxgan.types import GAN, GANState

ARMS = ("keras notebook", "mnist-mlp", "dcgan", "wgan-gp", "r3gan")
KERAS = ARMS[0]
SAMPLES = 10_000
A_CALL = 500
TRUNCATIONS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)


class Seen(NamedTuple):
    """Samples [10000, 28, 28, 1] in [-1, 1] at a mark, with what was spent before it.

    The state is that of jaxgan's arms.
    """

    mark: int
    seconds: float
    steps: int
    samples: np.ndarray
    state: GANState | None


def jaxgan_samples(name: str, seed: int, dataset: data.Dataset, args) -> Iterator[Seen]:
    """Trains a recipe; samples at each mark of the clock."""
    gan, plan = recipe(name).gan(dataset.shape, None), recipe(name).plan
    train_key, sample_key = jax.random.split(jax.random.key(seed))
    draw = make_draw(sample_key, gan, plan)
    # settings are in the name, so that no state continues under other ones
    kept = args.keep and args.keep / f"{name}-{seed}-{args.minutes:g}-{args.points}"
    marks = Marks(args.marks, args.now, kept)
    for at in snapshots(train_key, gan, dataset, plan, marks):
        yield Seen(at.mark, at.seconds, at.steps, draw(at.state), at.state)


def make_draw(key: jax.Array, gan: GAN, plan: jaxgan.Plan) -> Callable[[GANState], np.ndarray]:
    """A function of a state that draws the samples, in [-1, 1]."""
    draw = jax.jit(lambda state, first: jaxgan.sample(key, gan, state, first + jnp.arange(A_CALL)))

    def drawn(state: GANState) -> np.ndarray:
        parts = [np.asarray(draw(state, at)) for at in range(0, SAMPLES, A_CALL)]
        return data.scale(np.concatenate(parts), plan.model_range, (-1.0, 1.0))

    return drawn


def keras_samples(seed: int, dataset: data.Dataset, args) -> Iterator[Seen]:
    """Trains the notebook's networks as it does, with `train_on_batch`."""
    from throughput_frameworks import with_keras  # sets Keras's backend
    from throughput_frameworks.cases import CASES

    case = CASES["mnist-mlp"]
    started, spent, steps = args.now(), 0.0, 0
    models = with_keras.make_models(case, seed)
    step = with_keras.make_step(case, dataset.x.reshape(dataset.size, -1), *models)
    rng = np.random.default_rng(seed)
    for number, mark in enumerate(args.marks, 1):
        while spent + args.now() - started < mark:
            step()
            steps += 1
        spent += args.now() - started
        parts = [
            models[0].predict_on_batch(rng.standard_normal((A_CALL, case.latents), np.float32))
            for _ in range(SAMPLES // A_CALL)
        ]
        samples = np.concatenate(parts).reshape(-1, *dataset.shape) * 2.0 - 1.0
        yield Seen(number, spent, steps, samples, None)
        started = args.now()


class Judge(NamedTuple):
    """What samples are compared with: features [10000, d] of real images, and the classifier's."""

    dataset: data.Dataset
    classifier: Classifier
    real: np.ndarray


def scores(classifier: Classifier, real: np.ndarray, samples: np.ndarray) -> dict[str, float]:
    """Of samples [n, 28, 28, 1] in [-1, 1] against features of real ones."""
    found = classify(classifier, samples)
    return {
        "fd_classifier@10k": frechet_distance(real, found.features),
        "is_classifier@10k": float(inception_score(found.logits).mean),
    }


def run_arm(
    name: str, seed: int, rows: list[dict], judge: Judge, args: argparse.Namespace
) -> Iterator[list[dict]]:
    """The rows of one arm and seed, after each mark; the last samples as a picture, if asked."""
    draw = keras_samples if name == KERAS else functools.partial(jaxgan_samples, name)
    for at in draw(seed, judge.dataset, args):
        row = {"seconds": round(at.seconds, 1), "steps": at.steps}
        row |= scores(judge.classifier, judge.real, at.samples)
        print(line(row), flush=True)
        last = at.mark == args.points
        if last and args.samples:
            grid = plots.sample_grid(at.samples[:64], -1.0, 1.0)
            Image.fromarray(grid).save(f"{args.samples}_{name.replace(' ', '_')}_{seed}.png")
        if last and name != KERAS and "truncation" in recipe_numbers(name):
            row["truncation"] = sweep(name, at.state, judge)
        rows = [*rows[: at.mark - 1], row]
        yield rows


def sweep(name: str, state: GANState, judge: Judge) -> list[dict[str, float]]:
    """Scores of truncated samples, with precision and recall."""
    rows = []
    classifier, real = judge.classifier, judge.real
    for psi in TRUNCATIONS:
        gan = recipe(name).gan(judge.dataset.shape, None, truncation=psi)
        samples = make_draw(jax.random.key(1), gan, recipe(name).plan)(state)
        row = {"psi": psi, **scores(classifier, real, samples)}
        found = precision_recall(real, classify(classifier, samples).features)
        rows.append(row | {"precision": float(found.precision), "recall": float(found.recall)})
        print(line(rows[-1]), flush=True)
    return rows


def line(row: dict) -> str:
    """The numbers of a row."""
    numbers = {key: value for key, value in row.items() if key != "truncation"}
    return "  ".join(f"{key} {value:.5g}" for key, value in numbers.items())


Results = dict[str, dict[str, list[dict]]]
"""Rows of the marks, by arm and seed."""


def picture(results: Results, floor: float, time_axis: str, out: Path):
    """Curves of the distance over time, with the floor of real images.

    Bands reach from the worst seed to the best one. If an arm has rows of truncation, their
    precision over recall is beside it.
    """
    swept = [
        rows[-1]["truncation"]
        for seeds in results.values()
        for rows in seeds.values()
        if "truncation" in rows[-1]
    ]
    columns = 2 if swept else 1
    figure, all_axes = plt.subplots(
        1, columns, figsize=(5.0 * columns + 1.0, 3.6), layout="constrained", squeeze=False
    )
    axes = all_axes[0, 0]
    shapes = ("o-", "s-", "^-", "d-", "--")
    for (name, seeds), shape, colour in zip(results.items(), shapes, plots.PALETTE, strict=False):
        minutes = np.mean(column(seeds, "seconds"), axis=0) / 60
        distances = column(seeds, "fd_classifier@10k")
        axes.plot(minutes, np.mean(distances, axis=0), shape, color=colour, label=name, ms=4)
        ends = np.min(distances, axis=0), np.max(distances, axis=0)
        axes.fill_between(minutes, *ends, color=colour, alpha=0.2, lw=0)
    axes.axhline(floor, color="0.6", linestyle=":", label="other real images")
    axes.set(xlabel=time_axis, ylabel="fd_classifier@10k", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    for rows in swept:
        draw_sweep(all_axes[0, 1], rows)
    figure.savefig(out, dpi=140)
    plt.close(figure)


def column(seeds: dict[str, list[dict]], name: str) -> np.ndarray:
    """One number of all rows [seeds, marks], of the marks that all seeds have."""
    marks = min(map(len, seeds.values()))
    return np.array([[row[name] for row in rows[:marks]] for rows in seeds.values()])


def draw_sweep(axes, rows: list[dict[str, float]]):
    """Precision over recall, labelled with psi."""
    axes.plot([row["recall"] for row in rows], [row["precision"] for row in rows], "o-", ms=4)
    for row in rows:
        axes.annotate(
            f"{row['psi']:g}",
            (row["recall"], row["precision"]),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set(xlabel="recall", ylabel="precision", title="truncated to ψ")


def parse() -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="MNIST: idx:DIR or tfds:mnist")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--minutes", type=float, default=10.0, help="of training an arm")
    parser.add_argument("--points", type=int, default=10, help="scores on the way")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds")
    parser.add_argument("--quick", action="store_true", help="half a minute an arm, two scores")
    parser.add_argument("--processor-time", action="store_true", help="count the cores' seconds")
    parser.add_argument("--keep", type=Path, help="folder of states, from which arms continue")
    parser.add_argument("--samples", help="start of the names of pictures of samples")
    parser.add_argument("--picture", type=Path, help="file for the curves")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.quick:
        args.minutes, args.points = 0.5, 2
    args.now = time.process_time if args.processor_time else time.perf_counter
    args.marks = [60 * args.minutes * (i + 1) / args.points for i in range(args.points)]
    return args


def kept_results(args: argparse.Namespace, facts: dict) -> dict:
    """The facts and the rows of before, from the file of --json.

    Raises:
      SystemExit: if its rows are of other settings.
    """
    asked = ("minutes", "data", "processor_time")
    facts = {name: getattr(args, name) for name in asked} | facts
    done = json.loads(args.json.read_text()) if args.json and args.json.exists() else facts
    if any(done.get(name) != facts[name] for name in asked):
        raise SystemExit(f"{args.json} has arms of other {', '.join(asked)}: choose another file")
    return done


def main():
    """Trains what the file of --json lacks, and prints the last rows."""
    args = parse()
    dataset = data.load(args.data)
    classifier = classifier_for(dataset)
    order = np.random.default_rng(0).permutation(dataset.size)[: 2 * SAMPLES]
    images = data.scale(dataset.x[order], (0, 255), (-1.0, 1.0))
    judge = Judge(dataset, classifier, classify(classifier, images[:SAMPLES]).features)
    floor = scores(classifier, judge.real, images[SAMPLES:])
    print(f"classifier right on {classifier.accuracy:.1%} of held-out images; other real: {floor}")
    done = kept_results(args, {"classifier_accuracy": classifier.accuracy, "real": floor})
    results: Results = done.setdefault("arms", {})
    for seed in range(args.seed, args.seed + args.seeds):
        for name in args.arms.split(","):
            before = results.setdefault(name, {}).get(str(seed), [])
            if len(before) == args.points:
                continue
            print(f"--- {name}, seed {seed}")
            for rows in run_arm(name, seed, before, judge, args):
                results[name][str(seed)] = rows
                if args.json:
                    args.json.write_text(json.dumps(done, indent=1) + "\n")
    for name, seeds in results.items():
        values = {each: column(seeds, each)[:, -1] for each in ("steps", *floor)}
        print(f"{name:15}", "  ".join(f"{k} {with_interval(v, 4)}" for k, v in values.items()))
    if args.picture:
        counted = "processor time" if args.processor_time else "training time"
        picture(results, floor["fd_classifier@10k"], f"{counted}, minutes", args.picture)


if __name__ == "__main__":
    main()

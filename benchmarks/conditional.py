"""Class-conditional GANs at equal time: BigGAN, ReACGAN and SN-GAN with projection.

    python benchmarks/conditional.py --data DIR --minutes 60 --json conditional.json

DIR has a folder of images per class, such as CIFAR-10. Each arm trains for the same time,
compilation included and scoring left out. On the way 10,000 samples, as many of each class, are
scored by the data's own small classifier: the fraction that it gives the class asked for (class
accuracy), and the Fréchet distance of its features to those of as many real images, lower is
better. Samples are the EMA generator's; the last row has the same with standing statistics. Other
work on the machine counts against the arm that runs beside it, unless --processor-time counts the
seconds that the cores worked. Scores are kept in the file of --json and not computed again; with
--keep a stopped arm continues. A table of all arms is printed.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from clock import Marks, Snapshot, snapshots
from PIL import Image

import jaxgan
from jaxgan import data, plots
from jaxgan.metrics import class_accuracy, frechet_distance
from jaxgan.players import generator_weights
from jaxgan.recipes import recipe
from jaxgan.scoring.classifier import Classifier, classifier_for, classify
from jaxgan.training.standing import BATCH_SIZE
from jaxgan.types import GAN, GANState

ARMS = ("sngan", "biggan", "reacgan")
SAMPLES = 10_000
A_CALL = 250
STANDING = 16  # batches


def trained(name: str, dataset: data.Dataset, args) -> Iterator[Snapshot]:
    """Trains a recipe with labels; a snapshot at each mark of the clock."""
    plan = recipe(name).plan._replace(conditional=True, batch_size=args.batch_size, flip=True)
    marks = Marks(args.marks, args.now, args.keep and args.keep / f"{name}-{args.settings}")
    return snapshots(jax.random.key(args.seed), gan_of(name, dataset), dataset, plan, marks)


def gan_of(name: str, dataset: data.Dataset) -> GAN:
    """The conditional GAN of a recipe."""
    return recipe(name).gan(dataset.shape, dataset.num_classes)


def make_draw(gan: GAN, classes: int, seed: int):
    """A function of a state that draws the samples, with their labels, as many of each class."""
    key = jax.random.fold_in(jax.random.key(seed), 1)
    labels = np.arange(SAMPLES, dtype=np.int32) % classes

    @jax.jit
    def draw(state: GANState, first: int, labels: jax.Array) -> jax.Array:
        return jaxgan.sample(key, gan, state, first + jnp.arange(A_CALL), labels)

    def drawn(state: GANState) -> np.ndarray:
        parts = range(0, SAMPLES, A_CALL)
        return np.concatenate([draw(state, at, labels[at : at + A_CALL]) for at in parts])

    return drawn, labels


def standing(gan: GAN, state: GANState, classes: int) -> GANState:
    """The state, whose samples are drawn with standing statistics."""
    label_key, key = jax.random.split(jax.random.key(0))
    labels = jax.random.randint(label_key, (STANDING * BATCH_SIZE,), 0, classes)
    weights = generator_weights(state)
    return state._replace(ema=jaxgan.standing_statistics(key, gan, weights, STANDING, labels))


def scores(
    classifier: Classifier, real: np.ndarray, samples: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Of samples [n, height, width, channels] in [-1, 1] against features of real ones."""
    found = classify(classifier, samples)
    accuracy, each = class_accuracy(found.logits.argmax(axis=1), labels)
    return {
        "class_accuracy": accuracy,
        "worst_class": float(each.min()),
        "fd_classifier@10k": float(frechet_distance(real, found.features)),
    }


def run_arm(name: str, rows: list[dict], dataset, classifier, real, args) -> Iterator[list[dict]]:
    """The rows of one arm, after each mark; the last samples as a picture, if asked."""
    gan, classes = gan_of(name, dataset), dataset.num_classes
    draw, labels = make_draw(gan, classes, args.seed)
    for at in trained(name, dataset, args):
        samples = draw(at.state)
        row = {"seconds": round(at.seconds, 1), "steps": at.steps}
        row |= scores(classifier, real, samples, labels)
        print("  ".join(f"{key} {value:.5g}" for key, value in row.items()), flush=True)
        if at.mark == args.points:
            again = scores(classifier, real, draw(standing(gan, at.state, classes)), labels)
            row |= {f"{key}_standing": value for key, value in again.items()}
            if args.pictures:
                grid = plots.sample_grid(samples[:100], -1.0, 1.0, columns=classes)
                Image.fromarray(grid).save(f"{args.pictures}_{name}.png")
        rows = [*rows[: at.mark - 1], row]
        yield rows


def real_rows(dataset: data.Dataset, classifier: Classifier) -> tuple[np.ndarray, dict]:
    """Features of real images, and the scores of as many other real ones."""
    order = np.random.default_rng(0).permutation(dataset.size)[: 2 * SAMPLES]
    images = data.scale(dataset.x[order], (dataset.low, dataset.high), (-1.0, 1.0))
    real = classify(classifier, images[:SAMPLES]).features
    return real, scores(classifier, real, images[SAMPLES:], dataset.labels[order[SAMPLES:]])


def table(results: dict[str, list[dict]], floor: dict) -> str:
    """The last scores of every arm as a Markdown table."""
    lines = [
        "| recipe | steps | class accuracy | worst class | `fd_classifier@10k` "
        "| with standing statistics |",
        "|---|---|---|---|---|---|",
    ]
    for name, rows in results.items():
        last = rows[-1]
        again = (last[f"{key}_standing"] for key in ("class_accuracy", "fd_classifier@10k"))
        lines.append(
            f"| `{name}` | {last['steps']:,} | {last['class_accuracy']:.1%} "
            f"| {last['worst_class']:.1%} | {last['fd_classifier@10k']:.1f} "
            "| {:.1%}, {:.1f} |".format(*again)
        )
    real = f"{floor['class_accuracy']:.1%} | {floor['worst_class']:.1%}"
    lines.append(f"| other real images | | {real} | {floor['fd_classifier@10k']:.1f} | |")
    return "\n".join(lines)


def main():
    """Train and score the arms that the file has not yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a folder with a folder per class")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--minutes", type=float, default=60.0, help="of training per arm")
    parser.add_argument("--points", type=int, default=6, help="scores on the way")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processor-time", action="store_true", help="count the cores' seconds")
    parser.add_argument("--keep", type=Path, help="folder of states, from which arms continue")
    parser.add_argument("--pictures", help="start of the names of pictures of samples")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    # in the names of states, so that none continues under other settings
    args.settings = "-".join(
        f"{getattr(args, each):g}" for each in ("seed", "minutes", "points", "batch_size")
    )
    args.now = time.process_time if args.processor_time else time.perf_counter
    args.marks = [60 * args.minutes * (i + 1) / args.points for i in range(args.points)]
    dataset = data.load(args.data)
    classifier = classifier_for(dataset)
    real, floor = real_rows(dataset, classifier)
    print(f"classifier right on {classifier.accuracy:.1%} of held-out images; other real: {floor}")
    asked = ("minutes", "seed", "data", "batch_size", "processor_time")
    facts = {name: getattr(args, name) for name in asked}
    start = facts | {"classifier_accuracy": classifier.accuracy, "real": floor, "arms": {}}
    done = json.loads(args.json.read_text()) if args.json and args.json.exists() else start
    if any(done[name] != value for name, value in facts.items()):
        parser.error(f"{args.json} has arms of other {', '.join(facts)}")
    for name in args.arms.split(","):
        before = done["arms"].get(name, [])
        if len(before) == args.points:
            continue
        print(f"--- {name}")
        for rows in run_arm(name, before, dataset, classifier, real, args):
            done["arms"][name] = rows
            if args.json:
                args.json.write_text(json.dumps(done, indent=1) + "\n")
    print(table(done["arms"], floor))


if __name__ == "__main__":
    main()

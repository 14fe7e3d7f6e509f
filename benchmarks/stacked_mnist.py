"""How many of the 1,000 modes of Stacked MNIST does a GAN with a small discriminator keep?

    python benchmarks/stacked_mnist.py --data idx:DIR --out runs/stacked --shares 0.5,0.25 --seeds 3
    python benchmarks/stacked_mnist.py --data tfds:mnist --out runs/quick --quick

Each image has three random MNIST digits as its channels. A classifier of digits assigns each sample
to one of the 1,000 modes (10,000 with --digits 4). The networks are those of
Unrolled GAN and of PacGAN's table 3, the discriminator half (--shares 0.5) or a quarter of the
generator's size. The methods are those of R3GAN's table 1, with its schedules over the run (the
learning rate falls to a quarter, gamma to a tenth, and the average grows longer; Adam's b2, which
rises from 0.9 there, is 0.99 throughout), and the DCGAN with the published optimizers. All have the
same steps and batches. An interrupted run continues from its last saved state; finished runs are
not repeated.

Source: Metz et al. 2017, https://arxiv.org/abs/1611.02163; Lin et al. 2018,
  https://arxiv.org/abs/1712.04086; Huang et al. 2024, https://arxiv.org/abs/2501.05441
"""

import argparse
import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from PIL import Image
from seeds import with_interval
from stacked_mnist_networks import Discriminator, Generator

import jaxgan
from jaxgan import data, latents, losses, parallel, plots, regularizers
from jaxgan.metrics import label_coverage, perfect_label_coverage, stacked_label
from jaxgan.runs.disk import checkpoint
from jaxgan.schedules import cosine, half_life_decay
from jaxgan.scoring.classifier import classifier_for, classify

PENALTIES = {"R1": regularizers.r1, "R2": regularizers.r2}
ARMS = {
    "RpGAN+R1+R2": (losses.relativistic, ("R1", "R2")),
    "GAN+R1+R2": (losses.non_saturating, ("R1", "R2")),
    "RpGAN+R1": (losses.relativistic, ("R1",)),
    "GAN+R1": (losses.non_saturating, ("R1",)),
    "DCGAN": (losses.non_saturating, ()),
}
PUBLISHED = {
    "D = 1/2 G, PacGAN's table 3": "866.6 modes, KL .90",
    "D = 1/4 G, PacGAN's table 3": "667 modes, KL 1.81",
    "other networks, R3GAN's table 1: RpGAN+R1+R2": "1000 modes, KL .078",
    "other networks, R3GAN's table 1: GAN+R1+R2": "693 modes, KL .93",
    "other networks, R3GAN's table 1: either with R1 alone": "fails",
}
NUM = 26_000
SAVED = "checkpoints"


def make_gan(arm: str, share: float, args: argparse.Namespace) -> jaxgan.GAN:
    """The DCGAN with Lin et al.'s optimizers, or one with penalties instead of norms."""
    loss, names = ARMS[arm]
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(Generator(args.digits)),
        discriminator=jaxgan.from_linen(Discriminator(share, "none" if names else "batch")),
        latent=latents.normal(256),
        loss=loss,
        generator_optimizer=optax.adam(1e-4, b1=0.5, b2=0.99),
        discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.99),
        ema_decay=None,
    )
    return with_r3gan_schedules(gan, names, args) if names else gan


def with_r3gan_schedules(
    gan: jaxgan.GAN, penalties: Sequence[str], args: argparse.Namespace
) -> jaxgan.GAN:
    """The GAN with penalties, and with R3GAN's schedules over the whole run."""
    steps = args.steps
    gamma = cosine(args.gamma, args.gamma / 10, steps)
    adam = optax.inject_hyperparams(optax.adam)(
        cosine(args.rate, args.rate / 4, steps), b1=0.0, b2=0.99
    )
    return dataclasses.replace(
        gan,
        penalties=tuple(jaxgan.penalty(PENALTIES[name], gamma=gamma) for name in penalties),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=half_life_decay(cosine(0.0, steps / 20, steps)),
    )


# --- Training


def make_stacked(x: np.ndarray, digits: int) -> Callable:
    """`(key, num) -> images` [num, 28, 28, digits] in [-1, 1] of MNIST's uint8 [N, 28, 28, 1]."""
    flat = jnp.asarray(x.reshape(len(x), -1))

    def stacked(key, flat, num):
        rows = jax.random.randint(key, (num * digits,), 0, len(flat))
        images = jnp.take(flat, rows, axis=0, mode="clip").reshape(num, digits, *x.shape[1:3])
        return images.transpose(0, 2, 3, 1).astype(jnp.float32) / 127.5 - 1.0

    return lambda key, num: stacked(key, flat, num)


class Game(NamedTuple):
    """The compiled parts of one arm: `begin()`, `draw(state) -> samples`, and its steps.

    `play(state) -> (state, metrics)` is `steps` of them in one call.
    """

    begin: Callable
    play: Callable
    draw: Callable
    steps: int


def make_game(gan: jaxgan.GAN, stacked: Callable, batch_size: int, seed: int, every: int) -> Game:
    """A game in which every step draws its own batch, by its number."""
    init_key, data_key, sample_key = jax.random.split(jax.random.key(seed), 3)
    train_step = jaxgan.make_train_step(gan)

    def step(state):
        step_key = jax.random.fold_in(data_key, state.step)
        batch_key, train_key = jax.random.split(step_key)
        return train_step(train_key, state, stacked(batch_key, batch_size))

    # Fewer calls spare a GPU its launches and a CPU its page faults.
    steps = math.gcd(every, 50)

    def play(state):
        state, metrics = jax.lax.scan(lambda state, _: step(state), state, length=steps)
        return state, jax.tree.map(lambda x: x[-1], metrics)

    def begin():
        return jaxgan.init(init_key, gan, stacked(data_key, batch_size))

    @jax.jit
    def thousand(state, first):
        return jaxgan.sample(sample_key, gan, state, first + jnp.arange(1000))

    def draw(state):
        return np.concatenate([np.asarray(thousand(state, at)) for at in range(0, NUM, 1000)])

    options = parallel.convolution_options()
    play = jax.jit(play, donate_argnums=0, compiler_options=options)
    return Game(begin, play, draw, steps)


def train(
    game: Game, steps: int, every: int, score: Callable[[np.ndarray], dict], out: Path
) -> list[dict]:
    """Trains one arm, from its last saved state on; the scores on the way."""
    rows_file = out / "rows.json"
    found = checkpoint.restore_latest(out / SAVED, jax.eval_shape(game.begin))
    state, done = (jax.jit(game.begin)(), 0) if found is None else (found.state, found.number)
    rows = json.loads(rows_file.read_text()) if rows_file.exists() else []
    rows = [row for row in rows if row["step"] <= done]
    with checkpoint.open_manager(out / SAVED, checkpoint.Keep(last=1)) as manager:
        for number in range(done + every, steps + 1, every):
            started = time.perf_counter()
            for _ in range(every // game.steps):
                state, metrics = game.play(state)
            jax.block_until_ready(state)
            took = time.perf_counter() - started + (rows[-1]["seconds"] if rows else 0.0)
            samples = game.draw(state)
            row = {"step": number, "seconds": round(took, 1)} | score(samples)
            row |= {"diversity": float(metrics["diversity"]), "value": float(metrics["value"])}
            rows.append(row)
            print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
            Image.fromarray(picture(samples)).save(out / "samples.png")
            rows_file.write_text(json.dumps(rows, indent=1))
            checkpoint.save(manager, number, state)
            checkpoint.finish(manager)
    return rows


def picture(samples: np.ndarray) -> np.ndarray:
    """Sixty-four samples; of four digits the first three are the colours."""
    return plots.sample_grid(samples[:64, :, :, :3], -1.0, 1.0)


def make_score(dataset: data.Dataset) -> tuple[Callable[[np.ndarray], dict], float]:
    """Modes and KL divergence of samples, and the accuracy of the classifier that sees them."""
    classifier = classifier_for(dataset)

    def score(samples):
        channels = [classify(classifier, samples[..., i : i + 1]) for i in range(samples.shape[3])]
        digits = np.stack([found.logits.argmax(axis=1) for found in channels], axis=1)
        found = label_coverage(stacked_label(digits), 10 ** digits.shape[1])
        return {"modes": found.modes, "kl": found.kl}

    return score, classifier.accuracy


def parse() -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="MNIST: idx:DIR or tfds:mnist")
    parser.add_argument("--out", type=Path, required=True, help="folder for states and pictures")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--every", type=int, default=2_000, help="steps from score to score")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--shares", default="0.5", help="of the generator's width, as in 0.5,0.25")
    parser.add_argument("--digits", type=int, default=3)
    parser.add_argument(
        "--rate", type=float, default=1e-3, help="of Adam at first, where there are penalties"
    )
    parser.add_argument("--gamma", type=float, default=1.0, help="of the penalties at first")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="sixty steps of each")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.quick:
        args.steps, args.every = 60, 30
    if args.steps % args.every:
        parser.error(f"--every {args.every} does not divide --steps {args.steps}")
    return args


Results = dict[str, dict[str, list[list[dict]]]]
"""Rows on the way, by share, arm and seed."""


def results_of(args: argparse.Namespace, stacked: Callable, score: Callable) -> Results:
    """The rows of all runs; what is finished is read from --out."""
    results: Results = {}
    for seed in range(args.seeds):
        for share in args.shares.split(","):
            for arm in args.arms.split(","):
                print(f"--- {arm}, share {share}, seed {seed}")
                name = f"{arm}-{args.digits}-{float(share)}-{args.steps}-{seed}"
                (args.out / name).mkdir(parents=True, exist_ok=True)
                gan = make_gan(arm, float(share), args)
                game = make_game(gan, stacked, args.batch_size, seed, args.every)
                rows = train(game, args.steps, args.every, score, args.out / name)
                results.setdefault(share, {}).setdefault(arm, []).append(rows)
    return results


def print_table(results: Results):
    """The last modes and divergences over seeds, and the modes at the score before."""
    print("| share | | modes | KL | the row before: modes | seeds |\n|---|---|---|---|---|---|")
    for share, arms in results.items():
        for arm, seeds in arms.items():
            cells = [with_interval([rows[-1][name] for rows in seeds]) for name in ("modes", "kl")]
            before = with_interval([rows[-2 if len(rows) > 1 else -1]["modes"] for rows in seeds])
            print(f"| {share} | {arm} | {' | '.join(cells)} | {before} | {len(seeds)} |")


def main():
    """Makes the runs, prints the table and writes the rows."""
    args = parse()
    dataset = data.load(args.data)
    score, accuracy = make_score(dataset)
    stacked = make_stacked(dataset.x, args.digits)
    results = results_of(args, stacked, score)
    real = np.concatenate([stacked(jax.random.key(i), 1000) for i in range(NUM // 1000)])
    floor, perfect = score(real), perfect_label_coverage(NUM, 10**args.digits)
    print(f"\nclassifier right on {accuracy:.1%} of held-out digits; {NUM:,} samples")
    print_table(results)
    print(f"real images: {floor['modes']} modes, KL {floor['kl']:.3f}")
    print(f"a perfect sampler: {perfect.modes:.0f} modes, KL {perfect.kl:.3f}")
    for name, result in PUBLISHED.items():
        print(f"published, {name}: {result}")
    if args.json:
        facts = {name: str(x) if isinstance(x, Path) else x for name, x in vars(args).items()}
        device = jax.devices()[0].device_kind
        facts |= {
            "device": device,
            "jax": jax.__version__,
            "classifier_accuracy": accuracy,
            "real": floor,
            "perfect": perfect._asdict(),
        }
        args.json.write_text(json.dumps(facts | {"shares": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()

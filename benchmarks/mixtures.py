"""How many modes of a ring and a grid of Gaussians do GANs find, and how well do they hit them?

    python benchmarks/mixtures.py --json mixtures.json --picture mixtures.png

PacGAN's protocol: 100,000 training points, 2,500 samples, modes that have a sample within 3 sigma,
and the share of such samples; here with 10 seeds, all trained at once, and with the standard
deviation of those samples within their modes, in sigma, as contracted modes raise the share.

The methods differ in loss, penalties and packing alone. Networks, latents, optimizers, batches and
the number of updates are those of the recipes `ring` and `grid`, which were chosen for the
relativistic loss with R1 and R2: the other methods are untuned. `benchmarks/published.py` trains
them in their authors' own setting. Only the last row has normal latents, as the published GANs do.

What is measured already is read from the JSON file, and not measured again. The table also shows
the scores of a perfect sampler and the published ones.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxgan
from jaxgan import data, latents, losses
from jaxgan.metrics import ModeCoverage, mode_coverage, perfect_mode_coverage
from jaxgan.recipes import recipe
from jaxgan.types import GAN, Array

NUM = 2_500
SHOWN = 500
SEED = 0


MIXTURES = {"ring": data.MIXTURES["ring8"](), "grid": data.MIXTURES["grid25"]()}
# modes and high quality in %: Lin et al. 2018, section 4.1, https://arxiv.org/abs/1712.04086;
# of VEEGAN, Srivastava et al. 2017, https://arxiv.org/abs/1705.07761
PUBLISHED = {
    "ring": {
        "GAN": (6.3, 98.2),
        "PacGAN2": (7.9, 95.6),
        "PacGAN4": (7.8, 95.9),
        "VEEGAN": (8.0, 52.9),
    },
    "grid": {
        "GAN": (17.3, 94.8),
        "PacGAN2": (23.8, 91.3),
        "PacGAN4": (24.8, 93.6),
        "VEEGAN": (24.6, 40.0),
    },
}


# --- The methods


def plain(gan: GAN) -> GAN:
    return dataclasses.replace(gan, loss=losses.non_saturating, penalties=())


def packed(gan: GAN) -> GAN:
    return dataclasses.replace(plain(gan), discriminator=jaxgan.packed(gan.discriminator, 2))


def gan_r1(gan: GAN) -> GAN:
    only = tuple(penalty for penalty in gan.penalties if penalty.name == "r1")
    return dataclasses.replace(gan, loss=losses.non_saturating, penalties=only)


def normal_latents(gan: GAN) -> GAN:
    return dataclasses.replace(gan, latent=latents.normal(2))


METHODS: dict[str, Callable[[GAN], GAN]] = {
    "GAN": plain,
    "PacGAN2": packed,
    "GAN+R1": gan_r1,
    "RpGAN+R1+R2": lambda gan: gan,
    "RpGAN+R1+R2, normal latents": normal_latents,
}


# --- Training, all seeds at once


def train(gan: GAN, batch_size: int, steps: int, x: Array, seeds: int) -> np.ndarray:
    """Samples [seeds, NUM, 2] of the EMA generators after training."""
    step = jaxgan.make_train_step(gan)

    def one(key, x):
        init_key, order_key, step_key, sample_key = jax.random.split(key, 4)

        def play(state, turn):
            rows = jax.random.randint(jax.random.fold_in(order_key, turn), (batch_size,), 0, len(x))
            batch = jnp.take(x, rows, axis=0, mode="clip")
            return step(jax.random.fold_in(step_key, turn), state, batch)[0], None

        state = jaxgan.init(init_key, gan, x[:batch_size])
        state, _ = jax.lax.scan(play, state, jnp.arange(steps))
        return jaxgan.sample(sample_key, gan, state, NUM)

    keys = jax.random.split(jax.random.key(SEED), seeds)
    return np.asarray(jax.jit(jax.vmap(one, in_axes=(0, None)))(keys, x))


def measured(name: str, method: str, seeds: int, steps: int | None) -> tuple[dict, np.ndarray]:
    """Scores of a method on a mixture, one a seed, and the samples of the first seed."""
    chosen, mixture = recipe(name), MIXTURES[name]
    x = jnp.asarray(data.load(chosen.data).x)
    gan = METHODS[method](chosen.gan(x.shape[1:], None))
    steps = steps or chosen.steps
    start = time.perf_counter()
    samples = train(gan, chosen.plan.batch_size, steps, x, seeds)
    seconds = time.perf_counter() - start
    centres, sigma, _ = mixture
    scores = [mode_coverage(x, centres, sigma) if np.isfinite(x).all() else None for x in samples]
    fields = ("modes", "high_quality", "kl", "std")
    row = {"seconds": round(seconds, 1), "seeds": seeds, "steps": steps}
    for field in fields:
        row[field] = [None if s is None else float(getattr(s, field)) for s in scores]
    return row, samples[0]


# --- The table and the picture


def table(name: str, rows: dict[str, dict]) -> str:
    """Mean and standard deviation over seeds, beside a perfect sampler and published scores."""
    mixture = MIXTURES[name]
    floor = perfect_mode_coverage(NUM, len(mixture.centres))
    lines = [
        f"| {name} | modes | high quality, % | std, sigma | KL | s |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {_named(method)} | {_cells(row)} |" for method, row in rows.items()]
    lines += [f"| a perfect sampler | {_floor_cells(floor)} | |"]
    lines += [
        f"| {method}, published | {modes} | {share} | | | |"
        for method, (modes, share) in PUBLISHED[name].items()
    ]
    return "\n".join(lines)


def _named(method: str) -> str:
    return method if method.startswith("RpGAN") else f"{method}, untuned"


def _cells(row: dict) -> str:
    def spread(field, digits, scale=1.0):
        values = np.array([v for v in row[field] if v is not None and np.isfinite(v)]) * scale
        if not len(values):
            return "none"
        return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"

    cells = [spread("modes", 1), spread("high_quality", 1, 100.0)]
    cells += [spread("std", 2), spread("kl", 3), f"{row['seconds']:.0f}"]
    return " | ".join(cells)


def _floor_cells(floor: ModeCoverage) -> str:
    share = 100.0 * floor.high_quality
    return f"{floor.modes:.1f} | {share:.1f} | {floor.std:.2f} | {floor.kl:.3f}"


def picture(path: Path, samples: dict[str, dict[str, list]]):
    """Samples of the first seed of each method over the centres, which are circled."""
    figure = Figure(figsize=(3 * len(METHODS), 3 * len(MIXTURES)), layout="constrained")
    axes = figure.subplots(len(MIXTURES), len(METHODS), squeeze=False)
    for row, (name, mixture) in zip(axes, MIXTURES.items(), strict=True):
        for ax, method in zip(row, METHODS, strict=True):
            if method not in samples[name]:
                ax.set_axis_off()
                continue
            limit = 1.3 * np.abs(mixture.centres).max()
            ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
            ax.set_title(f"{_named(method)}\n{name}", fontsize=9)
            ax.scatter(*mixture.centres.T, s=60, facecolors="none", edgecolors="tab:red", lw=0.5)
            ax.scatter(*np.asarray(samples[name][method]).T, s=1, lw=0)
    figure.savefig(path, dpi=80)


# --- The script


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file of results, written as they come")
    parser.add_argument("--picture", type=Path, help="file for samples of the first seed")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, help="instead of the recipes' own")
    parser.add_argument("--mixtures", default=",".join(MIXTURES))
    parser.add_argument(
        "--methods", default=";".join(METHODS), help="names, with semicolons between"
    )
    parser.add_argument("--quick", action="store_true", help="2 seeds and 300 steps, to try it")
    args = parser.parse_args()
    seeds, steps = (2, 300) if args.quick else (args.seeds, args.steps)
    results = {name: {} for name in MIXTURES}
    if args.json and args.json.exists():
        results = json.loads(args.json.read_text())
    for name in args.mixtures.split(","):
        for method in args.methods.split(";"):
            if method in results[name]:
                continue
            row, samples = measured(name, method, seeds, steps)
            row["samples_of_first_seed"] = np.round(samples[:SHOWN], 3).tolist()
            results[name][method] = row
            print(f"{name} | {method} | {_cells(row)}", flush=True)
            if args.json:
                args.json.write_text(json.dumps(results) + "\n")
    for name in MIXTURES:
        print(f"\n{table(name, results[name])}")
    if args.picture:
        shown = {
            name: {method: row["samples_of_first_seed"] for method, row in rows.items()}
            for name, rows in results.items()
        }
        picture(args.picture, shown)


if __name__ == "__main__":
    main()

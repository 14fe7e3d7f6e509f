"""What does sampling with the discriminator's help gain on a ring whose latents leave bridges?

    python benchmarks/refinement.py --seeds 3 --json refinement.json

The GAN of the recipe `ring` with two normal latents and none else: a connected latent space, so
about a quarter of the samples lie on bridges between the modes. After training, each method draws
2,500 samples. The discriminator is calibrated on 5,000 points that it has not been trained on.
The steps of the moving methods were chosen by a few trials on one seed.

On images, compare `jaxgan evaluate RUN` with `jaxgan evaluate RUN --refine drs --held-out DATA`.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from machine import print_machine

import jaxgan
from jaxgan import data, latents, refinement
from jaxgan.data.toy import ring8
from jaxgan.metrics import mode_coverage
from jaxgan.parallel.global_batch import sample_index
from jaxgan.recipes import recipe
from jaxgan.types import GAN, Array, GANState

MIXTURE = data.MIXTURES["ring8"]()
NUM, CALIBRATION, BOUND = 2_500, 5_000, 10_000
Row = dict[str, float | str]


class Setting:
    """A trained GAN whose discriminator is a calibrated density ratio."""

    def __init__(self, gan: GAN, state: GANState):
        key = jax.random.key(1)
        self.latent = gan.latent
        self.generate = jax.jit(jaxgan.make_generate(key, gan, state))
        see = jaxgan.make_discriminate(key, gan, state, full=True)
        inputs = jax.jit(lambda x: refinement.head_inputs(see(x)))
        real = jnp.asarray(ring8(np.random.default_rng(99), CALIBRATION))
        fake = self.generate(gan.latent(jax.random.key(2), sample_index(CALIBRATION)))
        ratio, self.calibration = refinement.fit_density_ratio(inputs(real), inputs(fake))
        self.log_ratio = jax.jit(lambda x: refinement.log_ratio(ratio, inputs(x)))
        self.real = self.log_ratio(real)

    def propose(self, key: Array, index: Array) -> tuple[Array, Array]:
        """New samples and their log ratios."""
        x = self.generate(self.latent(key, index))
        return x, self.log_ratio(x)

    def at(self, z: Array) -> Array:
        """The log ratios of the samples of latents."""
        return self.log_ratio(self.generate(z))


Drawn = tuple[Array, str]
KEY, INDEX = jax.random.key(4), sample_index(NUM)


def plain(setting: Setting) -> Drawn:
    d = setting.propose(KEY, sample_index(BOUND))[1]
    worth = refinement.weights_effective_size(d) / BOUND
    return setting.propose(KEY, INDEX)[0], f"effective size {worth:.0%}"


def drs(setting: Setting, percentile: float | None = None) -> Drawn:
    bound = refinement.rejection_bound(
        setting.propose(jax.random.key(3), sample_index(BOUND))[1], percentile
    )
    found = refinement.rejection_sample(KEY, setting.propose, INDEX, bound)
    return found.x, f"{found.acceptance:.0%} accepted"


def mh(setting: Setting) -> Drawn:
    found, trace = refinement.metropolis_hastings(
        KEY, setting.propose, INDEX, setting.real[:NUM], 640
    )
    worth = refinement.chain_effective_size(trace)
    return found.x, f"{found.acceptance:.0%} accepted, chains of 640 worth {worth:.0f}"


def ddls(setting: Setting) -> Drawn:
    step = jax.jit(
        refinement.make_langevin_step(
            lambda z: refinement.normal_log_density(z) + setting.at(z), 1e-3
        )
    )
    z, rates = setting.latent(jax.random.key(5), INDEX), []
    for number in range(300):
        z, accepted = step(jax.random.fold_in(KEY, number), INDEX, z)
        rates.append(float(accepted.mean()))
    return setting.generate(z), f"{np.mean(rates):.0%} of 300 steps accepted"


def dgflow(setting: Setting) -> Drawn:
    step = jax.jit(refinement.make_gradient_flow_step(setting.at, 1e-3))
    z = setting.latent(jax.random.key(5), INDEX)
    for number in range(25):
        z = step(jax.random.fold_in(KEY, number), INDEX, z)
    return setting.generate(z), "25 steps"


METHODS: dict[str, Callable[[Setting], Drawn]] = {
    "as generated": plain,
    "drs": drs,
    "drs:percentile=80": lambda setting: drs(setting, 80),
    "mh": mh,
    "ddls": ddls,
    "dgflow": dgflow,
}


def rows_of(seed: int) -> list[Row]:
    """Scores of every method on a GAN of this seed."""
    ring = recipe("ring")
    gan = dataclasses.replace(ring.gan((2,), None), latent=latents.normal(2))
    x = data.load(ring.data)
    state, _ = jaxgan.fit(jax.random.key(seed), gan, x, steps=ring.steps, plan=ring.plan)
    setting = Setting(gan, state)
    rows: list[Row] = []
    for name, draw in METHODS.items():
        x, said = draw(setting)
        found = mode_coverage(np.asarray(x), *MIXTURE[:2])
        row: Row = {"method": name, "seed": seed, "modes": float(found.modes)}
        rows.append(row | {"high_quality": float(found.high_quality), "said": said})
        print(rows[-1], flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    print_machine()
    rows = [row for seed in range(args.seeds) for row in rows_of(seed)]
    print("\n| Method | Modes | High quality, % | |\n|---|---:|---:|---|")
    for name in METHODS:
        own = [row for row in rows if row["method"] == name]
        quality = 100 * np.array([row["high_quality"] for row in own], float)
        modes = np.mean([float(row["modes"]) for row in own])
        spread = quality.std(ddof=len(quality) > 1)
        print(
            f"| `{name}` | {modes:.1f} | {quality.mean():.1f} ± {spread:.1f} | {own[0]['said']} |"
        )
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

"""Published results in their authors' own settings, ours beside theirs, with a verdict.

    python benchmarks/published.py sga --seeds 2 --out published
    python benchmarks/published.py pacgan-ring --seeds 3 --out published
    python benchmarks/published.py pacgan-grid --seeds 3 --out published

- `sga`: symplectic gradient adjustment on 16 Gaussians (Balduzzi et al. 2018), the notebook of the
  authors: six hidden layers of 384 in both networks, batches of 256, RMSProp, 10,000 rounds.
- `pacgan-ring`, `pacgan-grid`: packing (Lin et al. 2018) at a tenth of the authors' 400,000 rounds:
  a generator with batch norm and a discriminator of maxout layers, Adam, simultaneous updates.

What is measured already is read from the folder. A run that was stopped continues from its last
saved state.
"""

import argparse
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from machine import print_machine
from seeds import interval, with_interval

import jaxgan
from jaxgan import data, latents, losses, updates
from jaxgan.data.toy import Mixture
from jaxgan.metrics import mode_coverage
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.models.layers.normalization import BatchNorm
from jaxgan.runs.disk import checkpoint
from jaxgan.types import GAN, Array, GANState

Scores = dict[str, float]
PER_CALL = 100


class Setting(NamedTuple):
    """One arm of a published experiment.

    Attributes:
      gan: the GAN.
      update: its update rule.
      draw: `key -> batch`, real samples.
      mixture: what the samples are scored against.
      rounds: number of rounds.
      every: rounds between scores.
      published: what the authors report; the value at the equilibrium if they report that it is
        reached.
    """

    gan: GAN
    update: updates.Update
    draw: Callable[[Array], Array]
    mixture: Mixture
    rounds: int
    every: int
    published: Scores


# --- Symplectic gradient adjustment

LOG_4, LOG_2 = float(np.log(4)), float(np.log(2))
SIXTEEN = Mixture(
    np.array([[x, y] for x in (1.5, 0.5, -1.5, -0.5) for y in (1.5, 0.5, -0.5, -1.5)]), 0.02, 2
)


def sga_arm(rule: updates.Update, published: Scores) -> Setting:
    """The notebook's GAN. Its noise is 0.1 * 0.2, not the 0.1 that its variable says."""
    hidden = (384,) * 6  # flax and Sonnet start linear layers alike
    # TensorFlow's RMSProp: epsilon inside of the root, mean squares that start at 1.
    rms = optax.rmsprop(1e-4, decay=0.9, eps=1e-10, initial_scale=1.0)
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(MLPGenerator((2,), hidden, nn.relu, output=None)),
        discriminator=jaxgan.from_linen(MLPDiscriminator(hidden, 0.0, nn.relu)),
        latent=latents.normal(64),
        loss=losses.non_saturating,
        generator_optimizer=rms,
        discriminator_optimizer=rms,
        ema_decay=None,
    )
    centres = jnp.tile(jnp.asarray(SIXTEEN.centres, jnp.float32), (16, 1))

    def draw(key: Array) -> Array:
        return centres + SIXTEEN.sigma * jax.random.normal(key, centres.shape)

    return Setting(gan, rule, draw, SIXTEEN, 10_000, 1_000, published)


# --- PacGAN


class PacGANGenerator(nn.Module):
    """Four hidden layers of 400 with batch norm."""

    @nn.compact
    def __call__(self, z, *, train=False, axis_name=None):
        init = nn.initializers.normal(0.02)
        for _ in range(4):
            z = nn.Dense(400, use_bias=False, kernel_init=init)(z)
            z = nn.relu(BatchNorm(momentum=0.95)(z, train=train, axis_name=axis_name))
        return nn.Dense(2, kernel_init=init)(z)


class PacGANDiscriminator(nn.Module):
    """Three maxout layers of 200 with five pieces."""

    @nn.compact
    def __call__(self, x):
        init = nn.initializers.normal(0.02)
        for _ in range(3):
            pieces = jnp.split(nn.Dense(1_000, kernel_init=init)(x), 5, axis=1)
            x = functools.reduce(jnp.maximum, pieces)  # twice as fast as a maximum over an axis
        return nn.Dense(1, kernel_init=init)(x)[:, 0]


def pacgan_arm(mixture_name: str, pack: int, published: Scores) -> Setting:
    """Lin et al. 2018, section 4.1, with the numbers of their code; rounds are a tenth."""
    discriminator = jaxgan.from_linen(PacGANDiscriminator())
    adam, mixture = optax.adam(1e-4, b1=0.8), data.MIXTURES[mixture_name]()
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(PacGANGenerator()),
        discriminator=jaxgan.packed(discriminator, pack) if pack > 1 else discriminator,
        latent=latents.normal(2),
        loss=losses.non_saturating,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=None,
    )
    x = jnp.asarray(data.load(mixture_name).x)

    def draw(key: Array) -> Array:
        return jnp.take(x, jax.random.randint(key, (100 * pack,), 0, len(x)), axis=0, mode="clip")

    return Setting(gan, updates.simultaneous(), draw, mixture, 40_000, 4_000, published)


EXPERIMENTS: dict[str, Callable[[], dict[str, Setting]]] = {
    "sga": lambda: {
        "RMSProp": sga_arm(
            updates.simultaneous(), {"discriminator_loss": 0.58, "generator_loss": 2.18}
        ),
        "SGA": sga_arm(
            updates.symplectic(1.0), {"discriminator_loss": LOG_4, "generator_loss": LOG_2}
        ),
    },
    "pacgan-ring": lambda: {
        "GAN": pacgan_arm("ring8", 1, {"modes": 6.3, "high_quality": 0.982}),
        "PacGAN2": pacgan_arm("ring8", 2, {"modes": 7.9, "high_quality": 0.956}),
    },
    "pacgan-grid": lambda: {
        "GAN": pacgan_arm("grid25", 1, {"modes": 17.3, "high_quality": 0.948}),
        "PacGAN2": pacgan_arm("grid25", 2, {"modes": 23.8, "high_quality": 0.913}),
    },
}

# --- Training


def train(arm: Setting, seed: int, rounds: int, out: Path) -> list[Scores]:
    """The scores of one seed at intervals; continues from the last saved state."""
    rows_file = out / "rows.json"
    start, play, sample = compiled(arm, seed)
    found = checkpoint.restore_latest(out / "states", jax.eval_shape(start))
    state, done = (start(), 0) if found is None else (found.state, found.number)
    rows = json.loads(rows_file.read_text()) if rows_file.exists() else []
    rows = [row for row in rows if row["round"] <= done]
    with checkpoint.open_manager(out / "states", checkpoint.Keep(last=1)) as manager:
        for number in range(done + arm.every, rounds + 1, arm.every):
            losses_seen = []
            for _ in range(arm.every // PER_CALL):
                state, metrics = play(state)
                losses_seen.append(metrics)
            rows.append({"round": number} | scores(arm, sample(state), losses_seen[-1]))
            print(f"  seed {seed}", rows[-1], flush=True)
            rows_file.write_text(json.dumps(rows, indent=1))
            checkpoint.save(manager, number, state)
            checkpoint.finish(manager)
    return rows


def compiled(arm: Setting, seed: int) -> tuple[Callable, Callable, Callable]:
    """Start, PER_CALL rounds with their mean losses, and 2,500 samples."""
    step = jaxgan.make_train_step(arm.gan, arm.update)
    init_key, rounds_key, sample_key = jax.random.split(jax.random.key(seed), 3)

    @jax.jit
    def start() -> GANState:
        return jaxgan.init(init_key, arm.gan, arm.draw(jax.random.key(0)), arm.update)

    @jax.jit
    def play(state: GANState):
        def body(state, _):
            draw_key, step_key = jax.random.split(jax.random.fold_in(rounds_key, state.step))
            state, metrics = step(step_key, state, arm.draw(draw_key))
            return state, {k: metrics[k] for k in ("discriminator_loss", "generator_loss")}

        state, metrics = jax.lax.scan(body, state, length=PER_CALL)
        return state, jax.tree.map(jnp.mean, metrics)

    sample = jax.jit(lambda state: jaxgan.sample(sample_key, arm.gan, state, 2_500))
    return start, play, sample


def scores(arm: Setting, samples: Array, metrics: dict[str, Array]) -> Scores:
    """Mode coverage of the samples, with the mean losses of the last rounds."""
    x = np.asarray(samples)
    seen = {name: round(float(value), 4) for name, value in metrics.items()}
    if not np.isfinite(x).all():
        return seen
    found = mode_coverage(x, arm.mixture.centres, arm.mixture.sigma)
    return seen | {"modes": float(found.modes), "high_quality": float(found.high_quality)}


# --- The table


def verdict(ours: np.ndarray, theirs: float) -> str:
    """Whether the published value lies within the 95% interval of ours.

    One seed, or seeds that agree exactly, have no interval: then the difference.
    """
    low, high = interval(ours)
    if not low < high:
        return f"no interval; {ours.mean() - theirs:+.2g}"
    if low <= theirs <= high:
        return "reproduced"
    return f"{'above' if low > theirs else 'below'} the published value"


def print_table(name: str, found: dict[str, list[list[Scores]]], arms: dict[str, Setting]):
    """Each arm's last scores beside the published ones."""
    print(f"\n| {name} | score | ours, 95% interval | seeds | published | verdict |")
    print("|---|---|---|---|---|---|")
    for arm, runs in found.items():
        for score, theirs in arms[arm].published.items():
            ours = np.array([rows[-1].get(score, np.nan) for rows in runs])
            cells = f"{with_interval(ours)} | {len(ours)} | {theirs:.3g}"
            print(f"| {arm} | {score} | {cells} | {verdict(ours, theirs)} |")


def draw_curves(found: dict[str, list[list[Scores]]], arms: dict[str, Setting], file: Path):
    """The mean of the modes over rounds, shaded from the worst seed to the best one.

    A dashed line is what the authors report at the end.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
    for colour, (name, runs) in zip(("tab:orange", "tab:blue"), found.items(), strict=True):
        rounds = [row["round"] for row in runs[0]]
        modes = np.array([[row.get("modes", np.nan) for row in rows] for rows in runs])
        axes.fill_between(rounds, modes.min(0), modes.max(0), color=colour, alpha=0.2, lw=0)
        axes.plot(rounds, modes.mean(0), color=colour, marker="o", ms=4, label=name)
        published = arms[name].published["modes"]
        axes.axhline(published, color=colour, ls="--", lw=1, label=f"{name}, published end")
    axes.set(xlabel="rounds", ylabel=f"modes, {len(modes)} seeds")
    figure.legend(loc="outside upper center", ncols=4, fontsize=8.5)
    figure.savefig(file, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, help="fewer rounds than the setting's")
    parser.add_argument("--out", type=Path, required=True, help="folder of states and scores")
    parser.add_argument("--picture", type=Path, help="file for the modes over rounds")
    args = parser.parse_args()
    print_machine()
    arms: dict[str, Setting] = EXPERIMENTS[args.experiment]()
    found: dict[str, Any] = {name: [] for name in arms}
    for seed in range(args.seeds):
        for name, arm in arms.items():
            out = args.out / args.experiment / name / str(seed)
            out.mkdir(parents=True, exist_ok=True)
            print(f"{args.experiment}, {name}, seed {seed}", flush=True)
            found[name].append(train(arm, seed, args.rounds or arm.rounds, out))
    print_table(args.experiment, found, arms)
    if args.picture:
        draw_curves(found, arms, args.picture)
    (args.out / f"{args.experiment}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

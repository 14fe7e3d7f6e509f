# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Matching a distribution: from noise to a spiral
#
# **What it shows:** how a generator warps the plane of its noise until it covers the data, what the
# discriminator learns meanwhile, and how the density of the samples changes, in figures and in an
# animation. **What it needs:** jaxgan. **How long it takes:** about a minute.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
import os
import tempfile

import jax
import numpy as np
import optax
from matplotlib.figure import Figure

import jaxgan
from jaxgan import data, latents, losses, plots, regularizers, schedules
from jaxgan.models import MLPDiscriminator, MLPGenerator

QUICK = bool(os.environ.get("JAXGAN_QUICK"))

# %% [markdown]
# ## The game
#
# The data are points of a spiral. The noise has a normal distribution in the plane, so that both
# spaces can be drawn. The loss is relativistic, and the R1 and R2 penalties keep the discriminator
# smooth. The learning rate decays to 0 along a cosine.

# %%
STEPS = 150 if QUICK else 6000
points = np.asarray(data.load("spiral").x)
adam = optax.adam(schedules.cosine(1e-3, 0.0, STEPS), b1=0.0, b2=0.9)
gan = jaxgan.GAN(
    generator=jaxgan.from_linen(MLPGenerator((2,), hidden=(128, 128, 128), output=None)),
    discriminator=jaxgan.from_linen(MLPDiscriminator(hidden=(128, 128, 128), dropout=0.0)),
    latent=latents.normal(2),
    loss=losses.relativistic,
    penalties=(
        jaxgan.penalty(regularizers.r1, gamma=0.1),
        jaxgan.penalty(regularizers.r2, gamma=0.1),
    ),
    generator_optimizer=adam,
    discriminator_optimizer=adam,
    ema_decay=0.99,
)

# %% [markdown]
# ## Training with snapshots
#
# Each figure below has three panels. The left panel shows where the generator maps a grid of the
# noise space. The middle panel shows the logits, with a thick line at their midpoint. The right
# panel shows the density of the samples, with a black contour around the real data.
#
# `iterate` is the loop inside `fit`. It yields the state after each compiled call, which plays ten
# rounds in this example. `make_generate` and `make_discriminate` return the players of a state as
# plain functions. A relativistic discriminator only compares samples, so only differences of its
# logits have a meaning. The figures show its logits relative to the midpoint between their means on
# real and on generated samples.

# %%
key = jax.random.key(0)
stages = [50, 100 if QUICK else 600, STEPS]
marks = set(np.geomspace(10, STEPS, 45).round(-1).astype(int).tolist())  # of the animation
limits = ((-1.2, 1.4), (-1.4, 1.2))


def panels_of(state, title):
    """The three panels of `plots.matching` for one state."""
    generate = jaxgan.make_generate(key, gan, state)
    discriminate = jaxgan.make_discriminate(key, gan, state)
    samples = jaxgan.sample(key, gan, state, 2000)
    middle = (discriminate(points[:2000]).mean() + discriminate(samples).mean()) / 2

    def relative(x):
        return discriminate(x) - middle

    return plots.matching(generate, relative, points[:20_000], limits, title, scale=0.5)


def frame(state, updates):
    """Pixels of one frame: generated samples, always of the same latents, over real points."""
    figure = Figure(figsize=(4.0, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.scatter(*points[:3000].T, s=5, color="#D0D0D0", linewidths=0)
    axes.scatter(*jaxgan.sample(key, gan, state, 600).T, s=9, color=plots.ORANGE, linewidths=0)
    axes.set(xlim=(-1.1, 1.25), ylim=(-1.25, 1.1), aspect="equal")
    axes.set_axis_off()
    axes.set_title(f"{updates:,} updates", fontsize=13)
    return plots.rendered(figure, dpi=150)


plan = jaxgan.Plan(batch_size=256, rounds_per_call=10)
start = jaxgan.init_run(key, gan, points, plan)
figures, frames, accuracy = {}, [frame(start.gan, 0)], []
for progress in jaxgan.iterate(gan, points, STEPS, plan, start):
    accuracy.append(progress.metrics["accuracy_pairs"])
    if progress.step in stages:
        title = f"after {progress.step:,} updates of each player"
        figures[progress.step] = panels_of(progress.state.gan, title)
    if progress.step in marks:
        frames.append(frame(progress.state.gan, progress.step))
state = progress.state.gan

# %% [markdown]
# At first most samples lie near the centre, and the discriminator does not resolve the spiral yet.

# %%
figures[stages[0]]

# %% [markdown]
# Then the noise is stretched along the arms. Some grid lines cross the gap between two arms. The
# discriminator detects the samples there: its logits are high (blue) on the data and low (orange)
# between the arms.

# %%
figures[stages[1]]

# %% [markdown]
# Finally the warped noise follows the spiral. The noise space is connected, and a continuous
# generator maps it to a connected set, so a few grid lines still cross the gaps. The density of the
# samples follows the data, and the logits are close to 0.

# %%
figures[stages[-1]]

# %% [markdown]
# ## An animation
#
# Grey points are real, orange points are samples of 600 fixed latents. The frames are spaced evenly
# on a logarithmic scale, because the samples move fastest at the beginning.

# %%
folder = tempfile.mkdtemp() if QUICK else "."
file = plots.animation(frames + frames[-1:] * 15, os.path.join(folder, "spiral.gif"), seconds=0.12)
print(f"{len(frames)} frames, {os.path.getsize(file) / 1e3:.0f} kB")

# %% [markdown]
# ![600 samples move onto the spiral](spiral.gif)
#
# ## How close to the data?
#
# The table shows the mean distance of a generated sample to the nearest of 20,000 real points. For
# comparison, the same distance for fresh real points is smaller: generated samples are off the
# spiral by less than 1% of its size. The final pairwise accuracy of the discriminator is shown too
# (50% = chance).

# %%
samples = np.asarray(jaxgan.sample(jax.random.key(1), gan, state, 500))
fresh = points[20_000:20_500]
for name, x in (("generated samples", samples), ("fresh real points", fresh)):
    squares = ((x[:, None] - points[None, :20_000]) ** 2).sum(axis=2)
    print(f"{name:18s} {np.sqrt(squares.min(axis=1)).mean():.4f}")
last = np.concatenate(accuracy)[-STEPS // 5 :]
print(f"pairwise accuracy, mean over the last 20% of the rounds: {last.mean():.3f}")

# %% [markdown]
# ## What to try
#
# - Use `losses.wasserstein` with `regularizers.gradient_penalty`, or remove the penalties.
# - Add Rademacher latents to the noise:
#   `latents.concatenate(latents.normal(2), latents.rademacher(6))`. The samples no longer have to
#   be connected.
# - Use `data.load("grid25")`, whose modes are separated.

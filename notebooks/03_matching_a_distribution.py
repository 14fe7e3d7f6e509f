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
# # 3. Matching a distribution: noise bent onto a spiral
#
# **What it shows:** how a generator warps the plane of its noise until it lies on the data, what
# the discriminator sees meanwhile, and how the density of the samples follows; as pictures and as
# an animation. **What it needs:** jaxgan. **How long it takes:** less than a minute.

# %%
# %matplotlib inline
import os
import tempfile

import jax
import numpy as np
import optax
from IPython.display import Image

import jaxgan
from jaxgan import data, latents, losses, plots, regularizers
from jaxgan.models import MLPDiscriminator, MLPGenerator

QUICK = bool(os.environ.get("JAXGAN_QUICK"))

# %% [markdown]
# ## The game
#
# Data: points of a spiral. Noise: a normal distribution in the plane, so that both spaces can be
# drawn. The loss is the relativistic one; R1 and R2 keep the discriminator smooth.

# %%
points = np.asarray(data.load("spiral").x)
gan = jaxgan.GAN(
    generator=jaxgan.from_linen(MLPGenerator((2,), hidden=(128, 128, 128), output=None)),
    discriminator=jaxgan.from_linen(MLPDiscriminator(hidden=(128, 128, 128), dropout=0.0)),
    latent=latents.normal(2),
    loss=losses.relativistic,
    penalties=(
        jaxgan.penalty(regularizers.r1, gamma=0.1),
        jaxgan.penalty(regularizers.r2, gamma=0.1),
    ),
    generator_optimizer=optax.adam(1e-3, b1=0.0, b2=0.9),
    discriminator_optimizer=optax.adam(1e-3, b1=0.0, b2=0.9),
    ema_decay=0.99,
)

# %% [markdown]
# ## Training, with a look every now and then
#
# `iterate` is the loop that `fit` runs, call by call: here 50 rounds each. `make_generate` and
# `make_discriminate` turn a state's players into plain functions. A relativistic discriminator
# only compares, so that its zero means nothing: we draw its logits from half-way between their
# means on the data and on samples.

# %%
key = jax.random.key(0)
marks = [50, 100, 200, 300, 400, 500, 600, 800, 1000, 1500, 2000, 3000, 4000]
marks = [50, 150] if QUICK else marks
limits = ((-1.2, 1.4), (-1.4, 1.2))


def snapshot(state, title):
    """The three panels of `plots.matching` for one state."""
    generate = jaxgan.make_generate(key, gan, state)
    discriminate = jaxgan.make_discriminate(key, gan, state)
    samples = jaxgan.sample(key, gan, state, 2000)
    middle = (discriminate(points[:2000]).mean() + discriminate(samples).mean()) / 2

    def relative(x):
        return discriminate(x) - middle

    return plots.matching(generate, relative, points[:20_000], limits, title, scale=0.5)


plan = jaxgan.Plan(batch_size=256, rounds_per_call=50)
begun = jaxgan.start(key, gan, points, plan)
figures, accuracy = {}, []
for progress in jaxgan.iterate(gan, points, marks[-1], plan, begun):
    accuracy.append(progress.metrics["accuracy_pairs"])
    if progress.step in marks:
        title = f"after {progress.step:,} updates of each player"
        figures[progress.step] = snapshot(progress.state.gan, title)
state = progress.state.gan

# %% [markdown]
# At first the noise is a small crumpled patch, and the discriminator has an easy task.

# %%
figures[marks[0]]

# %% [markdown]
# Then it is stretched along the arms. Folds that cross the gap between two arms are the samples
# that the discriminator catches: blue is where it says *rather real*, orange *rather generated*.

# %%
figures[marks[len(marks) // 2]]

# %% [markdown]
# In the end the plane is bent onto the spiral. The noise is connected, and so is what becomes of
# it; the density's peaks follow the data's, and the discriminator, flat and pale, has little to
# say.

# %%
figures[marks[-1]]

# %% [markdown]
# ## As an animation

# %%
folder = tempfile.mkdtemp() if QUICK else "."
frames = [plots.rendered(figure, dpi=60) for figure in figures.values()]
file = plots.animation(frames + frames[-1:] * 3, os.path.join(folder, "spiral.gif"), seconds=0.5)
print(f"{os.path.getsize(file) / 1e3:.0f} kB")
Image(filename=file)

# %% [markdown]
# ## How near to the data?
#
# The mean distance of a sample to the nearest of 20,000 real points. That of other real points is
# smaller still: they lie as thick as the data do, while samples stray from the arms, by about a
# hundredth of the spiral's size. And the discriminator's accuracy on pairs, in the end: at 50 % it
# could not tell at all.

# %%
samples = np.asarray(jaxgan.sample(jax.random.key(1), gan, state, 500))
other = points[20_000:20_500]
for name, x in (("samples", samples), ("other real points", other)):
    squares = ((x[:, None] - points[None, :20_000]) ** 2).sum(axis=2)
    print(f"{name:18s} {np.sqrt(squares.min(axis=1)).mean():.4f}")
last = np.concatenate(accuracy)[-marks[-1] // 5 :]
print(f"accuracy on pairs, mean of the last fifth: {last.mean():.3f}")

# %% [markdown]
# ## What to try
#
# - `losses.wasserstein` with `regularizers.gradient_penalty`, or no penalties at all.
# - `latents.rademacher(6)` concatenate to the noise: pieces need not hang together any more.
# - `data.load("grid25")`: modes that lie apart.

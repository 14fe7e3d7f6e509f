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
# # 4. The vanilla GAN from scratch
#
# **What it shows:** the textbook's GAN in thirty lines, its losses, its discriminator's accuracy
# on the way to 50 %, and samples over time. **What it needs:** jaxgan; the digits come with
# scikit-learn. With `JAXGAN_DATA=idx:DIR` (the four files of MNIST) it trains on MNIST instead.
# **How long it takes:** about a minute on digits, on two CPU cores.

# %%
# %matplotlib inline
import dataclasses
import os

import flax.linen as nn
import jax
import numpy as np
import optax

import jaxgan
from jaxgan import data, latents, losses, plots, regularizers
from jaxgan.models import MLPDiscriminator

QUICK = bool(os.environ.get("JAXGAN_QUICK"))

# %% [markdown]
# ## Thirty lines
#
# Two flax networks, a latent distribution, a loss, two optimizers. Real images are scaled to
# $[0, 1]$, the range of the generator's sigmoid.


# %%
class Generator(nn.Module):
    """Latents [batch, 64] to images of a shape."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        """Images [batch, *shape] in [0, 1]."""
        x = nn.leaky_relu(nn.Dense(256)(z), 0.2)
        x = nn.leaky_relu(nn.Dense(512)(x), 0.2)
        x = nn.sigmoid(nn.Dense(int(np.prod(self.shape)))(x))
        return x.reshape(len(x), *self.shape)


class Discriminator(nn.Module):
    """Images to logits [batch]."""

    @nn.compact
    def __call__(self, x):
        """Logits [batch] of images [batch, height, width, channels]."""
        x = nn.leaky_relu(nn.Dense(128)(x.reshape(len(x), -1)), 0.2)
        x = nn.leaky_relu(nn.Dense(128)(x), 0.2)
        return nn.Dense(1)(x)[:, 0]


dataset = data.load(os.environ.get("JAXGAN_DATA", "digits"))
gan = jaxgan.GAN(
    generator=jaxgan.from_linen(Generator(dataset.shape)),
    discriminator=jaxgan.from_linen(Discriminator()),
    latent=latents.normal(64),
    loss=losses.non_saturating,
    generator_optimizer=optax.adam(1e-3, b1=0.5, b2=0.9),
    discriminator_optimizer=optax.adam(1e-3, b1=0.5, b2=0.9),
)

# %% [markdown]
# A round is one turn of the discriminator, with the generator frozen, and one turn of the
# generator, with the discriminator frozen. `iterate` runs the rounds, here a hundred in one
# compiled call. (`jaxgan.fit` does the same without a look in between.)

# %%
key, sample_key = jax.random.split(jax.random.key(0))
marks = [100, 200] if QUICK else [100, 300, 1000, 2000, 5000]
plan = jaxgan.Plan(batch_size=64, model_range=(0.0, 1.0), rounds_per_call=100)


def trained(gan):
    """Metrics of all rounds, and ten samples at each mark, always of the same latents."""
    begun = jaxgan.start(key, gan, dataset, plan)
    metrics, samples = [], []
    for progress in jaxgan.iterate(gan, dataset, marks[-1], plan, begun):
        metrics.append(jax.device_get(progress.metrics))
        if progress.step in marks:
            samples.append(jaxgan.sample(sample_key, gan, progress.state.gan, 10))
    history = {name: np.concatenate([m[name] for m in metrics]) for name in metrics[0]}
    return history, np.concatenate(samples)


history, samples = trained(gan)
plots.training_curves(history)

# %% [markdown]
# Bold lines are running means. At first the discriminator tells real from generated images well;
# then the generator catches up, accuracy sinks to 55 %, and the samples become as diverse as the
# real images. Here is what the generator makes of ten latents, after more and more rounds:

# %%
names = [f"{mark:,}" for mark in marks]
plots.samples(samples, 0.0, 1.0, columns=10, row_labels=names)

# %% [markdown]
# ## Calmer, with one line more
#
# After the best moment accuracy creeps up again: the discriminator finds ever finer differences,
# and both players keep running. The R1 penalty, $\frac{\gamma}{2} E \|\nabla_x D\|^2$ on real
# images, keeps it flat on the data (the next notebook shows why that makes games converge). And
# samples are drawn from an average of the generator's weights:

# %%
calm = dataclasses.replace(
    gan, penalties=(jaxgan.penalty(regularizers.r1, gamma=0.3),), ema_decay=0.99
)
calm_history, calm_samples = trained(calm)
plots.training_curves(calm_history)

# %% [markdown]
# The losses hardly move any more. They are near $\log 4 = 1.39$ and $\log 2 = 0.69$, their values
# where $D = 1/2$ everywhere. The accuracy stays, and the samples' diversity is that of real
# images.

# %%
plots.samples(calm_samples, 0.0, 1.0, columns=10, row_labels=names)

# %% [markdown]
# ## 50 % that mean nothing
#
# The same game with a discriminator that is dull: wider, but with much dropout; and both players
# learn at a fifth of the rate.

# %%
dull = dataclasses.replace(
    gan,
    discriminator=jaxgan.from_linen(MLPDiscriminator((256, 256), dropout=0.4)),
    generator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
    discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
)
dull_history, dull_samples = trained(dull)
plots.training_curves(dull_history)

# %% [markdown]
# The accuracy is nearest to 50 % of all. But the curve on the right is at a fifth of the real
# images' diversity, and the samples show it: one blot for all latents, another one later. The
# generator runs from image to image, and the discriminator runs after it: **mode collapse**.
# Accuracy alone proves nothing; look at diversity and at samples too.

# %%
plots.samples(dull_samples, 0.0, 1.0, columns=10, row_labels=names)

# %%
for name, metrics in (("vanilla", history), ("with R1", calm_history), ("dull", dull_history)):
    last = len(metrics["round"]) // 5
    accuracy = [metrics[f"accuracy_{each}"][-last:].mean() for each in ("real", "fake")]
    diversity = metrics["diversity"][-last:].mean()
    print(f"{name:8s} accuracy {accuracy[0]:.2f} and {accuracy[1]:.2f}, diversity {diversity:.2f}")

# %% [markdown]
# `jaxgan.monitor` reads the same metrics and says what it makes of them:

# %%
for name, metrics in (("vanilla", history), ("with R1", calm_history), ("dull", dull_history)):
    for finding in jaxgan.monitor.alerts(metrics):
        print(f"{name}: {finding}")

# %% [markdown]
# ## What to try
#
# - `losses.minimax` instead: how long does the generator stand still?
# - `n_critic=5` in `fit`, or `alternation="epochs"`.
# - On the command line: `jaxgan train mnist-mlp --data idx:DIR`, which resumes, scores and saves.

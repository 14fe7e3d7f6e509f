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
# **What it shows:** the original GAN (Goodfellow et al. 2014) in thirty lines, with its losses, the
# accuracy of its discriminator and its samples during training. **What it needs:** jaxgan. The 8×8
# digits are part of scikit-learn. With `JAXGAN_DATA=idx:DIR`, where DIR holds the four files of
# MNIST, the notebook trains on MNIST instead. **How long it takes:** about a minute on two CPU
# cores.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
import dataclasses
import os

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan import data, latents, losses, monitor, plots, regularizers
from jaxgan.images import resampling
from jaxgan.models import MLPDiscriminator

QUICK = bool(os.environ.get("JAXGAN_QUICK"))

# %% [markdown]
# ## Thirty lines
#
# A GAN consists of two networks, a latent distribution, a loss and two optimizers. Real images are
# scaled to $[0, 1]$, the range of the generator's sigmoid.


# %%
class Generator(nn.Module):
    """Maps latents [batch, 64] to images."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        """Images [batch, *shape] in [0, 1]."""
        x = nn.leaky_relu(nn.Dense(256)(z), 0.2)
        x = nn.leaky_relu(nn.Dense(512)(x), 0.2)
        x = nn.sigmoid(nn.Dense(int(np.prod(self.shape)))(x))
        return x.reshape(len(x), *self.shape)


class Discriminator(nn.Module):
    """Maps images to logits [batch]."""

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
# A round is one update of the discriminator, with the generator frozen, followed by one update of
# the generator, with the discriminator frozen. `iterate` runs the rounds, here a hundred per
# compiled call. `jaxgan.fit` is the same loop without access to the states in between.

# %%
key, sample_key = jax.random.split(jax.random.key(0))
marks = [100, 200] if QUICK else [100, 300, 1000, 2000, 5000]
plan = jaxgan.Plan(batch_size=64, model_range=(0.0, 1.0), rounds_per_call=100)


def trained(gan):
    """Metrics of all rounds, and samples of the same ten latents at each mark."""
    start = jaxgan.init_run(key, gan, dataset, plan)
    metrics, samples = [], []
    for progress in jaxgan.iterate(gan, dataset, marks[-1], plan, start):
        metrics.append(jax.device_get(progress.metrics))
        if progress.step in marks:
            samples.append(jaxgan.sample(sample_key, gan, progress.state.gan, 10))
    history = {name: np.concatenate([m[name] for m in metrics]) for name in metrics[0]}
    return history, np.concatenate(samples)


def curves(history):
    """Training curves on the same vertical axes in all figures of this notebook."""
    figure = plots.training_curves(history)
    figure.axes[0].set_ylim(0.0, 2.5)
    figure.axes[2].set_ylim(0.0, 1.3)
    return figure


def grid(samples):
    """One row per mark. Images are enlarged by bicubic interpolation."""
    size = (max(24, samples.shape[1]),) * 2
    labels = [f"{mark:,} updates" for mark in marks]
    return plots.samples(resampling.bicubic(jnp.asarray(samples), size), 0.0, 1.0, 10, labels)


history, samples = trained(gan)
curves(history)

# %% [markdown]
# Bold lines are running means. At first the discriminator separates real and generated images well.
# Then the generator improves, the accuracy falls to 55%, and the samples become as diverse as the
# real images. The next figure shows the samples of ten latents during training.

# %%
grid(samples)

# %% [markdown]
# ## More stable with a penalty
#
# After its minimum the accuracy rises again: the discriminator learns finer differences, and
# neither player settles. The R1 penalty, $\frac{\gamma}{2} E \|\nabla_x D\|^2$ on real images,
# keeps the discriminator flat on the data. The next notebook shows why games then converge. Samples
# are drawn from the EMA generator, whose weights are an exponential moving average:

# %%
with_r1 = dataclasses.replace(
    gan, penalties=(jaxgan.penalty(regularizers.r1, gamma=0.3),), ema_decay=0.99
)
r1_history, r1_samples = trained(with_r1)
curves(r1_history)

# %% [markdown]
# The losses hardly change any more. They are close to $\log 4 = 1.39$ and $\log 2 = 0.69$, their
# values for $D = 1/2$ everywhere. The accuracy stays constant, and the samples are about as diverse
# as the real images.

# %%
grid(r1_samples)

# %% [markdown]
# ## When 50% accuracy means nothing
#
# The same setup with a weak discriminator: wider, but with heavy dropout. Both players have a fifth
# of the learning rate.

# %%
weak = dataclasses.replace(
    gan,
    discriminator=jaxgan.from_linen(MLPDiscriminator((256, 256), dropout=0.4)),
    generator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
    discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
)
weak_history, weak_samples = trained(weak)
curves(weak_history)

# %% [markdown]
# The accuracy is closer to 50% than before. But the diversity is only a fifth of that of real
# images, and the samples confirm it: all latents give the same image, which changes over training.
# The generator hops between modes and the discriminator chases it. This is **mode collapse**.
# Accuracy alone is not enough, so look at the diversity and at the samples too.

# %%
grid(weak_samples)

# %%
histories = {"vanilla": history, "with R1": r1_history, "weak discriminator": weak_history}
for name, metrics in histories.items():
    last = len(metrics["round"]) // 5
    accuracy = [metrics[f"accuracy_{each}"][-last:].mean() for each in ("real", "fake")]
    diversity = metrics["diversity"][-last:].mean()
    print(f"{name:18s} accuracy {accuracy[0]:.2f} (real), {accuracy[1]:.2f} (generated)", end=", ")
    print(f"diversity {diversity:.2f}")

# %% [markdown]
# `jaxgan.monitor` derives alerts from the same metrics:

# %%
for name, metrics in histories.items():
    for alert in monitor.alerts(metrics):
        print(f"{name}: {alert}\n")

# %% [markdown]
# ## What to try
#
# - Use `losses.minimax`. How many updates pass before the generator improves?
# - Pass `n_critic=5` or `alternation="epochs"` to `jaxgan.Plan`.
# - Train from the command line, with checkpoints, scores and resume:
#   `jaxgan train mnist-mlp --data idx:DIR`.

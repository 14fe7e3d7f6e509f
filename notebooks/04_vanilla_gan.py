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
# **What it shows:** the textbook's GAN in thirty lines, its losses, its discriminator's accuracy on
# the way to 50 %, and samples over time. **What it needs:** jaxgan; the digits come with scikit-learn.
# With `JAXGAN_DATA=idx:DIR` (the four files of MNIST) it trains on MNIST instead. **How long it
# takes:** about two minutes on digits, ten on MNIST, on two CPU cores.

# %%
# %matplotlib inline
import os

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan import data, latents, losses, plots, regularizers

QUICK = bool(os.environ.get("JAXGAN_QUICK"))

# %% [markdown]
# ## Thirty lines
#
# Two flax networks, a latent distribution, a loss, two optimizers. Real images are scaled to
# $[0, 1]$, the range of the generator's sigmoid.


# %%
class Generator(nn.Module):
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        x = nn.leaky_relu(nn.Dense(256)(z), 0.2)
        x = nn.leaky_relu(nn.Dense(1024)(x), 0.2)
        x = nn.sigmoid(nn.Dense(int(np.prod(self.shape)))(x))
        return x.reshape(len(x), *self.shape)


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.leaky_relu(nn.Dense(1024)(x.reshape(len(x), -1)), 0.2)
        x = nn.leaky_relu(nn.Dense(512)(x), 0.2)
        return nn.Dense(1)(x)[:, 0]


dataset = data.load(os.environ.get("JAXGAN_DATA", "digits"))
gan = jaxgan.GAN(
    generator=jaxgan.from_linen(Generator(dataset.shape)),
    discriminator=jaxgan.from_linen(Discriminator()),
    latent=latents.normal(100),
    loss=losses.non_saturating,
    generator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
    discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
)

# %% [markdown]
# A round is one turn of the discriminator, with the generator frozen, and one turn of the generator,
# with the discriminator frozen. `fit` runs many rounds in one compiled call.

# %%
key, sample_key = jax.random.split(jax.random.key(0))
marks = [100, 200] if QUICK else [100, 300, 1000, 3000, 6000]


def trained(gan):
    """Metrics of each round, and ten samples, always of the same latents, at each mark."""
    state, done, histories, samples = None, 0, [], []
    for mark in marks:
        state, history = jaxgan.fit(
            key, gan, dataset, mark - done, batch_size=64, model_range=(0.0, 1.0), state=state
        )
        samples.append(np.asarray(jaxgan.sample(sample_key, gan, state, 10)))
        histories.append(history)
        done = mark
    history = {name: np.concatenate([h[name] for h in histories]) for name in histories[0]}
    return [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)], samples


rows, samples = trained(gan)
plots.training_curves(rows)

# %% [markdown]
# The thin lines are single rounds, the thick ones running means. This discriminator stays ahead: it
# is right on most images, real and generated, its loss falls and the generator's rises. Here is what
# the generator makes of ten latents, after more and more rounds:

# %%
names = [f"{mark:,}" for mark in marks]
plots.samples(np.concatenate(samples), 0.0, 1.0, columns=10, row_labels=names)

# %% [markdown]
# ## Towards 50 %
#
# The value function's equilibrium has $D = 1/2$ everywhere and an accuracy of 50 %. Without help the
# discriminator overshoots: its gradient on the data does not vanish there. The R1 penalty,
# $\frac{\gamma}{2} E \|\nabla_x D\|^2$ on real images, makes it vanish (the next notebook shows
# why that is what convergence needs). One line more:

# %%
calm = jaxgan.GAN(
    generator=gan.generator,
    discriminator=gan.discriminator,
    latent=gan.latent,
    loss=gan.loss,
    penalties=(jaxgan.penalty(regularizers.r1, gamma=5.0),),
    generator_optimizer=gan.generator_optimizer,
    discriminator_optimizer=gan.discriminator_optimizer,
    ema_decay=0.99,
)
calm_rows, calm_samples = trained(calm)
plots.training_curves(calm_rows)

# %% [markdown]
# Now accuracy goes to 50 % on both sides and the losses to $\log 4 = 1.39$ and $\log 2 = 0.69$, their
# values at $D = 1/2$, and stay there. The samples, of the averaged generator:

# %%
plots.samples(np.concatenate(calm_samples), 0.0, 1.0, columns=10, row_labels=names)

# %% [markdown]
# An accuracy of 50 % alone proves nothing: a constant discriminator has it too. `jaxgan.monitor` asks
# that accuracies be near 50 % for long *and* that the logits differ:

# %%
tail = len(rows) // 5
for name, each in (("vanilla", rows), ("with R1", calm_rows)):
    means = {m: np.mean([row[m] for row in each[-tail:]]) for m in ("accuracy_real", "accuracy_fake")}
    print(name, "-", ", ".join(f"{m} {x:.2f}" for m, x in means.items()))
    for finding in jaxgan.monitor.findings(each):
        print("  ", finding.message)

# %% [markdown]
# ## What to try
#
# - `losses.minimax` instead: how long does the generator stand still?
# - `n_critic=5` in `fit`, or `alternation="epochs"`.
# - On the command line: `jaxgan train mnist-mlp --data idx:DIR`, which resumes, scores and saves.

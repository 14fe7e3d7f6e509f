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
# # 7. Many devices, the same numbers
#
# **What it shows:** the same training step on one device, on eight devices with `jit` and on eight
# devices with `pmap`. Noise is keyed by the index of a sample in the global batch, and the results
# agree up to float32 rounding. **What it needs:** jaxgan and a CPU, which XLA splits into eight
# simulated devices. **How long it takes:** less than a minute.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import jaxgan
from jaxgan import data, latents, losses, parallel, plots, regularizers
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.parallel.global_batch import sample_index

print(len(jax.devices()), "devices")

# %% [markdown]
# ## Noise belongs to a sample, not to a device
#
# Under `pmap` every device runs the same program with the same key. If a device draws its noise
# from that key alone, all devices draw the same noise. jaxgan folds the index of each sample in the
# global batch into the key. The figure shows sixteen latents of eight values, one per row and two
# per device:

# %%
key = jax.random.key(0)
latent = latents.normal(8)


def by_index(key, device):
    """As the library does: one key per sample of the global batch."""
    return latent(key, sample_index(2, "devices"))


def by_device(key, device):
    """The usual mistake: one key for all devices."""
    return jax.random.normal(key, (2, 8))


def on_devices(draw):
    """Latents [16, 8] in the order of the devices."""
    mapped = jax.pmap(draw, axis_name="devices", in_axes=(None, 0))
    return np.asarray(mapped(key, jnp.arange(8))).reshape(16, 8)


whole = np.asarray(latent(key, jnp.arange(16)))
noise = {
    "1 device": whole,
    "8 devices, key per sample": on_devices(by_index),
    "8 devices, one key": on_devices(by_device),
}
for name, rows in noise.items():
    equal = "equal to 1 device" if (rows == whole).all() else "not equal to 1 device"
    print(f"{name:26s} {len(np.unique(rows, axis=0)):2d} distinct rows of 16, {equal}")

figure = Figure(figsize=(6.8, 3.4), layout="constrained")
all_axes = figure.subplots(1, 3, sharey=True)
for axes, (name, rows) in zip(all_axes, noise.items(), strict=True):
    shown = axes.imshow(rows, cmap="PuOr", vmin=-2.5, vmax=2.5, aspect="auto")
    axes.hlines(np.arange(2, 16, 2) - 0.5, -0.5, 7.5, colors="black", linewidths=0.6)
    axes.set_title(name, fontsize=10)
    axes.set(xlabel="latent dimension", xticks=[0, 7], yticks=[0, 5, 10, 15])
all_axes[0].set_ylabel("sample in the global batch")
figure.colorbar(shown, ax=all_axes, label="value of the latent", shrink=0.8)
figure

# %% [markdown]
# Black lines separate the two samples of each device from those of the next.
#
# ## One step, three ways
#
# Every operation across samples covers the global batch. Here these are the relativistic *average*
# loss and the gradient penalty, which draws one mixing weight per sample. `jit_step` shards the
# batch over a mesh, and XLA inserts the communication. `pmap_step` runs a step that was built with
# the name of the device axis.

# %%
gan = jaxgan.GAN(
    generator=jaxgan.from_linen(MLPGenerator((8, 8, 1), hidden=(128, 128))),
    discriminator=jaxgan.from_linen(MLPDiscriminator(hidden=(128, 128), dropout=0.3)),
    latent=latents.normal(32),
    loss=losses.relativistic_average,
    penalties=(jaxgan.penalty(regularizers.gradient_penalty, 1.0),),
    generator_optimizer=optax.adam(1e-3, b1=0.5),
    discriminator_optimizer=optax.adam(1e-3, b1=0.5),
)
digits = data.load("digits")
x = data.scale(digits.x, (0, 16), (0.0, 1.0))
steps = {
    "1 device": jax.jit(jaxgan.make_train_step(gan)),
    "8 devices, jit": parallel.jit_step(jaxgan.make_train_step(gan), parallel.make_mesh(8)),
    "8 devices, pmap": parallel.pmap_step(jaxgan.make_train_step(gan, axis_name=parallel.AXIS), 8),
}


def played(step, rounds=30):
    """The discriminator loss of each round, and the generator's parameters at the end."""
    state = jax.jit(lambda key: jaxgan.init(key, gan, x[:64]))(jax.random.key(1))
    losses_of_rounds = []
    for number in range(rounds):
        batch = jnp.asarray(x[64 * (number % 28) : 64 * (number % 28 + 1)])
        state, metrics = step(jax.random.fold_in(key, number), state, batch)
        losses_of_rounds.append(float(metrics["discriminator_loss"]))
    return np.array(losses_of_rounds), state.generator.params


results = {name: played(step) for name, step in steps.items()}
reference, params = results["1 device"]
print("discriminator loss on 1 device:", *(f"{loss:.3f}" for loss in reference[:6]), "...")
gaps = {
    f"{name} minus 1 device": 1e7 * (found - reference)
    for name, (found, _) in results.items()
    if name != "1 device"
}
plots.lines(np.arange(1, 31), gaps, "round", "difference of the loss, $10^{-7}$")

# %% [markdown]
# The losses are equal up to float32 rounding: one unit in the last place of a loss near 1 is
# $1.2 \times 10^{-7}$. Sums in a different order differ in the last bits, and training carries such
# differences from round to round. The largest differences are:

# %%
for name, (found, own) in results.items():
    gaps = jax.tree.map(lambda a, b: np.abs(np.asarray(a) - np.asarray(b)).max(), own, params)
    loss_gap = np.abs(found - reference).max()
    print(f"{name:16s} loss {loss_gap:.1e}   parameters {max(jax.tree.leaves(gaps)):.1e}")

# %% [markdown]
# ## A common mistake
#
# Without the axis name each device would use the averages of its own samples in the loss, and all
# devices would draw the same dropout masks. Averaging the gradients afterwards does not correct
# this. Compare the loss of a batch of 16 with the mean of the losses of eight devices that hold two
# samples each:

# %%
real_logits, fake_logits = 2.0 * jax.random.normal(key, (2, 16))
loss = losses.relativistic_average.discriminator
whole = float(loss(real_logits, fake_logits))
parts = [loss(real_logits[i : i + 2], fake_logits[i : i + 2]) for i in range(0, 16, 2)]
print(f"loss of the batch {whole:.3f}, mean over the devices {np.mean(parts):.3f}")

# %% [markdown]
# ## What to try
#
# - In a shell, set `XLA_FLAGS=--xla_force_host_platform_device_count=8`, start on eight devices
#   with `jaxgan train --parallel pmap --devices 8 --out RUN`, interrupt it, and continue on one
#   device with `jaxgan resume RUN --devices 1`.
# - On a machine with several GPUs, remove the two lines that set `os.environ`.
# - Use `losses.relativistic`, whose pairs stay on one device. How much do the losses differ then?

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
# **What it shows:** one pure step on one device, on eight under `jit` and on eight under `pmap`;
# that noise is drawn by a sample's place in the global batch; and that results agree to rounding.
# **What it needs:** jaxgan and a CPU, which XLA splits into eight simulated devices.
# **How long it takes:** less than a minute.

# %%
# %matplotlib inline
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan import data, latents, losses, parallel, plots, regularizers
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.parallel.global_batch import sample_index

print(len(jax.devices()), "devices")

# %% [markdown]
# ## Noise belongs to a sample, not to a device
#
# Under `pmap` every device runs the same program with the same key. If it draws its noise from that
# key, all devices draw the same. jaxgan folds each sample's index in the global batch into the key.
# Sixteen latents of eight values, two a device, one row each:

# %%
key = jax.random.key(0)
latent = latents.normal(8)


def by_index(key, device):
    """The library's way: which samples are mine?"""
    return latent(key, sample_index(2, "devices"))


def by_device(key, device):
    """The usual mistake."""
    return jax.random.normal(key, (2, 8))


def on_devices(draw):
    """Rows [16, 8] in the order of the devices."""
    mapped = jax.pmap(draw, axis_name="devices", in_axes=(None, 0))
    return np.asarray(mapped(key, jnp.arange(8))).reshape(16, 8)


whole = np.asarray(latent(key, jnp.arange(16)))
rows = {"one device": whole, "8 devices, by index": on_devices(by_index)}
rows["8 devices, one key"] = on_devices(by_device)
pictures = np.stack(list(rows.values()))[..., None]
print("by index equals one device:", bool((rows["8 devices, by index"] == whole).all()))
print("different rows, of 16:", {name: len(np.unique(x, axis=0)) for name, x in rows.items()})
plots.samples(pictures, -2.5, 2.5, columns=3, title=",  ".join(rows))

# %% [markdown]
# ## One step, three ways
#
# Everything that looks across samples does so over the global batch: here the relativistic
# *average* loss, and the penalty that draws a mixing weight for each sample. `jit_step` splits the
# batch over a mesh and lets XLA see to the rest; `pmap_step` runs a step that knows the name of
# the device axis.

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
    """Losses of each round, and the parameters at the end."""
    state = jax.jit(lambda key: jaxgan.init(key, gan, x[:64]))(jax.random.key(1))
    found = []
    for number in range(rounds):
        batch = jnp.asarray(x[64 * (number % 28) : 64 * (number % 28 + 1)])
        state, metrics = step(jax.random.fold_in(key, number), state, batch)
        found.append(float(metrics["discriminator_loss"]))
    return np.array(found), state.generator.params


results = {name: played(step) for name, step in steps.items()}
plots.lines(
    np.arange(1, 31),
    {name: found for name, (found, _) in results.items()},
    "rounds",
    "discriminator's loss",
)

# %% [markdown]
# The three curves are one. How far apart are they? Floating-point sums in another order differ in
# the last bits, and a game carries such differences on from round to round:

# %%
reference, params = results["1 device"]
for name, (found, own) in results.items():
    gaps = jax.tree.map(lambda a, b: np.abs(np.asarray(a) - np.asarray(b)).max(), own, params)
    loss_gap = np.abs(found - reference).max()
    print(f"{name:16s} loss {loss_gap:.1e}   parameters {max(jax.tree.leaves(gaps)):.1e}")

# %% [markdown]
# ## And done carelessly?
#
# Without the name of the axis each device would have its own averages in the loss, and all would
# draw the same masks, those of the first samples. Averaging the gradients afterwards does not mend
# that. The loss of a batch of 16, and the mean of the losses of eight devices with two samples
# each:

# %%
real_logits, fake_logits = 2.0 * jax.random.normal(key, (2, 16))
loss = losses.relativistic_average.discriminator
whole = float(loss(real_logits, fake_logits))
parts = [loss(real_logits[i : i + 2], fake_logits[i : i + 2]) for i in range(0, 16, 2)]
print(f"over the batch {whole:.3f}, mean over the devices {np.mean(parts):.3f}")

# %% [markdown]
# ## What to try
#
# - In a shell: `XLA_FLAGS=--xla_force_host_platform_device_count=8 jaxgan train --parallel pmap
#   --devices 8 --out RUN`, and then `jaxgan train --out RUN --steps 21000`, on one device.
# - A real machine with several GPUs: leave out the two lines that set `os.environ`.
# - `losses.relativistic`, whose pairs stay within a device: how much do the parts differ then?

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
# # 6. The families
#
# **What it shows:** conditional GANs, DCGANs, Laplacian pyramids and super-resolution as
# configurations of one `jaxgan.GAN`. They differ in their networks, their condition and their view
# of the data. The notebook also shows truncation and paths through the latent space of a trained
# generator. **What it needs:** jaxgan. The 8×8 digits and two photographs are part of scikit-learn.
# **How long it takes:** about five minutes on two CPU cores. The networks are small and are trained
# briefly. The README lists the results of the full recipes.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
import dataclasses
import os

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import jaxgan
from jaxgan import data, latents, metrics, plots
from jaxgan.images import pyramid, resampling
from jaxgan.models import SRResNet
from jaxgan.recipes import STAGED, recipe

QUICK = bool(os.environ.get("JAXGAN_QUICK"))
key, sample_key = jax.random.split(jax.random.key(0))
digits = data.load("digits")


def grid(images, columns, row_labels=None, low=0.0):
    """A grid of images with values from `low` to 1, enlarged by bicubic interpolation."""
    images = resampling.bicubic(jnp.asarray(images), (28, 28))
    return plots.samples(images, low, 1.0, columns, row_labels)


# %% [markdown]
# ## Conditional: the label is a second input
#
# A recipe is a complete configuration. Its `gan` returns the `jaxgan.GAN` for samples of a given
# shape, and its `plan` states how it is trained. This recipe passes the label to both players as an
# additional input.

# %%
cgan = recipe("cgan").gan(digits.shape, 10)
plan = jaxgan.Plan(model_range=(0.0, 1.0), conditional=True)
state, _ = jaxgan.fit(key, cgan, digits, 50 if QUICK else 8000, plan)
labels = np.repeat(np.arange(10), 8)
generated = jaxgan.sample(sample_key, cgan, state, len(labels), labels)
grid(generated, 8, [str(label) for label in range(10)])

# %% [markdown]
# `make_generate` returns the EMA generator as a function of latents. In the next figure each row
# shares a latent (writing style); the label selects the digit.

# %%
generate = jax.jit(jaxgan.make_generate(key, cgan, state))
two = latents.normal(64)(sample_key, jnp.arange(2))
rows = [generate(jnp.repeat(z[None], 10, axis=0), jnp.arange(10)) for z in two]
grid(np.concatenate(rows), 10, ["latent 1", "latent 2"])

# %% [markdown]
# ## Truncation
#
# Latents close to 0 give more typical and less diverse samples, in this example of the digit 5. The
# latent distribution is a part of the GAN and can be replaced after training:

# %%
rows, stds = [], {}
for bound in (0.3, 0.7, 1.5, 4.0):
    truncated = dataclasses.replace(cgan, latent=latents.truncated_normal(64, bound))
    fives = np.asarray(jaxgan.sample(sample_key, truncated, state, 200, np.repeat(5, 200)))
    rows.append(fives[:10])
    stds[bound] = fives.std(axis=0).mean()
print("mean standard deviation of a pixel, by bound:")
print(", ".join(f"{bound}: {std:.3f}" for bound, std in stds.items()))
grid(np.concatenate(rows), 10, [f"|z| < {bound}" for bound in stds])

# %% [markdown]
# ## DCGAN: the networks are convolutional
#
# `DCGANGenerator` and `DCGANDiscriminator` adapt to the size of the images. The recipe has uniform
# latents. This example uses normal ones, because it interpolates between them below. Its EMA decays
# faster than that of the recipe, because the training is shorter. After 1,500 updates some samples
# are not readable digits.

# %%
dcgan = dataclasses.replace(
    recipe("dcgan").gan(digits.shape, None), latent=latents.normal(100), ema_decay=0.99
)
plan = jaxgan.Plan(model_range=(-1.0, 1.0))
state, history = jaxgan.fit(key, dcgan, digits, 20 if QUICK else 1500, plan)
grid(jaxgan.sample(sample_key, dcgan, state, 40), 10, low=-1.0)

# %% [markdown]
# ## Between two latents
#
# Two latents can be joined by a straight line (linear interpolation) or by a great circle
# (spherical interpolation). In 100 dimensions almost all normal latents have a norm close to 10. A
# straight line passes through smaller norms, which do not occur in training, while spherical
# interpolation keeps the norm. The ends are the four of 40 samples with the highest logits:

# %%
generate = jax.jit(jaxgan.make_generate(key, dcgan, state))
drawn = dcgan.latent(sample_key, jnp.arange(40))
logits = jaxgan.make_discriminate(key, dcgan, state)(generate(drawn))
ends = drawn[jnp.argsort(-logits)[:4]]
rows, names = [], []
for start, end in ((ends[0], ends[1]), (ends[2], ends[3])):
    for name, interpolate in (("linear", latents.lerp), ("spherical", latents.slerp)):
        path = interpolate(start, end, 10)
        rows.append(generate(path))
        names.append(name)
        print(f"{name:10s} norms:", *(f"{norm:5.2f}" for norm in jnp.linalg.norm(path, axis=1)))
grid(np.concatenate(rows), 10, names, low=-1.0)

# %% [markdown]
# The norms differ, but on these small images both interpolations look alike.
#
# ## LAPGAN: one GAN per level of a pyramid
#
# A Laplacian pyramid stores a small image and, for each level, the band of detail that the enlarged
# image lacks. Their sum is the image, up to rounding:

# %%
photos = data.load("photos")
photo = data.scale(photos.x[30:31], (0, 255), (0.0, 1.0))
levels = pyramid.laplacian_pyramid(jnp.asarray(photo), 3)
print("levels:", [level.shape[1:3] for level in levels])
print(
    "largest error of the reconstruction:",
    float(jnp.abs(pyramid.reconstruct(levels) - photo).max()),
)


def enlarged(level):
    """A level at the size of the image. Bands have their contrast doubled, with 0 as grey."""
    factor = photo.shape[1] // level.shape[1]
    x = np.asarray(level).repeat(factor, axis=1).repeat(factor, axis=2)
    return x if level.min() >= 0 else 0.5 + 2 * x


figure = plots.samples(np.concatenate([*map(enlarged, levels), photo]), 0.0, 1.0, 4)
(axes,) = figure.axes
for number, name in enumerate(("small image", "band 1", "band 2", "sum")):
    axes.text((number + 0.5) / 4, -0.03, name, ha="center", va="top", transform=axes.transAxes)
figure

# %% [markdown]
# Each level is an independent GAN. The first generates small images, and each of the others
# generates a band conditioned on the enlarged image of the level below. The recipe `lapgan` has
# three stages, which generate 2×2, 4×4 and 8×8 digits here. The figure shows the last two. Each
# column is one sample. After this short training most of them only resemble digits.

# %%
levels = []
for stage in STAGED["lapgan"].stages:
    gan = dataclasses.replace(stage.gan(digits.shape, None), ema_decay=0.99)
    steps = 10 if QUICK else 3000 if stage.stage == "coarse" else 600
    state, _ = jaxgan.fit(key, gan, digits, steps, plan)
    levels.append(
        lambda key, low, index, gan=gan, state=state: jaxgan.sample(
            key, gan, state, len(index), low
        )
    )

sizes = pyramid.sample_pyramid(sample_key, levels, jnp.arange(10))
rows = [resampling.bicubic(x, (28, 28)) for x in sizes[1:]]
grid(np.concatenate(rows), 10, ["4x4", "8x8"], low=-1.0)

# %% [markdown]
# ## Super-resolution: the condition is the small image
#
# The generator receives an image of a quarter of the size and no latent. The first stage of the
# recipe `srgan` has no discriminator either: the mean squared error is a term of the generator's
# loss. The second stage adds the adversarial loss. Any Flax module can be the generator. Because
# the training in this notebook is short, this one adds detail to the bicubic enlargement. It is
# trained on patches of two photographs and evaluated on patches from a part that it has not seen.


# %%
class Detail(nn.Module):
    """Enlarges images by four: bicubic interpolation plus the output of a small SRResNet."""

    @nn.compact
    def __call__(self, small):
        """Images [batch, 4 height, 4 width, 3]."""
        size = (4 * small.shape[1], 4 * small.shape[2])
        added = SRResNet(4, features=32, blocks=4, norm="none")(small, train=True)
        return resampling.bicubic(small, size) + 0.1 * added


seen, held_out = photos.x[:169], photos.x[[186, 188, 201, 203]]
quarters = np.concatenate([seen[:, i : i + 48, j : j + 48] for i in (0, 48) for j in (0, 48)])
gan = dataclasses.replace(
    STAGED["srgan"].stages[0].gan(quarters.shape[1:], None),
    generator=jaxgan.without_latents(jaxgan.from_linen(Detail())),
)
plan = jaxgan.Plan(batch_size=16, model_range=(-1.0, 1.0), flip=True, update="simultaneous")
state, _ = jaxgan.fit(key, gan, quarters, 2 if QUICK else 500, plan)

truth = jnp.asarray(data.scale(held_out, (0, 255), (-1.0, 1.0)))
small = resampling.bicubic(truth, (24, 24))
bicubic = resampling.bicubic(small, (96, 96))
enlarged = jaxgan.sample(sample_key, gan, state, len(small), small)
for name, x in (("bicubic", bicubic), ("model", enlarged)):
    print(f"{name:8s} PSNR {float(metrics.psnr(truth, jnp.clip(x, -1, 1), 2.0).mean()):.2f} dB")
parts = [resampling.nearest(small, (96, 96)), bicubic, enlarged, truth]
plots.samples(
    np.concatenate(parts), -1.0, 1.0, len(small), ["input", "bicubic", "model", "original"]
)

# %% [markdown]
# ## What to try
#
# - Use `recipe("acgan")`. Its discriminator predicts the label instead of receiving it.
# - Train for longer. `jaxgan recipes NAME` prints the number of steps, the time and the results of
#   each recipe.
# - Use your own images: `jaxgan train lapgan --data idx:DIR` and
#   `jaxgan train srgan --data patches:DIR@64`.

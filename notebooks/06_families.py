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
# **What it shows:** that conditional GANs, DCGANs, Laplacian pyramids and super-resolution are
# settings of one game: other networks, a condition, another view of the data. And what can be done
# with a trained generator: ways through the latent space, truncation. **What it needs:** jaxgan; the
# digits and two photographs come with scikit-learn. **How long it takes:** about six minutes on two
# CPU cores. The networks are small and trained briefly; the README has the measured runs.

# %%
# %matplotlib inline
import dataclasses
import os

import jax
import jax.numpy as jnp
import numpy as np

import jaxgan
from jaxgan import data, latents, metrics, plots, pyramid, resampling
from jaxgan.recipes import STAGED, recipe

QUICK = bool(os.environ.get("JAXGAN_QUICK"))
key, sample_key = jax.random.split(jax.random.key(0))
digits = data.load("digits")

# %% [markdown]
# ## Conditional: the label is a second input
#
# A recipe is a complete setting: its `gan` makes the `jaxgan.GAN` for samples of a shape, its `plan`
# says how it is trained. This one gives the label to both players, as further inputs.

# %%
cgan = recipe("cgan").gan(digits.shape, 10)
state, _ = jaxgan.fit(
    key, cgan, digits, 50 if QUICK else 8000, model_range=(0.0, 1.0), conditional=True
)
labels = np.repeat(np.arange(10), 8)
made = jaxgan.sample(sample_key, cgan, state, len(labels), labels)
plots.samples(made, 0.0, 1.0, columns=8, row_labels=[str(c) for c in range(10)])

# %% [markdown]
# ## Between two latents
#
# `make_generate` makes the averaged generator a function of latents of one's own choice. The label
# stays; only the latent moves, along a straight line or along a great circle. In 64 dimensions normal
# latents nearly all have a length near 8. The straight line leaves that shell:

# %%
generate = jax.jit(jaxgan.make_generate(key, cgan, state))
start, end = latents.normal(64)(sample_key, jnp.arange(2))
ways = {
    "linear": latents.linear_path(start, end, 9),
    "spherical": latents.spherical_path(start, end, 9),
}
for name, way in ways.items():
    print(f"{name:10s}", "lengths:", *(f"{x:5.2f}" for x in jnp.linalg.norm(way, axis=1)))

rows, names = [], []
for label in (3, 8):
    for name, way in ways.items():
        rows.append(generate(way, jnp.full(len(way), label)))
        names.append(f"{label}, {name}")
plots.interpolation_strip(np.stack(rows), 0.0, 1.0, names)

# %% [markdown]
# The other way round: one latent, and each of the ten labels. What the latent keeps is the hand: slant
# and weight of the strokes.

# %%
rows = [generate(jnp.repeat(z[None], 10, axis=0), jnp.arange(10)) for z in (start, end)]
plots.interpolation_strip(np.stack(rows), 0.0, 1.0, ["one latent", "another"])

# %% [markdown]
# ## Truncation
#
# Latents nearer to the middle give more typical and less varied samples. The latent distribution is
# a part of the setting like any other, and can be replaced after training:

# %%
rows, spreads = [], {}
for bound in (0.3, 0.7, 1.5, 4.0):
    truncated = dataclasses.replace(cgan, latent=latents.truncated_normal(64, bound))
    made = np.asarray(jaxgan.sample(sample_key, truncated, state, 200, np.repeat(5, 200)))
    rows.append(made[:10])
    spreads[bound] = made.std(axis=0).mean()
print("mean deviation of a pixel:", ", ".join(f"{b}: {s:.3f}" for b, s in spreads.items()))
plots.samples(np.concatenate(rows), 0.0, 1.0, 10, [f"|z| < {bound}" for bound in spreads])

# %% [markdown]
# ## DCGAN: the networks are convolutional
#
# The same game with `DCGANGenerator` and `DCGANDiscriminator`, which fit any size of image.

# %%
dcgan = recipe("dcgan").gan(digits.shape, None)
state, history = jaxgan.fit(key, dcgan, digits, 20 if QUICK else 1500, model_range=(-1.0, 1.0))
plots.samples(jaxgan.sample(sample_key, dcgan, state, 40), -1.0, 1.0, columns=10)

# %% [markdown]
# ## LAPGAN: a pyramid of games
#
# A Laplacian pyramid keeps a small image and, level by level, the band of detail that the doubled
# image lacks. Adding them up gives back the image, to rounding:

# %%
photos = data.load("photos")
photo = data.scale(photos.x[3:4], (0, 255), (0.0, 1.0))
levels = pyramid.laplacian_pyramid(jnp.asarray(photo), 3)
print("levels:", [level.shape[1:3] for level in levels])
print("largest error:", float(jnp.abs(pyramid.reconstruct(levels) - photo).max()))


def enlarged(level):
    """A level at the size of the image; bands around grey."""
    factor = photo.shape[1] // level.shape[1]
    x = np.asarray(level).repeat(factor, axis=1).repeat(factor, axis=2)
    return x if level.min() >= 0 else 0.5 + 2 * x


plots.samples(
    np.concatenate([enlarged(level) for level in levels] + [photo]), 0.0, 1.0, 4,
    title="smallest level, two bands (times 2), their sum",
)  # fmt: skip

# %% [markdown]
# Each level is a GAN of its own, trained by itself: the first makes small images, the others make a
# band on the condition of the image doubled so far. The recipe `lapgan` has three stages; here the
# digits' 8x8 images are made from 2x2 ones.

# %%
levels = []
for stage in STAGED["lapgan"].stages:
    gan = stage.gan(digits.shape, None)
    steps = 10 if QUICK else 3000 if stage.stage == "coarse" else 600
    state, _ = jaxgan.fit(key, gan, digits, steps, model_range=(-1.0, 1.0))
    levels.append(
        lambda key, low, index, gan=gan, state=state: jaxgan.sample(
            key, gan, state, len(index), low
        )
    )

sizes = pyramid.sample_pyramid(sample_key, levels, jnp.arange(12))
rows = [np.asarray(x).repeat(8 // x.shape[1], axis=1).repeat(8 // x.shape[1], axis=2) for x in sizes]
plots.samples(np.concatenate(rows), -1.0, 1.0, 12, ["2x2", "4x4", "8x8"])

# %% [markdown]
# ## Super-resolution: the condition is the small image
#
# SRResNet enlarges by four. There is no latent, and in this first stage no discriminator either: the
# squared error is a term of the generator's loss. (The second stage, SRGAN, adds the adversarial loss:
# `jaxgan train srgan`.) It trains on patches of two photographs; the ones shown are of a strip that
# it has not seen.

# %%
training, held_out = photos.x[:169], photos.x[-10:-4:2]
gan = STAGED["srgan"].stages[0].gan(photos.shape, None)
state, _ = jaxgan.fit(
    key, gan, training, 2 if QUICK else 400, batch_size=8, model_range=(-1.0, 1.0), flip=True,
    update="simultaneous",
)  # fmt: skip

truth = jnp.asarray(data.scale(held_out, (0, 255), (-1.0, 1.0)))
small = resampling.bicubic(truth, (24, 24))
bicubic = resampling.bicubic(small, (96, 96))
enlarged = jaxgan.sample(sample_key, gan, state, len(small), small)
for name, x in (("bicubic", bicubic), ("SRResNet", enlarged)):
    print(f"{name:9s} PSNR {float(metrics.psnr(truth, jnp.clip(x, -1, 1), 2.0).mean()):.2f} dB")
parts = [resampling.nearest(small, (96, 96)), bicubic, enlarged, truth]
titles = ["given", "bicubic", "SRResNet", "truth"]
plots.samples(np.concatenate(parts), -1.0, 1.0, len(small), titles)

# %% [markdown]
# ## What to try
#
# - `recipe("acgan")`: the discriminator names the class instead of being told.
# - Longer: the recipes say in `jaxgan recipes` how many steps they take, how long, and what came out.
# - `jaxgan train lapgan --data idx:DIR`, `jaxgan train srgan --data patches:DIR@64`.

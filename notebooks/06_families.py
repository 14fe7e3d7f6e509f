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
# with a trained generator: ways through the latent space, truncation. **What it needs:** jaxgan;
# the digits and two photographs come with scikit-learn. **How long it takes:** about three minutes
# on two CPU cores. The networks are small and trained briefly; the README has the measured runs.

# %%
# %matplotlib inline
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

# %% [markdown]
# ## Conditional: the label is a second input
#
# A recipe is a complete setting: its `gan` makes the `jaxgan.GAN` for samples of a shape, its
# `plan` says how it is trained. This one gives the label to both players, as further inputs.

# %%
cgan = recipe("cgan").gan(digits.shape, 10)
plan = jaxgan.Plan(model_range=(0.0, 1.0), conditional=True)
state, _ = jaxgan.fit(key, cgan, digits, 50 if QUICK else 8000, plan)
labels = np.repeat(np.arange(10), 8)
made = jaxgan.sample(sample_key, cgan, state, len(labels), labels)
plots.samples(made, 0.0, 1.0, columns=8, row_labels=[str(c) for c in range(10)])

# %% [markdown]
# `make_generate` makes the averaged generator a function of latents of one's own choice. Here are
# two latents, each with the ten labels. What a latent keeps is the hand: slant and weight of the
# strokes.

# %%
generate = jax.jit(jaxgan.make_generate(key, cgan, state))
two = latents.normal(64)(sample_key, jnp.arange(2))
rows = [generate(jnp.repeat(z[None], 10, axis=0), jnp.arange(10)) for z in two]
plots.samples(np.concatenate(rows), 0.0, 1.0, 10, ["one latent", "another"])

# %% [markdown]
# ## Truncation
#
# Here are fives. Latents nearer to the middle give more typical and less varied samples. The
# latent distribution is a part of the setting like any other, and can be replaced after training:

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
# The same game with `DCGANGenerator` and `DCGANDiscriminator`, which fit any size of image. (The
# recipe's latents are uniform; ours are normal.)

# %%
dcgan = dataclasses.replace(recipe("dcgan").gan(digits.shape, None), latent=latents.normal(100))
plan = jaxgan.Plan(model_range=(-1.0, 1.0))
state, history = jaxgan.fit(key, dcgan, digits, 20 if QUICK else 1500, plan)
plots.samples(jaxgan.sample(sample_key, dcgan, state, 40), -1.0, 1.0, columns=10)

# %% [markdown]
# ## Between two latents
#
# Along a straight line, or along a great circle. In 100 dimensions normal latents nearly all have a
# length near 10; the straight line leaves that shell, where the generator has learnt nothing:

# %%
generate = jax.jit(jaxgan.make_generate(key, dcgan, state))
drawn = dcgan.latent(sample_key, jnp.arange(4))
rows, names = [], []
for start, end in ((drawn[0], drawn[1]), (drawn[2], drawn[3])):
    for path in (latents.lerp, latents.slerp):
        way = path(start, end, 10)
        rows.append(generate(way))
        names.append(path.__name__.removesuffix("_path"))
        print(f"{names[-1]:10s}", "lengths:", *(f"{x:5.2f}" for x in jnp.linalg.norm(way, axis=1)))
plots.interpolation_strip(np.stack(rows), -1.0, 1.0, names)

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
    state, _ = jaxgan.fit(key, gan, digits, steps, plan)
    levels.append(
        lambda key, low, index, gan=gan, state=state: jaxgan.sample(
            key, gan, state, len(index), low
        )
    )

sizes = pyramid.sample_pyramid(sample_key, levels, jnp.arange(12))
rows = [resampling.nearest(x, (8, 8)) for x in sizes]
plots.samples(np.concatenate(rows), -1.0, 1.0, 12, ["2x2", "4x4", "8x8"])

# %% [markdown]
# ## Super-resolution: the condition is the small image
#
# A generator that is given an image of a fourth of the size, and no latent. In this first stage of
# the recipe `srgan` there is no discriminator either: the squared error is a term of the
# generator's loss. (The second stage adds the adversarial loss.) Since our training is short, the
# network is one of our own, any flax module will do: it adds detail to the bicubic enlargement. It
# sees patches of two photographs; those shown are of a strip that it has not seen.


# %%
class Detail(nn.Module):
    """Images enlarged by four: bicubic, and what an SRResNet of four blocks adds."""

    @nn.compact
    def __call__(self, small):
        """Images [batch, 4 height, 4 width, 3]."""
        size = (4 * small.shape[1], 4 * small.shape[2])
        added = SRResNet(4, features=32, blocks=4, norm="none")(small, train=True)
        return resampling.bicubic(small, size) + 0.1 * added


seen, held_out = photos.x[:169], photos.x[-10:-4:2]
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
for name, x in (("bicubic", bicubic), ("learnt", enlarged)):
    print(f"{name:9s} PSNR {float(metrics.psnr(truth, jnp.clip(x, -1, 1), 2.0).mean()):.2f} dB")
parts = [resampling.nearest(small, (96, 96)), bicubic, enlarged, truth]
titles = ["given", "bicubic", "learnt", "truth"]
plots.samples(np.concatenate(parts), -1.0, 1.0, len(small), titles)

# %% [markdown]
# ## What to try
#
# - `recipe("acgan")`: the discriminator names the class instead of being told.
# - Longer: the recipes say in `jaxgan recipes` how many steps they take, how long, and what came
# out.
# - `jaxgan train lapgan --data idx:DIR`, `jaxgan train srgan --data patches:DIR@64`.

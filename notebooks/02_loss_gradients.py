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
# # 2. What each loss asks of the generator
#
# **What it shows:** every adversarial loss of the generator with its gradient, the distance between
# distributions that each loss estimates, the gradients on samples as arrows in the plane, and the
# effect of penalties on the discriminator. **What it needs:** jaxgan. **How long it takes:** about
# a minute.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.stats import norm

import jaxgan
from jaxgan import latents, losses, plots, regularizers
from jaxgan.models import MLPDiscriminator

QUICK = bool(os.environ.get("JAXGAN_QUICK"))

# %% [markdown]
# ## The generator's loss and its gradient
#
# The discriminator returns the logit $l$ for a generated sample, and $D(G(z)) = \sigma(l)$. The
# generator learns from this sample only through the derivative of its loss with respect to $l$.
# Early in training the discriminator rejects generated samples with confidence, so $l$ is far below
# 0.

# %%
pairs = {
    "minimax": losses.minimax,
    "non-saturating": losses.non_saturating,
    "least squares": losses.least_squares,
    "hinge": losses.hinge,
    "Wasserstein": losses.wasserstein,
    "relativistic": losses.relativistic,
}
plots.loss_gradients(pairs)

# %% [markdown]
# The derivatives are in the lower row. The **minimax** loss, $\log(1 - D)$, has the derivative
# $-\sigma(l) = -D$. It vanishes where $D$ is near 0, which is where the samples are worst. The
# **non-saturating** loss, $-\log D$, has the derivative $-\sigma(-l) = -(1 - D)$, which is largest
# there. Both losses are minimised by $D = 1$.
#
# **Hinge** and **Wasserstein** generators have the same loss, $-l$, with the derivative $-1$
# everywhere. The derivative of **least squares** is $l - 1$, which changes its sign at the target
# $l = 1$. The **relativistic** loss uses the difference from the logit of a real sample. Where the
# real logit is 0, as in these figures, it equals the non-saturating loss. Losses with the same
# curves share one line.

# %%
others = {
    "f-GAN, KL": losses.f_gan("kl"),
    "f-GAN, reverse KL": losses.f_gan("reverse_kl"),
    "f-GAN, Pearson": losses.f_gan("pearson"),
    "f-GAN, squared Hellinger": losses.f_gan("squared_hellinger"),
    "f-GAN, Jensen-Shannon": losses.f_gan("jensen_shannon"),
    "relativistic average": losses.relativistic_average,
}
plots.loss_gradients(others)

# %% [markdown]
# Each **f-GAN** loss belongs to one divergence. A loss that is flat for very negative logits
# saturates, as minimax does. For one real and one generated logit, the **relativistic average**
# loss is twice the relativistic loss. For a batch the two differ, because the average loss compares
# each sample with the mean of the other group.

# %%
logits = np.array([-4.0, 0.0, 4.0])
print("derivative at logit       -4       0       4")
for name, loss in pairs.items():
    _, gradients = plots.generator_curve(loss, logits)
    print(f"{name:20s}" + "".join(f"{gradient:8.3f}" for gradient in gradients))

# %% [markdown]
# ## The discriminator's loss
#
# Minimax and non-saturating GANs have the same discriminator loss. The hinge loss has no gradient
# once a logit is on the correct side of a margin of 1. The Wasserstein loss never becomes flat, so
# a penalty must bound the slope of its critic. Penalties follow at the end of this notebook.

# %%
plots.discriminator_losses(pairs)

# %% [markdown]
# ## The distance that each loss estimates
#
# With its optimal discriminator inserted, each loss becomes a distance between the data and the
# generator's distribution. In this example these are $N(0, 1)$ and $N(s, 1)$, with densities $p$
# and $q$, and the optimal logits are known:
#
# | loss | optimal logit | distance |
# |---|---|---|
# | minimax | $\log (p / q)$ | $2\,\mathrm{JS} - \log 4$ |
# | least squares | $p / (p + q)$ | $\chi^2 / 8 - 1/4$ with $\chi^2 = \int (p - q)^2 / (p + q)$ |
# | hinge | $\mathrm{sign}(p - q)$ | $2\,\mathrm{TV} - 2$ |
# | Wasserstein | $-x$ (slope 1 at most) | $W_1$ |
# | f-GAN, kl | $1 + \log (p / q)$ | $\mathrm{KL}(p \,\|\, q)$; other f-GANs: likewise |
# | non-saturating | $\log (p / q)$ | generator: $\mathrm{KL}(q \,\|\, p) - 2\,\mathrm{JS}$ |
#
# The last row is theorem 2.5 of Arjovsky & Bottou 2017, https://arxiv.org/abs/1701.04862.
# Relativistic losses compare pairs and have their own divergences, see Jolicoeur-Martineau 2020,
# https://arxiv.org/abs/1901.02474.

# %%
chances = (np.arange(20_000) + 0.5) / 20_000
quantiles = norm.ppf(chances)  # equally likely quantiles stand for samples


def at_optimum(loss, best_logit, shift):
    """Minus the loss of the optimal discriminator, a mean over both distributions."""

    def logits(x):
        return best_logit(x, norm.logpdf(x) - norm.logpdf(x, shift))

    return -float(loss.discriminator(logits(quantiles), logits(quantiles + shift)))


def distances(s):
    """The distances that five losses estimate, at shift s."""
    return {
        "JS (minimax)": (at_optimum(losses.minimax, lambda x, r: r, s) + np.log(4)) / 2,
        "TV (hinge)": (at_optimum(losses.hinge, lambda x, r: np.sign(r), s) + 2) / 2,
        "$\\chi^2$ (least squares)": 8
        * (at_optimum(losses.least_squares, lambda x, r: 1 / (1 + np.exp(-r)), s) + 1 / 4),
        "$W_1$ (Wasserstein)": at_optimum(losses.wasserstein, lambda x, r: -x, s),
        "KL (f-GAN)": at_optimum(losses.f_gan("kl"), lambda x, r: 1 + r, s),
    }


print(f"closed forms at shift 1: TV {2 * norm.cdf(0.5) - 1:.4f}, W_1 1, KL 0.5; from the losses:")
for name, distance in distances(1.0).items():
    print(f"  {name:24s} {distance:.4f}")

# %% [markdown]
# The next figure shows each distance as a fraction of its value at a shift of 6:

# %%
shifts = np.linspace(0.0, 6.0, 25)
found = [distances(shift) for shift in shifts]
curves = {name: np.array([d[name] for d in found]) / found[-1][name] for name in found[0]}
plots.lines(shifts, curves, "shift $s$ in standard deviations", "distance / distance at $s = 6$")

# %% [markdown]
# JS, TV and $\chi^2$ are flat where the distributions hardly overlap. There, a generator that
# follows the gradient of the *minimax* loss does not move. $W_1$ has a constant slope; the slope of
# KL grows with the shift.
#
# ## Gradients on samples in the plane
#
# The next part uses trained discriminators. The data form two clusters. The generator is fixed, so
# that the gradients on its samples can be compared. Both players are ordinary parts of a
# `jaxgan.GAN`.

# %%
key = jax.random.key(0)
real_key, fake_key, train_key = jax.random.split(key, 3)
STEPS = 200 if QUICK else 1500


def draw_real(key, num):
    """Points of two clusters, at (1, -1) and (1, 1)."""
    side_key, noise_key = jax.random.split(key)
    side = jax.random.rademacher(side_key, (num, 1), float)
    centres = jnp.array([[1.0, 0.0]]) + side * jnp.array([[0.0, 1.0]])
    return centres + 0.25 * jax.random.normal(noise_key, (num, 2))


def fixed_generator(params, model_state, z, *, keys, train, axis_name=None):
    """A generator without parameters, whose samples lie around (-1, 0)."""
    return jnp.array([[-1.0, 0.0]]) + 0.3 * z, model_state


def trained_critic(loss, penalties=()):
    """A trained discriminator for these data, as a function from points to logits."""
    gan = jaxgan.GAN(
        generator=jaxgan.Network(lambda key, z: ({}, {}), fixed_generator),
        discriminator=jaxgan.from_linen(MLPDiscriminator((64, 64), dropout=0.0)),
        latent=latents.normal(2),
        loss=loss,
        penalties=penalties,
        generator_optimizer=optax.sgd(0.0),
        discriminator_optimizer=optax.adam(2e-3, b1=0.5),
    )
    step = jaxgan.make_discriminator_step(gan)

    def update(state, key):
        data_key, step_key = jax.random.split(key)
        return step(step_key, state, draw_real(data_key, 128))

    init_key, loop_key = jax.random.split(train_key)

    @jax.jit
    def trained():
        state = jaxgan.init(init_key, gan, draw_real(real_key, 128))
        return jax.lax.scan(update, state, jax.random.split(loop_key, STEPS))[0].discriminator

    player = trained()

    @jax.jit
    def critic(x):
        keys = jax.random.split(key, len(x))  # unused: no layer of this network is random
        return gan.discriminator.apply(
            player.params, player.model_state, jnp.asarray(x), keys=keys, train=False
        )[0]

    return critic


# %% [markdown]
# Each discriminator has a penalty that bounds its slope, so that the arrows compare the losses. The
# Wasserstein critic has the gradient penalty of WGAN-GP, the others have a weak R1 penalty. The
# minimax and non-saturating losses share one discriminator.

# %%
real = draw_real(real_key, 200)
fake = fixed_generator({}, {}, jax.random.normal(fake_key, (40, 2)), keys=None, train=False)[0]
shown = fake[:12]
r1 = jaxgan.penalty(regularizers.r1, gamma=0.3)
gradient_penalty = jaxgan.penalty(regularizers.gradient_penalty, 10.0)

shared = trained_critic(losses.non_saturating, (r1,))
critics = {
    "minimax": shared,
    "non-saturating": shared,
    "Wasserstein": trained_critic(losses.wasserstein, (gradient_penalty,)),
    "relativistic": trained_critic(losses.relativistic, (r1,)),
}


def gradients(name):
    """Samples, and minus the gradient of the generator's loss on each, as if it were alone."""

    def loss(x):
        logits = critics[name](x)
        return len(x) * pairs[name].generator(critics[name](real[: len(x)]), logits)

    return shown, -jax.jit(jax.grad(loss))(shown)


fields = {name: gradients(name) for name in critics}
plots.gradient_fields(fields, real, {"minimax": shared, "non-saturating": shared})

# %% [markdown]
# The gradient on a sample is the loss derivative shown above times the discriminator's gradient.
# With the same discriminator (line: decision boundary) minimax gives almost no gradient to samples
# far on the wrong side; non-saturating gives them the largest. The gradient of the Wasserstein
# critic has a norm of about 1 everywhere. The relativistic loss compares each sample with a real
# one, whose logit is far higher, so its gradients are large as well. The Wasserstein and
# relativistic losses only use differences of logits, so they have no decision boundary.
#
# ## What penalties do to the discriminator
#
# The data and the generator stay the same, and only the penalty differs. Each panel has its own
# colour scale, and its title states the range of the logits.

# %%
landscapes = {
    "no penalty": trained_critic(losses.non_saturating),
    "R1, $\\gamma = 0.3$": shared,
    "gradient penalty": trained_critic(losses.non_saturating, (gradient_penalty,)),
}
square = np.stack(np.meshgrid(*[np.linspace(-2.5, 2.5, 60)] * 2), axis=-1).reshape(-1, 2)
ranges = {name: (float(f(square).min()), float(f(square).max())) for name, f in landscapes.items()}
titled = {
    f"{name}\nlogits {low:.1f} to {high:.1f}": landscapes[name]
    for name, (low, high) in ranges.items()
}
plots.landscapes(titled, (-2.5, 2.5), (-2.5, 2.5), real, fake)

# %% [markdown]
# The probabilities $D(x) = \sigma(\text{logit})$ of the first two have one scale. The difference is
# large:

# %%
probabilities = {
    name: lambda x, critic=critic: jax.nn.sigmoid(critic(x))
    for name, critic in list(landscapes.items())[:2]
}
plots.landscapes(probabilities, (-2.5, 2.5), (-2.5, 2.5), real, fake, probability=True)

# %%
print("gradient norm          on the data   on samples   in between")
for name, critic in landscapes.items():
    slope = jax.jit(jax.vmap(jax.grad(lambda x, critic=critic: critic(x[None])[0])))
    points = (real[:40], fake, (real[:40] + fake) / 2)
    norms = [float(jnp.linalg.norm(slope(x), axis=1).mean()) for x in points]
    print(f"{name:20s} {norms[0]:14.2f} {norms[1]:12.2f} {norms[2]:12.2f}")

# %% [markdown]
# Without a penalty the logits keep growing during training. $D(x)$ becomes a step between two
# plateaus, and a minimax generator learns nothing on a plateau. R1 penalises the slope on the data:
# the data lie on a ridge, and the logits stay small. The gradient penalty with weight 10 asks for a
# slope of 1 between samples and data, and the measured slope is close to 1.
#
# ## What to try
#
# - Remove the penalty of `shared`. How do the minimax arrows change, and why?
# - Pass `real_logit=3.0` to `plots.loss_gradients`. Only the relativistic curves change.
# - Use non-saturating generators with f-GANs: `losses.f_gan("kl", trick=True)`.

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
# **What it shows:** for every adversarial loss, what the generator minimises and how strongly it is
# pulled; which distance of distributions that is; the pull as arrows on a plane; and what penalties
# do to the discriminator's landscape. **What it needs:** jaxgan. **How long it takes:** about a
# minute.

# %%
# %matplotlib inline
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
# The discriminator gives a generated sample the logit $l$, and $D(G(z)) = \sigma(l)$. All that the
# generator learns from this sample comes through the derivative of its loss by $l$. Early in
# training the discriminator is sure: $l$ is far to the left.

# %%
names = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic")
pairs = {name: getattr(losses, name) for name in names}
plots.loss_gradients(pairs)

# %% [markdown]
# Below on the left: **minimax**, $\log(1 - D)$, has the derivative $-\sigma(l) = -D$. It vanishes
# where $D$ is near 0, just where the generator is worst. **Non-saturating**, $-\log D$, has
# $-\sigma(-l) = -(1 - D)$ instead, and is strongest there. Both want the same, $D = 1$.
#
# **Hinge** and **Wasserstein** generators have the same loss, $-l$, which always pulls by 1.
# **Least squares** pulls by $1 - l$: back again, if the logit is beyond 1. The **relativistic**
# loss takes the difference to the logit of a real sample; where that is 0, as here, it is the
# non-saturating one. (Curves that coincide are drawn one inside the other.)

# %%
names = ("kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon")
others = {f"f-GAN, {name}": losses.f_gan(name) for name in names}
others["relativistic average"] = losses.relativistic_average
plots.loss_gradients(others)

# %% [markdown]
# Each **f-GAN** pulls as its divergence asks; flat on the left means that it saturates as minimax
# does. The **relativistic average** loss of one real and one generated logit is twice the
# relativistic one; over a batch its averages make the difference.

# %%
logits = np.array([-4.0, 0.0, 4.0])
print("derivative at logit       -4       0       4")
for name, loss in pairs.items():
    _, gradients = plots.generator_curve(loss, logits)
    print(f"{name:20s}" + "".join(f"{gradient:8.3f}" for gradient in gradients))

# %% [markdown]
# ## The discriminator's loss
#
# Minimax and non-saturating discriminators are the same. Hinge stops caring once a logit is on the
# right side by 1. The Wasserstein critic never stops, so something must bound its slope: a penalty,
# at the end of this notebook.

# %%
plots.discriminator_losses(pairs)

# %% [markdown]
# ## What is minimised at the discriminator's best
#
# Put the best discriminator into each loss and what remains is a distance between the data and the
# generator's distribution. Here they are $N(0, 1)$ and $N(s, 1)$, with densities $p$ and $q$, and
# the best logits are known:
#
# | loss | best logit | what remains |
# |---|---|---|
# | minimax | $\log (p / q)$ | $2\,\mathrm{JS} - \log 4$ |
# | least squares | $p / (p + q)$ | $\chi^2 / 8 - 1/4$ with $\chi^2 = \int (p - q)^2 / (p + q)$ |
# | hinge | $\mathrm{sign}(p - q)$ | $2\,\mathrm{TV} - 2$ |
# | Wasserstein | $-x$ (slope 1 at most) | $W_1$ |
# | f-GAN, kl | $1 + \log (p / q)$ | $\mathrm{KL}(p \,\|\, q)$; every f-GAN that of its name |
# | non-saturating | $\log (p / q)$ | generator: $\mathrm{KL}(q \,\|\, p) - 2\,\mathrm{JS}$ |
#
# (The last is theorem 2.5 of Arjovsky & Bottou 2017, https://arxiv.org/abs/1701.04862.
# Relativistic losses compare pairs, and have divergences of their own: Jolicoeur-Martineau 2020,
# https://arxiv.org/abs/1901.02474.)

# %%
chances = (np.arange(20_000) + 0.5) / 20_000
quantiles = norm.ppf(chances)  # equally likely, they stand for samples


def remaining(loss, best_logit, shift):
    """Minus the discriminator's loss at its best, a mean over both distributions."""

    def logits(x):
        return best_logit(x, norm.logpdf(x) - norm.logpdf(x, shift))

    return -float(loss.discriminator(logits(quantiles), logits(quantiles + shift)))


def distances(s):
    """The distances that remain of five losses, at shift s."""
    return {
        "JS (minimax)": (remaining(losses.minimax, lambda x, r: r, s) + np.log(4)) / 2,
        "TV (hinge)": (remaining(losses.hinge, lambda x, r: np.sign(r), s) + 2) / 2,
        "$\\chi^2$ (least squares)": 8
        * (remaining(losses.least_squares, lambda x, r: 1 / (1 + np.exp(-r)), s) + 1 / 4),
        "$W_1$ (Wasserstein)": remaining(losses.wasserstein, lambda x, r: -x, s),
        "KL (f-GAN)": remaining(losses.f_gan("kl"), lambda x, r: 1 + r, s),
    }


print("shift 1 by closed forms: TV", f"{2 * norm.cdf(0.5) - 1:.4f}, W_1 1, KL 0.5; by the losses:")
for name, distance in distances(1.0).items():
    print(f"  {name:24s} {distance:.4f}")

# %% [markdown]
# Over the shift, each as a share of its value at a shift of 6:

# %%
shifts = np.linspace(0.0, 6.0, 25)
found = [distances(shift) for shift in shifts]
curves = {name: np.array([d[name] for d in found]) / found[-1][name] for name in found[0]}
plots.lines(shifts, curves, "shift $s$ of the generator, in std", "distance, share of that at 6")

# %% [markdown]
# JS, TV and $\chi^2$ are flat where the distributions hardly meet: there a generator that follows
# the slope of its *minimax* loss does not move. $W_1$ has the same slope everywhere, KL ever more.
#
# ## The pull on samples in the plane
#
# Now a discriminator that is trained: data in two clusters, and a generator that does not move, so
# that we see what each loss asks for. Both players are ordinary parts of a `jaxgan.GAN`.

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


def still(params, model_state, z, *, keys, train, axis_name=None):
    """A generator without parameters: points around (-1, 0)."""
    return jnp.array([[-1.0, 0.0]]) + 0.3 * z, model_state


def trained_critic(loss, penalties=()):
    """A discriminator of this problem, as a function from points to logits."""
    gan = jaxgan.GAN(
        generator=jaxgan.Network(lambda key, z: ({}, {}), still),
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
        keys = jax.random.split(key, len(x))  # no layer of this network draws anything
        return gan.discriminator.apply(
            player.params, player.model_state, jnp.asarray(x), keys=keys, train=False
        )[0]

    return critic


# %% [markdown]
# All critics have a penalty that keeps their slope bounded, so that the arrows compare the losses:
# the Wasserstein critic WGAN-GP's, the others a light R1. Minimax and non-saturating losses share
# their discriminator.

# %%
real = draw_real(real_key, 200)
fake = still({}, {}, jax.random.normal(fake_key, (40, 2)), keys=None, train=False)[0]
r1 = jaxgan.penalty(regularizers.r1, gamma=0.3)
gradient_penalty = jaxgan.penalty(regularizers.gradient_penalty, 10.0)

shared = trained_critic(losses.non_saturating, (r1,))
critics = {
    "minimax": shared,
    "non_saturating": shared,
    "wasserstein": trained_critic(losses.wasserstein, (gradient_penalty,)),
    "relativistic": trained_critic(losses.relativistic, (r1,)),
}


def pull(name):
    """Minus the gradient of the generator's loss by each sample, as if it were the only one."""

    def loss(x):
        logits = critics[name](x)
        return len(x) * pairs[name].generator(critics[name](real[: len(x)]), logits)

    return fake, -jax.jit(jax.grad(loss))(fake)


fields = {name: pull(name) for name in critics}
plots.gradient_fields(fields, real, {"minimax": shared, "non_saturating": shared})

# %% [markdown]
# The pull is the derivative from above times the critic's slope. By one and the same discriminator
# (the line is where it is undecided) minimax hardly pulls samples that are far on the wrong side;
# the non-saturating loss pulls those hardest. The Wasserstein critic pulls everywhere by about 1.
# The relativistic loss sets each sample against a real one, whose logit is far higher: it pulls
# firmly, too. What the last two call 0 means nothing, so no line is drawn.
#
# ## What penalties do to the landscape
#
# The same data and generator; only the penalty differs. Mind the scales.

# %%
landscapes = {
    "no penalty": trained_critic(losses.non_saturating),
    "R1, $\\gamma = 0.3$": shared,
    "gradient penalty, weight 10": trained_critic(losses.non_saturating, (gradient_penalty,)),
}
plots.landscapes(landscapes, (-2.5, 2.5), (-2.5, 2.5), real, fake)

# %% [markdown]
# As probabilities, $D(x) = \sigma(\text{logit})$, the first two look quite different:

# %%
probabilities = {
    name: lambda x, critic=critic: jax.nn.sigmoid(critic(x))
    for name, critic in list(landscapes.items())[:2]
}
plots.landscapes(probabilities, (-2.5, 2.5), (-2.5, 2.5), real, fake, probability=True)

# %%
print("norm of the gradient by x     on the data   on the samples   between")
for name, critic in landscapes.items():
    slope = jax.jit(jax.vmap(jax.grad(lambda x, critic=critic: critic(x[None])[0])))
    places = (real[:40], fake, (real[:40] + fake) / 2)
    norms = [float(jnp.linalg.norm(slope(x), axis=1).mean()) for x in places]
    print(f"{name:26s} {norms[0]:14.2f} {norms[1]:16.2f} {norms[2]:9.2f}")

# %% [markdown]
# Without a penalty the logits grow as long as training goes on: the landscape is steep everywhere,
# and $D(x)$ is a cliff between two plateaus, from which a minimax generator learns nothing. R1 asks
# for a flat landscape on the data: they come to lie on a ridge, and the logits stay small. The
# gradient penalty asks for a slope of 1 between the samples and the data, and gets about that.
#
# ## What to try
#
# - Leave the penalty of `shared` out. What becomes of the minimax arrows, and why?
# - `real_logit=3.0` in `plots.loss_gradients`: only the relativistic curves move.
# - The f-GANs with the trick that non-saturating is: `losses.f_gan("kl", trick=True)`.

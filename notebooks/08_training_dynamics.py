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
# # 8. Training dynamics: rules, spectra, phase diagrams, hyper-gradients
#
# **What it shows:** how update rules differ on the bilinear game and on a real GAN, where training
# works as a function of two settings, and how to tune a setting by its gradient through training.
# **What it needs:** jaxgan; read notebook 5 first. **How long it takes:** about six minutes on two
# CPU cores.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
import dataclasses
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan
from jaxgan import Params, Plan, data, games, latents, losses, metrics, plots, updates
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.population import geomspace, grid
from jaxgan.regularizers import r1, r2

QUICK = bool(os.environ.get("JAXGAN_QUICK"))

# %% [markdown]
# ## Rules on the bilinear game
#
# In the game $\min_x \max_y xy$ the vector field is a rotation. Simultaneous updates spiral
# outwards, alternating ones keep their distance, and rules that look ahead or correct the rotation
# converge. With the learning rate $h = 0.2$ each rule multiplies the distance to the equilibrium by
# a known factor per round, on average. (Alternating updates move on an ellipse, so two distances on
# it differ a little.)

# %%
rules = {
    "simultaneous": updates.simultaneous(),
    "alternating": updates.alternating(),
    "extragradient": updates.extragradient(),
    "optimistic": updates.optimistic(),
    "consensus": updates.consensus(1.0),
    "look-ahead": updates.lookahead(k=10, alpha=0.5),
    "Runge-Kutta 4": updates.runge_kutta(4),
}
bilinear = games.bilinear()
played = {
    name: jnp.stack(updates.play(bilinear, Params(1.0, 0.0), optax.sgd(0.2), rule, 200), axis=1)
    for name, rule in rules.items()
}
for name, path in played.items():
    distance = np.linalg.norm(path, axis=1)
    print(f"{name:14s} factor per round {(distance[200] / distance[100]) ** 0.01:.5f}")
plots.radii(played)

# %% [markdown]
# ## The spectrum of a real GAN
#
# At a batch, a GAN is such a game too: `games.at_batch` gives its two losses as functions of both
# networks' parameters. Here both networks are small MLPs, and the data are eight Gaussians on a
# circle. The eigenvalues of the Jacobian of the vector field say what training does near the
# present point: it contracts along directions whose eigenvalue has a negative real part, and it
# rotates where there is an imaginary part.

# %%
ring = data.load("ring8")
CENTRES, SIGMA = data.RING8_CENTRES, 0.03
mlps = jaxgan.GAN(
    generator=jaxgan.from_linen(MLPGenerator((2,), (25, 25), output=None)),
    discriminator=jaxgan.from_linen(MLPDiscriminator((25, 25), dropout=0.0)),
    latent=latents.normal(8),
    loss=losses.non_saturating,
    generator_optimizer=optax.rmsprop(1e-3, eps_in_sqrt=False),
    discriminator_optimizer=optax.rmsprop(1e-3, eps_in_sqrt=False),
)
batch = jnp.asarray(ring.x[:256])


def spectra(update, gan, steps):
    """The eigenvalues with the largest real parts and magnitudes, at some steps of training."""
    plan = Plan(batch_size=256, update=update, devices=1)
    start = jaxgan.init_run(jax.random.key(0), gan, ring, plan)
    found = {}
    for progress in jaxgan.iterate(gan, ring, steps, plan, start):
        if progress.step in (100, 300, 1000):
            state = progress.state.gan
            game = games.at_batch(jax.random.key(1), gan, state, batch)
            params = updates.params_of(state)
            found[progress.step] = np.concatenate(
                [
                    games.leading_eigenvalues(game, params, 4, "largest real part"),
                    games.leading_eigenvalues(game, params, 12, "largest magnitude"),
                ]
            )
    return found


STEPS = 100 if QUICK else 1000
compared = {
    "simultaneous": ("simultaneous", mlps),
    "extragradient": ("extragradient", mlps),
    "simultaneous, R1": (
        "simultaneous",
        dataclasses.replace(mlps, penalties=(jaxgan.penalty(r1, gamma=1.0),)),
    ),
}
if QUICK:
    compared = {"extragradient": compared["extragradient"]}
along = {name: spectra(rule, gan, STEPS) for name, (rule, gan) in compared.items()}
for name, at in along.items():
    for step, values in at.items():
        print(
            f"{name:18s} step {step:5d}: largest real part {values.real.max():8.3f}, "
            f"largest imaginary part {np.abs(values.imag).max():8.3f}"
        )
plots.eigenvalues({name: at[STEPS] for name, at in along.items()})

# %% [markdown]
# A rule changes how the players move, not the game at a point. Both games without a penalty have
# eigenvalues with larger real and imaginary parts: they are unstable and rotate faster. The penalty
# changes the game itself, because it bounds the discriminator's slopes.
#
# ## Where does it work?
#
# `jaxgan.fit_many` trains all settings and seeds in one compiled program. Each member gets its
# learning rate and its gamma as traced numbers. The score counts the modes of the ring that have
# samples.


# %%
def make_gan(learning_rate, gamma):
    """The relativistic GAN with R1 and R2."""
    adam = optax.adam(learning_rate, b1=0.0, b2=0.9)
    return dataclasses.replace(
        mlps,
        loss=losses.relativistic,
        penalties=(jaxgan.penalty(r1, gamma=gamma), jaxgan.penalty(r2, gamma=gamma)),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


def score(key, gan, state):
    """Modes, and the fraction of samples near one."""
    return metrics.mode_scores(jaxgan.sample(key, gan, state, 500), CENTRES, SIGMA)


points = grid(
    learning_rate=geomspace(1e-4, 1e-2, 2 if QUICK else 6),
    gamma=geomspace(0.01, 10.0, 1 if QUICK else 6),
)
trained = jaxgan.fit_many(
    jax.random.key(0),
    make_gan,
    ring,
    steps=100 if QUICK else 1500,
    points=points,
    seeds=2 if QUICK else 4,
    score=score,
    plan=Plan(batch_size=64, devices=1),
)
summary = trained.summary("modes")
best = trained.best("modes", min_seeds=2)
print(f"best: learning rate {best['learning_rate']:.2g}, gamma {best['gamma']:.2g}: ", end="")
print(f"{best['mean']:.2f} modes, 95% interval {best['low']:.2f} to {best['high']:.2f}")
print("learning rate    gamma   modes   95% interval")
for rate, gamma, mean, low, high in zip(
    *(summary[name] for name in ("learning_rate", "gamma", "mean", "low", "high")), strict=True
):
    print(f"{rate:13.2g} {gamma:8.2g} {mean:7.2f}   {low:.2f} to {high:.2f}")
plots.phase(trained.table, "learning_rate", "gamma", "modes")

# %% [markdown]
# ## Tuning gamma by its gradient
#
# Training is a pure function, so a score after some rounds has a derivative with respect to every
# number in the setting. `jaxgan.make_run` makes this function. Here the score is the sliced
# Wasserstein distance to the data after 20 rounds of plain gradient descent, and descent along the
# derivative tunes the logarithm of gamma. A derivative is a local matter: beyond a gamma of about 2
# these learning rates diverge at once, which no derivative on this side announces.

# %%
smooth = dataclasses.replace(
    mlps,
    generator=jaxgan.from_linen(MLPGenerator((2,), (16,), jnp.tanh, output=None)),
    discriminator=jaxgan.from_linen(MLPDiscriminator((16,), dropout=0.0, activation=jnp.tanh)),
    latent=latents.normal(2),
    loss=losses.wasserstein,
    generator_optimizer=optax.sgd(0.1),
    discriminator_optimizer=optax.sgd(0.3),
    ema_decay=None,
)


def with_gamma(log_gamma):
    """Plain gradient descent with R1 of this strength."""
    return dataclasses.replace(smooth, penalties=(jaxgan.penalty(r1, gamma=jnp.exp(log_gamma)),))


def distance(key, gan, state):
    """The sliced Wasserstein distance to the data."""
    sample_key, direction_key = jax.random.split(key)
    drawn = jaxgan.sample(sample_key, gan, state, 256)
    return metrics.sliced_wasserstein(direction_key, batch, drawn, 16)


run = jaxgan.make_run(with_gamma, ring, rounds=20, score=distance, plan=Plan(batch_size=64))
keys = jax.random.split(jax.random.key(0), 4)


def mean_distance(log_gamma):
    """The mean over four seeds."""
    numbers = {"log_gamma": log_gamma}
    return jnp.mean(jax.vmap(run, in_axes=(0, None))(keys, numbers))


value_and_slope, optimizer = jax.jit(jax.value_and_grad(mean_distance)), optax.adam(0.2)
log_gamma, scores, gammas = jnp.float32(-4.0), [], []
opt_state = optimizer.init(log_gamma)
for _ in range(2 if QUICK else 20):
    value, slope = value_and_slope(log_gamma)
    scores.append(float(value))
    gammas.append(float(jnp.exp(log_gamma)))
    change, opt_state = optimizer.update(slope, opt_state)
    log_gamma = optax.apply_updates(log_gamma, change)
print(f"gamma {gammas[0]:.3f} -> {gammas[-1]:.3f}: distance {scores[0]:.3f} -> {scores[-1]:.3f}")
plots.lines(
    np.array(gammas),
    {"20 steps along the hyper-gradient": np.array(scores)},
    "$\\gamma$",
    "distance after 20 rounds",
)

# %% [markdown]
# ## What to try
#
# - Add `updates.competitive(0.2)` or `updates.anderson(5)` to the rules of the bilinear game.
# - Write a rule of your own: `help(updates.Update)`.
# - Train the phase diagram with `Plan(update="extragradient")`.
# - Run the same sweep in a folder that resumes:
#   `jaxgan sweep ring --grid gamma=0.01:10:6 --grid learning_rate=1e-4:1e-2:6 --seeds 4`.

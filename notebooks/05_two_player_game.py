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
# # 5. The two-player game: converge, orbit, diverge
#
# **What it shows:** a GAN of two numbers, small enough to draw every state it can be in. Its
# training orbits, diverges or converges, and the eigenvalues of the game's Jacobian say which.
# **What it needs:** jaxgan. **How long it takes:** less than a minute.

# %%
# %matplotlib inline
from functools import partial

import jax
import numpy as np

from jaxgan import games, losses, plots

# %% [markdown]
# ## The smallest GAN
#
# In the **Dirac-GAN** (Mescheder et al. 2018) all data lie at 0. The generator puts its samples at
# one place, $\theta$; the discriminator is linear, and gives $x$ the logit $-\psi x$.
# The only equilibrium is $\theta = 0$ (the samples are where the data are) and $\psi = 0$ (the
# discriminator has nothing left to tell).
#
# Each player descends its own loss. Together that is a **vector field**,
#
# $$v(\theta, \psi) = -\begin{pmatrix} \partial J_G / \partial \theta \\
#   \partial J_D / \partial \psi \end{pmatrix},$$
#
# which is not the gradient of anything: it can turn in circles. Updates follow it in steps of
# $h = 0.2$, both players at once (*simultaneous*), or one after the other (*alternating*).


# %%
def paths(game, consensus=0.0):
    """500 simultaneous and 500 alternating updates from (1, 1)."""
    return {
        update: games.trajectory(
            games.make_round(game, 0.2, update, first="generator", consensus=consensus),
            (1.0, 1.0),
            steps=500,
        )
        for update in ("simultaneous", "alternating")
    }


def beginnings(paths):
    """The first 150 updates."""
    return {name: path[:151] for name, path in paths.items()}


dirac = games.dirac_gan(losses.minimax)
played = {"minimax": paths(dirac)}
field = partial(games.vector_field, dirac)
plots.phase_portrait(field, (-2.5, 2.5), beginnings(played["minimax"]))

# %% [markdown]
# The arrows run around the equilibrium, never towards it. Alternating updates stay on an orbit;
# simultaneous ones step off it, outwards, each time a little.
#
# ## The bilinear game
#
# With the losses of a Wasserstein critic the same GAN becomes $\min_\theta \max_\psi \theta \psi$.
# Now it can be calculated: the field is a rotation, $v = (-\psi, \theta)$. A simultaneous step
# multiplies the distance to the equilibrium by $\sqrt{1 + h^2}$; alternating steps keep $\theta^2 +
# \psi^2 - h \theta \psi$ (the generator moves first), an ellipse.

# %%
bilinear = games.bilinear()
of_bilinear = beginnings(paths(bilinear))
theta, psi = np.asarray(of_bilinear["alternating"]).T
form = theta**2 + psi**2 - 0.2 * theta * psi
growth = np.linalg.norm(of_bilinear["simultaneous"], axis=1)
print(f"alternating: the form stays within {np.ptp(form):.1e} of {form[0]:.3f}")
print(f"simultaneous: grows by {growth[1] / growth[0]:.5f} a step, sqrt(1 + h^2) = {1.04**0.5:.5f}")
plots.phase_portrait(partial(games.vector_field, bilinear), (-3.0, 3.0), of_bilinear)

# %% [markdown]
# ## Making it converge
#
# - The **non-saturating** loss moves the generator more where the discriminator is sure of itself.
# - **WGAN-GP** pulls the slope $|\psi|$ towards 1, by $\frac{\gamma}{2} (|\psi| - 1)^2$. But at the
#   equilibrium the slope is 0.
# - **R1** pulls it towards 0, by $\frac{\gamma}{2} \psi^2$: friction for the discriminator.
# - **Consensus optimisation** makes both players also descend $\frac12 \|v\|^2$, which is 0 at the
#   equilibrium.

# %%
methods = {
    "minimax": (dirac, 0.0),
    "non-saturating": (games.dirac_gan(losses.non_saturating), 0.0),
    "WGAN-GP, $\\gamma=0.7$": (games.bilinear(games.one_centred(0.7)), 0.0),
    "R1, $\\gamma=0.3$": (games.dirac_gan(losses.minimax, games.zero_centred(0.3)), 0.0),
    "R1, $\\gamma=1$": (games.dirac_gan(losses.minimax, games.zero_centred(1.0)), 0.0),
    "consensus, weight 1": (dirac, 1.0),
}
fields = {
    name: partial(games.vector_field, game, consensus=weight)
    for name, (game, weight) in methods.items()
}
for name, (game, weight) in methods.items():
    if name not in played:
        played[name] = paths(game, weight)
portraits = {name: (fields[name], beginnings(played[name])) for name in methods}
plots.phase_portraits(portraits, (-2.5, 2.5))

# %% [markdown]
# WGAN-GP keeps circling: near $\psi = 0$ its penalty pushes away from the equilibrium. Friction at
# $\gamma = 1$ is just enough for no turning at all.
#
# ## How fast?
#
# The distance to the equilibrium over the updates, alternating. On this scale a straight line is a
# constant factor an update.

# %%
plots.radii({name: path["alternating"] for name, path in played.items()})

# %% [markdown]
# The final distances, after 500 updates from $(1, 1)$, in the setting of the paper's figure; the
# tests of the library hold them.

# %%
print("distance after 500 updates   simultaneous   alternating")
for name, path in played.items():
    simultaneous, alternating = (float(np.linalg.norm(states[-1])) for states in path.values())
    print(f"{name:26s} {simultaneous:14.3g} {alternating:13.3g}")

# %% [markdown]
# ## Why: eigenvalues
#
# Near the equilibrium the field is its Jacobian: $v(s) \approx v'(0)\, s$. For the Dirac-GAN with
# R1 (and $f'(0) = 1/2$, the slope of the loss at logit 0)
#
# $$v'(0) = \begin{pmatrix} 0 & -f'(0) \\ f'(0) & -\gamma \end{pmatrix}, \qquad
#   \lambda = -\frac{\gamma}{2} \pm \sqrt{\frac{\gamma^2}{4} - f'(0)^2}.$$
#
# The real part says how fast it converges, the imaginary part how fast it turns. Without a penalty
# the real part is 0: it only turns. (WGAN-GP is left out: its field has a kink at the equilibrium.)

# %%
origin = (0.0, 0.0)
smooth = {name: field for name, field in fields.items() if "WGAN" not in name}


def eigenvalues_at_origin(function):
    """Those of a map of states, compiled."""
    return jax.jit(partial(games.eigenvalues, function))(origin)


at_origin = {name: eigenvalues_at_origin(field) for name, field in smooth.items()}
for name, values in at_origin.items():
    print(f"{name:22s}", "  ".join(f"{value:.3f}" for value in np.asarray(values)))
plots.eigenvalues(at_origin)

# %% [markdown]
# Minimax and non-saturating losses have the same eigenvalues; what makes the non-saturating path
# shrink a little is beyond them, in the curvature of the loss, and fades near the equilibrium.
#
# ## Steps are not a flow
#
# One update is a map of states, $F(s) = s + h\,v(s)$ if simultaneous. It converges if all
# eigenvalues of $F'$ lie inside the unit circle. Turning without friction, $\lambda = \pm i/2$,
# becomes $1 \pm ih/2$, outside of it; alternating updates stay on the circle.

# %%
maps = {
    f"{name}, {update}": games.make_round(game, 0.2, update)
    for name, game in (("minimax", dirac), ("R1, $\\gamma=0.3$", methods["R1, $\\gamma=0.3$"][0]))
    for update in ("simultaneous", "alternating")
}
of_maps = {name: eigenvalues_at_origin(play) for name, play in maps.items()}
for name, values in of_maps.items():
    print(f"{name:32s} largest absolute value {np.abs(values).max():.4f}")
plots.eigenvalues(of_maps, discrete=True)

# %% [markdown]
# ## How much friction?
#
# With more R1 it turns less and converges faster, up to $\gamma = 2 f'(0) = 1$. Beyond, one of the
# two eigenvalues comes back towards 0: the discriminator is held so firmly that it hardly follows.

# %%
gammas = np.linspace(0.0, 3.0, 121)


def field_with(gamma):
    """The field of the Dirac-GAN with so much R1."""
    game = games.dirac_gan(losses.minimax, games.zero_centred(gamma))
    return partial(games.vector_field, game)


jacobians = jax.jit(jax.vmap(lambda gamma: games.jacobian(field_with(gamma), origin)))(gammas)
values = np.linalg.eigvals(np.asarray(jacobians, float))
curves = {
    "slower convergence rate, $-\\max$ Re $\\lambda$": -values.real.max(axis=1),
    "rate of turning, $\\max$ Im $\\lambda$": values.imag.max(axis=1),
}
plots.lines(gammas, curves, "$\\gamma$, weight of R1", "per unit of time ($h$ times updates)")

# %% [markdown]
# ## What to try
#
# - Halve the learning rate and double the updates. Which of the methods end elsewhere?
# - `first="discriminator"`: which final distances change?
# - Give the penalty to the bilinear game: `games.bilinear(games.zero_centred(0.3))`.
# - Players of many dimensions: `games.trajectory(play, np.ones((2, 10)), steps=500)`.

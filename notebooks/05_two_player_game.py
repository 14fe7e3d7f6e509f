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
# # 5. The two-player game: converge, cycle, diverge
#
# **What it shows:** a GAN with two parameters, so that its state is a point in the plane. Training
# cycles, diverges or converges, and the eigenvalues of the game's Jacobian explain which. **What it
# needs:** jaxgan. **How long it takes:** less than a minute.

# %%
# %matplotlib inline
# %config InlineBackend.figure_format = "retina"
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import Params, games, losses, plots, updates

# %% [markdown]
# ## The smallest GAN
#
# In the **Dirac-GAN** (Mescheder et al. 2018) all data lie at 0. The generator places all its
# samples at one point, $\theta$. The discriminator is linear and returns the logit $-\psi x$ for
# $x$. The only equilibrium is $\theta = 0$ (the samples coincide with the data) and $\psi = 0$ (the
# discriminator is constant).
#
# Each player descends the gradient of its own loss. The two directions form a **vector field**,
#
# $$v(\theta, \psi) = -\begin{pmatrix} \partial J_G / \partial \theta \\
#   \partial J_D / \partial \psi \end{pmatrix},$$
#
# which is not the gradient of a function, so it can rotate. Updates follow the field with the
# learning rate $h = 0.2$, either for both players at once (*simultaneous*) or one after the other
# (*alternating*).


# %%
rules = {
    "simultaneous": updates.simultaneous(),
    "alternating": updates.alternating(first="generator"),
}
start = Params(1.0, 1.0)


def paths(game):
    """500 simultaneous and 500 alternating updates from (1, 1)."""
    return {
        name: jnp.stack(updates.play(game, start, optax.sgd(0.2), rule, rounds=500), axis=1)
        for name, rule in rules.items()
    }


def starts(paths):
    """The first 150 updates."""
    return {name: path[:151] for name, path in paths.items()}


dirac = games.dirac_gan(losses.minimax)
played = {"minimax": paths(dirac)}
field = partial(games.vector_field, dirac)
plots.phase_portrait(field, (-2.5, 2.5), starts(played["minimax"]))

# %% [markdown]
# The field circles the equilibrium and never points towards it. Alternating updates stay on a
# closed curve. Simultaneous updates move a little outwards each time.
#
# ## The bilinear game
#
# With the Wasserstein loss the same GAN becomes $\min_\theta \max_\psi \theta \psi$. This game has
# a closed form: the field is a rotation, $v = (-\psi, \theta)$. A simultaneous update multiplies
# the distance to the equilibrium by $\sqrt{1 + h^2}$. Alternating updates, with the generator
# first, keep $\theta^2 + \psi^2 - h \theta \psi$ constant, which is an ellipse.

# %%
bilinear = games.bilinear()
of_bilinear = starts(paths(bilinear))
theta, psi = np.asarray(of_bilinear["alternating"]).T
form = theta**2 + psi**2 - 0.2 * theta * psi
growth = np.linalg.norm(of_bilinear["simultaneous"], axis=1)
print(f"alternating: the quadratic form is {form[0]:.3f}, it varies by {np.ptp(form):.1e}")
print(f"simultaneous: growth per update {growth[1] / growth[0]:.5f}, sqrt(1 + h^2) {1.04**0.5:.5f}")
plots.phase_portrait(partial(games.vector_field, bilinear), (-3.0, 3.0), of_bilinear)

# %% [markdown]
# ## Making it converge
#
# - The **non-saturating** loss gives the generator larger gradients where the discriminator rejects
#   its samples with confidence.
# - **WGAN-GP** adds $\frac{\gamma}{2} (|\psi| - 1)^2$, which draws the slope $|\psi|$ towards 1.
#   But at the equilibrium the slope is 0.
# - **R1** adds $\frac{\gamma}{2} \psi^2$, which draws the slope towards 0. It damps the
#   discriminator.
# - **Consensus optimisation** adds $\frac12 \|v\|^2$ to the losses of both players. It is 0 at the
#   equilibrium.

# %%
methods = {
    "minimax": dirac,
    "non-saturating": games.dirac_gan(losses.non_saturating),
    "WGAN-GP, $\\gamma=0.7$": games.bilinear(games.one_centred(0.7)),
    "R1, $\\gamma=0.3$": games.dirac_gan(losses.minimax, games.zero_centred(0.3)),
    "R1, $\\gamma=1$": games.dirac_gan(losses.minimax, games.zero_centred(1.0)),
    "consensus, weight 1": games.with_consensus(dirac, 1.0),
}
fields = {name: partial(games.vector_field, game) for name, game in methods.items()}
for name, game in methods.items():
    if name not in played:
        played[name] = paths(game)
portraits = {name: (fields[name], starts(played[name])) for name in methods}
plots.phase_portraits(portraits, (-2.5, 2.5))

# %% [markdown]
# WGAN-GP keeps cycling, because near $\psi = 0$ its penalty pushes the discriminator away from the
# equilibrium. R1 with $\gamma = 1$ is critically damped: the path does not rotate.
#
# ## How fast?
#
# The next figure shows the distance to the equilibrium for alternating updates. On the logarithmic
# scale a straight line means a constant factor per update. The inset enlarges the methods that
# converge slowly or not at all.

# %%
figure = plots.radii({name: path["alternating"] for name, path in played.items()})
(axes,) = figure.axes
inset = axes.inset_axes((0.06, 0.08, 0.34, 0.4))
for line in axes.lines[:3]:
    inset.plot(*line.get_data(), color=line.get_color(), linestyle=line.get_linestyle())
inset.set(ylim=(0, 2), xticks=(0, 250, 500), yticks=(0, 1, 2))
inset.tick_params(labelsize=7)
figure

# %% [markdown]
# The final distances after 500 updates from $(1, 1)$, with the configuration of the figure in the
# paper, are part of the library's tests:

# %%
print("distance after 500 updates   simultaneous   alternating")
for name, path in played.items():
    simultaneous, alternating = (float(np.linalg.norm(states[-1])) for states in path.values())
    print(f"{name:26s} {simultaneous:14.3g} {alternating:13.3g}")

# %% [markdown]
# ## Why: eigenvalues
#
# Near the equilibrium the field is linear, $v(s) \approx v'(0)\, s$, where $v'(0)$ is its Jacobian.
# For the Dirac-GAN with R1, and with the slope $f'(0) = 1/2$ of the loss at logit 0,
#
# $$v'(0) = \begin{pmatrix} 0 & -f'(0) \\ f'(0) & -\gamma \end{pmatrix}, \qquad
#   \lambda = -\frac{\gamma}{2} \pm \sqrt{\frac{\gamma^2}{4} - f'(0)^2}.$$
#
# The real part determines how fast the game converges, the imaginary part how fast it rotates.
# Without a penalty the real part is 0, so the game only rotates. WGAN-GP is left out, because its
# field has no Jacobian at the equilibrium.

# %%
origin = (0.0, 0.0)
smooth = {name: field for name, field in fields.items() if "WGAN" not in name}


def eigenvalues_at_origin(function):
    """The eigenvalues of the Jacobian of a map of states, compiled."""
    return jax.jit(partial(games.eigenvalues, function))(origin)


at_origin = {name: eigenvalues_at_origin(field) for name, field in smooth.items()}
for name, values in at_origin.items():
    print(f"{name:22s}", "  ".join(f"{value:.3f}" for value in np.asarray(values)))
plots.eigenvalues(at_origin)

# %% [markdown]
# Minimax and non-saturating losses have the same eigenvalues. The slight contraction of the
# non-saturating trajectory is a higher-order effect (curvature of the loss) that the linearisation
# does not capture. It disappears near the equilibrium.
#
# ## Updates are discrete
#
# A round of updates is a map of states. For simultaneous updates it is $F(s) = s + h\,v(s)$. The
# updates converge if all eigenvalues of $F'$ lie inside the unit circle. For a rotation without
# damping, $\lambda = \pm i/2$ becomes $1 \pm ih/2$, which lies outside the circle. With alternating
# updates the eigenvalues lie on the circle.


# %%
def map_of(game, rule):
    """A round of the game, as a map of (theta, psi)."""

    def one_round(state):
        before = updates.start_state(Params(*state), optax.sgd(0.2), rule)
        return updates.params_of(updates.make_round(game, optax.sgd(0.2), rule)(before))

    return one_round


maps = {
    f"{name}, {update}": map_of(methods[name], rule)
    for name in ("minimax", "R1, $\\gamma=0.3$")
    for update, rule in rules.items()
}
of_maps = {name: eigenvalues_at_origin(play) for name, play in maps.items()}
for name, values in of_maps.items():
    print(f"{name:32s} largest absolute value {np.abs(values).max():.4f}")
plots.eigenvalues(of_maps, discrete=True)

# %% [markdown]
# ## How much damping?
#
# With a stronger R1 penalty the game rotates less and converges faster, up to critical damping at
# $\gamma = 2 f'(0) = 1$. Beyond, one of the two eigenvalues moves back towards 0, because the
# discriminator follows the generator too slowly.

# %%
gammas = np.linspace(0.0, 3.0, 121)


def field_with(gamma):
    """The field of the Dirac-GAN with an R1 penalty of this strength."""
    game = games.dirac_gan(losses.minimax, games.zero_centred(gamma))
    return partial(games.vector_field, game)


jacobians = jax.jit(jax.vmap(lambda gamma: games.jacobian(field_with(gamma), origin)))(gammas)
values = np.linalg.eigvals(np.asarray(jacobians, float))
curves = {
    "convergence rate, $-\\max$ Re $\\lambda$": -values.real.max(axis=1),
    "angular frequency, $\\max$ Im $\\lambda$": values.imag.max(axis=1),
}
plots.lines(gammas, curves, "strength $\\gamma$ of R1", "rate per unit of time, $1 / h$ updates")

# %% [markdown]
# ## What to try
#
# - Halve the learning rate and double the number of updates. Which final distances change?
# - Pass `first="discriminator"`. Which final distances change?
# - Add the penalty to the bilinear game: `games.bilinear(games.zero_centred(0.3))`.
# - Try players with ten parameters each: `start = Params(np.ones(10), np.ones(10))`.
# - Try another rule: `updates.extragradient()`, `updates.lookahead(10)`.

"""Games of two small players, in which one can see why training converges, orbits or diverges.

A state is an array [2, ...]: the generator's theta and the discriminator's psi, of one shape. The
Dirac-GAN's equilibrium is 0 for both.

>>> game = dirac_gan(losses.minimax, zero_centred(gamma=0.3))
>>> path = trajectory(game, (1.0, 1.0), steps=500, learning_rate=0.2, first="generator")
>>> print(f"{jnp.linalg.norm(path[-1]):.2e}")
2.30e-07
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan import losses, regularizers
from jaxgan.checks import check_choice, check_positive
from jaxgan.types import AdversarialLoss, Array

Critic = Callable[[Array], Array]
GamePenalty = Callable[[Critic, Array, Array], Array]
"""From a critic of points [n, d], real and generated points to a weighted term of its loss."""


class Game(NamedTuple):
    """What each player minimises, as functions `(theta, psi) -> scalar`."""

    generator_loss: Callable[[Array, Array], Array]
    discriminator_loss: Callable[[Array, Array], Array]


# --- Games


def dirac_gan(loss: AdversarialLoss = losses.minimax, penalty: GamePenalty | None = None) -> Game:
    """Data at 0, samples at theta, and the logit -psi . x of a point x.

    Args:
      loss: the adversarial pair.
      penalty: a term of the discriminator's loss, as `zero_centred` and `one_centred` make them.
    Source: Mescheder et al. 2018, definition 2.1, https://arxiv.org/abs/1801.04406
    """

    def logits(theta: Array, psi: Array):
        critic = _linear_critic(psi)
        real, fake = jnp.zeros((1, theta.size)), theta.reshape(1, -1)
        return critic, real, fake, critic(real), critic(fake)

    def generator_loss(theta: Array, psi: Array) -> Array:
        *_, on_real, on_fake = logits(theta, psi)
        return loss.generator(on_real, on_fake)

    def discriminator_loss(theta: Array, psi: Array) -> Array:
        critic, real, fake, on_real, on_fake = logits(theta, psi)
        adversarial = loss.discriminator(on_real, on_fake)
        return adversarial if penalty is None else adversarial + penalty(critic, real, fake)

    return Game(generator_loss, discriminator_loss)


def _linear_critic(psi: Array) -> Critic:
    return lambda x: -x @ psi.reshape(-1)


def bilinear(penalty: GamePenalty | None = None) -> Game:
    """The game min over theta, max over psi of theta . psi: the Dirac-GAN of Wasserstein losses."""
    return dirac_gan(losses.wasserstein, penalty)


def zero_centred(gamma: float) -> GamePenalty:
    """The penalty R1 with its weight, gamma / 2 ||grad D||^2: here gamma / 2 ||psi||^2."""
    return lambda critic, real, fake: gamma / 2 * regularizers.r1(critic, real)


def one_centred(gamma: float, target: float = 1.0) -> GamePenalty:
    """The penalty of WGAN-GP, gamma / 2 (||grad D|| - target)^2: here of ||psi||."""
    penalize = regularizers.make_gradient_penalty(target)

    def penalty(critic: Critic, real: Array, fake: Array) -> Array:
        # The slope is the same everywhere: the mixing weight, and so its key, makes no difference.
        key = jax.random.key(0)
        return gamma / 2 * penalize(key, critic, real, fake)

    return penalty


# --- Dynamics


def vector_field(game: Game, state: Array, consensus: float = 0.0) -> Array:
    """The direction [2, ...] in which both players descend, v = -(dJ_G / dtheta, dJ_D / dpsi).

    Args:
      game: the game.
      state: theta and psi, float [2, ...].
      consensus: weight of consensus optimisation: minus weight times the gradient of ||v||^2 / 2
        is added, in which both players agree.
    Source: Mescheder et al. 2017, equation 8, https://arxiv.org/abs/1705.10461
    """

    def descent(state: Array) -> Array:
        theta, psi = state
        to_generator = -jax.grad(game.generator_loss, argnums=0)(theta, psi)
        return jnp.stack([to_generator, -jax.grad(game.discriminator_loss, argnums=1)(theta, psi)])

    direction = descent(state)
    if not consensus:
        return direction
    # grad ||v||^2 / 2 = v'(state)^T v
    _, transposed = jax.vjp(descent, state)
    return direction - consensus * transposed(direction)[0]


def play_round(
    game: Game,
    state: Array,
    learning_rate: float,
    update: Literal["alternating", "simultaneous"] = "alternating",
    first: Literal["discriminator", "generator"] = "discriminator",
    consensus: float = 0.0,
) -> Array:
    """The state after one gradient step of each player.

    Args:
      game: the game.
      state: theta and psi, float [2, ...].
      learning_rate: of both players.
      update: the second player sees the step of the first one, or both start from one state.
      first: whose step comes first when alternating.
      consensus: as in `vector_field`.
    Raises:
      ValueError: if update or first is not known.
    """
    check_choice(update=(update, ("alternating", "simultaneous")))
    check_choice(first=(first, ("discriminator", "generator")))
    if update == "simultaneous":
        return state + learning_rate * vector_field(game, state, consensus)
    for player in (0, 1) if first == "generator" else (1, 0):
        own = vector_field(game, state, consensus)[player]
        state = state.at[player].add(learning_rate * own)
    return state


def trajectory(
    game: Game,
    start: Array | tuple[float, float],
    steps: int,
    learning_rate: float,
    update: Literal["alternating", "simultaneous"] = "alternating",
    first: Literal["discriminator", "generator"] = "discriminator",
    consensus: float = 0.0,
) -> Array:
    """The states [steps + 1, 2, ...] of so many rounds, the start included; see `play_round`.

    Raises:
      ValueError: if start has no two players, steps is not positive, update or first not known.
    """
    check_positive(steps=steps)
    start = jnp.asarray(start, float)
    if not start.ndim or len(start) != 2:
        raise ValueError(f"start must be theta and psi [2, ...], got shape {start.shape}")

    def body(state: Array, _) -> tuple[Array, Array]:
        state = play_round(game, state, learning_rate, update, first, consensus)
        return state, state

    _, states = jax.lax.scan(body, start, length=steps)
    return jnp.concatenate([start[None], states])


def jacobian(function: Callable[[Array], Array], state: Array | tuple[float, float]) -> Array:
    """The Jacobian [n, n] of a map of states, all of whose numbers stand in one row.

    Args:
      function: the vector field of a game, or its `play_round`, with all but the state given.
      state: where, float [2, ...].
    """
    state = jnp.asarray(state, float)
    return jax.jacobian(function)(state).reshape(state.size, state.size)


def eigenvalues(function: Callable[[Array], Array], state: Array | tuple[float, float]) -> Array:
    """The eigenvalues, complex [n], of `jacobian`.

    An equilibrium attracts if all have a negative real part (of the vector field), or are less than
    1 in absolute value (of `play_round`).
    """
    return jnp.linalg.eigvals(jacobian(function, state))

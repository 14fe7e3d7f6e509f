"""Two-player toy games (Dirac-GAN, bilinear) that show why GAN training converges or diverges.

A state is an array [2, ...] of the generator's theta and the discriminator's psi, which have the
same shape. The equilibrium of the Dirac-GAN is 0 for both.

>>> game = dirac_gan(losses.minimax, zero_centred(gamma=0.3))
>>> play = make_round(game, learning_rate=0.2, first="generator")
>>> path = trajectory(play, (1.0, 1.0), steps=500)
>>> print(f"{jnp.linalg.norm(path[-1]):.2e}")
2.30e-07
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan import losses, regularizers
from jaxgan.checks import check_choice, check_positive
from jaxgan.types import AdversarialLoss, Array, Player

Critic = Callable[[Array], Array]
GamePenalty = Callable[[Critic, Array, Array], Array]
"""`(critic, real, fake) -> scalar`: a weighted term of the discriminator's loss, where `critic`
maps points [n, d] to logits [n]."""


class Game(NamedTuple):
    """The players' losses, which each player minimises.

    Attributes:
      generator_loss: `(theta, psi) -> scalar`.
      discriminator_loss: `(theta, psi) -> scalar`.
    """

    generator_loss: Callable[[Array, Array], Array]
    discriminator_loss: Callable[[Array, Array], Array]


# --- Games


def dirac_gan(loss: AdversarialLoss = losses.minimax, penalty: GamePenalty | None = None) -> Game:
    """The Dirac-GAN: data at 0, generated samples at theta, discriminator D(x) = -psi . x.

    Args:
      loss: the adversarial loss.
      penalty: additional term of the discriminator's loss, see `zero_centred` and `one_centred`.
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
    """The bilinear game, min_theta max_psi theta . psi: the Dirac-GAN with the Wasserstein loss."""
    return dirac_gan(losses.wasserstein, penalty)


def zero_centred(gamma: float) -> GamePenalty:
    """The R1 penalty, gamma / 2 ||grad D||^2, which is gamma / 2 ||psi||^2 for a linear critic."""
    return lambda critic, real, fake: gamma / 2 * regularizers.r1(critic, real)


def one_centred(gamma: float, target: float = 1.0) -> GamePenalty:
    """The WGAN-GP penalty, gamma / 2 (||grad D|| - target)^2, where ||grad D|| = ||psi||."""
    penalize = regularizers.make_gradient_penalty(target)

    def penalty(critic: Critic, real: Array, fake: Array) -> Array:
        # The gradient is the same at all points, so the mixing weight and its key do not matter.
        key = jax.random.key(0)
        return gamma / 2 * penalize(key, critic, real, fake)

    return penalty


# --- Dynamics


def vector_field(game: Game, state: Array, consensus: float = 0.0) -> Array:
    """The direction [2, ...] of simultaneous gradient descent, v = -(dJ_G / dtheta, dJ_D / dpsi).

    With consensus optimisation it is v - consensus * grad ||v||^2 / 2.

    Args:
      game: the game.
      state: theta and psi, float [2, ...].
      consensus: weight of consensus optimisation; 0 for none.
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


def make_round(
    game: Game,
    learning_rate: float,
    update: Literal["alternating", "simultaneous"] = "alternating",
    first: Player = "discriminator",
    consensus: float = 0.0,
) -> Callable[[Array], Array]:
    """One gradient update of each player, as a map of states.

    Args:
      game: the game.
      learning_rate: of both players.
      update: "alternating" if the second player sees the first one's update, "simultaneous" if both
        start from the same state.
      first: player that is updated first when alternating.
      consensus: weight of consensus optimisation, see `vector_field`.
    Returns:
      `state -> state`, from theta and psi, float [2, ...], to theirs after the round.
    Raises:
      ValueError: if update or first is unknown.
    """
    check_choice(update=(update, ("alternating", "simultaneous")))
    check_choice(first=(first, ("discriminator", "generator")))
    players = (0, 1) if first == "generator" else (1, 0)

    def play(state: Array) -> Array:
        if update == "simultaneous":
            return state + learning_rate * vector_field(game, state, consensus)
        for player in players:
            own = vector_field(game, state, consensus)[player]
            state = state.at[player].add(learning_rate * own)
        return state

    return play


def trajectory(
    play: Callable[[Array], Array], start: Array | tuple[float, float], steps: int
) -> Array:
    """The states [steps + 1, 2, ...] of a number of rounds, including the start.

    Args:
      play: one round, from `make_round`.
      start: initial theta and psi, float [2, ...].
      steps: number of rounds.
    Raises:
      ValueError: if start is not of shape [2, ...], or steps is not positive.
    """
    check_positive(steps=steps)
    start = jnp.asarray(start, float)
    if not start.ndim or len(start) != 2:
        raise ValueError(f"start must be (theta, psi) of shape [2, ...], got shape {start.shape}")

    def body(state: Array, _) -> tuple[Array, Array]:
        state = play(state)
        return state, state

    _, states = jax.lax.scan(body, start, length=steps)
    return jnp.concatenate([start[None], states])


def jacobian(function: Callable[[Array], Array], state: Array | tuple[float, float]) -> Array:
    """The Jacobian [n, n] of a map of states, with the n numbers of a state in one row.

    Args:
      function: `state -> state`, such as a round from `make_round`, or `vector_field` with its game
        bound.
      state: point at which it is evaluated, float [2, ...].
    """
    state = jnp.asarray(state, float)
    return jax.jacobian(function)(state).reshape(state.size, state.size)


def eigenvalues(function: Callable[[Array], Array], state: Array | tuple[float, float]) -> Array:
    """The eigenvalues, complex [n], of the Jacobian of a map of states.

    An equilibrium is stable if all eigenvalues of `vector_field` have a negative real part, or if
    all eigenvalues of a round are less than 1 in absolute value.

    Args:
      function: `state -> state`, such as a round from `make_round`, or `vector_field` with its game
        bound.
      state: point at which it is evaluated, float [2, ...].
    """
    return jnp.linalg.eigvals(jacobian(function, state))

"""How far a game is from its equilibrium: path angle, exploitability, duality gap."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.checks import check_positive
from jaxgan.games.field import Game, vector_field
from jaxgan.types import Array, Params, PyTree


class PathAngle(NamedTuple):
    """The vector field along a straight path of parameters.

    Attributes:
      alpha: places on the path, 0 at its start and 1 at its end, float32 [num].
      cosine: of the angle between the field and the path, float32 [num]; 0 where the field is 0.
      norm: of the field, float32 [num].
    """

    alpha: Array
    cosine: Array
    norm: Array


def path_angle(game: Game, start: Params, end: Params, alpha: Array | None = None) -> PathAngle:
    """The angle between the vector field and the path from one point to another.

    At an attracting end the descent direction points along the path before it and against it
    behind: the cosine changes its sign at alpha = 1. A bump of the cosine there, without a change
    of sign, shows rotation around the end.

    Args:
      game: the game.
      start: both players' parameters at alpha = 0, for instance at initialization.
      end: the same at alpha = 1, for instance after training.
      alpha: places on the path, float [num]; 41 from 0.6 to 1.4 by default.
    Source: Berard et al. 2020, section 4.1, https://arxiv.org/abs/1906.04848. They take the
      gradients instead of the direction of descent, which changes the sign of the cosine.
    """
    alpha = jnp.linspace(0.6, 1.4, 41) if alpha is None else jnp.asarray(alpha, jnp.float32)
    path = jax.tree.map(lambda a, b: b - a, start, end)
    length, tiny = optax.tree.norm(path), jnp.finfo(jnp.float32).tiny

    def at(a: Array) -> tuple[Array, Array]:
        v = vector_field(game, jax.tree.map(lambda x, d: x + a * d, start, path))
        norm = optax.tree.norm(v)
        return optax.tree.vdot(path, v) / jnp.maximum(length * norm, tiny), norm

    cosine, norm = jax.lax.map(at, alpha)
    return PathAngle(alpha, cosine, norm)


class Exploitability(NamedTuple):
    """What each player can gain while the other one stands still.

    Attributes:
      generator: its loss now, minus its loss after training on alone.
      discriminator: the same of the discriminator.
    """

    generator: Array
    discriminator: Array

    @property
    def total(self) -> Array:
        """The sum of both: zero at an equilibrium."""
        return self.generator + self.discriminator


def exploitability(
    game: Game, params: Params, optimizer: optax.GradientTransformation, steps: int
) -> Exploitability:
    """What each player gains by training on alone, from a copy, for a number of updates.

    Args:
      game: the game.
      params: both players' parameters, which stay as they are.
      optimizer: of both copies, from a new start.
      steps: number of updates. The values are lower bounds of what a best response would gain.
    Raises:
      ValueError: if steps is not positive.
    """
    check_positive(steps=steps)
    theta, psi = params

    def gain(loss: Callable[[PyTree], Array], own: PyTree) -> Array:
        return loss(own) - loss(_minimized(loss, own, optimizer, steps))

    return Exploitability(
        gain(lambda own: game.generator_loss(own, psi)[0], theta),
        gain(lambda own: game.discriminator_loss(theta, own)[0], psi),
    )


def duality_gap(
    game: Game, params: Params, optimizer: optax.GradientTransformation, steps: int
) -> Array:
    """The duality gap of the value M = -L_D: max_psi' M(theta, psi') - min_theta' M(theta', psi).

    Args:
      game: the game. Where it is not zero-sum, its generator's loss does not count: both sides
        are measured by the discriminator's.
      params: both players' parameters, which stay as they are.
      optimizer: of both worst cases, which start from a copy.
      steps: number of updates of each.
    Returns:
      Scalar; zero at an equilibrium, and no less if both worst cases are found.
    Raises:
      ValueError: if steps is not positive.
    Source: Grnarova et al. 2019, equation 2, https://arxiv.org/abs/1811.05512
    """
    check_positive(steps=steps)
    theta, psi = params

    def value(theta: PyTree, psi: PyTree) -> Array:
        return -game.discriminator_loss(theta, psi)[0]

    worst_psi = _minimized(lambda own: -value(theta, own), psi, optimizer, steps)
    worst_theta = _minimized(lambda own: value(own, psi), theta, optimizer, steps)
    return value(theta, worst_psi) - value(worst_theta, psi)


def _minimized(
    loss: Callable[[PyTree], Array],
    start: PyTree,
    optimizer: optax.GradientTransformation,
    steps: int,
) -> PyTree:
    def body(carry: tuple[PyTree, PyTree], _: None) -> tuple[tuple[PyTree, PyTree], None]:
        own, opt_state = carry
        updates, opt_state = optimizer.update(jax.grad(loss)(own), opt_state, own)
        return (optax.apply_updates(own, updates), opt_state), None

    (own, _), _ = jax.lax.scan(body, (start, optimizer.init(start)), length=steps)
    return own

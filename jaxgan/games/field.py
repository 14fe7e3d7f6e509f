"""A game of two players: its vector field and the products with the field's Jacobian."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.checks import check_not_negative
from jaxgan.parallel.global_batch import mean_over_devices
from jaxgan.types import Array, Params, PyTree

Field = Callable[[Params], tuple[Params, Any]]
"""`params -> (v, aux)`: a vector field with whatever comes with it."""


Loss = Callable[[PyTree, PyTree], tuple[Array, Any]]
"""`(theta, psi) -> (scalar, aux)`."""


class Game(NamedTuple):
    """The players' losses at one point of time, which each player minimises.

    Attributes:
      generator_loss: `(theta, psi) -> (scalar, aux)`, of both players' parameters, any pytrees;
        aux is whatever comes with the loss, such as a GAN's metrics.
      discriminator_loss: the same.
    """

    generator_loss: Loss
    discriminator_loss: Loss


def gradients(game: Game, params: Params) -> Params:
    """Each player's gradient of its own loss, (dL_G / dtheta, dL_D / dpsi).

    Args:
      game: the game.
      params: both players' parameters (theta, psi).
    """
    theta, psi = params
    to_generator, _ = jax.grad(game.generator_loss, argnums=0, has_aux=True)(theta, psi)
    to_discriminator, _ = jax.grad(game.discriminator_loss, argnums=1, has_aux=True)(theta, psi)
    return Params(to_generator, to_discriminator)


def vector_field(game: Game, params: Params) -> Params:
    """The direction of simultaneous gradient descent, v = -(dL_G / dtheta, dL_D / dpsi).

    Args:
      game: the game.
      params: both players' parameters (theta, psi), any pytrees.
    Source: Mescheder et al. 2017, section 2, https://arxiv.org/abs/1705.10461
    """
    return jax.tree.map(jnp.negative, gradients(game, params))


class Linearized(NamedTuple):
    """A vector field at a point, with the products of its Jacobian J there.

    Attributes:
      value: v, of both players.
      aux: what came with it.
      product: `u -> J u`.
      transposed: `u -> J^T u`.
    """

    value: Params
    aux: Any
    product: Callable[[Params], Params]
    transposed: Callable[[Params], Params]


def linearize(field: Field, params: Params, axis_name: str | None = None) -> Linearized:
    """A vector field at a point, with the products of its Jacobian.

    Both products use reverse-mode derivatives alone, which functions with derivatives of their own
    (`jax.custom_vjp`) have too. What is not used of the result costs nothing under `jit`.

    Args:
      field: `params -> (v, aux)`.
      params: the point.
      axis_name: mapped device axis over which v is a mean, or None.
    """
    value, pull, aux = jax.vjp(field, params, has_aux=True)

    def transposed(u: Params) -> Params:
        # Each device has its own part of the sum: replicated results are their mean.
        return mean_over_devices(pull(u)[0], axis_name)

    def product(u: Params) -> Params:
        # u -> pull(u) is linear, so that its own transpose is J.
        _, push = jax.vjp(lambda w: pull(w)[0], jax.tree.map(jnp.zeros_like, value))
        return push(u)[0]

    return Linearized(value, aux, product, transposed)


def at_point(game: Game, params: Params) -> Linearized:
    """The game's `vector_field` at a point, with the products of its Jacobian."""
    return linearize(lambda point: (vector_field(game, point), ()), params)


def jacobian_product(game: Game, params: Params, tangent: Params) -> Params:
    """J u, the Jacobian of `vector_field` times a vector, without the matrix.

    Args:
      game: the game.
      params: the point, both players' parameters.
      tangent: u, like params.
    """
    return at_point(game, params).product(tangent)


def transposed_product(game: Game, params: Params, tangent: Params) -> Params:
    """J^T u, see `jacobian_product`."""
    return at_point(game, params).transposed(tangent)


def symmetric_product(game: Game, params: Params, tangent: Params) -> Params:
    """(J + J^T) / 2 u: the potential part of the game, on which plain descent converges."""
    return _half_sum(at_point(game, params), tangent, 1.0)


def antisymmetric_product(game: Game, params: Params, tangent: Params) -> Params:
    """(J - J^T) / 2 u: the Hamiltonian part of the game, around which plain descent rotates.

    Source: Balduzzi et al. 2018, section 2.2, https://arxiv.org/abs/1802.05642
    """
    return _half_sum(at_point(game, params), tangent, -1.0)


def _half_sum(point: Linearized, u: Params, sign: float) -> Params:
    return jax.tree.map(lambda a, b: (a + sign * b) / 2, point.product(u), point.transposed(u))


def with_consensus(game: Game, weight: float) -> Game:
    """The game whose players both minimise weight * ||v||^2 / 2 as well, v its vector field.

    At an equilibrium that term is 0. The update rule `jaxgan.updates.consensus` plays it with
    simultaneous updates.

    Args:
      game: the game.
      weight: gamma, not negative.
    Raises:
      ValueError: if the weight is negative or not finite.
    Source: Mescheder et al. 2017, section 4, https://arxiv.org/abs/1705.10461
    """
    check_not_negative(weight=weight)

    def energy(theta: PyTree, psi: PyTree) -> Array:
        return optax.tree.norm(gradients(game, Params(theta, psi)), squared=True) / 2

    def plus_energy(loss: Loss) -> Loss:
        def of_both(theta: PyTree, psi: PyTree) -> tuple[Array, Any]:
            value, aux = loss(theta, psi)
            return value + weight * energy(theta, psi), aux

        return of_both

    return Game(plus_energy(game.generator_loss), plus_energy(game.discriminator_loss))

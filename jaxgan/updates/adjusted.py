"""Gradients adjusted by the game's Jacobian: consensus, symplectic and competitive."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.checks import check_key, check_not_negative, check_positive
from jaxgan.games.field import Linearized
from jaxgan.types import Array, Batch, GANState, Metrics, Params, PyTree
from jaxgan.updates.moves import (
    Moves,
    Step,
    Update,
    apply_both,
    linearized,
    with_gradients,
)

Adjust = Callable[[Linearized], tuple[Params, Metrics]]


def _adjusted(adjust: Adjust, products: int) -> Update:
    """The rule whose players move by adjusted gradients, both from the same state."""

    def make_round(moves: Moves) -> Step:
        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            point = linearized(moves, key, state, batch)
            gradients, shown = adjust(point)
            evaluations = with_gradients(point.aux, gradients)
            state, metrics = apply_both(moves, state, evaluations)
            return state, metrics | shown

        return play

    return Update(make_round, products=products)


def consensus(weight: float = 10.0) -> Update:
    """Consensus optimisation: descend weight * ||v||^2 / 2 as well, v both players' gradients.

    Args:
      weight: gamma, not negative; 0.1 to 10 in the paper, times the learning rate.
    Returns:
      An update rule for `jaxgan.make_train_step`.
    Raises:
      ValueError: if the weight is negative or not finite.
    Source: Mescheder et al. 2017, algorithm 2, https://arxiv.org/abs/1705.10461
    """
    check_not_negative(weight=weight)

    def adjust(point: Linearized) -> tuple[Params, Metrics]:
        # v + gamma J^T v
        v, pull = point.value, point.transposed(point.value)
        return jax.tree.map(lambda v, p: v + weight * p, v, pull), {}

    return _adjusted(adjust, products=1)


def symplectic(weight: float = 1.0, align: bool = True) -> Update:
    """Symplectic gradient adjustment: v + lambda A^T v, A the antisymmetric part of the Jacobian.

    Args:
      weight: lambda, not negative.
      align: choose the sign of lambda so that the adjustment points to stable equilibria and away
        from unstable ones; otherwise it is positive.
    Returns:
      An update rule for `jaxgan.make_train_step`. It adds the metric `alignment`: the sign of
      lambda.
    Raises:
      ValueError: if the weight is negative or not finite.
    Source: Balduzzi et al. 2018, algorithm 1, https://arxiv.org/abs/1802.05642
    """
    check_not_negative(weight=weight)

    def adjust(point: Linearized) -> tuple[Params, Metrics]:
        # A^T v = (J^T v - J v) / 2;  grad H = J^T v for the Hamiltonian H = ||v||^2 / 2
        v, to_energy = point.value, point.transposed(point.value)
        turned = jax.tree.map(lambda p, q: (p - q) / 2, to_energy, point.product(v))
        sign = _alignment(v, turned, to_energy) if align else jnp.float32(1)
        adjusted = jax.tree.map(lambda v, a: v + weight * sign * a, v, turned)
        return adjusted, {"alignment": sign}

    return _adjusted(adjust, products=2)


_TOWARDS_STABLE = 0.1
"""Epsilon of the alignment, the paper's: where it is unclear, the adjustment is kept."""


def _alignment(v: Params, turned: Params, to_energy: Params) -> Array:
    # sign(<v, grad H> <A^T v, grad H> / d + epsilon), d the number of parameters
    size = optax.tree.size(v)
    stable = optax.tree.vdot(v, to_energy) * optax.tree.vdot(turned, to_energy) / size
    return jnp.where(stable + _TOWARDS_STABLE >= 0, 1.0, -1.0)


def competitive(learning_rate: float, iterations: int = 20, tolerance: float = 1e-6) -> Update:
    """Competitive gradient descent: each player moves as if the other answered by its best move.

    The gradients of the two players become those of the game's local bilinear approximation. With
    the optimizer `optax.sgd(learning_rate)` the rule is the paper's.

    Args:
      learning_rate: eta, the step size that each player assumes for the other; use that of the
        optimizers.
      iterations: maximum number of conjugate-gradient iterations per player; each takes two
        Jacobian products.
      tolerance: relative residual at which conjugate gradients stop.
    Returns:
      An update rule for `jaxgan.make_train_step`. It adds the metric `competitive_residual`: the
      relative residual of the linear systems. The solver needs a zero-sum game (minimax or
      Wasserstein losses, with or without a penalty on real samples); in others, such as the
      non-saturating game, the residual shows whether the solution is one.
    Raises:
      ValueError: if iterations is not positive, or another argument is negative or not finite.
    Source: Schaefer and Anandkumar 2019, equation 3 and algorithm 1,
      https://arxiv.org/abs/1905.12103
    """
    check_positive(iterations=iterations)
    check_not_negative(learning_rate=learning_rate, tolerance=tolerance)
    eta, solver = learning_rate, {"tol": tolerance, "maxiter": iterations}

    def adjust(point: Linearized) -> tuple[Params, Metrics]:
        v, zeros = point.value, jax.tree.map(jnp.zeros_like, point.value)

        def xy(u: PyTree) -> PyTree:  # D_xy f u
            return point.product(zeros._replace(discriminator=u)).generator

        def yx(u: PyTree) -> PyTree:  # D_yx g u
            return point.product(zeros._replace(generator=u)).discriminator

        # (I - eta^2 D_xy f D_yx g) x = grad_x f - eta D_xy f grad_y g, and the same the other way
        x = _solved(
            lambda u: _minus(u, eta**2, xy(yx(u))),
            _minus(v.generator, eta, xy(v.discriminator)),
            solver,
        )
        y = _solved(
            lambda u: _minus(u, eta**2, yx(xy(u))),
            _minus(v.discriminator, eta, yx(v.generator)),
            solver,
        )
        residual = jnp.maximum(x.residual, y.residual)
        return Params(x.solution, y.solution), {"competitive_residual": residual}

    return _adjusted(adjust, products=4 * (iterations + 2) + 2)


class _Solved(NamedTuple):
    solution: PyTree
    residual: Array


def _solved(matrix: Callable[[PyTree], PyTree], right: PyTree, solver: dict[str, Any]) -> _Solved:
    x, _ = jax.scipy.sparse.linalg.cg(matrix, right, **solver)
    size = jnp.maximum(optax.tree.norm(right), jnp.finfo(jnp.float32).tiny)
    return _Solved(x, optax.tree.norm(_minus(right, 1.0, matrix(x))) / size)


def _minus(x: PyTree, factor: float, y: PyTree) -> PyTree:
    return jax.tree.map(lambda x, y: x - factor * y, x, y)

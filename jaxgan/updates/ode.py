"""Runge-Kutta methods for the game's differential equation."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.checks import check_key
from jaxgan.types import Array, Batch, GANState, Metrics, Params
from jaxgan.updates.moves import (
    Moves,
    Step,
    Update,
    apply_both,
    evaluate_both,
    gradients_of,
    params_of,
    propose_both,
    updates_of,
    with_gradients,
    with_params,
)

# Of each method: how far each stage steps along the gradients of the one before, and its weight.
_STAGES = {2: ((0.0, 1.0), (1 / 2, 1 / 2)), 4: ((0.0, 0.5, 0.5, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6))}


def runge_kutta(order: int = 4, joint: bool = True) -> Update:
    """A Runge-Kutta step of order 2 (Heun's) or 4 on the game's differential equation, w' = -v(w).

    The stages are steps of the optimizers, so that `optax.sgd(h)` gives the method with step size
    h. All see the same batch and latents.

    Args:
      order: 2 or 4.
      joint: move both players from stage to stage. Otherwise each player's stages are computed
        with the opponent where it was at the start of the round, as in the notebook published
        with the paper; on the bilinear game that is Euler's method.
    Returns:
      An update rule for `jaxgan.make_train_step`.
    Raises:
      ValueError: if the order is not 2 or 4.
    Source: Qin et al. 2020, section 3.3, https://arxiv.org/abs/2010.15040
    """
    if order not in _STAGES:
        raise ValueError(f"order must be 2 (Heun) or 4, got {order}")
    steps, weights = _STAGES[order]

    def make_round(moves: Moves) -> Step:
        evaluate = _evaluate_jointly if joint else _evaluate_apart

        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            first = stage = evaluate_both(moves, key, state, batch)
            mean = _scaled(gradients_of(first), weights[0])
            for step, weight in zip(steps[1:], weights[1:], strict=True):
                # k_i = v(w + c u(k_(i-1)));  w <- w + u(sum_i b_i k_i)
                there = with_params(state, _ahead(moves, state, stage, step))
                stage = evaluate(moves, key, (state, there), batch)
                mean = jax.tree.map(jnp.add, mean, _scaled(gradients_of(stage), weight))
            return apply_both(moves, state, with_gradients(first, mean))

        return play

    return Update(make_round, gradients=2 * order)


def _scaled(gradients: Params, factor: float) -> Params:
    return jax.tree.map(lambda g: factor * g, gradients)


def _ahead(moves: Moves, state: GANState, stage: Params, step: float) -> Params:
    """W + step * u, where u are the optimizers' updates by a stage's gradients."""
    updates = updates_of(propose_both(moves, state, stage))
    return optax.apply_updates(params_of(state), jax.tree.map(lambda u: step * u, updates))


def _evaluate_jointly(
    moves: Moves, key: Array, states: tuple[GANState, GANState], batch: Batch | Array
) -> Params:
    _, there = states
    return evaluate_both(moves, key, there, batch)


def _evaluate_apart(
    moves: Moves, key: Array, states: tuple[GANState, GANState], batch: Batch | Array
) -> Params:
    """Each player's evaluation ahead, with the opponent at the start of the round."""
    state, there = states
    by_generator = state._replace(generator=there.generator)
    by_discriminator = state._replace(discriminator=there.discriminator)
    key, other_key = jax.random.clone(key), jax.random.clone(key)
    return Params(
        moves.evaluate("generator", key, by_generator, batch),
        moves.evaluate("discriminator", other_key, by_discriminator, batch),
    )

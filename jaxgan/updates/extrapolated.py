"""Looking ahead by a gradient: extragradient, extrapolation from the past, optimism."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan import nonfinite
from jaxgan.checks import check_key
from jaxgan.optimizers import Proposal
from jaxgan.types import Array, Batch, GANState, Metrics, Params
from jaxgan.updates.moves import (
    Moves,
    Step,
    Update,
    apply_both,
    evaluate_both,
    finish_both,
    gradients_of,
    params_of,
    propose_both,
    updates_of,
    with_gradients,
    with_optimizers_of,
    with_params,
)


def extragradient() -> Update:
    """Step ahead, and move from the old point by the gradients of the new one.

    Both evaluations see the same batch and latents. The optimizers see both gradients, so that
    with Adam this is ExtraAdam.

    Returns:
      An update rule for `jaxgan.make_train_step`.
    Source: Korpelevich 1976; Gidel et al. 2019, equation 12 and algorithm 4,
      https://arxiv.org/abs/1802.10551
    """

    def make_round(moves: Moves) -> Step:
        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            # w' = w - h v(w);  w <- w - h v(w')
            ahead, first = apply_both(moves, state, evaluate_both(moves, key, state, batch))
            there = with_params(state, params_of(ahead))
            evaluations = evaluate_both(moves, key, there, batch)
            new, metrics = apply_both(moves, with_optimizers_of(state, ahead), evaluations)
            return new, nonfinite.add_update(first, metrics)

        return play

    return Update(make_round, gradients=4)


def extrapolation_from_the_past() -> Update:
    """Extragradient that steps ahead by the gradients of the round before, which are free.

    The first round steps ahead by nothing. The state keeps both players' last gradients.

    Returns:
      An update rule for `jaxgan.make_train_step`.
    Source: Popov 1980; Gidel et al. 2019, equations 15 and 16, https://arxiv.org/abs/1802.10551
    """

    def make_round(moves: Moves) -> Step:
        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            # w'_t = w_t - h v(w'_(t-1));  w_(t+1) = w_t - h v(w'_t)
            now = evaluate_both(moves, key, state, batch)
            past = propose_both(moves, state, with_gradients(now, state.update))
            there = optax.apply_updates(params_of(state), updates_of(past))
            evaluations = evaluate_both(moves, key, with_params(state, there), batch)
            new, metrics = apply_both(moves, state, evaluations)
            return new._replace(update=gradients_of(evaluations)), metrics

        return play

    return Update(make_round, init=_zero_gradients)


class LastUpdates(NamedTuple):
    """What optimism keeps.

    Attributes:
      updates: both players' updates of the round before.
      started: whether there was one.
    """

    updates: Params
    started: Array


def optimistic() -> Update:
    """Move by twice the present update minus the one of the round before.

    With plain gradient descent this is optimistic mirror descent, with Adam optimistic Adam.
    `simultaneous` with `optax.optimistic_gradient_descent` or `optax.optimistic_adam_v2` does the
    same. The first round is a plain one.

    Returns:
      An update rule for `jaxgan.make_train_step`.
    Source: Daskalakis et al. 2018, equation 5 and algorithm 1, https://arxiv.org/abs/1711.00141
    """

    def make_round(moves: Moves) -> Step:
        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            evaluations = evaluate_both(moves, key, state, batch)
            proposals = propose_both(moves, state, evaluations)
            present, last = updates_of(proposals), state.update
            # w_(t+1) = w_t + 2 u_t - u_(t-1)
            past = jax.tree.map(lambda u, v: jnp.where(last.started, v, u), present, last.updates)
            twice = jax.tree.map(lambda u, v: 2.0 * u - v, present, past)
            optimists = Params(
                *(Proposal(u, p.opt_state) for u, p in zip(twice, proposals, strict=True))
            )
            new, metrics = finish_both(moves, state, evaluations, optimists)
            return new._replace(update=LastUpdates(present, jnp.array(True))), metrics

        return play

    return Update(
        make_round, init=lambda state: LastUpdates(_zero_gradients(state), jnp.array(False))
    )


def _zero_gradients(state: GANState) -> Params:
    return jax.tree.map(jnp.zeros_like, params_of(state))

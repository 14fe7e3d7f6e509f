"""Rules that play another rule and then correct its result: look-ahead and Anderson mixing."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.checks import check_not_negative, check_positive
from jaxgan.types import Array, Batch, GANState, Metrics, Params, PyTree
from jaxgan.updates.moves import Moves, Step, Update, memory, params_of, with_params
from jaxgan.updates.plain import alternating, simultaneous


class Lookahead(NamedTuple):
    """What look-ahead keeps.

    Attributes:
      rounds: since the last return, int32 scalar.
      slow: both players' slow parameters.
      inner: what the inner rule keeps.
    """

    rounds: Array
    slow: Params
    inner: PyTree


def lookahead(
    k: int = 5,
    alpha: float = 0.5,
    inner: Update = simultaneous(),  # noqa: B008 (it is immutable)
) -> Update:
    """Play k rounds of another rule, then return part of the way, for both players jointly.

    The optimizers keep their states over the return. The EMA generator averages the parameters
    before it.

    Args:
      k: rounds between returns.
      alpha: fraction of the way from the slow to the fast parameters, in [0, 1].
      inner: the rule of the rounds.
    Returns:
      An update rule for `jaxgan.make_train_step`.
    Raises:
      ValueError: if k is not positive or alpha is out of range.
    Source: Chavdarova et al. 2021, algorithm 1, https://arxiv.org/abs/2006.14567
    """
    check_positive(k=k)
    check_not_negative(alpha=alpha)
    if not isinstance(alpha, jax.core.Tracer) and alpha > 1:
        raise ValueError(f"alpha must lie in [0, 1], got {alpha}")

    def make_round(moves: Moves) -> Step:
        play_inner = inner.make_round(moves)

        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            kept = state.update
            new, metrics = play_inner(key, state._replace(update=kept.inner), batch)
            rounds, fast = kept.rounds + 1, params_of(new)
            due = rounds == k
            # every k rounds: slow <- slow + alpha (fast - slow), fast <- slow
            slow = jax.tree.map(
                lambda s, f: jnp.where(due, s + alpha * (f - s), s).astype(s.dtype),
                kept.slow,
                fast,
            )
            fast = jax.tree.map(lambda s, f: jnp.where(due, s, f), slow, fast)
            kept = Lookahead(jnp.where(due, 0, rounds), slow, new.update)
            return with_params(new, fast)._replace(update=kept), metrics

        return play

    def init(state: GANState) -> Lookahead:
        slow = jax.tree.map(jnp.copy, params_of(state))
        return Lookahead(jnp.int32(0), slow, memory(inner, state))

    return inner._replace(make_round=make_round, init=init)


class Anderson(NamedTuple):
    """What Anderson mixing keeps: the last rounds, the oldest of which is replaced next.

    Attributes:
      played: number of rounds so far, int32 scalar.
      ends: both players' parameters after each of the last rounds, [rounds, ...].
      moves: what each of them changed, [rounds, ...].
      inner: what the inner rule keeps.
    """

    played: Array
    ends: Params
    moves: Params
    inner: PyTree


def anderson(
    rounds: int = 10,
    damping: float = 1e-4,
    inner: Update = alternating(),  # noqa: B008
) -> Update:
    """Mix the ends of the last rounds of another rule so that what they change cancels out.

    GDA-AM: Anderson mixing of alternating gradient descent ascent. The mixture is found by least
    squares over the last rounds, for both players jointly. The EMA generator averages the
    parameters before mixing. The state holds two copies of both players' parameters per round.

    Args:
      rounds: number of rounds that are mixed.
      damping: Tikhonov damping of the least squares, positive, relative to the mean square of a
        round's change.
      inner: the rule of the rounds.
    Returns:
      An update rule for `jaxgan.make_train_step`.
    Raises:
      ValueError: if rounds or damping is not positive.
    Source: He et al. 2022, algorithm 2, https://arxiv.org/abs/2110.02457
    """
    check_positive(rounds=rounds)
    if not damping > 0:
        raise ValueError(
            f"damping must be positive, got {damping}: the changes of the last rounds are nearly "
            "dependent"
        )

    def make_round(moves: Moves) -> Step:
        play_inner = inner.make_round(moves)

        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            kept, start = state.update, params_of(state)
            new, metrics = play_inner(key, state._replace(update=kept.inner), batch)
            place, end = kept.played % rounds, params_of(new)
            change = jax.tree.map(jnp.subtract, end, start)
            ends, changes = jax.tree.map(
                lambda old, x: old.at[place].set(x), (kept.ends, kept.moves), (end, change)
            )
            weights = _mixture(changes, kept.played + 1, damping)
            # w = sum_i a_i F(w_i)
            mixed = jax.tree.map(lambda x: jnp.tensordot(weights, x, 1).astype(x.dtype), ends)
            kept = Anderson(kept.played + 1, ends, changes, new.update)
            return with_params(new, mixed)._replace(update=kept), metrics

        return play

    def init(state: GANState) -> Anderson:
        empty = jax.tree.map(lambda x: jnp.zeros((rounds, *x.shape), x.dtype), params_of(state))
        again = jax.tree.map(jnp.copy, empty)
        return Anderson(jnp.int32(0), empty, again, memory(inner, state))

    return inner._replace(make_round=make_round, init=init)


def _mixture(changes: Params, rounds: Array, damping: float) -> Array:
    """Weights a [rounds] of sum 1 that minimise ||sum_i a_i change_i||^2 + damping ||a||^2."""
    rows = [x.reshape(len(x), -1) for x in jax.tree.leaves(changes)]
    # In full precision: damping is smaller than the rounding of TF32.
    products = (jnp.matmul(row, row.T, precision="highest") for row in rows)
    gram = sum(products, start=jnp.zeros((len(rows[0]),) * 2))
    filled = jnp.arange(len(gram)) < rounds
    scale = jnp.trace(gram) / jnp.minimum(rounds, len(gram))
    gram = gram / jnp.maximum(scale, jnp.finfo(jnp.float32).tiny)
    # Rows that are not filled yet become those of the identity: their weight is 0.
    gram = jnp.where(jnp.outer(filled, filled), gram, 0.0) + jnp.diag(
        jnp.where(filled, damping, 1.0)
    )
    weights = jnp.linalg.solve(gram, filled.astype(jnp.float32))
    return weights / jnp.sum(weights)

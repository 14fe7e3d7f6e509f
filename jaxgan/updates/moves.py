"""What an update rule is made of: the gradients of a game's players, and their optimizers' steps.

A rule is written in these terms alone, so that it plays toy games and real GANs alike, on one
device or many. Consensus optimisation, for example:

    def consensus(weight):
        def make_round(moves):
            def play(key, state, batch):
                point = linearized(moves, key, state, batch)
                pull = point.transposed(point.value)
                v = jax.tree.map(lambda v, p: v + weight * p, point.value, pull)
                return apply_both(moves, state, with_gradients(point.aux, v))

            return play

        return Update(make_round)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxgan.games.field import Linearized, linearize
from jaxgan.optimizers import Proposal
from jaxgan.types import Array, Batch, GANState, Metrics, Params, Player, PyTree

Step = Callable[[Array, GANState, Batch | Array], tuple[GANState, Metrics]]
"""`step(key, state, batch) -> (state, metrics)`, an update of one player or a round."""


class Evaluation(NamedTuple):
    """One player's loss at a point, for one batch.

    Attributes:
      gradient: of the loss with respect to the player's own parameters; a mean over devices and
        micro-batches.
      loss: scalar, the same mean.
      aux: what comes with it: the player's model state, its terms' states, and metrics.
    """

    gradient: PyTree
    loss: Array
    aux: Any


class Moves(NamedTuple):
    """What an update rule may do with a game. All of it is pure and differentiable.

    Attributes:
      loss: `(player, key, state, batch) -> (scalar, aux)`, the loss of a player on this device, at
        the parameters of the state.
      evaluate: `(player, key, state, batch) -> Evaluation`, the same with the player's gradient.
      propose: `(player, state, evaluation) -> Proposal`, what the player's optimizer makes of it.
      finish: `(player, state, evaluation, proposal) -> (state, metrics)`; moves the player, and
        does everything else that belongs to its update: EMA, counters, guards.
      axis_name: the mapped device axis, or None.
      accumulate: micro-batches per evaluation.
    """

    loss: Callable[[Player, Array, GANState, Any], tuple[Array, Any]]
    evaluate: Callable[[Player, Array, GANState, Any], Evaluation]
    propose: Callable[[Player, GANState, Evaluation], Proposal]
    finish: Callable[[Player, GANState, Evaluation, Proposal], tuple[GANState, Metrics]]
    axis_name: str | None = None
    accumulate: int = 1


class Update(NamedTuple):
    """An update rule: what a round of training consists of.

    Attributes:
      make_round: `moves -> step`, where `step(key, state, batch) -> (state, metrics)` is a round.
      init: `state -> what the rule keeps from round to round`, a pytree of arrays that becomes
        `GANState.update`; None for a rule without memory.
      gradients: gradients of one player's loss per round.
      products: products with the game's Jacobian, or its transpose, per round.
      batches: batches per round; above 1, the batch has a leading axis [batches, batch, ...].
    """

    make_round: Callable[[Moves], Step]
    init: Callable[[GANState], PyTree] | None = None
    gradients: int = 2
    products: int = 0
    batches: int = 1


def memory(update: Update, state: GANState) -> PyTree:
    """What a rule keeps before the first round; None for a rule without memory."""
    return None if update.init is None else update.init(state)


# --- One player


def apply(
    moves: Moves, player: Player, state: GANState, evaluation: Evaluation
) -> tuple[GANState, Metrics]:
    """One update of a player by its optimizer."""
    return moves.finish(player, state, evaluation, moves.propose(player, state, evaluation))


# --- Both players


def params_of(state: GANState) -> Params:
    """Both players' parameters."""
    return Params(state.generator.params, state.discriminator.params)


def with_params(state: GANState, params: Params) -> GANState:
    """A state with other parameters of both players."""
    return state._replace(
        generator=state.generator._replace(params=params.generator),
        discriminator=state.discriminator._replace(params=params.discriminator),
    )


def with_optimizers_of(state: GANState, other: GANState) -> GANState:
    """A state with the optimizers' states of another one."""
    return state._replace(
        generator=state.generator._replace(opt_state=other.generator.opt_state),
        discriminator=state.discriminator._replace(opt_state=other.discriminator.opt_state),
    )


def evaluate_both(moves: Moves, key: Array, state: GANState, batch: Any) -> Params:
    """Both players' `Evaluation` at the state's parameters.

    They share one key: both see the same generated samples, which are computed once.
    """
    discriminator = moves.evaluate("discriminator", jax.random.clone(key), state, batch)
    return Params(moves.evaluate("generator", jax.random.clone(key), state, batch), discriminator)


def gradients_of(evaluations: Params) -> Params:
    """Both players' gradients."""
    return Params(evaluations.generator.gradient, evaluations.discriminator.gradient)


def with_gradients(evaluations: Params, gradients: Params) -> Params:
    """Evaluations with other gradients, by which the players then move."""
    return Params(
        *(own._replace(gradient=g) for own, g in zip(evaluations, gradients, strict=True))
    )


def linearized(moves: Moves, key: Array, state: GANState, batch: Any) -> Linearized:
    """Both players' gradients at the state's parameters, with the products of their Jacobian.

    Its `aux` are the evaluations. The gradients are the negative of `jaxgan.games.vector_field`.
    """

    def field(params: Params) -> tuple[Params, Params]:
        evaluations = evaluate_both(moves, key, with_params(state, params), batch)
        return gradients_of(evaluations), evaluations

    return linearize(field, params_of(state), moves.axis_name)


def propose_both(moves: Moves, state: GANState, evaluations: Params) -> Params:
    """What both optimizers make of both evaluations."""
    return Params(
        moves.propose("generator", state, evaluations.generator),
        moves.propose("discriminator", state, evaluations.discriminator),
    )


def updates_of(proposals: Params) -> Params:
    """Both players' updates, to be added to their parameters."""
    return Params(proposals.generator.updates, proposals.discriminator.updates)


def finish_both(
    moves: Moves, state: GANState, evaluations: Params, proposals: Params
) -> tuple[GANState, Metrics]:
    """Both updates, each from the same state."""
    new, metrics = moves.finish(
        "discriminator", state, evaluations.discriminator, proposals.discriminator
    )
    new, others = moves.finish("generator", new, evaluations.generator, proposals.generator)
    return new, metrics | others


def apply_both(moves: Moves, state: GANState, evaluations: Params) -> tuple[GANState, Metrics]:
    """One update of each player by its optimizer, each from the same state."""
    return finish_both(moves, state, evaluations, propose_both(moves, state, evaluations))

"""Update rules on games by themselves, such as the toys of `jaxgan.games`.

>>> from jaxgan.games import bilinear
>>> from jaxgan.updates.plain import simultaneous
>>> path = play(bilinear(), Params(1.0, 0.0), optax.sgd(0.2), simultaneous(), rounds=100)
>>> radius = jnp.hypot(path.generator, path.discriminator)
>>> print(f"{(radius[100] / radius[0]) ** 0.01:.5f}")  # sqrt(1 + h^2)
1.01980
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxgan.checks import check_positive
from jaxgan.games.field import Game
from jaxgan.optimizers import Proposal, moved, proposed
from jaxgan.types import Array, GANState, Metrics, Params, Player, PlayerState, PyTree
from jaxgan.updates.moves import Evaluation, Moves, Update, memory, params_of
from jaxgan.updates.plain import alternating

Optimizers: TypeAlias = optax.GradientTransformation | Params
"""One optimizer for both players, or `Params(generator=..., discriminator=...)`."""


def play(
    game: Game,
    start: Params,
    optimizers: Optimizers,
    update: Update = alternating(),  # noqa: B008 (it is immutable)
    rounds: int = 1,
) -> Params:
    """The players' parameters [rounds + 1, ...] over some rounds, from their start on.

    Args:
      game: the game.
      start: both players' first parameters, any pytrees of floats.
      optimizers: of both players, or of each.
      update: the rule of a round.
      rounds: number of rounds.
    Raises:
      ValueError: if start is not a pair, or rounds is not positive.
    """
    check_positive(rounds=rounds)
    state = start_state(start, optimizers, update)
    one_round = make_round(game, optimizers, update)

    def body(state: GANState, _: None) -> tuple[GANState, Params]:
        state = one_round(state)
        return state, params_of(state)

    _, path = jax.lax.scan(body, state, length=rounds)
    return jax.tree.map(
        lambda first, rest: jnp.concatenate([first[None], rest]), params_of(state), path
    )


def start_state(start: Params, optimizers: Optimizers, update: Update) -> GANState:
    """The state before the first round of a game.

    Args:
      start: both players' first parameters.
      optimizers: of both players, or of each.
      update: the rule of a round.
    Raises:
      ValueError: if start is not a pair.
    """
    if not isinstance(start, tuple) or len(start) != 2:
        raise ValueError(f"start must be Params(generator, discriminator), got {start!r}")
    generator, discriminator = (
        PlayerState(own, {}, optimizer.init(own), {})
        for own, optimizer in zip(_floats(start), _each(optimizers), strict=True)
    )
    state = GANState(jnp.int32(0), generator, discriminator)
    return state._replace(update=memory(update, state))


def make_round(
    game: Game, optimizers: Optimizers, update: Update
) -> Callable[[GANState], GANState]:
    """One round of a game, as a map of the states of `start_state`.

    Args:
      game: the game.
      optimizers: of both players, or of each.
      update: the rule of a round.
    """
    step = update.make_round(game_moves(game, optimizers))
    # A toy game draws nothing and needs no data.
    batch = jnp.zeros((update.batches, 1, 1)[update.batches == 1 :])
    return lambda state: step(jax.random.key(0), state, batch)[0]


def game_moves(game: Game, optimizers: Optimizers) -> Moves:
    """The moves of a game by itself, of which update rules are made.

    Args:
      game: the game.
      optimizers: of both players, or of each.
    """
    each = _each(optimizers)

    def loss(player: Player, key: Array, state: GANState, batch: Any) -> tuple[Array, Any]:
        return getattr(game, f"{player}_loss")(*params_of(state))

    def evaluate(player: Player, key: Array, state: GANState, batch: Any) -> Evaluation:
        def of_own(own: PyTree) -> tuple[Array, Any]:
            return getattr(game, f"{player}_loss")(*params_of(state)._replace(**{player: own}))

        own = getattr(state, player).params
        (value, aux), gradient = jax.value_and_grad(of_own, has_aux=True)(own)
        return Evaluation(gradient, value, aux)

    def propose(player: Player, state: GANState, evaluation: Evaluation) -> Proposal:
        optimizer = getattr(each, player)
        return proposed(optimizer, getattr(state, player), evaluation.gradient, evaluation.loss)

    def finish(
        player: Player, state: GANState, evaluation: Evaluation, proposal: Proposal
    ) -> tuple[GANState, Metrics]:
        changed: dict[str, Any] = {player: moved(getattr(state, player), proposal)}
        changed["step"] = state.step + (player == "generator")
        return state._replace(**changed), {f"{player}_loss": evaluation.loss}

    return Moves(loss, evaluate, propose, finish)


def _each(optimizers: Optimizers) -> Params:
    return optimizers if isinstance(optimizers, Params) else Params(optimizers, optimizers)


def _floats(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jnp.asarray(x, float), tree)

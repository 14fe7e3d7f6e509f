"""The first state and the updates of an optimizer, any optax transformation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.types import Array, PlayerState, PyTree


class Proposal(NamedTuple):
    """An update that an optimizer proposes.

    Attributes:
      updates: to be added to the parameters.
      opt_state: of the optimizer after it.
    """

    updates: PyTree
    opt_state: PyTree


def started(player: str, optimizer: optax.GradientTransformation, params: PyTree) -> PyTree:
    """An optimizer's first state. An update is traced as a check, but not computed.

    Args:
      player: "discriminator" or "generator", for errors.
      optimizer: the player's.
      params: the player's.
    Raises:
      ValueError: if the optimizer needs what a step does not have.
    """

    def first_update(params):
        before = PlayerState(params, {}, optimizer.init(params), {})
        return moved(before, proposed(optimizer, before, params, jnp.zeros((), jnp.float32)))

    try:
        jax.eval_shape(first_update, params)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{player}_optimizer cannot make an update ({reason}): a step passes gradients, "
            "parameters and value=loss, so line searches (optax.lbfgs) and optax.lookahead are "
            "not supported"
        ) from error
    return optimizer.init(params)


def proposed(
    optimizer: optax.GradientTransformation, player: PlayerState, grads: PyTree, loss: Array
) -> Proposal:
    """What an optimizer makes of gradients that are means over devices and micro-batches.

    The loss, a mean too, is for optimizers that adapt to it (optax calls it `value`).
    """
    update = optax.with_extra_args_support(optimizer).update
    return Proposal(*update(grads, player.opt_state, player.params, value=loss))


def moved(player: PlayerState, proposal: Proposal) -> PlayerState:
    """A player after its optimizer's update."""
    params = optax.apply_updates(player.params, proposal.updates)
    return player._replace(params=params, opt_state=proposal.opt_state)

"""Non-finite losses and gradients: detected on the device, named on the host.

A step counts them in its metrics, which costs no more than the gradient norms do.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.choices import NonfinitePolicy
from jaxgan.types import Array, GANState, Metrics, PyTree

PLAYERS = ("discriminator", "generator")
COUNTS = tuple(f"{player}_{kind}" for player in PLAYERS for kind in ("nonfinite", "tensor"))
"""Names of the metrics that count non-finite updates."""


class NonFinite(NamedTuple):
    """A round in which a player's loss or gradient was non-finite.

    Attributes:
      round: its number.
      step: number of generator updates after it.
      player: "discriminator" or "generator".
      tensor: the first that was non-finite: the loss, or the gradient of a parameter.
      updates: how many of the player's updates in this round were non-finite.
    """

    round: int
    step: int
    player: str
    tensor: str
    updates: int

    def __str__(self) -> str:
        return f"non-finite {self.player} {self.tensor} at step {self.step} (round {self.round})"


class NonFiniteError(ArithmeticError):
    """A loss or a gradient was non-finite in training; the attribute `nonfinite` says where."""

    def __init__(self, nonfinite: NonFinite):
        super().__init__(str(nonfinite))
        self.nonfinite = nonfinite


# --- On the device


def gradient_metrics(player: str, loss: Array, grads: PyTree) -> Metrics:
    """The norm of a player's gradient, and which tensor of the update is non-finite.

    Args:
      player: "discriminator" or "generator".
      loss: scalar.
      grads: of the parameters.
    Returns:
      `PLAYER_grad_norm`; `PLAYER_nonfinite`, int32: 1 if something is non-finite, else 0; and
      `PLAYER_tensor`, int32: 0 for nothing, 1 for the loss, 2 + i for the gradient of parameter
      i. A gradient whose squares overflow float32 (10^19 and more) counts as non-finite.
    """
    squares = [optax.tree.norm(g, squared=True) for g in jax.tree.leaves(grads)]
    finite = jnp.isfinite(jnp.stack([loss.astype(jnp.float32), *squares]))
    places = jnp.arange(1, len(finite) + 1, dtype=jnp.int32)
    first = jnp.min(jnp.where(finite, len(finite) + 1, places))
    tensor = jnp.where(first > len(finite), 0, first)
    return {
        f"{player}_grad_norm": jnp.sqrt(
            sum(squares[1:], start=squares[0]) if squares else jnp.float32(0)
        ),
        f"{player}_nonfinite": (tensor > 0).astype(jnp.int32),
        f"{player}_tensor": tensor,
    }


def add_update(metrics: Metrics, update: Metrics) -> Metrics:
    """The metrics after one more update of a player: its own, with the counts added up."""
    merged = metrics | update
    for name in COUNTS:
        if name in metrics and name in update:
            counts = name.endswith("nonfinite")
            first = jnp.where(metrics[name] > 0, metrics[name], update[name])
            merged[name] = metrics[name] + update[name] if counts else first
    return merged


def count(metrics: Metrics) -> Array:
    """The number of non-finite updates in a round, int32 scalar, of both players."""
    names = [f"{player}_nonfinite" for player in PLAYERS]
    return sum((metrics[name] for name in names if name in metrics), start=jnp.int32(0))


def keep_if_nonfinite(player: str, metrics: Metrics, old: PyTree, new: PyTree) -> PyTree:
    """The old state if something in the player's update is non-finite, else the new one."""
    bad = metrics[f"{player}_nonfinite"] > 0
    return jax.tree.map(lambda old, new: jnp.where(bad, old, new), old, new)


# --- On the host


def nonfinite_updates(metrics: Mapping[str, Any], state: GANState) -> list[NonFinite]:
    """What was non-finite in the rounds of one compiled call, in order.

    Args:
      metrics: arrays [rounds], among them "round" and "step".
      state: a training state, whose structure names the parameters.
    """
    found = []
    for player in PLAYERS:
        counts = np.atleast_1d(metrics.get(f"{player}_nonfinite", 0))
        for place in np.flatnonzero(counts):
            number, step, place_of_tensor = (
                int(np.atleast_1d(metrics[name])[place])
                for name in ("round", "step", f"{player}_tensor")
            )
            tensor = _tensors(getattr(state, player).params)[place_of_tensor - 1]
            found.append(NonFinite(number, step, player, tensor, int(counts[place])))
    return sorted(found)


def raise_if_nonfinite(metrics: Metrics, state: GANState, policy: NonfinitePolicy):
    """Raises a `NonFiniteError` for the first non-finite update, unless the policy is to skip."""
    if policy != "skip":
        for found in nonfinite_updates(metrics, state):
            raise NonFiniteError(found)


def check_finite_state(state: GANState, played: int):
    """Raises a `NonFiniteError` if a parameter or a statistic of a state is non-finite.

    An update may overflow although its loss and gradient do not. This waits for the state.
    """
    for player in PLAYERS:
        own = getattr(state, player)
        for kind, tree in (("parameter", own.params), ("statistic", own.model_state)):
            finite = jax.device_get(_finite(tree))
            for name, sound in zip(_names(tree), jax.tree.leaves(finite), strict=True):
                if not sound:
                    step = int(state.step)
                    raise NonFiniteError(NonFinite(played, step, player, f"{kind} {name}", 1))


@jax.jit
def _finite(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jnp.all(jnp.isfinite(x)), tree)


def _names(tree: PyTree) -> list[str]:
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]


def _tensors(params: PyTree) -> Sequence[str]:
    return ["loss", *(f"gradient of {name}" for name in _names(params))]

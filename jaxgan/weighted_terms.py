"""The weighted terms of a loss: their values, weights, states and laziness."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import mean_over_devices
from jaxgan.schedules import value_at
from jaxgan.term_inputs import TermInputs
from jaxgan.types import Array, Metrics, PyTree, Term


class LazyState(NamedTuple):
    """The state of a term that is computed in every n-th update only.

    Attributes:
      updates: number of its player's updates so far.
      value: the last value computed.
      state: what the term itself keeps.
    """

    updates: Array
    value: Array
    state: PyTree


def plus_terms(
    adversarial: Array, terms: tuple[Term, ...], inputs: TermInputs, states: dict[str, PyTree]
) -> tuple[Array, dict[str, PyTree], Metrics]:
    """Adversarial + sum_i w_i T_i, the terms' states, and their values without the weights."""
    loss, states, metrics = adversarial, dict(states), {}
    for number, term in enumerate(terms):
        own = dataclasses.replace(
            inputs, key=jax.random.fold_in(inputs.key, number), coupled=term.coupled
        )
        compute = _compute_lazily if term.every > 1 else _compute
        prefix = "penalty" if term.player == "discriminator" else "term"
        value, shown, state = compute(term, own, states.get(term.name))
        loss = loss + value_at(term.weight, inputs.step) * value
        metrics[f"{prefix}_{term.name}"] = shown
        if state is not None:
            states[term.name] = state
    return loss, states, metrics


def _compute(term: Term, inputs: TermInputs, state: PyTree) -> tuple[Array, Array, PyTree]:
    """A term's value in the loss, its value as a metric, and its next state."""
    inputs = dataclasses.replace(inputs, state=state)
    kind = "penalty" if term.player == "discriminator" else "generator term"
    value = scalar(f"{kind} {term.name}", term.value(inputs))
    return value, value, state if term.update is None else term.update(inputs)


def _compute_lazily(term: Term, inputs: TermInputs, state: Any) -> tuple[Array, Array, LazyState]:
    """The same of a term that is computed in every n-th update, and then counts n times."""

    def computed() -> tuple[Array, PyTree]:
        value, _, new = _compute(term, inputs, state.state)
        return value.astype(jnp.float32), new

    due = state.updates % term.every == 0
    value, own = jax.lax.cond(due, computed, lambda: (jnp.float32(0), state.state))
    everywhere = mean_over_devices(jax.lax.stop_gradient(value), inputs.axis_name)
    shown = jnp.where(due, everywhere, state.value)
    return term.every * value, shown, state._replace(value=shown, state=own)


def init_terms(terms: tuple[Term, ...]) -> dict[str, PyTree]:
    """The first states of the terms that have one, by name."""
    states = {}
    for term in terms:
        own = None if term.init is None else term.init()
        if term.every > 1:
            states[term.name] = LazyState(jnp.int32(0), jnp.float32(jnp.nan), own)
        elif own is not None:
            states[term.name] = own
    return states


def count_update(terms: tuple[Term, ...], states: dict[str, PyTree]) -> dict[str, PyTree]:
    """The states of one player's terms after an update, which the lazy ones count."""
    counted = {
        term.name: states[term.name]._replace(updates=states[term.name].updates + 1)
        for term in terms
        if term.every > 1
    }
    return states | counted


def scalar(name: str, value: Any) -> Array:
    """A part of a loss; raises a ValueError unless it is one floating number."""
    if callable(value):
        raise ValueError(
            f"{name} returned a function: call it before you attach it, such as "
            "penalty(make_gradient_penalty(target=0.0), 10.0)"
        )
    if jnp.ndim(value) or not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise ValueError(
            f"{name} must be a floating scalar, got {jnp.result_type(value)} of shape "
            f"{jnp.shape(value)}: take the mean over the batch"
        )
    return value

"""The state of a run, and how one starts."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.checks import check_key
from jaxgan.data import Dataset, Records
from jaxgan.training.batches import Data, as_data, example_batch
from jaxgan.training.plan import Plan, check_plan, rows_per_device
from jaxgan.training.programs import InitInput, compiled_init, init_input_of
from jaxgan.types import GAN, Array, GANState


class RunState(NamedTuple):
    """All that the rest of a run depends on, as one pytree: what a checkpoint holds.

    `key` is the key of all that is random in the run; `round` counts the rounds played, which give
    each its own key and, when players alternate in epochs, say whose turn it is; `batches` counts
    the batches drawn, the position in the data; `discarded` the updates that were skipped as not
    finite, and `rollbacks` the returns to a checkpoint. All but the key are int32 scalars.
    """

    gan: GANState
    key: Array
    round: Array
    batches: Array
    discarded: Array
    rollbacks: Array


def init_run(key: Array, gan: GAN, data: Data, plan: Plan) -> RunState:
    """The state before the first round; arguments and errors are those of `fit`."""
    check_key(key)
    dataset = as_data(data)
    check_plan(dataset, plan)
    init_key = jax.random.split(jax.random.clone(key), 4)[0]
    return run_state(key, compiled_init(gan, init_input(dataset, plan))(init_key))


def init_input(dataset: Dataset | Records, plan: Plan, least: int | None = None) -> InitInput:
    """What the networks are started with; concrete, though `init_run` may be traced."""
    with jax.ensure_compile_time_eval():
        return init_input_of(example_batch(dataset, rows_per_device(plan), plan.conditional, least))


def run_state(key: Array, state: GANState, played: int = 0, batches: int = 0) -> RunState:
    """A GAN's state as that of a run with this key, after so many rounds and batches."""
    counts = (jnp.asarray(count, jnp.int32) for count in (played, batches, 0, 0))
    return RunState(state, key, *counts)


def continued(key: Array, state: GANState, plan: Plan) -> RunState:
    """The state of a run that continues training from a GAN's state."""
    check_key(key)
    if not isinstance(state, GANState):
        hint = "pass state.gan" if isinstance(state, RunState) else "fit returns (state, history)"
        raise ValueError(f"state must be a GANState, got {type(state).__name__}: {hint}")
    played = int(state.step) // plan.n_generator if plan.alternation == "steps" else 0
    return run_state(key, state, played, played * max(plan.n_critic, plan.n_generator))

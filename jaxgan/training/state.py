"""The training state, and how training starts from it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.checks import check_key
from jaxgan.training.batches import Data, Source, as_data, example_batch
from jaxgan.training.keys import training_keys
from jaxgan.training.plan import Plan, batches_per_round
from jaxgan.training.plan_checks import check_plan, rows_per_device
from jaxgan.training.programs import InitInput, compiled_init, init_input_of, update_rule
from jaxgan.types import GAN, Array, GANState


class RunState(NamedTuple):
    """Everything that the rest of a run depends on, as one pytree: the contents of a checkpoint.

    All counts are int32 scalars.

    Attributes:
      gan: the state of both players.
      key: the key of all randomness in the run, see `jaxgan.training.keys`.
      round: rounds played; each round has its own key and, when players alternate in epochs, its
        player.
      batches: batches drawn, the position in the data.
      discarded: non-finite updates that were skipped.
      rollbacks: returns to an earlier checkpoint.
    """

    gan: GANState
    key: Array
    round: Array
    batches: Array
    discarded: Array
    rollbacks: Array


def init_run(key: Array, gan: GAN, data: Data, plan: Plan) -> RunState:
    """The state before the first round.

    Args:
      key: PRNG key of the run.
      gan: the GAN.
      data: a data set or arrays, see `jaxgan.fit`.
      plan: how the GAN is trained.
    Raises:
      ValueError: if data, networks, plan and devices do not fit.
    """
    check_key(key)
    dataset = as_data(data)
    check_plan(dataset, plan)
    start = compiled_init(gan, init_input(dataset, plan), update_rule(plan))
    return run_state(key, start(training_keys(key).init))


def init_input(dataset: Source, plan: Plan, least: int | None = None) -> InitInput:
    """The batch that initializes the networks; concrete even if `init_run` is traced."""
    with jax.ensure_compile_time_eval():
        return init_input_of(example_batch(dataset, rows_per_device(plan), plan.conditional, least))


def small_input(dataset: Source, gan: GAN, conditional: bool) -> InitInput:
    """A batch of two samples, or packs of them, on which a step can be looked at."""
    with jax.ensure_compile_time_eval():
        return init_input_of(example_batch(dataset, 2 * gan.discriminator.pack, conditional))


def run_state(key: Array, state: GANState, played: int = 0, batches: int = 0) -> RunState:
    """The training state of a GAN's state with this key, after some rounds and batches."""
    counts = (jnp.asarray(count, jnp.int32) for count in (played, batches, 0, 0))
    return RunState(state, key, *counts)


def continued(key: Array, state: GANState, plan: Plan) -> RunState:
    """The training state that continues from a GAN's state, as `fit` does."""
    check_key(key)
    if not isinstance(state, GANState):
        hint = "pass state.gan" if isinstance(state, RunState) else "fit returns (state, history)"
        raise ValueError(f"state must be a GANState, got {type(state).__name__}: {hint}")
    played = int(state.step) // plan.n_generator if plan.alternation == "steps" else 0
    return run_state(key, state, played, played * batches_per_round(plan))

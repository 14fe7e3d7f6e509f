"""The training loop: `iterate` runs it, `fit` collects its metrics.

The host draws the order of an epoch; many rounds of the game then run in one compiled call, and
nothing waits for the device. A round depends on nothing but the state's key and counts, so a run
that resumes from a saved state equals an unbroken one.
"""

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import nonfinite as guards
from jaxgan import parallel
from jaxgan.checks import check_positive, check_state
from jaxgan.data import Records, prefetch
from jaxgan.training.batches import (
    BatchSource,
    CallInputs,
    Data,
    Source,
    as_data,
    make_batch_source,
)
from jaxgan.training.keys import training_keys
from jaxgan.training.plan import Plan, ReadOptions
from jaxgan.training.plan_checks import check_augmentation, check_plan, warn_of_doubts
from jaxgan.training.programs import has_convolutions, state_like, update_rule
from jaxgan.training.rounds import Call, calls, make_phases, most_rounds, rounds_per_call
from jaxgan.training.state import RunState, continued, init_input, init_run
from jaxgan.types import GAN, Array, GANState, Metrics

CALLS_PER_BLOCK = 100
"""The number of compiled calls whose metrics `fit` keeps on the device before it moves them."""


class Progress(NamedTuple):
    """Results of one compiled call. Arrays may still be computing (asynchronous dispatch).

    Attributes:
      state: the training state after the call, valid until the next call starts.
      metrics: values per round, [rounds], among them "round" and "step" (generator updates).
      step: generator updates after the call, on the host.
      round: rounds after the call, on the host.
      bad: messages on records that could not be read.
    """

    state: RunState
    metrics: Metrics
    step: int
    round: int
    bad: tuple[str, ...] = ()


def fit(
    key: Array,
    gan: GAN,
    data: Data,
    steps: int,
    plan: Plan = Plan(),
    state: GANState | None = None,
    on_call: Callable[[Progress], Any] | None = None,
) -> tuple[GANState, dict[str, np.ndarray]]:
    """Trains a GAN; returns the final state and the metrics of every round.

    Another `fit` with the same GAN, plan and shapes does not compile again: the last few compiled
    programs are kept.

    Args:
      key: PRNG key of all randomness: parameters, order of the data, latents.
      gan: the GAN.
      data: a `Dataset` or `Records`, or all samples [N, ...], alone or in a `Batch` with labels or
        another condition: an array [N, ...], or a dict or tuple of such arrays.
        Plain float arrays are used as they are; uint8 arrays are images in 0..255.
        Or batches of your own: an iterable of them (a generator, a data loader of Grain or
        PyTorch), or a function of the batch number, 0 in the first round. A batch is an array of
        samples [batch, ...], a pair (x, condition) or a `Batch`, all of the shapes and dtypes of
        the first. A round takes max(n_critic, n_generator) batches. A function resumes exactly; an
        iterator continues where it stopped, and a data loader starts again in each call of `fit`
        and when it ends. Each of several processes gives its own rows of the batch.
      steps: generator updates of this call, in addition to those of `state`; rounded up to whole
        rounds.
      plan: batch size, updates per round, devices and so on, see `Plan`.
      state: the state to continue from, instead of a new one. With the same key and data, and
        alternation in steps, training 500 and then 500 steps gives the result of 1,000. Make
        `steps` a multiple of the plan's rounds_per_call, or the remainder is compiled as a
        program of its own.
      on_call: called with the `Progress` of each compiled call, right after its start, for example
        to draw samples or to log `jax.device_get(progress.metrics)`. Copy its state to keep it: the
        next call reuses the memory. What it returns is ignored: to stop early, loop over
        `jaxgan.iterate` and leave the loop.
    Returns:
      `(state, history)`; history maps each metric to float values [rounds], NaN in rounds that do
      not update its player.
    Raises:
      ValueError: if an argument is out of range, or data, networks and devices do not fit.
      NonFiniteError: if a loss or gradient is non-finite; it says which, and in which round.
    """
    if isinstance(key, jax.core.Tracer):
        raise ValueError("fit compiles its own calls and runs on the host: call it outside jit")
    data = as_data(data)
    check_plan(data, plan)
    if plan.nonfinite == "rollback":
        raise ValueError(
            'nonfinite="rollback" needs checkpoints, which only runs of the command line have: '
            'use "skip" or "stop" in fit'
        )
    check_augmentation(gan.augmentation, data, plan)
    warn_of_doubts(data, plan)
    start = init_run(key, gan, data, plan) if state is None else continued(key, state, plan)
    blocks: list[dict[str, np.ndarray]] = []
    waiting: list[Metrics] = []
    with contextlib.closing(iterate(gan, data, steps, plan, start)) as every:
        for progress in every:
            waiting.append(progress.metrics)
            if len(waiting) > CALLS_PER_BLOCK:  # the last call still runs: the others are moved
                blocks.append(_history(jax.device_get(waiting[:-1])))
                del waiting[:-1]
            if on_call is not None:
                on_call(progress)
    blocks.append(_history(jax.device_get(waiting)))
    return progress.state.gan, _history(blocks)


def iterate(
    gan: GAN,
    data: Data,
    steps: int,
    plan: Plan,
    state: RunState,
    reading: ReadOptions = ReadOptions(),
) -> Generator[Progress, None, None]:
    """The training loop, call by call, from a state on.

    Calls end at the same rounds from any start, so that resuming from a state in between equals an
    unbroken run, to the bit on the same devices. If you leave the loop early, to stop early for
    example, the last `Progress` stays valid; of an iterator, the batches of one more call may have
    been taken.

    Args:
      gan: the GAN.
      data: see `fit`.
      steps: additional generator updates; rounded up to whole rounds.
      plan: how the GAN is trained.
      state: from `init_run`, or from an earlier `Progress`. `init_run` takes a batch from an
        iterator for its shapes, which is not trained on.
      reading: how records that do not fit in memory are read.
    Raises:
      ValueError: see `fit`.
      NonFiniteError: if a loss or gradient is non-finite, one call after it was.
    """
    dataset = as_data(data)
    check_plan(dataset, plan)
    check_positive(steps=steps)
    if not isinstance(state, RunState):
        raise ValueError(
            f"state must be a RunState, got {type(state).__name__}: make one with jaxgan.init_run"
        )
    example = init_input(dataset, plan)
    check_state(state.gan, state_like(gan, example, update_rule(plan)))
    convolves = has_convolutions(gan, example)
    keys = training_keys(state.key)
    mesh = parallel.make_mesh(plan.devices)
    source = make_batch_source(
        dataset,
        keys.order,
        int(state.batches),
        plan,
        reading,
        known_labels_only=not _takes_unlabelled(gan, dataset, plan),
    )
    planned = _planned_calls(gan, dataset, plan, state, steps, convolves)
    carry = parallel.replicate(_copied(state), mesh)
    step_keys = parallel.replicate((keys.rounds, keys.transforms), mesh)
    late = None
    with contextlib.closing(source):
        for call, inputs in _drawn_ahead(planned, source, plan, mesh):
            carry, metrics = call.phase.call(step_keys, carry, inputs.payload, source.records)
            if late is not None:  # its call ends before this one: the device never waits
                guards.raise_if_nonfinite(late, carry.gan, plan.nonfinite)
            late = metrics
            yield Progress(carry, metrics, call.step, call.round, inputs.bad)
    assert late is not None  # there is at least one call
    guards.raise_if_nonfinite(late, carry.gan, plan.nonfinite)


def _copied(state: RunState) -> RunState:
    """A copy to be donated: the caller may keep the old one."""
    if jax.process_count() > 1:  # `device_put` takes no array that spans processes
        return jax.tree.map(jnp.copy, state)
    return jax.device_put(state, may_alias=False)  # needs no program for each shape


def _planned_calls(
    gan: GAN, dataset: Source, plan: Plan, state: RunState, steps: int, convolves: bool
) -> Iterator[Call]:
    """The calls from a state on."""
    step, most = int(state.gan.step), most_rounds(gan, dataset, plan, convolves)
    return calls(
        make_phases(gan, dataset, plan, convolves),
        int(state.round),
        step,
        step + steps,
        lambda phase: rounds_per_call(dataset, plan, most, phase.batches),
    )


def _takes_unlabelled(gan: GAN, dataset: Source, plan: Plan) -> bool:
    if not plan.conditional or not isinstance(dataset, Records) or dataset.attributes:
        return True  # labels in memory were checked when the networks were initialized
    try:
        state_like(gan, init_input(dataset, plan, least=-1), update_rule(plan))
    except ValueError:
        return False
    return True


def _drawn_ahead(
    planned: Iterator[Call], source: BatchSource, plan: Plan, mesh: Mesh
) -> Iterator[tuple[Call, CallInputs]]:
    """The calls with their inputs, which are sent to the devices during the call before."""

    def put(call: Call) -> tuple[Call, CallInputs]:
        inputs = source.draw(call.batches)
        if plan.parallel == "pmap":
            return call, inputs
        split = parallel.split_batch(inputs.payload, mesh, len(call.batches))
        return call, inputs._replace(payload=split)

    return prefetch(planned, put, size=1)


def _history(calls: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The metrics of calls, concatenated; NaN where a call lacks one."""
    names = dict.fromkeys(itertools.chain.from_iterable(calls))
    absent = [np.full(len(metrics["step"]), np.nan) for metrics in calls]
    return {
        name: np.concatenate(
            [metrics.get(name, nan) for metrics, nan in zip(calls, absent, strict=True)]
        )
        for name in names
    }

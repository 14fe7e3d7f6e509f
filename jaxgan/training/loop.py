"""The one training loop: `iterate` runs it, `fit` collects what it gives.

The host draws the order of an epoch; many rounds of the game then run in one compiled call, and
nothing waits for the device. All that a round does follows from the state's key and counts, so a
run that goes on from a saved state repeats what it would have done without the break.
"""

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import nonfinite as guards
from jaxgan import parallel
from jaxgan.adapters.precision import Precision
from jaxgan.checks import check_choice, check_positive, check_state
from jaxgan.data import Dataset, Records, prefetch
from jaxgan.steps import Player
from jaxgan.training.batches import (
    BatchSource,
    CallInputs,
    Data,
    ReadOptions,
    as_data,
    make_batch_source,
)
from jaxgan.training.plan import Plan, check_augmentation, check_plan, warn_of_doubts
from jaxgan.training.programs import has_convolutions, state_like
from jaxgan.training.rounds import Call, calls, make_phases, rounds_per_call
from jaxgan.training.state import RunState, continued, init_input, init_run
from jaxgan.types import GAN, Array, GANState, Metrics

CALLS_PER_BLOCK = 100
"""Compiled calls whose metrics `fit` keeps on the device before it moves them to the host."""


class Progress(NamedTuple):
    """What one compiled call left behind; nothing of it has been waited for.

    `metrics` holds one value a round, [rounds]; among them "round", and "step" for generator
    updates. `step` and `round` give the last ones on the host. `state` is valid only until the
    next call is made. `bad` names records that could not be read.
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
    *,
    batch_size: int = 64,
    n_critic: int = 1,
    n_generator: int = 1,
    alternation: Literal["steps", "epochs"] = "steps",
    update: Literal["alternating", "simultaneous"] = "alternating",
    first: Player = "discriminator",
    accumulate: int = 1,
    model_range: tuple[float, float] | None = None,
    conditional: bool = False,
    flip: bool = False,
    crop: int = 0,
    precision: Precision = "float32",
    nonfinite: Literal["stop", "skip"] = "stop",
    parallel: Literal["jit", "pmap"] = "jit",
    devices: int | None = None,
    rounds_per_call: int | None = None,
    state: GANState | None = None,
    on_call: Callable[[Progress], Any] | None = None,
) -> tuple[GANState, dict[str, np.ndarray]]:
    """Trains a GAN; gives the final state and the metrics of every round.

    A further `fit` with the same GAN, options and shapes compiles nothing anew: the last few
    compiled programs are kept.

    Args:
      key: PRNG key of all that is random: parameters, order of the data, latents.
      gan: the setting.
      data: a `Dataset` or `Records`, or all samples [N, ...], alone or in a `Batch` with labels or
        any other condition: an array [N, ...], or a dict or tuple of such.
        Plain float arrays are used as they are; uint8 ones are images in 0..255.
      steps: generator updates; rounded up to whole rounds.
      batch_size: of the global batch, over all devices.
      n_critic: discriminator turns a round (or epochs, see alternation).
      n_generator: generator turns a round (or epochs).
      alternation: with "epochs" the first player trains for so many epochs, the other one frozen,
        then the other for its own; an epoch is as many batches as hold the data once.
      update: "alternating" or "simultaneous", see `make_train_step`.
      first: the player whose turn comes first.
      accumulate: micro-batches an update.
      model_range: (low, high) of the generator's output, to which bounded data (uint8 images,
        named data sets) is scaled: (0, 1) for a sigmoid, (-1, 1) for tanh.
      conditional: give the data's condition to both players, instead of leaving it aside.
      flip: mirror real images, each with probability 1/2.
      crop: shift real images by up to so many pixels, see `jaxgan.data.random_crop`.
      precision: of the networks' arithmetic, "float32" or "bfloat16", see
        `jaxgan.adapters.precision`.
      nonfinite: "stop" at a loss or gradient that is not finite, or "skip" such updates.
      parallel: "jit" over a mesh or "pmap"; the numbers are the same.
      devices: how many; all if not given.
      rounds_per_call: rounds in one compiled call; what is fast if not given.
      state: a state to go on from, instead of a new one. With the same key and data, and
        alternation in steps, two halves give what the whole would have given. Calls end at
        multiples of rounds_per_call: let `steps` be one too, or other lengths are compiled.
      on_call: called with the `Progress` of each compiled call, right after it was started; to log
        or to draw samples on the way. Copy its state to keep it: the next call reuses the memory.
        What it returns is ignored: to stop early, loop over `jaxgan.iterate` and leave the loop.
    Returns:
      `(state, history)`; history maps each metric to float values [rounds], NaN where the player
      that it belongs to was not on turn.
    Raises:
      ValueError: if an argument is out of range, or data, networks and devices do not fit.
      NonFiniteError: if something is not finite; it says what, and in which round.
    """
    check_choice(nonfinite=(nonfinite, ("stop", "skip")))
    plan = Plan(
        batch_size=batch_size,
        n_critic=n_critic,
        n_generator=n_generator,
        alternation=alternation,
        update=update,
        first=first,
        accumulate=accumulate,
        model_range=model_range,
        conditional=conditional,
        flip=flip,
        crop=crop,
        precision=precision,
        nonfinite=nonfinite,
        parallel=parallel,
        devices=devices,
        rounds_per_call=rounds_per_call,
    )
    if isinstance(key, jax.core.Tracer):
        raise ValueError("fit compiles its own calls and runs on the host: call it outside jit")
    data = as_data(data)
    check_augmentation(gan.augmentation, data, plan)
    warn_of_doubts(data, plan)
    begun = init_run(key, gan, data, plan) if state is None else continued(key, state, plan)
    blocks: list[dict[str, np.ndarray]] = []
    waiting: list[Metrics] = []
    with contextlib.closing(iterate(gan, data, steps, plan, begun)) as every:
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
    reading: ReadOptions = ReadOptions(),  # noqa: B008
) -> Generator[Progress, None, None]:
    """The loop, call by call, from a state on.

    Calls end at the same rounds wherever they start, so that a state in between gives what an
    unbroken run would give, to the bit on the same devices.

    Args:
      gan: the setting.
      data: see `fit`.
      steps: further generator updates; rounded up to whole rounds.
      plan: how the run goes.
      state: from `init_run`, or an earlier `Progress`.
      reading: how records are read that do not fit in memory.
    Raises:
      ValueError: see `fit`.
      NonFiniteError: if something is not finite, one call after the one where it was not.
    """
    dataset = as_data(data)
    check_plan(dataset, plan)
    check_positive(steps=steps)
    if not isinstance(state, RunState):
        raise ValueError(
            f"state must be a RunState, got {type(state).__name__}: make one with jaxgan.init_run"
        )
    seen = init_input(dataset, plan)
    check_state(state.gan, state_like(gan, seen))
    convolves = has_convolutions(gan, seen)
    _, round_key, order_key, transform_key = jax.random.split(jax.random.clone(state.key), 4)
    mesh = parallel.make_mesh(plan.devices)
    feed = _feed_from(order_key, gan, dataset, plan, state, mesh, reading)
    planned = _planned(gan, dataset, plan, state, steps, convolves)
    carry = parallel.replicate(_copied(state), mesh)
    keys = parallel.replicate((round_key, transform_key), mesh)
    late = None
    with contextlib.closing(feed):
        for call, drawn in _drawn_ahead(planned, feed, plan, mesh):
            carry, metrics = call.phase.call(keys, carry, drawn.payload, feed.records)
            if late is not None:  # its call ends before this one: the device never waits
                guards.raise_if_nonfinite(late, carry.gan, plan.nonfinite)
            late = metrics
            yield Progress(carry, metrics, call.step, call.round, drawn.bad)
    assert late is not None  # there is at least one call
    guards.raise_if_nonfinite(late, carry.gan, plan.nonfinite)


def _copied(state: RunState) -> RunState:
    """A copy, to be donated: the caller may keep the old one."""
    if jax.process_count() > 1:  # `device_put` takes no array that spans processes
        return jax.tree.map(jnp.copy, state)
    return jax.device_put(state, may_alias=False)  # needs no program for each shape


def _feed_from(
    order_key: Array,
    gan: GAN,
    dataset: Dataset | Records,
    plan: Plan,
    state: RunState,
    mesh: Mesh,
    reading: ReadOptions,
) -> BatchSource:
    """The batches from a state's position in the data on, in the order that the key gives."""
    order_words = np.asarray(jax.random.key_data(order_key)).tolist()
    return make_batch_source(
        dataset,
        order_words,
        int(state.batches),
        plan.batch_size,
        plan.conditional,
        mesh,
        reading,
        known_labels_only=not _takes_unlabelled(gan, dataset, plan),
    )


def _planned(
    gan: GAN, dataset: Dataset | Records, plan: Plan, state: RunState, steps: int, convolves: bool
) -> Iterator[Call]:
    """The calls from a state on."""
    phases = make_phases(gan, dataset, plan, convolves)
    step = int(state.gan.step)
    return calls(
        phases,
        int(state.round),
        step,
        step + steps,
        lambda phase: rounds_per_call(dataset, plan, convolves, phase.turns),
    )


def _takes_unlabelled(gan: GAN, dataset: Dataset | Records, plan: Plan) -> bool:
    if not plan.conditional or isinstance(dataset, Dataset):
        return True  # or it was found out when the networks were started
    try:
        state_like(gan, init_input(dataset, plan, least=-1))
    except ValueError:
        return False
    return True


def _drawn_ahead(
    planned: Iterator[Call], feed: BatchSource, plan: Plan, mesh: Mesh
) -> Iterator[tuple[Call, CallInputs]]:
    """The calls with what each is given, on its way to the devices while the one before runs."""

    def put(call: Call) -> tuple[Call, CallInputs]:
        drawn = feed.draw(call.batches)
        if plan.parallel == "pmap":
            return call, drawn
        split = parallel.split_batch(drawn.payload, mesh, len(call.batches))
        return call, drawn._replace(payload=split)

    return prefetch(planned, put, size=1)


def _history(calls: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The metrics of calls, one after the other; NaN where a call lacks one."""
    names = dict.fromkeys(itertools.chain.from_iterable(calls))
    absent = [np.full(len(metrics["step"]), np.nan) for metrics in calls]
    return {
        name: np.concatenate(
            [metrics.get(name, nan) for metrics, nan in zip(calls, absent, strict=True)]
        )
        for name in names
    }

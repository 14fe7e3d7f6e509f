"""The one training loop: `iterate` runs it, `fit` collects what it gives.

All samples live on the device. The host draws the order of an epoch and hands over indices; many
rounds of the game then run in one compiled call, and nothing waits for the device.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import parallel
from jaxgan.data import Dataset, batch_indices, from_arrays, to_model_range
from jaxgan.steps import (
    Player,
    Step,
    check_choice,
    check_positive,
    init,
    make_discriminator_step,
    make_generator_step,
    make_train_step,
)
from jaxgan.types import GAN, Array, Batch, GANState, Metrics

Data = Dataset | Batch | Array | np.ndarray
ROUNDS_PER_CALL = 100


class Plan(NamedTuple):
    """How a run goes: who moves when, on which batches, on which devices. See `fit`."""

    batch_size: int = 64
    n_critic: int = 1
    n_generator: int = 1
    alternation: Literal["steps", "epochs"] = "steps"
    update: Literal["alternating", "simultaneous"] = "alternating"
    first: Player = "discriminator"
    accumulate: int = 1
    model_range: tuple[float, float] | None = None
    conditional: bool = False
    wrapper: Literal["jit", "pmap"] = "jit"
    devices: int | None = None
    rounds_per_call: int | None = None


class Progress(NamedTuple):
    """What one compiled call left behind; nothing of it has been waited for.

    `metrics` holds one value a round, [rounds]; among them "round", and "step" for generator
    updates, which `step` gives on the host. `state` is valid only until the next call is made.
    """

    state: GANState
    metrics: Metrics
    step: int


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
    wrapper: Literal["jit", "pmap"] = "jit",
    devices: int | None = None,
    rounds_per_call: int | None = None,
    state: GANState | None = None,
) -> tuple[GANState, dict[str, np.ndarray]]:
    """Trains a GAN; gives the final state and the metrics of every round.

    Args:
      key: PRNG key of all that is random: parameters, order of the data, latents.
      gan: the setting.
      data: a `Dataset`, or all samples [N, ...], alone or with labels in a `Batch`. Plain float
        arrays are used as they are; uint8 ones are images in 0..255.
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
      conditional: give the data's labels to both players, instead of leaving them aside.
      wrapper: "jit" over a mesh or "pmap"; the numbers are the same.
      devices: how many; all if not given.
      rounds_per_call: rounds in one compiled call; what is fast if not given.
      state: a state to go on from, instead of a new one. With the same key and data, and
        alternation in steps, two halves give what the whole would have given.
    Returns:
      `(state, history)`; history maps each metric to float values [rounds], NaN where the player
      that it belongs to was not on turn.
    Raises:
      ValueError: if an argument is out of range, or data, networks and devices do not fit.
    """
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
        wrapper=wrapper,
        devices=devices,
        rounds_per_call=rounds_per_call,
    )
    calls: list[Metrics] = []
    for progress in iterate(key, gan, data, steps, plan, state):
        calls.append(progress.metrics)
        state = progress.state
    assert state is not None  # there is at least one call
    return state, _history(jax.device_get(calls))


def iterate(
    key: Array, gan: GAN, data: Data, steps: int, plan: Plan, state: GANState | None = None
) -> Iterator[Progress]:
    """The loop, call by call; arguments and errors are those of `fit`."""
    dataset = as_dataset(data)
    _check(dataset, steps, plan)
    init_key, round_key, order_key = jax.random.split(key, 3)
    order_words = np.asarray(jax.random.key_data(order_key)).tolist()
    records = Batch(
        jnp.asarray(dataset.x.reshape(len(dataset.x), -1)),
        jnp.asarray(dataset.condition) if plan.conditional else None,
    )
    if state is None:
        # Closed over: so the networks see known labels, and refuse those out of range.
        batch = _to_batch(_probe_rows(dataset, plan), records, dataset, plan)
        state = jax.jit(lambda key: init(key, gan, batch))(init_key)
    else:
        state = jax.tree.map(jnp.copy, state)  # donated below, but the caller may keep the old one
    convolves = _has_convolutions(gan, state, dataset, plan)
    one_round = convolves and jax.default_backend() == "cpu"  # loops of convolutions are slow there
    rounds_per_call = plan.rounds_per_call or (1 if one_round else ROUNDS_PER_CALL)
    options = parallel.convolution_options() if convolves else {}
    step = int(state.step)
    last, number = step + steps, step // plan.n_generator if plan.alternation == "steps" else 0
    drawn = number * max(plan.n_critic, plan.n_generator)
    mesh = parallel.make_mesh(plan.devices)
    carry = parallel.replicate((state, jnp.asarray(number, jnp.int32)), mesh)
    records = parallel.replicate(records, mesh)
    for phase in _phases(gan, dataset, plan, options):
        rounds = phase.rounds
        if phase.updates:
            rounds = min(rounds, math.ceil((last - step) / phase.updates))
        for length in _lengths(rounds, rounds_per_call):
            shape = (length, *([phase.turns] if phase.turns > 1 else []), plan.batch_size)
            indices = batch_indices(
                order_words, drawn, length * phase.turns, plan.batch_size, len(dataset.x)
            ).reshape(shape)
            carry, metrics = phase.call(round_key, carry, indices, records)
            drawn += length * phase.turns
            step += length * phase.updates
            yield Progress(carry[0], metrics, step)
        if step >= last:
            return


class _Phase(NamedTuple):
    call: Callable  # (key, (state, number of the round), indices, records) -> (..., metrics)
    turns: int  # batches a round
    updates: int  # generator updates a round
    rounds: int


def _phases(gan: GAN, dataset: Dataset, plan: Plan, options: dict[str, str]) -> Iterator[_Phase]:
    """The phases of a run: one without end, or the players' epochs in turn."""
    axis_name = parallel.AXIS if plan.wrapper == "pmap" else None
    if plan.alternation == "steps":
        step = make_train_step(
            gan,
            plan.n_critic,
            plan.n_generator,
            plan.update,
            plan.first,
            axis_name,
            plan.accumulate,
        )
        turns = max(plan.n_critic, plan.n_generator)
        return itertools.repeat(
            _Phase(_compiled(step, dataset, plan, turns, options), turns, plan.n_generator, 10**12)
        )
    discriminator_step = make_discriminator_step(gan, axis_name, plan.accumulate)
    generator_step = make_generator_step(gan, axis_name, plan.accumulate)
    epoch = math.ceil(len(dataset.x) / plan.batch_size)
    phases = [
        _Phase(
            _compiled(discriminator_step, dataset, plan, 1, options), 1, 0, plan.n_critic * epoch
        ),
        _Phase(
            _compiled(generator_step, dataset, plan, 1, options), 1, 1, plan.n_generator * epoch
        ),
    ]
    return itertools.cycle(phases if plan.first == "discriminator" else reversed(phases))


def _compiled(
    step: Step, dataset: Dataset, plan: Plan, turns: int, options: dict[str, str]
) -> Callable:
    """Many rounds of a step in one call, wrapped for the devices."""

    def one_round(key, records, carry, indices):
        state, number = carry
        batch = _to_batch(indices, records, dataset, plan)
        state, metrics = step(jax.random.fold_in(key, number), state, batch)
        return (state, number + 1), metrics | {"step": state.step, "round": number + 1}

    def rounds(key, carry, indices, records):
        # A loop of one is no loop: XLA runs convolutions inside a loop many times slower on CPU.
        return jax.lax.scan(
            lambda carry, i: one_round(key, records, carry, i),
            carry,
            indices,
            unroll=len(indices) == 1,
        )

    batch_axis = 1 if turns == 1 else 2
    if plan.wrapper == "pmap":
        return parallel.pmap_step(rounds, plan.devices, batch_axis=batch_axis, donate=True)
    mesh = parallel.make_mesh(plan.devices)
    return parallel.jit_step(
        rounds, mesh, batch_axis=batch_axis, donate=True, compiler_options=options
    )


def _to_batch(indices: Array, records: Batch, dataset: Dataset, plan: Plan) -> Batch:
    # Rows of a matrix, clipped: ten times faster to gather on CPU than bounds-checked images.
    def take(rows):
        return jnp.take(rows, indices, axis=0, mode="clip")

    x = take(records.x).reshape(*indices.shape, *dataset.x.shape[1:])
    x = to_model_range(x, dataset.low, dataset.high, plan.model_range)
    return Batch(x, jax.tree.map(take, records.condition))


def _lengths(rounds: int, most: int) -> Iterator[int]:
    for start in range(0, rounds, most):
        yield min(most, rounds - start)


def _probe_rows(dataset: Dataset, plan: Plan) -> Array:
    """Rows to start the networks with: as many as a device gets, two with the extreme labels."""
    rows = np.resize(np.arange(2), max(2, _rows_a_device(plan)))
    if plan.conditional and dataset.condition is not None:
        rows[:2] = np.argmin(dataset.condition), np.argmax(dataset.condition)
    return jnp.asarray(rows)


def _rows_a_device(plan: Plan) -> int:
    return plan.batch_size // (len(parallel.select_devices(plan.devices)) * plan.accumulate)


def _has_convolutions(gan: GAN, state: GANState, dataset: Dataset, plan: Plan) -> bool:
    num = max(2, _rows_a_device(plan))
    x = jnp.zeros((num, *dataset.x.shape[1:]))
    batch = Batch(x, jnp.zeros(num, jnp.int32) if plan.conditional else None)
    program = jax.make_jaxpr(make_train_step(gan))(jax.random.key(0), state, batch)
    return "conv_general_dilated" in str(program)


def as_dataset(data: Data) -> Dataset:
    """A data set, also of plain samples [N, ...] or a `Batch` of them with labels.

    Raises:
      ValueError: if the arrays are no good, see `jaxgan.data.from_arrays`.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, Batch):
        return from_arrays(data.x, data.condition)
    return from_arrays(data)


def _check(dataset: Dataset, steps: int, plan: Plan):
    counts = plan._asdict() | {"steps": steps, "rounds_per_call": plan.rounds_per_call or 1}
    names = ("steps", "batch_size", "n_critic", "n_generator", "accumulate", "rounds_per_call")
    check_positive(**{name: counts[name] for name in names})
    check_choice(
        alternation=(plan.alternation, ("steps", "epochs")),
        update=(plan.update, ("alternating", "simultaneous")),
        first=(plan.first, ("discriminator", "generator")),
        wrapper=(plan.wrapper, ("jit", "pmap")),
    )
    _check_range(dataset, plan.model_range)
    if plan.alternation == "epochs" and plan.update == "simultaneous":
        raise ValueError('update="simultaneous" has no turns to alternate in epochs')
    if plan.conditional and dataset.condition is None:
        raise ValueError(f"conditional training needs labels, and {dataset.name} has none")
    count = len(parallel.select_devices(plan.devices))
    if plan.batch_size % (count * plan.accumulate):
        raise ValueError(
            f"batch_size={plan.batch_size} does not divide over {count} device(s) "
            f"with accumulate={plan.accumulate}: choose a multiple of their product"
        )


def _check_range(dataset: Dataset, model_range: tuple[float, float] | None):
    low, high = dataset.low, dataset.high
    if low is not None and model_range is None:
        raise ValueError(
            f"{dataset.name} lies in {low}..{high}, but no model_range says where the generator's "
            "samples lie: give (0, 1) for a sigmoid, (-1, 1) for tanh"
        )
    if low is None and model_range is not None:
        seen = (float(dataset.x.min()), float(dataset.x.max()))
        if seen[0] < model_range[0] or seen[1] > model_range[1]:
            raise ValueError(
                f"{dataset.name} lies in {seen[0]:.3g}..{seen[1]:.3g}, but the generator's samples "
                f"in model_range={model_range}: scale the data, or use another generator"
            )


def _history(calls: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    names = dict.fromkeys(itertools.chain.from_iterable(calls))
    absent = [np.full(len(metrics["step"]), np.nan) for metrics in calls]
    return {
        name: np.concatenate(
            [metrics.get(name, nan) for metrics, nan in zip(calls, absent, strict=True)]
        )
        for name in names
    }

"""Rounds of the game, compiled: many per call, on one device or many."""

import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import jax

from jaxgan import nonfinite, parallel
from jaxgan.adapters.precision import gan_in_precision
from jaxgan.caching import cached
from jaxgan.choices import Player
from jaxgan.data import Dataset
from jaxgan.steps import make_discriminator_step, make_generator_step, make_train_step
from jaxgan.training.batches import Form, Source, batch_of, preprocess
from jaxgan.training.iterables import Batches
from jaxgan.training.plan import Plan, batches_per_round
from jaxgan.training.programs import convolves_well_in_loops, update_rule
from jaxgan.training.state import RunState, small_input
from jaxgan.types import GAN, Metrics, PyTree
from jaxgan.updates import Step

Players = Player | Literal["both"]
ROUNDS_PER_CALL = 100
CONVOLUTIONAL_ROUNDS_PER_CALL = 4  # on CPU: a call takes seconds, and more rounds save no time
STREAMED_BYTES_PER_CALL = 2**25


class Phase(NamedTuple):
    """Rounds of one kind.

    Attributes:
      call: the compiled function of some of them, (keys, state, payload, records) ->
        (state, metrics).
      batches: batches per round.
      updates: generator updates per round.
      rounds: how many there are before the next phase; None if there is no other.
    """

    call: Callable
    batches: int
    updates: int
    rounds: int | None


def make_phases(gan: GAN, dataset: Source, plan: Plan, convolves: bool) -> list[Phase]:
    """The phases that a run cycles through: a single one, or the epochs of each player."""
    form = Form(dataset.shape, dataset.low, dataset.high)
    own = plan._replace(rounds_per_call=None)  # a program depends on it by its shapes alone
    if plan.model_range is not None:  # hashable, even if a list was given
        own = own._replace(model_range=(plan.model_range[0], plan.model_range[1]))

    def compiled(players: Players) -> Callable:
        return compiled_rounds(gan, players, form, own, convolves)

    if plan.alternation == "steps":
        return [Phase(compiled("both"), batches_per_round(plan), plan.n_generator, None)]
    assert not isinstance(dataset, Batches)  # by `check_plan`
    epoch = math.ceil(dataset.size / plan.batch_size)
    phases = [
        Phase(compiled("discriminator"), 1, 0, plan.n_critic * epoch),
        Phase(compiled("generator"), 1, 1, plan.n_generator * epoch),
    ]
    return phases if plan.first == "discriminator" else phases[::-1]


class Call(NamedTuple):
    """One compiled call.

    Attributes:
      phase: the phase of its rounds.
      length: its number of rounds.
      round: rounds played after it.
      step: generator updates after it.
    """

    phase: Phase
    length: int
    round: int
    step: int

    @property
    def batches(self) -> tuple[int, ...]:
        """The shape of its batches: [rounds], or [rounds, updates]."""
        return (self.length, *([self.phase.batches] if self.phase.batches > 1 else []))


def calls(
    phases: list[Phase], played: int, step: int, last: int, most: Callable[[Phase], int]
) -> Iterator[Call]:
    """Yields the calls of a run from a round on; they end at the same rounds from any start.

    Args:
      phases: from `make_phases`.
      played: rounds so far.
      step: generator updates so far.
      last: the generator update to end with.
      most: returns the greatest number of rounds in a call of a phase.
    """
    while step < last:
        phase, done = phase_at(phases, played)
        length = most(phase) - done % most(phase)
        if phase.rounds is not None:
            length = min(length, phase.rounds - done)
        if phase.updates:
            length = min(length, math.ceil((last - step) / phase.updates))
        played, step = played + length, step + length * phase.updates
        yield Call(phase, length, played, step)


def phase_at(phases: list[Phase], number: int) -> tuple[Phase, int]:
    """The phase of a round, by its number from 0 on, and how many of its rounds came before."""
    lengths = [phase.rounds for phase in phases if phase.rounds is not None]
    if not lengths:
        return phases[0], number
    done = number % sum(lengths)
    for phase, length in zip(phases, lengths, strict=True):
        if done < length:
            return phase, done
        done -= length
    raise AssertionError("rounds left over")


def most_rounds(gan: GAN, dataset: Source, plan: Plan, convolves: bool) -> int:
    """The largest number of rounds per compiled call that saves time."""
    if jax.default_backend() != "cpu" or not convolves:
        return ROUNDS_PER_CALL
    small = small_input(dataset, gan, plan.conditional)
    return CONVOLUTIONAL_ROUNDS_PER_CALL if convolves_well_in_loops(gan, small) else 1


def rounds_per_call(dataset: Source, plan: Plan, most: int, batches: int) -> int:
    """Rounds per compiled call: the plan's, or else as many as are fast.

    Args:
      dataset: the data.
      plan: how the GAN is trained.
      most: from `most_rounds`.
      batches: batches per round.
    """
    if plan.rounds_per_call is not None:
        return plan.rounds_per_call
    if isinstance(dataset, Dataset):
        return most
    if isinstance(dataset, Batches):
        size = dataset.num_bytes * batches
    else:
        size = dataset.num_bytes // dataset.size * plan.batch_size * batches
    return max(1, min(most, STREAMED_BYTES_PER_CALL // size))


Round = Callable[[PyTree, PyTree, PyTree, PyTree], tuple[PyTree, Metrics]]
"""`round(keys, state, payload, records) -> (state, metrics)`, see `make_round`."""


def make_round(
    gan: GAN, players: Players, form: Form, plan: Plan, axis_name: str | None = None
) -> Round:
    """A round of the game as a pure function, which also draws its batch.

    Args:
      gan: the GAN, whose parts may hold traced numbers.
      players: who is updated.
      form: the shape and range of the data.
      plan: how the GAN is trained.
      axis_name: mapped device axis, inside `pmap`; None under `jit`.
    Returns:
      `round(keys, state, payload, records) -> (state, metrics)`: keys are those of the rounds and
      of the transforms, the state is a `RunState`, and `batch_of` explains payload and records.
    """
    batches = batches_per_round(plan) if players == "both" else 1
    step = _make_step(gan_in_precision(gan, plan.precision), players, plan, axis_name)

    def one_round(keys, state, payload, records):
        round_key, transform_key = keys
        batch = preprocess(
            jax.random.fold_in(transform_key, state.round),
            batch_of(payload, records, form.shape),
            form,
            plan,
            axis_name,
        )
        new, metrics = step(jax.random.fold_in(round_key, state.round), state.gan, batch)
        state = _counted(state._replace(gan=new), metrics, batches, plan)
        return state, metrics | {"step": new.step, "round": state.round}

    return one_round


def many(one_round: Round) -> Round:
    """Many rounds in a loop: payloads and metrics have a leading axis [rounds]."""

    def rounds(keys, state, payloads, records):
        if len(jax.tree.leaves(payloads)[0]) == 1:
            # Not even a loop of one: XLA runs some convolutions inside loops far slower on CPU.
            payload = jax.tree.map(lambda x: x[0], payloads)
            state, metrics = one_round(keys, state, payload, records)
            return state, jax.tree.map(lambda x: x[None], metrics)
        return jax.lax.scan(
            lambda state, payload: one_round(keys, state, payload, records), state, payloads
        )

    return rounds


@cached
def compiled_rounds(
    gan: GAN, players: Players, form: Form, plan: Plan, convolves: bool
) -> Callable:
    """A compiled function of many rounds, see `Phase.call`."""
    axis_name = parallel.AXIS if plan.parallel == "pmap" else None
    batches = batches_per_round(plan) if players == "both" else 1
    rounds = many(make_round(gan, players, form, plan, axis_name))
    batch_axis = 1 if batches == 1 else 2
    if plan.parallel == "pmap":
        return parallel.pmap_step(rounds, plan.devices, batch_axis=batch_axis, donate=True)
    mesh = parallel.make_mesh(plan.devices)
    options = parallel.convolution_options() if convolves else {}
    return parallel.jit_step(
        rounds, mesh, batch_axis=batch_axis, donate=True, compiler_options=options
    )


def _make_step(gan: GAN, players: Players, plan: Plan, axis_name: str | None) -> Step:
    options = (axis_name, plan.accumulate, plan.nonfinite == "skip")
    if players == "discriminator":
        return make_discriminator_step(gan, *options)
    if players == "generator":
        return make_generator_step(gan, *options)
    return make_train_step(gan, update_rule(plan), *options)


def _counted(state: RunState, metrics: Metrics, batches: int, plan: Plan) -> RunState:
    discarded = state.discarded
    if plan.nonfinite == "skip":
        discarded = discarded + nonfinite.count(metrics)
    drawn = state.batches + batches
    return state._replace(round=state.round + 1, batches=drawn, discarded=discarded)

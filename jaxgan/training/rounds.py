"""Rounds of the game, compiled: many in one call, on one device or many."""

import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import jax

from jaxgan import nonfinite, parallel
from jaxgan.adapters.precision import gan_in_precision
from jaxgan.caching import cached
from jaxgan.data import Dataset, Records
from jaxgan.steps import make_discriminator_step, make_generator_step, make_train_step
from jaxgan.training.batches import Form, batch_of, preprocess
from jaxgan.training.plan import Plan
from jaxgan.training.state import RunState
from jaxgan.types import GAN, Metrics, Player
from jaxgan.updates import Step, alternating, simultaneous

Players = Player | Literal["both"]
ROUNDS_PER_CALL = 100
STREAMED_BYTES_PER_CALL = 2**25


class Phase(NamedTuple):
    """Rounds of one kind, as one compiled function that plays some of them at a time."""

    call: Callable  # (keys, run's state, what was drawn, records) -> (state, metrics)
    turns: int  # batches a round
    updates: int  # generator updates a round
    rounds: int


def make_phases(gan: GAN, dataset: Dataset | Records, plan: Plan, convolves: bool) -> list[Phase]:
    """The phases that a run goes through again and again: one, or each player's epochs."""
    form = Form(dataset.shape, dataset.low, dataset.high)
    own = plan._replace(rounds_per_call=None)  # it is a shape, which a program tells apart
    if plan.model_range is not None:  # hashable, also where a list was given
        own = own._replace(model_range=(plan.model_range[0], plan.model_range[1]))

    def compiled(players: Players) -> Callable:
        return compiled_rounds(gan, players, form, own, convolves)

    if plan.alternation == "steps":
        return [Phase(compiled("both"), _turns(plan), plan.n_generator, 10**12)]
    epoch = math.ceil(dataset.size / plan.batch_size)
    phases = [
        Phase(compiled("discriminator"), 1, 0, plan.n_critic * epoch),
        Phase(compiled("generator"), 1, 1, plan.n_generator * epoch),
    ]
    return phases if plan.first == "discriminator" else phases[::-1]


def _turns(plan: Plan) -> int:
    return max(plan.n_critic, plan.n_generator)


class Call(NamedTuple):
    """One compiled call: rounds of a phase, and the counts of rounds and updates after it."""

    phase: Phase
    length: int
    round: int
    step: int

    @property
    def batches(self) -> tuple[int, ...]:
        """The batches it takes: [rounds], or [rounds, turns]."""
        return (self.length, *([self.phase.turns] if self.phase.turns > 1 else []))


def calls(
    phases: list[Phase], played: int, step: int, last: int, most: Callable[[Phase], int]
) -> Iterator[Call]:
    """The calls of a run from a round on; they end at the same rounds wherever they start.

    Args:
      phases: from `make_phases`.
      played: rounds so far.
      step: generator updates so far.
      last: the update to end with.
      most: rounds that a call of a phase plays at most.
    """
    while step < last:
        phase, done = phase_at(phases, played)
        left = phase.rounds - done
        if phase.updates:
            left = min(left, math.ceil((last - step) / phase.updates))
        length = min(left, most(phase) - done % most(phase))
        played, step = played + length, step + length * phase.updates
        yield Call(phase, length, played, step)


def phase_at(phases: list[Phase], number: int) -> tuple[Phase, int]:
    """The phase that is on after so many rounds, and how many of its own are over."""
    done = number % sum(phase.rounds for phase in phases)
    for phase in phases:
        if done < phase.rounds:
            return phase, done
        done -= phase.rounds
    raise AssertionError("rounds left over")


def rounds_per_call(dataset: Dataset | Records, plan: Plan, convolves: bool, turns: int) -> int:
    """How many rounds one compiled call plays: as many as is fast, if the plan does not say."""
    if plan.rounds_per_call is not None:
        return plan.rounds_per_call
    if convolves and jax.default_backend() == "cpu":  # loops of convolutions are slow there
        return 1
    if isinstance(dataset, Records):
        batch = dataset.num_bytes // dataset.size * plan.batch_size * turns
        return max(1, min(ROUNDS_PER_CALL, STREAMED_BYTES_PER_CALL // batch))
    return ROUNDS_PER_CALL


@cached
def compiled_rounds(
    gan: GAN, players: Players, form: Form, plan: Plan, convolves: bool
) -> Callable:
    """Many rounds of a step in one call, wrapped for the devices."""
    axis_name = parallel.AXIS if plan.parallel == "pmap" else None
    turns = _turns(plan) if players == "both" else 1
    step = _make_step(gan_in_precision(gan, plan.precision), players, plan, axis_name)

    def one_round(keys, records, state, payload):
        round_key, transform_key = keys
        batch = preprocess(
            jax.random.fold_in(transform_key, state.round),
            batch_of(payload, records, form.shape),
            form,
            plan.model_range,
            plan.flip,
            plan.crop,
            axis_name,
        )
        new, metrics = step(jax.random.fold_in(round_key, state.round), state.gan, batch)
        state = _counted(state._replace(gan=new), metrics, turns, plan)
        return state, metrics | {"step": new.step, "round": state.round}

    def rounds(keys, state, payloads, records):
        if len(jax.tree.leaves(payloads)[0]) == 1:
            # Not even a loop of one: XLA runs convolutions inside loops many times slower on CPU.
            payload = jax.tree.map(lambda x: x[0], payloads)
            state, metrics = one_round(keys, records, state, payload)
            return state, jax.tree.map(lambda x: x[None], metrics)
        return jax.lax.scan(
            lambda state, payload: one_round(keys, records, state, payload), state, payloads
        )

    batch_axis = 1 if turns == 1 else 2
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
    if plan.update == "simultaneous":
        return make_train_step(gan, simultaneous(), *options)
    order = alternating(plan.n_critic, plan.n_generator, plan.first)
    return make_train_step(gan, order, *options)


def _counted(state: RunState, metrics: Metrics, turns: int, plan: Plan) -> RunState:
    discarded = state.discarded
    if plan.nonfinite == "skip":
        discarded = discarded + nonfinite.count(metrics)
    return state._replace(round=state.round + 1, batches=state.batches + turns, discarded=discarded)

"""Members in training: a chunk of them at a time, from a state on."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import parallel
from jaxgan.data import Dataset, prefetch
from jaxgan.population.points import Points
from jaxgan.population.programs import (
    MakeGAN,
    Score,
    compiled_member_rounds,
    compiled_scores,
    compiled_starts,
    member_mesh,
    members_at_once,
)
from jaxgan.training.batches import Form, drawn_indices, resident_records
from jaxgan.training.keys import MemberKeys, member_keys, training_keys
from jaxgan.training.plan import Plan, batches_per_round
from jaxgan.training.plan_checks import check_augmentation
from jaxgan.training.programs import InitInput, has_convolutions
from jaxgan.training.rounds import most_rounds, rounds_per_call
from jaxgan.training.state import RunState, init_input, run_state
from jaxgan.types import Array, GANState


class Members(NamedTuple):
    """Members of a population.

    Attributes:
      numbers: the values [members] of each number, float64.
      seed: int [members].
    """

    numbers: dict[str, np.ndarray]
    seed: np.ndarray

    def traced(self) -> dict[str, np.ndarray]:
        """The numbers as programs take them."""
        return {name: values.astype(np.float32) for name, values in self.numbers.items()}

    def taken(self, places: np.ndarray) -> "Members":
        """Some of the members."""
        return jax.tree.map(lambda x: x[places], self)


def all_members(points: Points, seeds: int) -> Members:
    """Every point with every seed, from 0 on; the seed varies fastest."""
    numbers = {name: np.repeat(np.asarray(x, float), seeds) for name, x in points.items()}
    count = len(next(iter(points.values())))
    return Members(numbers, np.tile(np.arange(seeds), count))


class Setup(NamedTuple):
    """What all members share.

    Attributes:
      key: of the population; each seed folds in its number.
      make_gan: see `jaxgan.fit_many`.
      dataset: the data.
      plan: how the members are trained.
      score: see `jaxgan.fit_many`; None for none.
      example: a batch that initializes networks.
      convolves: whether the networks have convolutions.
      most_rounds: the largest number of rounds per compiled call that saves time.
      at_once: members in a program on each device.
    """

    key: Array
    make_gan: MakeGAN
    dataset: Dataset
    plan: Plan
    score: Score | None
    example: InitInput
    convolves: bool
    most_rounds: int
    at_once: int


def make_setup(
    key: Array,
    make_gan: MakeGAN,
    dataset: Dataset,
    plan: Plan,
    score: Score | None,
    members: Members,
) -> Setup:
    """What members share; the first one tells how large the networks are.

    Raises:
      ValueError: if its augmentation does not fit the plan.
    """
    gan = make_gan(**{name: float(values[0]) for name, values in members.numbers.items()})
    check_augmentation(gan.augmentation, dataset, plan)
    own = plan._replace(devices=1)  # a member is on one device
    example = init_input(dataset, own)
    convolves, at_once = has_convolutions(gan, example), members_at_once(gan, example, plan)
    most = most_rounds(gan, dataset, own, convolves)
    return Setup(key, make_gan, dataset, plan, score, example, convolves, most, at_once)


def chunks(setup: Setup, count: int) -> list[np.ndarray]:
    """The places of the members of each chunk, all of one length: the last may repeat a member."""
    devices = len(parallel.select_devices(setup.plan.devices))
    size = min(setup.at_once, -(-count // devices)) * devices
    starts = range(0, count, size)
    return [np.minimum(np.arange(start, start + size), count - 1) for start in starts]


def keys_of(setup: Setup, members: Members) -> MemberKeys:
    """The keys [members] of members."""
    return jax.vmap(lambda seed: member_keys(setup.key, seed))(jnp.asarray(members.seed))


class Trained(NamedTuple):
    """Members after some rounds, arrays [members, ...].

    Attributes:
      state: their states.
      nonfinite: their non-finite updates.
      scores: by name; NaN for members that became non-finite.
    """

    state: GANState
    nonfinite: np.ndarray
    scores: dict[str, np.ndarray]


def trained(
    setup: Setup, members: Members, before: Trained | None, played: int, rounds: int
) -> Trained:
    """A chunk of members after more rounds, on the host.

    Args:
      setup: what members share.
      members: the chunk.
      before: the members after the rounds before; None at the start.
      played: rounds before.
      rounds: rounds to play.
    """
    state = _started(setup, members) if before is None else before.state
    nonfinite = np.zeros(len(members.seed), np.int32) if before is None else before.nonfinite
    runs = _played(setup, members, _runs(setup, members, state, nonfinite, played), rounds)
    keys, nonfinite = keys_of(setup, members).score, np.asarray(runs.discarded)
    score = compiled_scores(setup.make_gan, setup.score, setup.plan.devices)
    scores, finite = jax.device_get(score((members.traced(), keys, runs.gan), ()))
    nonfinite = np.where(finite, nonfinite, np.maximum(nonfinite, 1))
    lost = ~finite if setup.plan.nonfinite == "skip" else nonfinite > 0
    scores = {name: np.where(lost, np.nan, values) for name, values in scores.items()}
    return Trained(jax.device_get(runs.gan), nonfinite, scores)


def _started(setup: Setup, members: Members) -> GANState:
    start = compiled_starts(setup.make_gan, setup.example, setup.plan)
    return start((members.traced(), keys_of(setup, members).training), ())


def _runs(
    setup: Setup, members: Members, state: GANState, nonfinite: np.ndarray, played: int
) -> RunState:
    """The training states of members after some rounds."""
    drawn = played * batches_per_round(setup.plan)

    def run(key, gan, discarded):
        return run_state(key, gan, played, drawn)._replace(discarded=discarded)

    return jax.vmap(run)(keys_of(setup, members).training, state, jnp.asarray(nonfinite))


def _played(setup: Setup, members: Members, runs: RunState, rounds: int) -> RunState:
    plan, data = setup.plan._replace(rounds_per_call=None), setup.dataset
    form = Form(data.shape, data.low, data.high)
    play = compiled_member_rounds(setup.make_gan, form, plan, setup.convolves)
    records, played = resident_records(data, plan.conditional), int(runs.round[0])
    records = parallel.replicate(records, member_mesh(plan.devices))
    for payloads in prefetch(_payloads(setup, members, played, rounds), jnp.asarray, size=1):
        runs = play((members.traced(), runs, payloads), records)
    return runs


def _payloads(setup: Setup, members: Members, played: int, rounds: int) -> Iterator[np.ndarray]:
    """The indices of each call, [members, rounds, (updates,) batch]; seeds share their order."""
    plan, last = setup.plan, played + rounds
    batches = batches_per_round(plan)
    most = rounds_per_call(setup.dataset, plan, setup.most_rounds, batches)
    seeds, rows = np.unique(members.seed, return_inverse=True)
    words = [_order_words(setup.key, int(seed)) for seed in seeds]
    while played < last:
        now = min(most - played % most, last - played)
        shape = (now, batches) if batches > 1 else (now,)
        drawn = [
            drawn_indices(setup.dataset, each, played * batches, now * batches, plan.batch_size)
            for each in words
        ]
        yield np.stack([each.reshape(*shape, *each.shape[1:]) for each in drawn])[rows]
        played += now


def _order_words(key: Array, seed: int) -> list[int]:
    order = training_keys(member_keys(key, seed).training).order
    return np.asarray(jax.random.key_data(order)).tolist()

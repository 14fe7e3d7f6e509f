"""Training of a population: every point with every seed."""

import inspect
import math

import jax
import numpy as np

from jaxgan.checks import check_key, check_positive, closest
from jaxgan.data import Dataset
from jaxgan.population.halving import Halving, check_halving, surviving
from jaxgan.population.members import (
    Members,
    Setup,
    Trained,
    all_members,
    chunks,
    make_setup,
    trained,
)
from jaxgan.population.points import Points, check_points
from jaxgan.population.programs import MakeGAN, Score
from jaxgan.population.tables import Population, Table, chosen_score
from jaxgan.training.batches import Data, Source, as_data
from jaxgan.training.plan import Plan
from jaxgan.training.plan_checks import check_plan, warn_of_doubts
from jaxgan.types import Array


def fit_many(
    key: Array,
    make_gan: MakeGAN,
    data: Data,
    steps: int | Halving,
    points: Points,
    seeds: int = 1,
    score: Score | None = None,
    plan: Plan = Plan(),
) -> Population:
    """Train a GAN for every point with every seed, as members of a population.

    One compiled program serves all members, for their numbers are traced. Small networks are
    computed together; others one after the other, where that is as fast (see
    `jaxgan.population.programs.members_at_once`). Members are split over the devices, and never
    exchange anything.

    A member equals `jaxgan.fit` of `make_gan(**its numbers)` with the key
    `jaxgan.training.keys.member_keys(key, seed).training`, to float32 rounding. All settings share
    the keys of a seed, so that they start from the same parameters and see the same batches.

    Args:
      key: PRNG key of all randomness.
      make_gan: `make_gan(**numbers) -> GAN`; the numbers are traced float32 scalars, so that they
        may not decide shapes or Python branches.
      data: data in memory, see `jaxgan.fit`.
      steps: generator updates of each member, rounded up to whole rounds; or a `Halving`, which
        trains only the best settings to the end.
      points: the values of each number, see `jaxgan.population.grid` and `random`.
      seeds: members per point.
      score: `score(key, gan, state) -> scalar, or dict of scalars`, pure and traced, such as a
        function of `jaxgan.sample`. None for no scores.
      plan: see `jaxgan.Plan`; its devices are those over which members are split. With
        nonfinite="stop", a member stops before its first non-finite update, and the others go on.
    Returns:
      The trained members.
    Raises:
      ValueError: if an argument is out of range, or data, networks and plan do not fit.
    """
    dataset = as_data(data)
    check_population(key, make_gan, dataset, points, seeds, plan)
    assert isinstance(dataset, Dataset)  # by the check
    warn_of_doubts(dataset, plan)
    rungs = _rungs(steps, score)
    members = all_members(points, seeds)
    setup = make_setup(key, make_gan, dataset, plan, score, members)
    numbers, places, played = tuple(points), np.arange(len(members.seed)), 0
    whole: Trained | None = None
    for last, halving in rungs:
        rounds = math.ceil(last / plan.n_generator)
        before = None if whole is None else _taken(whole, places)
        new = _all_trained(setup, members.taken(places), before, played, rounds - played)
        whole, played = new if whole is None else _replaced(whole, places, new), rounds
        if halving is not None:
            table, name = table_of(members, whole), chosen_score(tuple(whole.scores), halving.score)
            own = {column: values[places] for column, values in table.items()}
            places = places[surviving(halving, own, numbers, name)]
    assert whole is not None  # there is at least one rung
    return Population(table_of(members, whole), numbers, tuple(whole.scores), whole.state)


def _rungs(steps: int | Halving, score: Score | None) -> list[tuple[int, Halving | None]]:
    """The generator updates after which settings are dropped, and the last one."""
    if not isinstance(steps, Halving):
        check_positive(steps=steps)
        return [(steps, None)]
    check_halving(steps)
    if score is None:
        raise ValueError("Halving ranks settings by a score: pass score=...")
    return [*((at, steps) for at in steps.at), (steps.steps, None)]


def _all_trained(
    setup: Setup, members: Members, before: Trained | None, played: int, rounds: int
) -> Trained:
    """Members after more rounds, chunk by chunk."""
    count = len(members.seed)
    parts = [
        trained(setup, members.taken(own), _taken(before, own), played, rounds)
        for own in chunks(setup, count)
    ]
    # The last chunk may repeat a member.
    return jax.tree.map(lambda *each: np.concatenate(each)[:count], *parts)


def _taken(whole: Trained | None, places: np.ndarray) -> Trained | None:
    return None if whole is None else jax.tree.map(lambda x: x[places], whole)


def _replaced(whole: Trained, places: np.ndarray, new: Trained) -> Trained:
    def put(old, x):
        old[places] = x
        return old

    return jax.tree.map(put, whole, new)


def table_of(members: Members, after: Trained) -> Table:
    """The table of members, see `Population`."""
    return {
        **members.numbers,
        "seed": members.seed,
        **after.scores,
        "nonfinite": after.nonfinite,
        "step": np.asarray(after.state.step),
    }


# --- Checks


def check_population(
    key: Array,
    make_gan: MakeGAN,
    data: Source,
    points: Points,
    seeds: int,
    plan: Plan,
):
    """Raises a ValueError unless a population can be trained so; arguments as in `fit_many`."""
    check_key(key)
    check_positive(seeds=seeds)
    check_points(points)
    _check_names(make_gan, points)
    if not isinstance(data, Dataset):
        raise ValueError(
            f"a population needs data in memory, got {type(data).__name__}: pass a Dataset or an "
            "array"
        )
    check_plan(data, plan._replace(devices=1))  # a member is on one device
    for name, wanted in {"alternation": ("steps",), "nonfinite": ("stop", "skip")}.items():
        if getattr(plan, name) not in wanted:
            allowed = " or ".join(wanted)
            raise ValueError(f"a population needs {name}={allowed}, got {getattr(plan, name)!r}")


def _check_names(make_gan: MakeGAN, points: Points):
    """Raises a ValueError unless make_gan takes the numbers of the points."""
    if not callable(make_gan):
        raise ValueError(
            f"make_gan must be a function make_gan(**numbers) -> GAN, got {make_gan!r}"
        )
    parameters = inspect.signature(make_gan).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    known = [name for name, each in parameters.items() if each.kind is not each.POSITIONAL_ONLY]
    for name in points:
        if name not in known:
            raise ValueError(
                f"make_gan takes no number {name!r}.{closest(name, known)} It takes "
                f"{', '.join(known) or 'none'}"
            )

"""Training by the clock."""

import sys
from typing import NamedTuple

import jax
import numpy as np
import pytest
from arrays import bits
from paths import ROOT
from small_game import small_gan

sys.path.insert(0, str(ROOT / "benchmarks"))

import clock

import jaxgan


class Call(NamedTuple):
    round: int
    state: int


@pytest.fixture
def now():
    """The time of a clock that only the test moves."""
    return [100.0]


def calls(now, seconds):
    """Calls that take this long each, without an end."""
    number = 0
    while True:
        now[0] += seconds
        number += 1
        yield Call(number, number)


def test_time_that_the_caller_spends_at_a_mark_does_not_count(now):
    found = []
    for spent, call in clock.at_marks(calls(now, 2.0), [3.0, 6.0, 7.0], 100.0, lambda: now[0]):
        found.append((spent, call.round))
        now[0] += 50.0
    assert found == [(4.0, 2), (6.0, 3), (8.0, 4)]


def test_compilation_before_the_first_call_counts(now):
    now[0] += 9.0
    spent, call = next(clock.at_marks(calls(now, 2.0), [10.0], 100.0, lambda: now[0]))
    assert (spent, call.round) == (11.0, 1)


def ticks():
    """A clock of its own, one second later each time that it is read."""
    time = iter(range(10**6))
    return lambda: float(next(time))


def taken(keep, seconds):
    data = np.zeros((32, 2), np.float32)
    plan = jaxgan.Plan(batch_size=8, devices=1)
    marks = clock.Marks(seconds, ticks(), keep)
    return clock.snapshots(jax.random.key(0), small_gan((2,)), data, plan, marks)


def test_training_that_was_stopped_continues_from_the_last_mark(tmp_path):
    whole = [(at.mark, at.steps, bits(at.state)) for at in taken(None, [3.0, 6.0, 9.0])]
    assert [mark for mark, *_ in whole] == [1, 2, 3]
    broken = taken(tmp_path, [3.0, 6.0, 9.0])
    next(broken)
    next(broken)  # saves the first
    broken.close()
    (second, third) = taken(tmp_path, [3.0, 6.0, 9.0])
    assert [second.mark, third.mark] == [2, 3]
    assert second.seconds >= 6.0
    by_step = {steps: state for _, steps, state in whole}
    assert by_step[third.steps] == bits(third.state)
    assert list(taken(tmp_path, [3.0, 6.0, 9.0])) == []

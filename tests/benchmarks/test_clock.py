"""Training by the clock."""

import sys
from typing import NamedTuple

import pytest
from paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import clock


class Call(NamedTuple):
    round: int
    state: int


@pytest.fixture
def now(monkeypatch):
    """A clock that only the test moves."""
    time = [100.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: time[0])
    return time


def calls(now, seconds):
    """Calls that take this long each, without an end."""
    number = 0
    while True:
        now[0] += seconds
        number += 1
        yield Call(number, number)


def test_time_that_the_caller_spends_at_a_mark_does_not_count(now):
    found = []
    for spent, call in clock.at_marks(calls(now, 2.0), [3.0, 6.0, 7.0], started=100.0):
        found.append((spent, call.round))
        now[0] += 50.0
    assert found == [(4.0, 2), (6.0, 3), (8.0, 4)]


def test_compilation_before_the_first_call_counts(now):
    now[0] += 9.0
    spent, call = next(clock.at_marks(calls(now, 2.0), [10.0], started=100.0))
    assert (spent, call.round) == (11.0, 1)

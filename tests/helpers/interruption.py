"""Runs that are killed, stopped or cut short, and what must then be the same."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
from arrays import bits
from outputs import sample_run
from paths import HELPERS
from small_game import events, state_at

from jaxgan.runs.disk import checkpoint
from jaxgan.runs.settings.config import read_config

# A process of its own, with the small recipe or as it is.
SMALL = (
    "import sys; from pathlib import Path; sys.path.insert(0, sys.argv.pop(1));"
    "import small_game; from jaxgan.recipes import RECIPES;"
    "RECIPES.update(small_game.recipes_on(sys.argv.pop(1)));"
    "from jaxgan.cli import main; main()"
)


def arrays(run):
    def data(x):
        is_key = jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(x) if is_key else x)

    return [data(x) for x in jax.tree.leaves(state_at(run, saved_rounds(run)[-1]))]


def assert_same_runs(run, other):
    """The same state, metrics, pictures and samples, bit for bit."""
    states = [state_at(each, saved_rounds(each)[-1]) for each in (run, other)]
    assert bits(states[0]) == bits(states[1])
    assert (run / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    assert _pictures(run) == _pictures(other)
    labels = None if read_config(run).data.num_classes is None else np.arange(20) % 3
    drawn = [sample_run(each, 20, 0, labels=labels) for each in (run, other)]
    np.testing.assert_array_equal(*drawn)


def _pictures(run):
    return {path.name: path.read_bytes() for path in (run / "samples").iterdir()}


def saved_rounds(run):
    return checkpoint.numbers(Path(run) / "checkpoints")


# --- Killed


def small_process(file, *arguments):
    code = [sys.executable, "-c", SMALL, str(HELPERS), str(file)]
    return [*code, *map(str, arguments)]


def plain_process(file, *arguments):
    return [sys.executable, "-m", "jaxgan", *map(str, arguments)]


def stopped_by(number, run, command, after, environment=None):
    """Starts or resumes a run, waits for a new checkpoint and a while, and sends a signal."""
    before = saved_rounds(run)[-1:]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    deadline = time.monotonic() + 180
    while saved_rounds(run)[-1:] == before and process.poll() is None:
        assert time.monotonic() < deadline, "no new checkpoint in three minutes"
        time.sleep(0.005)
    time.sleep(after)
    ended = process.poll() is not None
    os.kill(process.pid, number)
    process.communicate()
    assert not ended, "the run ended before it could be stopped: give it more steps"
    return process.returncode


def killed_again_and_again(run, command, kills, seed, environment=None):
    """Kills a run so often, each time after a new checkpoint."""
    chance = random.Random(seed)
    for _ in range(kills):
        # from the middle of one asynchronous save to the middle of another
        code = stopped_by(signal.SIGKILL, run, command, chance.uniform(0, 0.3), environment)
        assert code == -signal.SIGKILL


def assert_resumed_from_later_and_later_rounds(run, times):
    resumed = [event["round"] for event in events(run, "resume")]
    assert len(resumed) == times
    assert all(number > 0 for number in resumed)
    assert resumed == sorted(resumed)


class Cut(Exception):
    pass


def cut_at(number):
    def on_row(row):
        if row["round"] == number:
            raise Cut

    return lambda run, step: on_row

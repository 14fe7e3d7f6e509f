"""Training by the clock: states at given times, without the time that a caller spends on them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

import jaxgan
from jaxgan.data import Dataset
from jaxgan.runs.disk import checkpoint
from jaxgan.training.loop import Progress
from jaxgan.training.state import RunState
from jaxgan.types import GAN, Array, GANState, PyTree

Now = Callable[[], float]


class Snapshot(NamedTuple):
    """A state at the mark of this number, from 1, with the seconds and steps before it."""

    mark: int
    seconds: float
    steps: int
    state: GANState


class Marks(NamedTuple):
    """When to take snapshots.

    Attributes:
      seconds: of training, in ascending order.
      now: a clock in seconds; `time.process_time` counts the seconds that all cores worked, which
        other work on the machine hardly changes.
      keep: folder to which the state of each mark is saved, so that a stopped training continues;
        None to start anew each time.
    """

    seconds: Sequence[float]
    now: Now = time.perf_counter
    keep: Path | None = None


def snapshots(
    key: Array, gan: GAN, dataset: Dataset, plan: jaxgan.Plan, marks: Marks
) -> Iterator[Snapshot]:
    """Trains a GAN; a snapshot at each mark that is still to come.

    Compilation counts, again if training continues.
    """
    started, done = marks.now(), 0
    state = jaxgan.init_run(key, gan, dataset, plan)
    if marks.keep:
        found = checkpoint.restore_latest(marks.keep, _kept(state, 0.0, 0))
        if found is not None:
            state, done = found.state["run"], int(found.state["marks"])
            started = marks.now() - float(found.state["seconds"])
    calls = jaxgan.iterate(gan, dataset, 10**9, plan, state)
    times = at_marks(calls, marks.seconds[done:], started, marks.now)
    for number, (seconds, progress) in enumerate(times, done + 1):
        yield Snapshot(number, seconds, progress.step, progress.state.gan)
        if marks.keep:
            with checkpoint.open_manager(marks.keep, checkpoint.Keep(last=1)) as manager:
                kept = _kept(progress.state, seconds, number)
                checkpoint.save(manager, progress.step, kept)


def _kept(state: RunState, seconds: float, marks: int) -> dict[str, PyTree]:
    return {"run": state, "seconds": jnp.float32(seconds), "marks": jnp.int32(marks)}


def at_marks(
    calls: Iterable[Progress], marks: Sequence[float], started: float, now: Now = time.perf_counter
) -> Iterator[tuple[float, Progress]]:
    """The seconds of training and the progress at each mark.

    Args:
      calls: from `jaxgan.iterate`.
      marks: times in seconds, in ascending order.
      started: `now()` when training began, before compilation.
      now: the clock.
    """
    left, spent = list(marks), 0.0
    if not left:
        return
    for progress in calls:
        if progress.round % 10 == 0:  # otherwise the clock runs ahead of the device
            jax.block_until_ready(progress.state)
        if spent + now() - started < left[0]:
            continue
        jax.block_until_ready(progress.state)
        spent += now() - started
        yield spent, progress
        del left[0]
        if not left:
            return
        started = now()

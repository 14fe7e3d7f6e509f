"""Training by the clock: states at given times, without the time that a caller spends on them."""

import time
from collections.abc import Iterable, Iterator, Sequence

import jax

from jaxgan.training.loop import Progress


def at_marks(
    calls: Iterable[Progress], marks: Sequence[float], started: float
) -> Iterator[tuple[float, Progress]]:
    """The seconds of training and the progress at each mark.

    Args:
      calls: from `jaxgan.iterate`.
      marks: times in seconds, in ascending order.
      started: `time.perf_counter()` when training began, before compilation.
    """
    left, spent = list(marks), 0.0
    for progress in calls:
        if progress.round % 10 == 0:  # otherwise the clock runs ahead of the device
            jax.block_until_ready(progress.state)
        if spent + time.perf_counter() - started < left[0]:
            continue
        jax.block_until_ready(progress.state)
        spent += time.perf_counter() - started
        yield spent, progress
        del left[0]
        if not left:
            return
        started = time.perf_counter()

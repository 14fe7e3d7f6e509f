"""Streams batches of records that may not fit in memory, with Grain and worker processes.

The order is that of `batch_indices`, as for data in memory. So a batch number is all that is needed
to resume, and batches do not depend on the number of workers. Each process reads only its own slice
of a batch.
"""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from jaxgan.data.decoding import check_fraction, read_sample, reject_bad, too_many_bad
from jaxgan.data.order import batch_indices, side_words
from jaxgan.data.records import Records

if TYPE_CHECKING:
    import grain

Item = TypeVar("Item")
Placed = TypeVar("Placed")

ENDLESS = 2**48  # batches; more than any run needs, and a valid length in Grain
BATCHES_AHEAD = 2  # per worker, or in the reading thread without workers


class StreamedBatch(NamedTuple):
    """This process's rows of a batch.

    Attributes:
      x: samples [rows, *shape] in the data's own range.
      condition: labels int32 [rows], attributes float32 [rows, n], or None.
      bad: messages about records that could not be read, each in the first batch that needed it.
    """

    x: np.ndarray
    condition: np.ndarray | None
    bad: tuple[str, ...]


class _Read(NamedTuple):
    """The result of reading one batch.

    Attributes:
      x: samples [rows, *shape]; None if too many records are bad.
      condition: labels int32 [rows], attributes float32 [rows, n], or None.
      bad: numbers and messages of bad records; pairs, because Grain's workers would sort a dict.
    """

    x: np.ndarray | None
    condition: np.ndarray | None
    bad: tuple[tuple[int, str], ...]


def stream(
    records: Records,
    seed_words: Sequence[int],
    first_batch: int,
    num_batches: int | None,
    batch_size: int,
    *,
    start: int = 0,
    stop: int | None = None,
    workers: int = 0,
    max_bad_fraction: float = 0.01,
) -> Generator[StreamedBatch, None, None]:
    """Batches first_batch, first_batch + 1, ... in the order of `batch_indices`.

    A record that cannot be read is replaced by the next readable one (number + 1, + 2, ..., and
    after the last record the first). Closing the generator ends its workers; they also end with
    this process, however it ends. A script with workers needs `if __name__ == "__main__":`.

    Args:
      records: the records to read.
      seed_words: the seed of the order, see `epoch_permutation`.
      first_batch: number of the first batch since the start of training, 0 or more.
      num_batches: number of batches, 1 or more; None for no end.
      batch_size: size of the global batch, 1 or more.
      start: this process's first row of each global batch.
      stop: the row after this process's last one; None for the end of the batch.
      workers: number of reading processes, of each side if there are `sides`; 0 reads in a thread
        of this process. The batches are the same.
      max_bad_fraction: the largest fraction of bad records, 0..1. Each process counts the bad
        records that it meets in this stream, each once.

    Returns:
      Generator of `StreamedBatch`, with stop - start rows each.

    Raises:
      ValueError: if an argument is out of range; from the generator, if too many records are bad.
      ChildProcessError: from the generator, if a worker dies.
    """
    if records.sides:
        sides = [
            stream(
                each,
                side_words(seed_words, side),
                first_batch,
                num_batches,
                batch_size,
                start=start,
                stop=stop,
                workers=workers,
                max_bad_fraction=max_bad_fraction,
            )
            for side, each in enumerate(records.sides)
        ]
        return _side_by_side(sides)
    import grain  # here, since it takes half as long to import as JAX

    batch_indices(seed_words, first_batch, 1, batch_size, records.size)  # checks the arguments
    if num_batches is not None and num_batches < 1:
        raise ValueError(f"num_batches must be 1 or more, or None for no end, got {num_batches}")
    stop = batch_size if stop is None else stop
    if not 0 <= start < stop <= batch_size:
        raise ValueError(
            f"start and stop must satisfy 0 <= start < stop <= {batch_size}, the batch size, got "
            f"{start} and {stop}"
        )
    if workers < 0:
        raise ValueError(f"workers must be 0 or more, got {workers}")
    check_fraction(max_bad_fraction)
    rows = functools.partial(_rows, tuple(seed_words), batch_size, records.size, start, stop)
    read = functools.partial(_read_batch, records, rows, max_bad_fraction)
    last = first_batch + (ENDLESS if num_batches is None else num_batches)
    batches = _with_workers(grain.MapDataset.range(first_batch, last).map(read), workers)
    return _checked(records, batches, max_bad_fraction)


def _side_by_side(
    sides: list[Generator[StreamedBatch, None, None]],
) -> Generator[StreamedBatch, None, None]:
    """The batches of several streams, next to each other along the channels."""
    with contextlib.ExitStack() as stack:
        for side in sides:
            stack.enter_context(contextlib.closing(side))
        for parts in zip(*sides, strict=True):
            x = np.concatenate([part.x for part in parts], axis=-1)
            yield StreamedBatch(x, None, tuple(text for part in parts for text in part.bad))


def prefetch(
    iterator: Iterator[Item], put: Callable[[Item], Placed], size: int = 2
) -> Generator[Placed, None, None]:
    """Yields `put(item)` for each item, calling `put` for `size` items in advance.

    If `put` copies an item to the devices asynchronously, as `jax.device_put` does, the copy runs
    while the devices work on earlier items.

    Args:
      iterator: the items; a generator is closed together with this one.
      put: called once for each item, in order.
      size: number of items in advance, 0 or more.

    Raises:
      ValueError: if size is negative. An error of the iterator or of `put` is raised after all
        earlier items.
    """
    if size < 0:
        raise ValueError(f"size must be 0 or more, got {size}")
    return _prefetch(iterator, put, size)


def _prefetch(
    iterator: Iterator[Item], put: Callable[[Item], Placed], size: int
) -> Generator[Placed, None, None]:
    ahead: deque[Placed] = deque()
    failure: Exception | None = None
    try:
        while True:
            try:
                ahead.append(put(next(iterator)))
            except StopIteration:
                break
            except Exception as error:
                failure = error
                break
            if len(ahead) > size:
                yield ahead.popleft()
        yield from ahead
    finally:
        if isinstance(iterator, Generator):
            iterator.close()
    if failure is not None:
        raise failure


# --- In the reading process


def _rows(
    seed_words: tuple[int, ...], batch_size: int, size: int, start: int, stop: int, batch: int
) -> np.ndarray:
    return batch_indices(seed_words, batch, 1, batch_size, size)[0, start:stop]


def _read_batch(
    records: Records, rows: Callable[[int], np.ndarray], max_bad_fraction: float, batch: int
) -> _Read:
    """Reads one batch; the result depends on the batch number alone, not on earlier batches."""
    numbers = rows(batch).tolist()
    x = np.empty((len(numbers), *records.shape), records.dtype)
    conditions = records.empty_conditions(len(numbers))
    bad: dict[int, str] = {}
    for row, number in enumerate(numbers):
        sample = _next_good(records, number, bad, max_bad_fraction)
        if sample is None:
            return _Read(None, None, tuple(bad.items()))
        x[row], conditions[row] = sample
    return _Read(x, None if records.condition_width is None else conditions, tuple(bad.items()))


def _next_good(
    records: Records, number: int, bad: dict[int, str], max_bad_fraction: float
) -> tuple[np.ndarray, int | np.ndarray] | None:
    """The first good sample from a number on, or None if too many are bad; adds to `bad`."""
    while not too_many_bad(len(bad), records.size, max_bad_fraction):
        if number not in bad:
            try:
                return read_sample(records, number)
            except ValueError as error:
                bad[number] = str(error)
        number = (number + 1) % records.size
    return None


def _start_worker(index: int, count: int) -> None:
    """Sets up a worker: it ends with its parent, and ignores signals that the parent handles."""
    # A terminal or scheduler signals the whole process group, and the parent may still need batches
    # to stop cleanly.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # also returns if the parent was killed
        os._exit(1)


# --- In the requesting process


def _with_workers(batches: "grain.MapDataset", workers: int) -> "grain.IterDataset":
    import grain
    from absl import flags
    from grain import experimental

    if workers == 0:
        return batches.to_iter_dataset(grain.ReadOptions(1, BATCHES_AHEAD))
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # Grain reads flags, which must be parsed
    # Use pipes: shared memory may be as small as 64 MB in containers, and a worker that fills it
    # dies silently.
    options = experimental.DatasetOptions(min_shm_size=2**62)
    here = batches.to_iter_dataset(grain.ReadOptions(0, 0))
    return experimental.WithOptionsIterDataset(here, options).mp_prefetch(
        grain.MultiprocessingOptions(workers, per_worker_buffer_size=BATCHES_AHEAD),
        worker_init_fn=_start_worker,
    )


def _checked(
    records: Records, batches: "grain.IterDataset", max_bad_fraction: float
) -> Generator[StreamedBatch, None, None]:
    """The batches, with each bad record reported once; ends the workers at the end."""
    known: dict[int, str] = {}
    with contextlib.closing(iter(batches)) as iterator:
        while True:
            try:
                read = next(iterator)
            except StopIteration:
                return
            except RuntimeError as error:
                if "Worker process" not in str(error):
                    raise
                raise ChildProcessError(
                    f"{records.name}: a worker that reads records died; was it out of memory, or "
                    'does the script lack `if __name__ == "__main__":`?'
                ) from error
            new = {number: message for number, message in read.bad if number not in known}
            known |= new
            reject_bad(records.name, records.size, known, max_bad_fraction)
            yield StreamedBatch(read.x, read.condition, tuple(new.values()))

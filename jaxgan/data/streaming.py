"""Batches of records that need not fit in memory: read by Grain, in workers or in this process.

The order is `batch_indices`', as for data in memory. So the position of a run is its batch number,
any number of workers gives the same batches, and a process reads its own slice of each only.
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

from jaxgan.data.decoding import check_share, read_sample, refuse_bad, too_many_bad
from jaxgan.data.order import batch_indices
from jaxgan.data.records import Records

if TYPE_CHECKING:
    import grain

Item = TypeVar("Item")
Placed = TypeVar("Placed")

ENDLESS = 2**48  # batches; more than any run takes, and within what lengths may be
BATCHES_AHEAD = 2  # in each worker, and in the thread that reads where there is no worker


class StreamedBatch(NamedTuple):
    """Rows of a batch: x [rows, *shape] in the data's own range, labels int32 [rows] or None.

    `bad` holds the messages of records that could not be read, each in the first batch that met it.
    """

    x: np.ndarray
    condition: np.ndarray | None
    bad: tuple[str, ...]


class _Read(NamedTuple):
    """What one batch came to; x is None if too many of its records are bad.

    `bad` holds numbers and messages: pairs, since Grain's workers would sort a dict.
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
    """Batches first_batch, first_batch + 1, ... of the order that `batch_indices` gives.

    A record that cannot be read is replaced by the next one that can (number + 1, + 2, ..., from
    the last on to the first). Close the generator to end its workers; they also end with this
    process, however it ends. A script that asks for workers needs `if __name__ == "__main__":`.

    Args:
      records: what to read.
      seed_words: of the order, see `epoch_permutation`.
      first_batch: number of the first batch since the start of training, 0 or more.
      num_batches: how many, 1 or more; None for no end.
      batch_size: of the global batch, 1 or more.
      start: first row of each global batch to read: this process's slice.
      stop: the row after the last one; None for the end.
      workers: processes that read; 0 reads in a thread of this one. The batches are the same.
      max_bad_fraction: fraction of all records that may be bad, 0..1. Each bad record counts once
        while this stream lasts, in the process that meets it.

    Returns:
      Generator of `StreamedBatch`, with stop - start rows each.

    Raises:
      ValueError: if an argument is out of range; from the generator, if too many records are bad.
      ChildProcessError: from the generator, if a worker ends unasked.
    """
    import grain  # here, since it takes half as long to import as JAX

    batch_indices(seed_words, first_batch, 1, batch_size, records.size)  # checks its arguments
    if num_batches is not None and num_batches < 1:
        raise ValueError(f"num_batches must be 1 or more, or None for no end, got {num_batches}")
    stop = batch_size if stop is None else stop
    if not 0 <= start < stop <= batch_size:
        raise ValueError(
            f"start and stop must be rows of a batch of {batch_size}, got {start}..{stop}"
        )
    if workers < 0:
        raise ValueError(f"workers must be 0 or more, got {workers}")
    check_share(max_bad_fraction)
    rows = functools.partial(_rows, tuple(seed_words), batch_size, records.size, start, stop)
    read = functools.partial(_read_batch, records, rows, max_bad_fraction)
    last = first_batch + (ENDLESS if num_batches is None else num_batches)
    batches = _with_workers(grain.MapDataset.range(first_batch, last).map(read), workers)
    return _checked(records, batches, max_bad_fraction)


def prefetch(
    iterator: Iterator[Item], put: Callable[[Item], Placed], size: int = 2
) -> Generator[Placed, None, None]:
    """Hands on what `put` makes of each item, with `size` more items put already.

    `put` places an item on the devices without waiting for it, as `jax.device_put` does: so the
    copy runs while the devices work on the items before.

    Args:
      iterator: gives the items. It is closed with this generator, if it can be.
      put: called once for each item, in order.
      size: items ahead, 0 or more.

    Raises:
      ValueError: if size is negative. What the iterator or `put` raises comes out after the items
        that were there before it.
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


# --- In the process that reads


def _rows(
    seed_words: tuple[int, ...], batch_size: int, size: int, start: int, stop: int, batch: int
) -> np.ndarray:
    return batch_indices(seed_words, batch, 1, batch_size, size)[0, start:stop]


def _read_batch(
    records: Records, rows: Callable[[int], np.ndarray], max_bad_fraction: float, batch: int
) -> _Read:
    """A function of the batch number alone: nothing that other batches met enters it."""
    numbers = rows(batch).tolist()
    x = np.empty((len(numbers), *records.shape), records.dtype)
    labels = np.empty(len(numbers), np.int32)
    bad: dict[int, str] = {}
    for row, number in enumerate(numbers):
        sample = _next_good(records, number, bad, max_bad_fraction)
        if sample is None:
            return _Read(None, None, tuple(bad.items()))
        x[row], labels[row] = sample
    return _Read(x, None if records.num_classes is None else labels, tuple(bad.items()))


def _next_good(
    records: Records, number: int, bad: dict[int, str], max_bad_fraction: float
) -> tuple[np.ndarray, int] | None:
    """The first good sample from a number on, adding to what is bad; None if that is too much."""
    while not too_many_bad(len(bad), records.size, max_bad_fraction):
        if number not in bad:
            try:
                return read_sample(records, number)
            except ValueError as error:
                bad[number] = str(error)
        number = (number + 1) % records.size
    return None


def _start_worker(index: int, count: int) -> None:
    """What a worker does first: it ends with its parent, and leaves signals to it."""
    # A terminal or a scheduler signals the whole group; the parent may need batches to end well.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # also of a parent that was killed, which tells nobody
        os._exit(1)


# --- In the process that asks


def _with_workers(batches: "grain.MapDataset", workers: int) -> "grain.IterDataset":
    import grain
    from absl import flags
    from grain import experimental

    if workers == 0:
        return batches.to_iter_dataset(grain.ReadOptions(1, BATCHES_AHEAD))
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # Grain asks them, and they answer only then
    # Through pipes: shared memory is as small as 64 MB in containers, and when it is full the
    # worker dies without a word.
    options = experimental.DatasetOptions(min_shm_size=2**62)
    here = batches.to_iter_dataset(grain.ReadOptions(0, 0))
    return experimental.WithOptionsIterDataset(here, options).mp_prefetch(
        grain.MultiprocessingOptions(workers, per_worker_buffer_size=BATCHES_AHEAD),
        worker_init_fn=_start_worker,
    )


def _checked(
    records: Records, batches: "grain.IterDataset", max_bad_fraction: float
) -> Generator[StreamedBatch, None, None]:
    """The batches, with each bad record told once; ends the workers when it ends."""
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
                    f"{records.name}: a process that reads records ended unasked; was memory "
                    'short, or does the script lack `if __name__ == "__main__":`?'
                ) from error
            new = {number: message for number, message in read.bad if number not in known}
            known |= new
            refuse_bad(records.name, records.size, known, max_bad_fraction)
            yield StreamedBatch(read.x, read.condition, tuple(new.values()))

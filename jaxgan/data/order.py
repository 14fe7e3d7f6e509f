"""The order of samples, a pure function of the seed and the batch number, so it can be resumed.

Row j of global batch t is record pi_e(r), where t * batch_size + j = e * size + r and pi_e is the
permutation of epoch e. Each process takes a contiguous slice of every batch, so the batches are the
same for any number of processes.
"""

import functools
from collections.abc import Sequence

import numpy as np


def epoch_permutation(seed_words: Sequence[int], epoch: int, size: int) -> np.ndarray:
    """The order of all records in one epoch.

    Args:
      seed_words: non-negative integers. Runs that must differ should use the same number of words,
        each below 2**32: `SeedSequence` ignores trailing zeros and how a number is split.
      epoch: number of the epoch, 0 or more.
      size: number of records, 1 or more.

    Returns:
      int32 [size], read-only; a permutation of 0 .. size - 1.

    >>> sorted(epoch_permutation([7], epoch=0, size=5).tolist())
    [0, 1, 2, 3, 4]
    """
    return _permutation(tuple(int(word) for word in seed_words), int(epoch), int(size))


# a chunk of batches rarely spans more epochs than this
@functools.lru_cache(maxsize=4)
def _permutation(seed_words: tuple[int, ...], epoch: int, size: int) -> np.ndarray:
    sequence = np.random.SeedSequence([*seed_words, epoch])
    order = np.random.Generator(np.random.Philox(sequence)).permutation(size).astype(np.int32)
    order.flags.writeable = False  # the cache returns the same array to every caller
    return order


def batch_indices(
    seed_words: Sequence[int], first_batch: int, num_batches: int, batch_size: int, size: int
) -> np.ndarray:
    """The records of batches first_batch .. first_batch + num_batches - 1.

    Batches continue across the end of an epoch. So every record occurs exactly once per epoch, and
    all batches are full; a batch larger than the data spans several epochs.

    Args:
      seed_words: see `epoch_permutation`.
      first_batch: number of the first batch since the start of training, 0 or more.
      num_batches: number of batches, 1 or more.
      batch_size: size of the global batch, 1 or more.
      size: number of records, 1 or more.

    Returns:
      int32 [num_batches, batch_size].

    Raises:
      ValueError: if one of the numbers is too small.

    >>> chunk = batch_indices([7], first_batch=0, num_batches=2, batch_size=3, size=6)
    >>> sorted(chunk.ravel().tolist())
    [0, 1, 2, 3, 4, 5]
    """
    _check_at_least(0, first_batch=first_batch)
    _check_at_least(1, num_batches=num_batches, batch_size=batch_size, size=size)
    # Python integers, because positions in long runs exceed int32
    start = int(first_batch) * int(batch_size)
    stop = start + int(num_batches) * int(batch_size)
    pieces = []
    for epoch in range(start // size, (stop - 1) // size + 1):
        offset = epoch * size
        order = epoch_permutation(seed_words, epoch, size)
        pieces.append(order[max(start - offset, 0) : stop - offset])
    return np.concatenate(pieces).reshape(num_batches, batch_size)


def side_words(seed_words: Sequence[int], side: int) -> tuple[int, ...]:
    """The seed of the order of one of several sides of a data set, see `Dataset.sides`."""
    return (*seed_words, side + 1)  # not 0, since trailing zeros do not count


def _check_at_least(minimum: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < minimum:
            raise ValueError(f"{name} must be {minimum} or more, got {number}")

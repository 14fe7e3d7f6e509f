"""In which order samples come: a pure function of the seed and the batch number, so resume is free.

Row j of global batch t is record pi_e(r), where t * batch_size + j = e * size + r and pi_e is the
permutation of epoch e. A process takes a contiguous slice of each row, so any number of processes
sees the same data.
"""

import functools
from collections.abc import Sequence

import numpy as np


def epoch_permutation(seed_words: Sequence[int], epoch: int, size: int) -> np.ndarray:
    """The order of all records in one epoch.

    Args:
      seed_words: non-negative integers. Runs that must differ should give the same number of
        words, each below 2**32: `SeedSequence` cannot tell trailing zeros or split words apart.
      epoch: 0 or more.
      size: number of records, 1 or more.

    Returns:
      int32 [size], read-only: each of 0 .. size - 1 once.

    >>> sorted(epoch_permutation([7], epoch=0, size=5).tolist())
    [0, 1, 2, 3, 4]
    """
    return _permutation(tuple(int(word) for word in seed_words), int(epoch), int(size))


# a chunk of batches rarely touches more epochs than this, and next to nothing is kept if it does
@functools.lru_cache(maxsize=4)
def _permutation(seed_words: tuple[int, ...], epoch: int, size: int) -> np.ndarray:
    sequence = np.random.SeedSequence([*seed_words, epoch])
    order = np.random.Generator(np.random.Philox(sequence)).permutation(size).astype(np.int32)
    order.flags.writeable = False  # the cache hands the same array to every caller
    return order


def batch_indices(
    seed_words: Sequence[int], first_batch: int, num_batches: int, batch_size: int, size: int
) -> np.ndarray:
    """Which records make up batches first_batch .. first_batch + num_batches - 1.

    Batches cross an epoch's end, so every record occurs exactly once an epoch and all batches are
    full, whatever the sizes; a batch larger than the data spans several epochs.

    Args:
      seed_words: see `epoch_permutation`.
      first_batch: number of the first batch since the start of training, 0 or more.
      num_batches: how many, 1 or more.
      batch_size: of the global batch, 1 or more.
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
    # Python integers: positions of long runs outgrow int32
    start = int(first_batch) * int(batch_size)
    stop = start + int(num_batches) * int(batch_size)
    pieces = []
    for epoch in range(start // size, (stop - 1) // size + 1):
        offset = epoch * size
        order = epoch_permutation(seed_words, epoch, size)
        pieces.append(order[max(start - offset, 0) : stop - offset])
    return np.concatenate(pieces).reshape(num_batches, batch_size)


def _check_at_least(minimum: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < minimum:
            raise ValueError(f"{name} must be {minimum} or more, got {number}")

"""Batches from an iterator, or from a function of the batch number."""

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.data import Dataset, from_arrays
from jaxgan.data.dataset import batch_like
from jaxgan.types import Batch


class Batches(NamedTuple):
    """Batches from an iterator, or from a function of the batch number.

    Attributes:
      read: returns the batch of a number, in NumPy arrays; that of an iterator is its next batch,
        whatever the number.
      first: the first batch, checked as a data set is; all others have its shapes and dtypes.
    """

    read: Callable[[int], Batch]
    first: Dataset

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.first.shape

    @property
    def low(self) -> float | None:
        """The lower end of the data's range, as in a data set."""
        return self.first.low

    @property
    def high(self) -> float | None:
        """The upper end of the range."""
        return self.first.high

    @property
    def num_bytes(self) -> int:
        """The size of a batch in memory."""
        leaves = jax.tree.leaves((self.first.x, self.first.condition))
        return sum(leaf.nbytes for leaf in leaves)

    @property
    def name(self) -> str:
        """The name in messages."""
        return self.first.name


def yields_batches(data: Any) -> bool:
    """Whether data may be an iterable of batches, or a function of their number."""
    given = isinstance(data, Iterable) or callable(data)
    return given and not isinstance(data, str | bytes | tuple | list | Mapping | type)


def as_batches(data: Any) -> Batches:
    """Batches from an iterable, whose first batch is taken at once, or from a function of a number.

    Args:
      data: yields, or returns for the number of a batch, a `Batch`, samples [batch, ...], or a pair
        of samples and their condition. An iterable that can start again, such as a data loader,
        does so when it ends.
    Raises:
      ValueError: if the first batch is missing or invalid; from `read`, if another batch differs
        from the first in structure, shapes or dtypes, or if an iterator has ended.
    """
    name = f"the {type(data).__name__}"
    if isinstance(data, Iterable):
        in_turn = _in_turn(data, name)
        first = next(in_turn)
        rest = itertools.chain([first], in_turn)

        def numbered(number: int) -> Any:
            return next(rest)

    elif inspect.isgeneratorfunction(data):
        named = getattr(data, "__name__", "the function")  # a functools.partial has none
        raise ValueError(f"data is a function of generators: call it, {named}()")
    else:
        numbered, first = data, data(0)
    like = _as_dataset(first, f"the first batch of {name}")._replace(name=name)

    def read(number: int) -> Batch:
        named = f"batch {number} of {name}"
        return batch_like(like, _as_batch(numbered(number), named), named)

    return Batches(read, like)


def _in_turn(batches: Iterable, name: str) -> Iterator:
    """The batches of an iterable, which starts again as often as it can."""
    count = 0
    while True:
        before = count
        for batch in batches:
            count += 1
            yield batch
        if count == before or isinstance(batches, Iterator):
            raise ValueError(
                f"{name} ended after {count} batches, and training needs more: pass an iterator "
                "without an end (while True: yield ...), or train for fewer steps"
            )


def _as_dataset(first: Any, named: str) -> Dataset:
    """The first batch, checked as samples in memory are."""
    batch = _as_batch(first, named)
    if getattr(batch.x, "ndim", None) == 1:
        raise ValueError(
            f"{named} has shape {batch.x.shape}: yield batches [batch, ...], not single "
            "samples; batches of numbers are [batch, 1]"
        )
    return from_arrays(*batch, named, least=1)


def _as_batch(given: Any, named: str) -> Batch:
    """A batch from what an iterator yields."""
    if isinstance(given, Mapping):
        keys = ", ".join(repr(key) for key in given)
        raise ValueError(
            f"{named} is a dict of {keys}: yield pairs, such as "
            "((batch['image'], batch['label']) for batch in batches)"
        )
    is_group = isinstance(given, tuple | list) and not isinstance(given, Batch)
    if is_group and not 1 <= len(given) <= 2:
        raise ValueError(f"{named} has {len(given)} parts: yield x, or the pair (x, condition)")
    batch = Batch(*given) if is_group or isinstance(given, Batch) else Batch(given)
    return jax.tree.map(lambda part: _on_host(part, named), batch)


def _on_host(part: Any, named: str) -> Any:
    """An array of any library as one of NumPy; other things stay as they are."""
    if isinstance(part, np.ndarray) or not hasattr(part, "__array__"):
        return part
    try:
        return np.asarray(part)
    except (TypeError, RuntimeError) as error:  # a tensor on a GPU, or with a gradient
        raise ValueError(
            f"{named} cannot become a NumPy array ({error}): yield arrays in the memory of the "
            "host, such as tensor.detach().cpu()"
        ) from error

"""The batches of the compiled rounds: gathered on the device from all samples, or streamed to it.

Both ways yield the same batches, in the order of `jaxgan.data.batch_indices`.
"""

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import parallel
from jaxgan.data import (
    Dataset,
    Records,
    batch_indices,
    flip_horizontally,
    from_arrays,
    random_crop,
    stream,
    to_model_range,
)
from jaxgan.data.dataset import check_conditional
from jaxgan.data.order import side_words
from jaxgan.parallel import processes
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.training.iterables import Batches, as_batches, yields_batches
from jaxgan.training.plan import Plan, ReadOptions
from jaxgan.types import Array, Batch, PyTree

Source = Dataset | Records | Batches
Data = Source | Batch | Array | np.ndarray | Iterable | Callable[[int], Any]


class CallInputs(NamedTuple):
    """The inputs of one compiled call.

    Attributes:
      payload: indices or samples, [rounds, (updates,) batch, ...].
      bad: messages on the records that could not be read.
    """

    payload: PyTree
    bad: tuple[str, ...] = ()


class BatchSource(NamedTuple):
    """The source of a run's batches.

    Attributes:
      draw: returns the inputs of the next call on the host, for a shape [rounds, (updates)].
      records: the arrays that stay on the device; `batch_of` gathers batches from them.
      close: ends the reading processes.
    """

    draw: Callable[[tuple[int, ...]], CallInputs]
    records: PyTree
    close: Callable[[], None]


class Form(NamedTuple):
    """The shape of a sample and the range of the data, on which compiled rounds depend."""

    shape: tuple[int, ...]
    low: float | None
    high: float | None


def as_data(data: Data) -> Source:
    """Returns a data set, made from samples [N, ...] or a `Batch` of them where it is not one.

    An iterable of batches, or a function of their number, becomes `Batches`.

    Raises:
      ValueError: if it is something else, or the arrays are invalid, see
        `jaxgan.data.from_arrays`.
    """
    if isinstance(data, Source):
        return data
    x, labels = data if isinstance(data, Batch) else (data, None)
    with contextlib.suppress(ValueError):  # of arrays that differ in shape
        x = np.asarray(x) if isinstance(x, list) else x
    if not hasattr(x, "__array__"):
        if yields_batches(data):
            return as_batches(data)
        raise ValueError(
            "data must be an array of samples [N, ...], a Batch, a Dataset, Records, an iterable "
            f"of batches or a function of their number, got {type(x).__name__}: {_instead(x)}"
        )
    return from_arrays(x, labels)


def _instead(data: Any) -> str:
    if isinstance(data, tuple | list):
        return "pass jaxgan.Batch(x, labels) for samples with labels"
    if isinstance(data, str):
        return f"pass jaxgan.data.load({data!r}) for a data set by name"
    if isinstance(data, Mapping):
        return "pass one of its arrays, or jaxgan.Batch(x, labels)"
    return (
        "collect its samples in one array, or describe how to read them by number in "
        "jaxgan.data.Records"
    )


def make_batch_source(
    data: Source,
    order_key: Array,
    first_batch: int,
    plan: Plan,
    reading: ReadOptions,
    known_labels_only: bool,
) -> BatchSource:
    """The batches of a data set from a position on; each process draws its slice of them.

    Args:
      data: the data set.
      order_key: key of the order of the data.
      first_batch: number of the first batch.
      plan: of the run; its batch size, condition and devices count.
      reading: how records are read.
      known_labels_only: whether a streamed sample without a label is an error.
    Raises:
      ValueError: if the batch does not divide over the processes.
    """
    if isinstance(data, Batches):
        return _from_batches(data, first_batch, plan.conditional)
    words = np.asarray(jax.random.key_data(order_key)).tolist()
    rows = processes.own_slice(plan.batch_size)
    if isinstance(data, Dataset):
        return _resident(data, words, first_batch, rows, plan)
    batches = stream(
        data,
        words,
        first_batch,
        None,
        plan.batch_size,
        start=rows.start,
        stop=rows.stop,
        workers=reading.workers,
        max_bad_fraction=reading.max_bad_fraction,
    )
    return _streamed(batches, plan.conditional, data.name if known_labels_only else None)


def _resident(
    data: Dataset, order_words: list[int], first_batch: int, rows: slice, plan: Plan
) -> BatchSource:
    records = resident_records(data, plan.conditional)
    position = first_batch

    def draw(shape: tuple[int, ...]) -> CallInputs:
        nonlocal position
        num = int(np.prod(shape))
        indices = drawn_indices(data, order_words, position, num, plan.batch_size)[:, rows]
        position += num
        return CallInputs(indices.reshape(*shape, *indices.shape[1:]))

    on_device = parallel.replicate(records, parallel.make_mesh(plan.devices))
    return BatchSource(draw, on_device, lambda: None)


def resident_records(data: Dataset, conditional: bool) -> Batch:
    """All samples as rows of a matrix, or one matrix per side, on the device."""
    condition = jax.tree.map(jnp.asarray, data.condition) if conditional else None
    if not data.sides:
        return Batch(jnp.asarray(data.x.reshape(data.size, -1)), condition)
    parts = np.split(data.x, len(data.sides), axis=-1)
    pairs = zip(parts, data.sides, strict=True)
    return Batch(tuple(jnp.asarray(x[:size].reshape(size, -1)) for x, size in pairs), condition)


def drawn_indices(
    data: Dataset, order_words: list[int], first_batch: int, num: int, batch_size: int
) -> np.ndarray:
    """The samples of `num` batches, int32 [num, batch], or [num, batch, sides]."""
    if not data.sides:
        return batch_indices(order_words, first_batch, num, batch_size, data.size)
    each = [
        batch_indices(side_words(order_words, side), first_batch, num, batch_size, size)
        for side, size in enumerate(data.sides)
    ]
    return np.stack(each, axis=-1)


def _streamed(batches: Generator, conditional: bool, refused_in: str | None) -> BatchSource:
    def draw(shape):
        parts = [next(batches) for _ in range(int(np.prod(shape)))]
        if conditional and refused_in and any((part.condition < 0).any() for part in parts):
            raise ValueError(f"{refused_in} has samples without a label, and the networks need one")

        def stacked(arrays):
            return np.stack(arrays).reshape(*shape, *arrays[0].shape)

        labels = stacked([part.condition for part in parts]) if conditional else None
        bad = tuple(text for part in parts for text in part.bad)
        return CallInputs(Batch(stacked([part.x for part in parts]), labels), bad)

    return BatchSource(draw, (), batches.close)


def _from_batches(batches: Batches, first_batch: int, conditional: bool) -> BatchSource:
    position = first_batch

    def seen(batch: Any) -> Batch:
        return Batch(batch.x, batch.condition if conditional else None)

    def draw(shape: tuple[int, ...]) -> CallInputs:
        nonlocal position
        num = int(np.prod(shape))
        whole = jax.tree.map(lambda x: np.empty((num, *x.shape), x.dtype), seen(batches.first))
        for place in range(num):  # each is copied at once, for the next may reuse its memory
            batch = seen(batches.read(position + place))
            for to, x in zip(jax.tree.leaves(whole), jax.tree.leaves(batch), strict=True):
                to[place] = x
        position += num
        return CallInputs(jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), whole))

    return BatchSource(draw, (), lambda: None)


def batch_of(payload: PyTree, records: PyTree, shape: tuple[int, ...]) -> Batch:
    """The batch of a round, inside the compiled call: gathered by index, or as it was streamed.

    Args:
      payload: the drawn indices [(updates,) batch], or [(updates,) batch, sides], or a `Batch`.
      records: the arrays on the device, see `BatchSource`.
      shape: the shape of a sample.
    """
    if isinstance(payload, Batch):
        return payload

    # Clipped rows of a matrix are ten times faster to gather on CPU than bounds-checked images.
    def take(rows, payload=payload):
        found = jnp.take(rows.reshape(len(rows), -1), payload, axis=0, mode="clip")
        return found.reshape(*payload.shape, *rows.shape[1:])

    if isinstance(records.x, tuple):  # sides, each with its own index
        own = (*payload.shape[:-1], *shape[:-1], shape[-1] // len(records.x))
        parts = [take(rows, payload[..., i]).reshape(own) for i, rows in enumerate(records.x)]
        return Batch(jnp.concatenate(parts, axis=-1))
    x = take(records.x).reshape(*payload.shape, *shape)
    return Batch(x, jax.tree.map(take, records.condition))


def preprocess(key: Array, batch: Batch, data: Form, plan: Plan, axis_name: str | None) -> Batch:
    """A batch as the networks see it: flipped and cropped at random, in the model's range.

    Args:
      key: of the random transforms; each sample folds in its index in the global batch.
      batch: samples [(updates,) batch, *shape] in the data's own range.
      data: the shape and range of the data.
      plan: its flip, crop and model_range count.
      axis_name: mapped device axis.
    """
    x = batch.x
    if plan.flip or plan.crop:
        batches = x.reshape(-1, *x.shape[x.ndim - 1 - len(data.shape) :])
        moved = [
            _augment_real(jax.random.fold_in(key, number), own, plan, axis_name)
            for number, own in enumerate(batches)
        ]
        x = jnp.stack(moved).reshape(x.shape)
    return batch._replace(x=to_model_range(x, data.low, data.high, plan.model_range))


def _augment_real(key: Array, x: Array, plan: Plan, axis_name: str | None) -> Array:
    flip_key, crop_key = jax.random.split(key)
    index = sample_index(len(x), axis_name)
    x = flip_horizontally(sample_keys(flip_key, index), x) if plan.flip else x
    return random_crop(sample_keys(crop_key, index), x, plan.crop) if plan.crop else x


def example_batch(data: Source, rows: int, conditional: bool, least: int | None = None) -> Batch:
    """A batch to initialize networks with: zeros [rows, ...], with alternating labels.

    The labels are the least and the greatest one; attributes and other conditions are the first of
    the data.

    Args:
      data: the data set.
      rows: samples in the batch, at least 2.
      conditional: whether the batch has a condition.
      least: the least label; by default that of data in memory, and 0 for streamed data.
    Raises:
      ValueError: if conditional training needs a condition, and the data have none.
    """
    rows = max(2, rows)
    data = data.first if isinstance(data, Batches) else data
    x = jnp.zeros((rows, *data.shape), jnp.float32)
    if not conditional:
        return Batch(x)
    check_conditional(data)
    whole = _no_labels(data)
    if whole is not None:
        first = np.arange(rows) % data.size
        return Batch(x, jax.tree.map(lambda part: jnp.asarray(part[first]), whole))
    assert data.num_classes is not None  # by the check
    if least is None and isinstance(data, Dataset):
        least = int(np.min(data.condition))
    return Batch(x, jnp.asarray(np.resize([least or 0, data.num_classes - 1], rows), jnp.int32))


def _no_labels(data: Dataset | Records) -> PyTree:
    """The condition of all samples unless it holds labels, then None."""
    if isinstance(data, Dataset):
        return data.condition if data.labels is None else None
    return None if data.attributes is None else data.attributes.rows

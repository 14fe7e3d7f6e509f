"""How batches reach the compiled rounds: drawn on the device from all samples, or streamed to it.

Both ways give the same batches, in the order that `jaxgan.data.batch_indices` says.
"""

import contextlib
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

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
from jaxgan.parallel import processes
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.types import Array, Batch, PyTree

Data = Dataset | Records | Batch | Array | np.ndarray


class ReadOptions(NamedTuple):
    """How records that do not fit in memory are read; nothing of it changes a result.

    Attributes:
      workers: processes that read and decode; 0 for none beside this one.
      max_bad_fraction: share of all records that may be unreadable before training stops.
    """

    workers: int = 0
    max_bad_fraction: float = 0.01


class CallInputs(NamedTuple):
    """What one compiled call is given: indices or samples, [rounds, (turns,) batch, ...].

    `bad` names records met on the way that could not be read.
    """

    payload: PyTree
    bad: tuple[str, ...] = ()


class BatchSource(NamedTuple):
    """Where a run's batches come from.

    `draw(shape)` gives what the next call needs, for rounds and turns [rounds, (turns)], on the
    host; `records` is what stays on the device. `batch_of` makes a round's batch of both, inside
    the call. `close()` ends what draws.
    """

    draw: Callable[[tuple[int, ...]], CallInputs]
    records: PyTree
    close: Callable[[], None]


class Form(NamedTuple):
    """What compiled rounds depend on of a data set, beside array shapes; it holds no samples."""

    shape: tuple[int, ...]
    low: float | None
    high: float | None


def as_data(data: Data) -> Dataset | Records:
    """A data set, also of plain samples [N, ...] or a `Batch` of them with their condition.

    Raises:
      ValueError: if it is something else, or the arrays are no good, see
        `jaxgan.data.from_arrays`.
    """
    if isinstance(data, Dataset | Records):
        return data
    x, labels = data if isinstance(data, Batch) else (data, None)
    with contextlib.suppress(ValueError):  # of arrays that differ in shape
        x = np.asarray(x) if isinstance(x, list) else x
    if not hasattr(x, "__array__"):
        raise ValueError(
            "data must be an array of samples [N, ...], a Batch, a Dataset or Records, got "
            f"{type(x).__name__}: {_instead(x)}"
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
    data: Dataset | Records,
    order_words: list[int],
    first_batch: int,
    batch_size: int,
    conditional: bool,
    mesh: Mesh,
    reading: ReadOptions,
    known_labels_only: bool,
) -> BatchSource:
    """The feed of a data set, from a batch on; a process draws its own slice of each.

    With `known_labels_only` a streamed sample without a label is an error when it is met.

    Raises:
      ValueError: if the batch does not divide over the processes.
    """
    rows = processes.own_slice(batch_size)
    if isinstance(data, Records):
        batches = stream(
            data,
            order_words,
            first_batch,
            None,
            batch_size,
            start=rows.start,
            stop=rows.stop,
            workers=reading.workers,
            max_bad_fraction=reading.max_bad_fraction,
        )
        return _streamed(batches, conditional, data.name if known_labels_only else None)
    return _resident(data, order_words, first_batch, batch_size, rows, conditional, mesh)


def _resident(data, order_words, first_batch, batch_size, rows, conditional, mesh) -> BatchSource:
    records = Batch(
        data.x.reshape(data.size, -1),
        jax.tree.map(np.asarray, data.condition) if conditional else None,
    )
    position = first_batch

    def draw(shape):
        nonlocal position
        num = int(np.prod(shape))
        indices = batch_indices(order_words, position, num, batch_size, data.size)
        position += num
        return CallInputs(indices[:, rows].reshape(*shape, -1))

    on_device = parallel.replicate(jax.tree.map(jnp.asarray, records), mesh)
    return BatchSource(draw, on_device, lambda: None)


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


def batch_of(payload: PyTree, records: PyTree, shape: tuple[int, ...]) -> Batch:
    """The batch of a round, inside the compiled call: gathered by index, or as it was streamed.

    Args:
      payload: what was drawn for the round: indices [(turns,) batch], or a `Batch`.
      records: what stays on the device, see `BatchSource`.
      shape: of one sample.
    """
    if isinstance(payload, Batch):
        return payload

    # Rows of a matrix, clipped: ten times faster to gather on CPU than bounds-checked images.
    def take(rows):
        found = jnp.take(rows.reshape(len(rows), -1), payload, axis=0, mode="clip")
        return found.reshape(*payload.shape, *rows.shape[1:])

    x = take(records.x).reshape(*payload.shape, *shape)
    return Batch(x, jax.tree.map(take, records.condition))


def preprocess(
    key: Array,
    batch: Batch,
    data: Form,
    model_range: tuple[float, float] | None,
    flip: bool,
    crop: int,
    axis_name: str | None,
) -> Batch:
    """A batch as the networks get it: mirrored and cropped at random, in the model's range.

    Args:
      key: of the random transforms; each sample has its own, by its index in the global batch.
      batch: samples [(turns,) batch, *shape] in the data's own range.
      data: says that range.
      model_range: the generator's.
      flip: mirror every other sample.
      crop: pixels by which samples are shifted at most.
      axis_name: mapped device axis.
    """
    x = batch.x
    if flip or crop:
        turns = x.reshape(-1, *x.shape[x.ndim - 1 - len(data.shape) :])
        moved = [
            _augment_real(jax.random.fold_in(key, turn), own, flip, crop, axis_name)
            for turn, own in enumerate(turns)
        ]
        x = jnp.stack(moved).reshape(x.shape)
    return batch._replace(x=to_model_range(x, data.low, data.high, model_range))


def _augment_real(key: Array, x: Array, flip: bool, crop: int, axis_name: str | None) -> Array:
    flip_key, crop_key = jax.random.split(key)
    index = sample_index(len(x), axis_name)
    x = flip_horizontally(sample_keys(flip_key, index), x) if flip else x
    return random_crop(sample_keys(crop_key, index), x, crop) if crop else x


def example_batch(
    data: Dataset | Records, rows: int, conditional: bool, least: int | None = None
) -> Batch:
    """A batch to start networks with: zeros [rows, ...], with the first and the last label.

    The first one, if not given, is that of the data in memory, and 0 of streamed ones. Of other
    conditions, these are the first ones of the data.

    Raises:
      ValueError: if there is no condition, and conditional training needs one.
    """
    rows = max(2, rows)
    x = jnp.zeros((rows, *data.shape), jnp.float32)
    if not conditional:
        return Batch(x)
    check_conditional(data)
    if isinstance(data, Dataset) and data.labels is None:
        first = np.arange(rows) % data.size
        return Batch(x, jax.tree.map(lambda part: jnp.asarray(part[first]), data.condition))
    assert data.num_classes is not None  # by the check
    if least is None and isinstance(data, Dataset):
        least = int(np.min(data.condition))
    return Batch(x, jnp.asarray(np.resize([least or 0, data.num_classes - 1], rows), jnp.int32))

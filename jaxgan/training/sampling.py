"""Samples of a state in pieces, and what they are drawn on.

Where that is images, they are taken evenly from the run's own data.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan import parallel
from jaxgan.data import Dataset, Records, to_model_range
from jaxgan.images.resampling import nearest
from jaxgan.images.tasks import condition_image
from jaxgan.players import sample
from jaxgan.types import GAN, Array, Batch, GANState, PyTree

SAMPLES_PER_CALL = 250
"""Samples drawn in one pass: a thousand could take more memory than training does."""


class Conditions(NamedTuple):
    """What each of `num` samples is drawn on, and what belongs beside it in a picture.

    `condition` is what the generator takes, [num, ...]; `source` are its images at the samples'
    size, and `real` those that samples should look like: float32 [num, H, W, C] in the model's
    range. Both are None where the condition holds no images.
    """

    condition: PyTree
    source: Array | None = None
    real: Array | None = None


def conditions_for(
    gan: GAN,
    data: Dataset | Records,
    model_range: tuple[float, float] | None,
    num: int,
    labels: np.ndarray | None,
) -> Conditions:
    """Conditions of samples, from real ones of a data set.

    Args:
      gan: the setting.
      data: of the run.
      model_range: the generator's.
      num: how many.
      labels: int [num], of a conditional run; images are of these classes where data in memory
        have them.
    """
    if not has_images(gan, data.shape, labels is not None):
        return Conditions(None if labels is None else jnp.asarray(labels))
    assert gan.task is not None  # it makes the images
    x, labels = _real(data, num, labels)
    images = to_model_range(jnp.asarray(x), data.low, data.high, model_range)
    batch = gan.task.prepare(Batch(images, None if labels is None else jnp.asarray(labels)))
    real = gan.task.restore(batch.x, batch.condition)
    source = condition_image(batch.condition)
    assert source is not None  # by has_images
    return Conditions(batch.condition, nearest(source, (real.shape[1], real.shape[2])), real)


def rows_from(tree: PyTree, first: int, count: int) -> PyTree:
    """So many rows of all arrays from one on; after the last one comes the first again."""

    def rows(x):
        return np.take(np.asarray(x), np.arange(first, first + count) % len(x), axis=0)

    return jax.tree.map(rows, tree)


def make_pieces(
    key: Array, gan: GAN, num: int, condition: PyTree, devices: int | None
) -> Callable[[GANState], Iterator[Array]]:
    """Draws samples [num, ...] of a state in pieces, each when it is asked for.

    Args:
      key: of the samples.
      gan: the setting.
      num: how many.
      condition: theirs, with arrays [num, ...]; None where there is none.
      devices: how many, None for all; samples are whole on each of them.
    """
    on_host = jax.device_get(condition)  # from where every device can take it
    whole = NamedSharding(parallel.make_mesh(devices), PartitionSpec())
    size = min(num, SAMPLES_PER_CALL)

    @functools.partial(jax.jit, out_shardings=whole)
    def drawn(state: GANState, first: int, condition: PyTree) -> Array:
        x = sample(key, gan, state, size, condition, first_index=first)
        return x if gan.task is None else gan.task.restore(x, condition)

    return lambda state: in_chunks(functools.partial(drawn, state), num, on_host, size)


def in_chunks(
    draw: Callable[[int, PyTree], PyTree], num: int, condition: PyTree, size: int
) -> Iterator[PyTree]:
    """Draw samples [num, ...] in chunks, each when it is asked for.

    Args:
      draw: `(first, condition) -> samples`, arrays [size, ...] of the samples from `first` on.
      num: number of samples.
      condition: arrays [num, ...], or None. The last chunk starts over with their first rows, and
        is cut to the samples that remain.
      size: number of samples per chunk.
    """
    for first in range(0, num, size):
        x = draw(first, rows_from(condition, first, size))
        left = num - first
        yield x if size <= left else jax.tree.map(lambda rows, left=left: rows[:left], x)


def collect(chunks: Iterable[PyTree], num: int) -> PyTree:
    """Join chunks into arrays [num, ...]; each is copied at once, to take little more memory."""
    whole, first = None, 0
    for chunk in chunks:
        if whole is None:
            whole = jax.tree.map(lambda x: np.empty((num, *x.shape[1:]), x.dtype), chunk)
        for to, rows in zip(jax.tree.leaves(whole), jax.tree.leaves(chunk), strict=True):
            to[first : first + len(rows)] = rows
        first += len(rows)
    return whole


def has_images(gan: GAN, shape: tuple[int, ...], conditional: bool) -> bool:
    """Whether the players of a GAN are conditioned on images, of data of this shape."""
    if gan.task is None:
        return False
    labels = jnp.zeros(2, jnp.int32) if conditional else None
    batch = gan.task.prepare(Batch(jnp.zeros((2, *shape)), labels))
    return condition_image(batch.condition) is not None


def sample_shape(gan: GAN, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a GAN's samples as they are shown, for data of this shape."""
    if gan.task is None:
        return shape
    batch = gan.task.prepare(Batch(jnp.zeros((2, *shape))))
    return gan.task.restore(batch.x, batch.condition).shape[1:]


def _real(
    data: Dataset | Records, num: int, labels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples of a data set, of the classes that are wanted, or else evenly spread."""
    places = np.linspace(0, data.size - 1, num).round().astype(int)
    if isinstance(data, Records):
        read = [data.read(int(place)) for place in places]
        found = None if labels is None else np.asarray([label for _, label in read], np.int32)
        return np.stack([x for x, _ in read]), found
    if labels is not None and data.labels is not None:
        for label in np.unique(labels):
            those = np.flatnonzero(data.labels == label)
            wanted = np.flatnonzero(labels == label)
            if len(those):
                places[wanted] = np.resize(those, len(wanted))
        labels = data.labels[places]
    return data.x[places], labels

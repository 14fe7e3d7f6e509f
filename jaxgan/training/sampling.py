"""Samples of a state in pieces, and what they are drawn on.

Where that is images, they are taken evenly from the run's own data.
"""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan import parallel
from jaxgan.data import Dataset, Records, to_model_range
from jaxgan.images.resampling import nearest
from jaxgan.images.tasks import condition_image
from jaxgan.parallel.global_batch import sample_index
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
        x = sample(key, gan, state, first + sample_index(size), condition)
        return x if gan.task is None else gan.task.restore(x, condition)

    def draw(state: GANState) -> Iterator[Array]:
        for first in range(0, num, size):
            x = drawn(state, first, rows_from(on_host, first, size))
            yield x if first + size <= num else x[: num - first]

    return draw


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

"""Samples of a state in pieces, and their conditions.

Image conditions are taken from the run's own data, evenly spread.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan import parallel
from jaxgan.caching import cached
from jaxgan.data import Dataset, Records, to_model_range
from jaxgan.images.resampling import nearest
from jaxgan.images.tasks import condition_image
from jaxgan.parallel.global_batch import sample_index
from jaxgan.players import sample
from jaxgan.types import GAN, Array, Batch, GANState, PyTree

SAMPLES_PER_CALL = 250
"""Samples per call: a thousand at once could need more memory than training."""


class Conditions(NamedTuple):
    """The conditions of `num` samples, and the images beside them in a sample image.

    Attributes:
      condition: the input of the generator, [num, ...].
      source: its images at the size of the samples, float32 [num, H, W, C] in the model's range;
        None if the condition has no images.
      real: the real images for these conditions, as `source`.
    """

    condition: PyTree
    source: Any = None
    real: Any = None


class Drawn(NamedTuple):
    """Samples as images, in arrays of JAX or NumPy.

    Attributes:
      x: samples [num, ...], after `Task.restore`.
      returned: what the generator makes of them on the way back, [num, ...], see `Task.way_back`;
        None where no way leads back.
    """

    x: Any
    returned: Any = None


def drawn(gan: GAN, draw: Callable[[PyTree], PyTree], condition: PyTree) -> Drawn:
    """The samples of a condition, and where they come from in the eyes of the generator.

    Args:
      gan: the GAN, for its task.
      draw: `condition -> samples`.
      condition: of the samples.
    """
    x, task = draw(condition), gan.task
    if task is None:
        return Drawn(x)
    image = task.restore(x, condition)
    return Drawn(image, None if task.way_back is None else condition_image(draw(task.way_back(x))))


def conditions_for(
    gan: GAN,
    data: Dataset | Records,
    model_range: tuple[float, float] | None,
    num: int,
    labels: np.ndarray | None,
) -> Conditions:
    """The conditions of samples, from real samples of a data set.

    Args:
      gan: the GAN.
      data: the data of the run.
      model_range: of the generator.
      num: number of samples.
      labels: int [num], or attributes float [num, n], for a conditional run; images have these
        classes if the data are in memory and have them, and always their own attributes.
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


def beside_each_other(drawn: Drawn, conditions: Conditions) -> list[Any]:
    """The images of each sample: its source, itself and its target, or itself on the way back.

    A sample without a source stands alone.
    """
    if conditions.source is None:
        return [drawn.x]
    last = conditions.real if drawn.returned is None else drawn.returned
    return [conditions.source, drawn.x, last]


def rows_from(tree: PyTree, first: int, count: int) -> PyTree:
    """`count` rows of all arrays from `first` on; the first row follows the last."""

    def rows(x):
        return np.take(np.asarray(x), np.arange(first, first + count) % len(x), axis=0)

    return jax.tree.map(rows, tree)


def make_pieces(
    key: Array, gan: GAN, num: int, condition: PyTree, devices: int | None
) -> Callable[[GANState], Iterator[Drawn]]:
    """Returns a function that draws samples [num, ...] of a state in pieces, one at a time.

    Args:
      key: PRNG key of the samples.
      gan: the GAN.
      num: number of samples.
      condition: of the samples, arrays [num, ...]; None if there is none.
      devices: number of devices, None for all; each holds all samples of a piece.
    """
    on_host = jax.device_get(condition)  # from where every device can take it
    size = min(num, SAMPLES_PER_CALL)
    sample_piece = _compiled_sample(gan, size, devices)

    return lambda state: in_chunks(functools.partial(sample_piece, key, state), num, on_host, size)


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


@cached
def _compiled_sample(gan: GAN, size: int, devices: int | None) -> Callable[..., Drawn]:
    """A compiled function that draws one piece of samples, whole on all devices."""
    whole = NamedSharding(parallel.make_mesh(devices), PartitionSpec())

    @functools.partial(jax.jit, out_shardings=whole)
    def sample_piece(key: Array, state: GANState, first: int, condition: PyTree) -> Drawn:
        index = first + sample_index(size)
        return drawn(gan, lambda own: sample(key, gan, state, index, own), condition)

    return sample_piece


def has_images(gan: GAN, shape: tuple[int, ...], conditional: bool) -> bool:
    """Whether the players of a GAN are conditioned on images, for data of this shape."""
    if gan.task is None:
        return False
    labels = jnp.zeros(2, jnp.int32) if conditional else None
    batch = gan.task.prepare(Batch(jnp.zeros((2, *shape)), labels))
    return condition_image(batch.condition) is not None


def sample_shape(gan: GAN, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a GAN's samples after `Task.restore`, for data of this shape."""
    if gan.task is None:
        return shape
    batch = gan.task.prepare(Batch(jnp.zeros((2, *shape))))
    return gan.task.restore(batch.x, batch.condition).shape[1:]


def _real(
    data: Dataset | Records, num: int, labels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Real samples of the given classes if there are any, or else evenly spread."""
    indices = np.linspace(0, data.size - 1, num).round().astype(int)
    if labels is not None and data.attributes is not None:
        x = [data.read(int(i))[0] if isinstance(data, Records) else data.x[i] for i in indices]
        return np.stack(x), data.attributes.rows[indices]
    if isinstance(data, Records):
        read = [data.read(int(index)) for index in indices]
        found = None if labels is None else np.asarray([label for _, label in read], np.int32)
        return np.stack([x for x, _ in read]), found
    if labels is not None and data.labels is not None:
        for label in np.unique(labels):
            those = np.flatnonzero(data.labels == label)
            wanted = np.flatnonzero(labels == label)
            if len(those):
                indices[wanted] = np.resize(those, len(wanted))
        labels = data.labels[indices]
    return data.x[indices], labels

"""Samples of a trained generator, in the range of its training data.

    generator = load_generator(Path("runs/digits"))
    samples = draw_samples(generator, num=64, seed=0)

One path serves all runs: unconditional, conditional, conditioned on images, and pyramids.
"""

from collections.abc import Callable

import jax
import numpy as np

from jaxgan.checks import check_positive, check_seed
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.images.pyramid import crop_to, sample_pyramid
from jaxgan.parallel.global_batch import sample_index
from jaxgan.runs.disk.generator import TrainedGenerator, make_draw, takes_images
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.run_data import data_of
from jaxgan.training.sampling import (
    SAMPLES_PER_CALL,
    Conditions,
    Drawn,
    collect,
    conditions_for,
    drawn,
    in_chunks,
)
from jaxgan.types import Array, PyTree


def draw_samples(
    generator: TrainedGenerator, num: int, seed: int, labels: np.ndarray | None = None
) -> np.ndarray:
    """Draw samples float32 [num, ...] in the range of the data.

    Args:
      generator: from `load_generator`. One that is conditioned on images takes them from the run's
        data, evenly spaced.
      num: number of samples.
      seed: seed of the latents. Sample i depends only on the seed, i and its condition.
      labels: int [num], the class of each sample; for conditional runs only. For a run with
        attributes, their numbers float [num, n], or [n] for all samples; without them, those of
        real samples.
    Raises:
      FileNotFoundError: if the generator takes images, and the run's data are no longer there.
      ValueError: if num is not positive, or labels are missing, not applicable or out of range.
    """
    return draw_with_conditions(generator, num, seed, labels)[0].x


def draw_with_conditions(
    generator: TrainedGenerator,
    num: int,
    seed: int,
    labels: np.ndarray | None = None,
    read: Callable[[Config], Dataset | Records] = data_of,
) -> tuple[Drawn, Conditions]:
    """Draw samples as `draw_samples` does, with what they become on the way back if there is one.

    Their conditions are returned too.

    Args:
      generator: from `load_generator`.
      num: number of samples.
      seed: seed of the latents.
      labels: int [num], the class of each sample; or attributes, as for `draw_samples`.
      read: reads the data of a run; called only if the generator is conditioned on images.
    Raises:
      FileNotFoundError: if those data are no longer there.
      ValueError: as `draw_samples`, or if they are not the run's data.
    """
    check_seed(seed)
    labels = _checked_labels(generator, num, labels)
    conditions = _conditions(generator, num, labels, read)
    return _draw(generator, num, seed, conditions.condition), conditions


def draw_levels(
    generator: TrainedGenerator, num: int, seed: int, labels: np.ndarray | None = None
) -> list[np.ndarray]:
    """Draw samples of all levels of a pyramid, coarse to fine.

    Args:
      generator: of a pyramid, from `load_generator`.
      num: number of samples.
      seed: seed of the latents.
      labels: int [num], the class of each sample; or attributes, as for `draw_samples`.
    Returns:
      float32 [num, ...] per level, in the range of the data. The last has the size of the data.
    Raises:
      ValueError: if the generator is not a pyramid's; otherwise as `draw_samples`.
    """
    if not generator.coarser:
        raise ValueError(
            f"{generator.config.options.recipe} is not a pyramid of GANs: use draw_samples"
        )
    check_seed(seed)
    return _draw_levels(generator, num, seed, _checked_labels(generator, num, labels))


def _draw(generator: TrainedGenerator, num: int, seed: int, condition: PyTree) -> Drawn:
    if generator.coarser:
        return Drawn(_draw_levels(generator, num, seed, condition)[-1])
    draw = make_draw(generator)

    def draw_one(key, condition, index):
        return drawn(generator.gan, lambda own: draw(key, own, index), condition)

    return _in_chunks(draw_one, generator, num, seed, condition)


def _draw_levels(
    generator: TrainedGenerator, num: int, seed: int, labels: np.ndarray | None
) -> list[np.ndarray]:
    """Samples of every level of a pyramid."""
    draws = [make_draw(level) for level in generator.levels]

    def draw_pyramid(key, labels, index):
        levels = [_with_labels(draw, labels) for draw in draws]
        *coarse, full = sample_pyramid(key, levels, index)
        height, width = generator.data.shape[:2]
        return [*coarse, crop_to(full, (height, width))]

    return _in_chunks(draw_pyramid, generator, num, seed, labels)


def _in_chunks(
    draw: Callable[[Array, PyTree, Array], PyTree],
    generator: TrainedGenerator,
    num: int,
    seed: int,
    condition: PyTree,
) -> PyTree:
    """What `(key, condition, index)` draws in the generator's range, in that of the data."""
    key, data = jax.random.key(seed), generator.data

    def chunk(first: int, own: PyTree) -> PyTree:
        def in_range(x: Array) -> np.ndarray:
            return to_data_range(np.asarray(x), data.low, data.high, generator.model_range)

        return jax.tree.map(in_range, draw(key, own, first + sample_index(SAMPLES_PER_CALL)))

    return collect(in_chunks(chunk, num, condition, SAMPLES_PER_CALL), num)


def _with_labels(draw: Callable, labels: np.ndarray | None) -> Callable:
    """A level of a pyramid, conditioned on the coarser image and on labels where there are any."""

    def level(key, low, index):
        parts = [part for part in (low, labels) if part is not None]
        condition = tuple(parts) if len(parts) > 1 else next(iter(parts), None)
        return draw(key, condition, index)

    return level


# --- Conditions


def _conditions(
    generator: TrainedGenerator,
    num: int,
    labels: np.ndarray | None,
    read: Callable[[Config], Dataset | Records],
) -> Conditions:
    # The finer levels of a pyramid take the images of the coarser ones.
    if generator.coarser or not takes_images(generator):
        return Conditions(labels)
    dataset = read(generator.config)
    return conditions_for(generator.gan, dataset, generator.model_range, num, labels)


def _checked_labels(
    generator: TrainedGenerator, num: int, labels: np.ndarray | None
) -> np.ndarray | None:
    """Check the labels or attributes of samples; returns them as int32 or float32."""
    check_positive(num=num)
    if generator.data.attributes:
        return checked_attributes(generator.data, num, labels)
    num_classes = generator.data.num_classes
    if num_classes is None:
        if labels is not None:
            raise ValueError("labels must be None: the generator is not conditional")
        return None
    if labels is None:
        raise ValueError(f"labels must be given: the generator has {num_classes} classes")
    labels = np.asarray(labels)
    if labels.shape != (num,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be {num} ints, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must lie in 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int32)


def checked_attributes(facts: DataFacts, num: int, rows: np.ndarray | None) -> np.ndarray | None:
    """Attributes of samples as float32 [num, n], from [num, n] or [n]; without them, kept ones.

    Raises:
      ValueError: if they are no finite numbers of this shape.
    """
    if rows is None:
        return facts.kept_attributes(num)
    names, given = facts.attributes, np.asarray(rows)
    if given.dtype.kind not in "biuf" or given.shape not in ((len(names),), (num, len(names))):
        raise ValueError(
            f"attributes must be float [{num}, {len(names)}] or [{len(names)}], in the order "
            f"{', '.join(names)}, got {given.dtype} of shape {given.shape}"
        )
    given = given.astype(np.float32)
    if not np.isfinite(given).all():
        raise ValueError("attributes must be finite numbers that fit float32")
    return np.broadcast_to(given, (num, len(names)))

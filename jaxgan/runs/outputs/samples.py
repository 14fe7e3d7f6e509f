"""Samples of a run: drawn again, and written as a picture or an array."""

from collections.abc import Callable, Iterable
from pathlib import Path

import jax
import numpy as np

from jaxgan.checks import check_positive, check_seed
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.parallel.global_batch import sample_index
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator, make_generate
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.run_data import data_of
from jaxgan.training.sampling import (
    SAMPLES_PER_CALL,
    Conditions,
    conditions_for,
    has_images,
    rows_from,
)
from jaxgan.types import PyTree


def sample_run(
    run: Path,
    num: int,
    seed: int,
    use_ema: bool = True,
    labels: np.ndarray | None = None,
    which: str = "latest",
) -> np.ndarray:
    """Samples [num, ...] of a run, float32 in the data's own range.

    Args:
      run: its folder.
      num: how many. Where images are the condition, they come evenly from the run's data.
      seed: of the latents; sample i under one seed and label is always the same.
      use_ema: use the averaged generator.
      labels: int [num], the class of each, for a conditional run and only there.
      which: the checkpoint, see `load_generator`.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint.
      ValueError: if num is not positive, or labels are missing, not wanted or out of range.
    """
    check_positive(num=num)  # before anything is loaded
    check_seed(seed)
    return draw_beside(run, load_generator(run, use_ema, which), num, seed, labels)[0]


def draw_beside(
    run: Path,
    loaded: TrainedGenerator,
    num: int,
    seed: int,
    labels: np.ndarray | None = None,
    read: Callable[[Config], Dataset | Records] = data_of,
) -> tuple[np.ndarray, Conditions]:
    """Samples of a generator that is loaded already, and what they were drawn on.

    Arguments are those of `sample_run`, and `read`, which gives the data of a run where samples are
    drawn on images of them.
    """
    check_positive(num=num)
    check_seed(seed)
    config = loaded.config
    labels = checked_labels(labels, num, config.data.num_classes, run)
    drawn_on = conditions(loaded, num, labels, read)
    draw, data = make_generate(loaded), config.data

    def piece(first: int) -> np.ndarray:
        own = rows_from(drawn_on.condition, first, SAMPLES_PER_CALL)
        x = draw(jax.random.key(seed), own, first + sample_index(SAMPLES_PER_CALL))
        whole = x if loaded.gan.task is None else loaded.gan.task.restore(x, own)
        return to_data_range(
            np.asarray(whole), data.low, data.high, config.options.plan.model_range
        )

    return in_one(map(piece, range(0, num, SAMPLES_PER_CALL)), num), drawn_on


def in_one(pieces: Iterable[PyTree], num: int) -> PyTree:
    """Arrays [num, ...] of pieces of their rows, and nothing beyond them.

    Each piece goes where it belongs at once, so that there is little more memory than the result's.
    """
    whole, first = None, 0
    for piece in pieces:
        if whole is None:
            whole = jax.tree.map(lambda x: np.empty((num, *x.shape[1:]), x.dtype), piece)
        for to, rows in zip(jax.tree.leaves(whole), jax.tree.leaves(piece), strict=True):
            to[first : first + len(rows)] = rows[: num - first]
        first += len(rows)
    return whole


def conditions(
    loaded: TrainedGenerator,
    num: int,
    labels: np.ndarray | None,
    read: Callable[[Config], Dataset | Records] = data_of,
) -> Conditions:
    """What samples of a run are drawn on: labels, or images of the data that it was trained on.

    Raises:
      FileNotFoundError: if those data are not there any more.
      ValueError: if others are in their place.
    """
    config, gan = loaded.config, loaded.gan
    if not has_images(gan, config.data.shape, labels is not None):
        return Conditions(labels)
    return conditions_for(gan, read(config), config.options.plan.model_range, num, labels)


def checked_labels(
    labels: np.ndarray | None, num: int, num_classes: int | None, run: Path
) -> np.ndarray | None:
    """The labels of samples as int32; raises a ValueError unless they are what the run takes."""
    if (labels is None) != (num_classes is None):
        wanted = "is not conditional" if num_classes is None else f"has {num_classes} classes"
        raise ValueError(f"labels must {'' if num_classes else 'not '}be given: {run} {wanted}")
    if labels is None or num_classes is None:
        return None
    labels = np.asarray(labels)
    if labels.shape != (num,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be {num} ints, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must lie in 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int32)

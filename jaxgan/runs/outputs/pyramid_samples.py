"""Samples of a run with several stages, of a pyramid coarse to fine."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from jaxgan.checks import check_positive, check_seed
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.images.pyramid import crop_to, sample_pyramid
from jaxgan.parallel.global_batch import sample_index
from jaxgan.runs.disk import generator
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.disk.stage_folders import last_stage, staged_in
from jaxgan.runs.outputs import samples
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.run_data import data_of
from jaxgan.training.sampling import SAMPLES_PER_CALL, Conditions, rows_from


def load_whole(
    run: Path, use_ema: bool = True, which: str = "latest"
) -> tuple[TrainedGenerator, ...]:
    """The generators that a run is drawn by: of its last stage, or of all levels of a pyramid.

    Of a pyramid "best" are those that are best of each level by itself; a number must be that of a
    checkpoint of all levels. Arguments and errors are those of
    `jaxgan.runs.disk.generator.load_generator`.
    """
    staged = staged_in(run)
    if staged is None or staged.drawn_by != "pyramid":
        return (generator.load_generator(last_stage(run), use_ema, which),)
    folders = [run / recipe.stage for recipe in staged.stages]
    return tuple(generator.load_generator(folder, use_ema, which) for folder in folders)


def draw_whole(
    run: Path,
    loaded: tuple[TrainedGenerator, ...],
    num: int,
    seed: int,
    labels: np.ndarray | None = None,
    read: Callable[[Config], Dataset | Records] = data_of,
) -> tuple[np.ndarray, Conditions]:
    """What generators of `load_whole` make in the end, and what it was drawn on.

    Arguments are those of `jaxgan.runs.outputs.samples.draw_beside`. A pyramid was drawn on
    nothing.
    """
    if len(loaded) > 1:
        return _draw_levels(run, loaded, num, seed, labels)[-1], Conditions(labels)
    return samples.draw_beside(last_stage(run), loaded[0], num, seed, labels, read)


def sample_stages(
    run: Path,
    num: int,
    seed: int,
    use_ema: bool = True,
    labels: np.ndarray | None = None,
    which: str = "latest",
) -> list[np.ndarray]:
    """Samples of a pyramid of GANs, drawn coarse to fine: those of every level, [num, ...] each.

    Args:
      run: the folder of the stages.
      num: how many.
      seed: of the latents; sample i under one seed and label is always the same.
      use_ema: use the averaged generators.
      labels: int [num], the class of each, for a conditional run and only there.
      which: the checkpoints, see `load_whole`.
    Returns:
      float32 in the data's own range; the last has the data's own size, the others their level's.
    Raises:
      FileNotFoundError: if a stage has no checkpoint yet.
      ValueError: if num is not positive, or labels are missing, not wanted or out of range.
    """
    staged = staged_in(run)
    if staged is None or staged.drawn_by != "pyramid":
        raise ValueError(f"{run} holds no pyramid of GANs")
    return _draw_levels(run, load_whole(run, use_ema, which), num, seed, labels)


def _draw_levels(
    run: Path, loaded: tuple[TrainedGenerator, ...], num: int, seed: int, labels: np.ndarray | None
) -> list[np.ndarray]:
    check_positive(num=num)
    check_seed(seed)
    config = loaded[-1].config
    labels = samples.checked_labels(labels, num, config.data.num_classes, run)
    draws, data = [generator.make_generate(each) for each in loaded], config.data

    def piece(first: int) -> list[np.ndarray]:
        own = rows_from(labels, first, SAMPLES_PER_CALL)
        levels, index = [_level(draw, own) for draw in draws], sample_index(SAMPLES_PER_CALL)
        *coarse, full = sample_pyramid(jax.random.key(seed), levels, first + index)
        own_range = data.low, data.high, config.options.plan.model_range
        images = (*coarse, crop_to(full, (data.shape[0], data.shape[1])))
        return [to_data_range(np.asarray(x), *own_range) for x in images]

    return samples.in_one(map(piece, range(0, num, SAMPLES_PER_CALL)), num)


def _level(draw: Callable, labels: np.ndarray | None) -> Callable:
    def level(key, low, index):
        parts = [part for part in (low, labels) if part is not None]
        condition = tuple(parts) if len(parts) > 1 else next(iter(parts), None)
        return draw(key, condition, index)

    return level

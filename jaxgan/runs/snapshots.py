"""The sample images of a run."""

from collections.abc import Callable

import jax
import numpy as np

from jaxgan import plots
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.runs.run import Run
from jaxgan.runs.settings.config import Config
from jaxgan.scoring.reference import real_rows
from jaxgan.training.keys import run_keys
from jaxgan.training.sampling import (
    Conditions,
    Drawn,
    beside_each_other,
    conditions_for,
    has_images,
    make_pieces,
)
from jaxgan.types import GAN, GANState


def make_snapshot(
    gan: GAN, config: Config, dataset: Dataset | Records
) -> tuple[Callable[[GANState], list[Drawn]], Conditions]:
    """A function that draws samples of fixed latents, whole on all devices; their conditions."""
    key, plan = run_keys(config.options.seed).images, config.options.plan
    facts, classes = config.data, config.data.num_classes
    in_threes = has_images(gan, facts.shape, facts.condition_width is not None)
    num = plots.num_plotted(facts.shape, classes, in_threes)
    labels = facts.kept_attributes(num)
    if classes is not None:
        labels = plots.class_rows(num, min(classes, num))
    drawn_on = conditions_for(gan, dataset, plan.model_range, num, labels)
    pieces = make_pieces(key, gan, num, drawn_on.condition, plan.devices)
    return lambda state: list(pieces(state)), drawn_on


def snapshot_image(run: Run, pieces: list[Drawn]) -> np.ndarray | None:
    """The image of samples, given in pieces; None if they cannot be shown."""
    data, plan = run.config.data, run.config.options.plan
    drawn = jax.tree.map(lambda *each: np.concatenate([np.asarray(x) for x in each]), *pieces)
    own = [
        to_data_range(np.asarray(x), data.low, data.high, plan.model_range)
        for x in beside_each_other(drawn, run.drawn_on)
    ]
    if len(own) > 1:
        return plots.side_by_side(own, data.low, data.high)
    points = run.dataset.x if isinstance(run.dataset, Dataset) else None
    return plots.sample_image(own[0], data.low, data.high, points, data.classes)


def real_image(run: Run) -> np.ndarray | None:
    """An image of real samples to compare with; None where samples are shown beside real ones."""
    data = run.config.data
    if run.drawn_on.source is not None or data.shape == (2,) or not plots.is_plottable(data.shape):
        return None
    try:
        x, _ = real_rows(run.dataset, plots.num_plotted(data.shape), run.config.options.seed)
    except ValueError:  # no record can be read, which training reports
        return None
    return plots.sample_image(x, data.low, data.high)

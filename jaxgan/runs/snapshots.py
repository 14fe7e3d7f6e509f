"""The images that a run draws while it trains."""

from collections.abc import Callable

import jax
import numpy as np

from jaxgan import plots
from jaxgan.data import Dataset, Records, to_data_range
from jaxgan.runs.run import Run
from jaxgan.runs.settings.config import Config
from jaxgan.scoring.reference import real_rows
from jaxgan.training.sampling import Conditions, conditions_for, has_images, make_pieces
from jaxgan.types import GAN, GANState


def make_snapshot(
    gan: GAN, config: Config, dataset: Dataset | Records
) -> tuple[Callable[[GANState], list[jax.Array]], Conditions]:
    """Samples of one fixed set of latents, whole on all devices; and what they are drawn on."""
    picture_key = jax.random.split(jax.random.key(config.seed))[1]
    classes = config.data.num_classes
    in_threes = has_images(gan, config.data.shape, classes is not None)
    num = plots.num_pictured(config.data.shape, classes, in_threes)
    labels = None if classes is None else plots.class_rows(num, min(classes, num))
    drawn_on = conditions_for(gan, dataset, config.plan.model_range, num, labels)
    pieces = make_pieces(picture_key, gan, num, drawn_on.condition, config.plan.devices)
    return lambda state: list(pieces(state)), drawn_on


def snapshot_image(run: Run, pieces: list[jax.Array]) -> np.ndarray | None:
    """The image of samples that were drawn in pieces; None if they cannot be shown."""
    data, plan = run.config.data, run.config.plan
    samples = np.concatenate([np.asarray(piece) for piece in pieces])
    beside = [x for x in (run.drawn_on.source, run.drawn_on.real) if x is not None]
    own = [
        to_data_range(np.asarray(x), data.low, data.high, plan.model_range)
        for x in (samples, *beside)
    ]
    if beside:
        drawn, source, real = own
        return plots.side_by_side((source, drawn, real), data.low, data.high)
    points = run.dataset.x if isinstance(run.dataset, Dataset) else None
    return plots.picture(own[0], data.low, data.high, points, data.num_classes)


def real_image(run: Run) -> np.ndarray | None:
    """An image of real samples to compare with; None where samples are shown beside real ones."""
    data = run.config.data
    if run.drawn_on.source is not None or data.shape == (2,) or not plots.has_picture(data.shape):
        return None
    try:
        x, _ = real_rows(run.dataset, plots.num_pictured(data.shape), run.config.seed)
    except ValueError:  # no record can be read, which training reports
        return None
    return plots.picture(x, data.low, data.high)

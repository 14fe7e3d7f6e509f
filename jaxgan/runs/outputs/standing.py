"""Standing statistics of a run's generator."""

from typing import Any

import jax

from jaxgan.checks import check_not_negative
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images
from jaxgan.training.standing import BATCH_SIZE, standing_statistics
from jaxgan.types import Weights

_SEED = 0x7374616E  # unlikely to be chosen for samples


def with_standing_statistics(generator: TrainedGenerator, batches: int) -> TrainedGenerator:
    """A generator with batch statistics of its own samples, see `jaxgan.standing_statistics`.

    Args:
      generator: from `load_generator`.
      batches: number of batches of 64 samples, with labels drawn uniformly, or attributes of the
        data, if the generator is conditional; 0 for the generator as it is.
    Raises:
      ValueError: if batches is negative, the generator has no batch norm, is a pyramid's or is
        conditioned on images.
    """
    check_not_negative(batches=batches)
    if batches == 0:
        return generator
    if generator.coarser or takes_images(generator):
        raise ValueError(
            "standing statistics need a generator of latents and labels, and "
            f"{generator.config.options.recipe} takes images: leave them out"
        )
    label_key, sample_key = jax.random.split(jax.random.key(_SEED))
    classes, num = generator.data.num_classes, BATCH_SIZE * batches
    labels: Any = generator.data.kept_attributes(num)
    if classes is not None:
        labels = jax.random.randint(label_key, (num,), 0, classes)
    weights = Weights(generator.params, generator.model_state)
    found = standing_statistics(sample_key, generator.gan, weights, batches, labels)
    return generator._replace(model_state=found.model_state, standing=batches)

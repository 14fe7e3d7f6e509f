"""Images translated by the generator of an image-to-image run, such as one of pix2pix."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxgan.data.images import read_alpha
from jaxgan.images.tasks import condition_image
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.image_files import (
    as_bytes,
    check_image,
    check_png,
    from_pixels,
    make_apply,
    read_pixels,
    write_png,
)
from jaxgan.types import Batch


def translate_image(generator: TrainedGenerator, image: np.ndarray, seed: int = 0) -> np.ndarray:
    """Translate an image.

    Args:
      generator: of a run on pairs of images.
      image: uint8 [height, width, channels], with the channels of the run's source images.
      seed: seed of the generator's dropout.
    Returns:
      uint8 [height, width, channels].
    Raises:
      ValueError: if the generator does not translate images, or the image does not fit it.
    """
    check_image(image, source_channels(generator))
    return as_bytes(make_apply(generator, seed)(image))


def translate_file(generator: TrainedGenerator, image: Path, out: Path, seed: int = 0) -> str:
    """Translate an image file into a .png file; returns its size as text.

    Transparency is dropped, and the text says so.

    Raises:
      ValueError: if the image cannot be read, `out` is not a .png file, or as `translate_image`.
      OSError: if the file cannot be written.
    """
    check_png(out)
    source = read_pixels(image, source_channels(generator))
    size = write_png(from_pixels(translate_image(generator, source, seed)), out)
    return size if read_alpha(image) is None else f"{size} (transparency dropped)"


def source_channels(generator: TrainedGenerator) -> int:
    """Number of channels of the images that a generator translates.

    Raises:
      ValueError: if it does not translate images to others of the same size.
    """
    task, shape = generator.gan.task, generator.data.shape
    if task is not None and len(shape) == 3 and generator.data.num_classes is None:
        batch = task.prepare(Batch(jnp.zeros((1, *shape))))
        source = condition_image(batch.condition)
        halves = 2 * batch.x.shape[-1] == shape[-1]
        if source is not None and halves and source.shape[:3] == batch.x.shape[:3]:
            return source.shape[-1]
    raise ValueError(
        "translate needs an image-to-image run, such as one of the recipe pix2pix; this run is of "
        f"the recipe {generator.config.options.recipe}"
    )

"""Images translated by the generator of an image-to-image run: of pix2pix or CycleGAN."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxgan.checks import check_choice
from jaxgan.choices import Domain
from jaxgan.data.images import read_alpha
from jaxgan.images.tasks import condition_image
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.image_files import (
    DOMAINS,
    as_bytes,
    check_image,
    check_png,
    from_pixels,
    make_apply,
    read_pixels,
    write_png,
)
from jaxgan.types import Batch


def translate_image(
    generator: TrainedGenerator, image: np.ndarray, seed: int = 0, to: Domain | None = None
) -> np.ndarray:
    """Translate an image.

    Args:
      generator: of a run on pairs of images, or on images of two domains.
      image: uint8 [height, width, channels], with the channels of the run's source images.
      seed: seed of the generator's dropout.
      to: the domain to translate to, see `make_translate`.
    Returns:
      uint8 [height, width, channels].
    Raises:
      ValueError: if the generator does not translate images, or not in that direction, or the image
        does not fit it.
    """
    return make_translate(generator, seed, to)(image)


def make_translate(
    generator: TrainedGenerator, seed: int = 0, to: Domain | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Make `translate_image` as a function of the image alone, which compiles once per size.

    Args:
      generator: of a run on pairs of images, or on images of two domains.
      seed: seed of the generator's dropout.
      to: the domain to translate to, "a" or "b", the first or the second one in the run's data;
        None for "b". Only for a run on two domains.
    Raises:
      ValueError: if the generator does not translate images, or not in that direction.
    """
    channels = source_channels(generator)
    apply = make_apply(generator, seed, _direction(generator, to))

    def translate(image: np.ndarray) -> np.ndarray:
        check_image(image, channels)
        return as_bytes(apply(image))

    return translate


def _direction(generator: TrainedGenerator, to: Domain | None) -> Domain | None:
    """The domain to translate to, of a run on two domains; None for any other run."""
    task = generator.gan.task
    if task is None or task.way_back is None:
        if to is not None:
            raise ValueError(
                f"--to {to}: a run of the recipe {generator.config.options.recipe} translates in "
                "one direction only; leave --to out"
            )
        return None
    check_choice(to=(to or "b", DOMAINS))
    return to or "b"


def translate_file(
    translate: Callable[[np.ndarray], np.ndarray], channels: int, image: Path, out: Path
) -> str:
    """Translate an image file into a .png file; returns its size as text.

    Transparency is dropped, and the text says so.

    Args:
      translate: from `make_translate`.
      channels: of its images, see `source_channels`.
      image: the file of the image.
      out: the .png file.
    Raises:
      ValueError: if the image cannot be read or does not fit, or `out` is not a .png file.
      OSError: if the file cannot be written.
    """
    check_png(out)
    size = write_png(from_pixels(translate(read_pixels(image, channels))), out)
    return size if read_alpha(image) is None else f"{size} (transparency dropped)"


def source_channels(generator: TrainedGenerator) -> int:
    """Number of channels of the images that a generator translates.

    Raises:
      ValueError: if it does not translate images to others of the same size.
    """
    task, shape = generator.gan.task, generator.data.shape
    if task is not None and len(shape) == 3 and generator.data.num_classes is None:
        batch = task.prepare(Batch(jnp.zeros((1, *shape))))
        source, made = condition_image(batch.condition), task.restore(batch.x, batch.condition)
        halves = 2 * made.shape[-1] == shape[-1]
        if source is not None and halves and source.shape[:3] == made.shape[:3]:
            return source.shape[-1]
    raise ValueError(
        "translate needs an image-to-image run, such as one of the recipes pix2pix and cyclegan; "
        f"this run is of the recipe {generator.config.options.recipe}"
    )

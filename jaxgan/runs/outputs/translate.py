"""Pictures made of other pictures by the generator of a run on pairs."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.data import scale as scaled
from jaxgan.data.images import HIDDEN, read_alpha, read_image
from jaxgan.images.tasks import condition_image
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator, make_generate
from jaxgan.types import Batch


def translate_run(
    run: Path, image: np.ndarray, seed: int = 0, use_ema: bool = True, which: str = "latest"
) -> np.ndarray:
    """What a run's generator makes of an image.

    Args:
      run: the folder of a run on pairs of images.
      image: uint8 [height, width, channels], with the channels of the run's sources.
      seed: of the generator's dropout.
      use_ema: the averaged generator, if the run keeps an average.
      which: the checkpoint, see `jaxgan.runs.disk.generator.load_generator`.
    Returns:
      uint8 [height, width, channels].
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint.
      ValueError: if the run does not make images of others as large, or the image does not fit.
    """
    loaded = load_generator(run, use_ema, which)
    channels = source_channels(loaded)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != channels:
        raise ValueError(
            f"image must be uint8 [height, width, {channels}], got {image.dtype} {image.shape}"
        )
    low, high = loaded.config.options.plan.model_range or (-1.0, 1.0)
    source = scaled(image[None], (0, 255), (low, high))
    made = make_generate(loaded)(jax.random.key(seed), source, jnp.arange(1))
    pixels = scaled(np.asarray(made)[0], (low, high), (0, 255))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def translate_file(run: Path, image: Path, out: Path, seed: int = 0, use_ema: bool = True) -> str:
    """Writes what a run's generator makes of a picture; gives its size as text.

    Transparency is dropped, and the text says so.

    Raises:
      ValueError: if the picture cannot be read, or out is no .png file.
      OSError: if it cannot be written.
      Others: see `translate_run`.
    """
    if out.suffix != ".png":
        raise ValueError(f"--out must end in .png, got {out}")
    check_replaceable(out)
    grey = source_channels(load_generator(run, use_ema)) == 1
    source = read_image(image, "L" if grey else "RGB", None, HIDDEN)
    made = translate_run(run, source, seed, use_ema)
    picture = Image.fromarray(made[..., 0] if made.shape[-1] == 1 else made)
    replace_file(out, lambda beside: picture.save(beside, format="png"))
    dropped = "" if read_alpha(image) is None else " (transparency dropped)"
    return f"{picture.width}x{picture.height}{dropped}"


def source_channels(loaded: TrainedGenerator) -> int:
    """Channels of the images that a generator starts from.

    Raises:
      ValueError: if it makes no images of others as large.
    """
    gan, config = loaded.gan, loaded.config
    shape = config.data.shape
    if gan.task is not None and len(shape) == 3 and config.data.num_classes is None:
        batch = gan.task.prepare(Batch(jnp.zeros((1, *shape))))
        source = condition_image(batch.condition)
        halves = 2 * batch.x.shape[-1] == shape[-1]
        if source is not None and halves and source.shape[:3] == batch.x.shape[:3]:
            return source.shape[-1]
    raise ValueError(
        "translate needs an image-to-image run, such as one of the recipe pix2pix; this run is of "
        f"the recipe {config.options.recipe}"
    )

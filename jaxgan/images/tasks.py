"""Tasks that derive samples and conditions from images: pyramids, super-resolution, translation."""

import jax.numpy as jnp

from jaxgan.images.pyramid import pad_to_multiple, reduce, split_band
from jaxgan.images.resampling import bicubic
from jaxgan.types import Array, Batch, PyTree, Task


def condition_image(condition: PyTree) -> Array | None:
    """The image [batch, height, width, channels] in a condition; None if there is none."""
    parts = condition if isinstance(condition, tuple) else (condition,)
    return next((part for part in parts if part is not None and part.ndim == 4), None)


def _with_labels(image: Array, labels: PyTree) -> PyTree:
    return image if labels is None else (image, labels)


# --- Pyramids


def pyramid_level(level: int, levels: int) -> Task:
    """One level of a Laplacian pyramid: the samples are bands, the condition the low-pass image.

    The low-pass image is the expanded image of the coarser level; with labels the condition is
    (image, labels). At level 0, the coarsest, the samples are the small images themselves, and the
    condition is the labels or None. Images are padded with -1 on all sides until height and width
    are divisible by 2^levels.

    Args:
      level: from 0, the coarsest, to levels - 1, whose images have full (padded) size.
      levels: number of levels.
    Raises:
      ValueError: if there is no such level.
    Source: Denton et al. 2015, section 3, https://arxiv.org/abs/1506.05751
    """
    if not 0 <= level < levels:
        raise ValueError(f"level must be from 0 to {levels - 1}, got {level}")

    def prepare(batch: Batch) -> Batch:
        x = pad_to_multiple(batch.x, 2**levels, -1.0)
        for _ in range(levels - 1 - level):
            x = reduce(x)
        if level == 0:
            return batch._replace(x=x)
        band, low = split_band(x)
        return Batch(band, _with_labels(low, batch.condition))

    def restore(x: Array, condition: PyTree) -> Array:
        low = condition_image(condition)
        return x if low is None else low + x

    return Task(prepare, restore)


# --- Super-resolution


def low_resolution(scale: int) -> Task:
    """Super-resolution: the condition is the image downsampled by `scale`.

    Downsampling is bicubic, and values are rounded to 256 levels, as in image files.

    Args:
      scale: factor, at least 2, that divides the height and width.
    Raises:
      ValueError: if scale is less than 2.
    Source: Ledig et al. 2017, section 3.1, https://arxiv.org/abs/1609.04802 (the bicubic kernel)
    """
    if scale < 2:
        raise ValueError(f"scale must be at least 2, got {scale}")

    def prepare(batch: Batch) -> Batch:
        height, width = batch.x.shape[1:3]
        if height % scale or width % scale:
            raise ValueError(f"images of {height}x{width} are not divisible by scale={scale}")
        small = bicubic(batch.x, (height // scale, width // scale))
        small = jnp.round((jnp.clip(small, -1.0, 1.0) + 1.0) * 127.5) / 127.5 - 1.0
        return Batch(batch.x, _with_labels(small, batch.condition))

    return Task(prepare, lambda x, condition: x)


# --- Image to image


def pairs() -> Task:
    """Image to image: the condition is the source image, the sample the target image.

    Pairs hold both along the channel axis, target first; see `jaxgan.data.pair_records`.

    Raises:
      ValueError: in the step, if samples have an odd number of channels.
    """

    def prepare(batch: Batch) -> Batch:
        channels = batch.x.shape[-1]
        if batch.x.ndim != 4 or channels % 2:
            raise ValueError(
                f"pairs are images with an even number of channels, got {batch.x.shape[1:]}: use "
                "--data pairs:FROM,TO"
            )
        target, source = jnp.split(batch.x, 2, axis=-1)
        return Batch(target, _with_labels(source, batch.condition))

    return Task(prepare, lambda x, condition: x)


def two_domains() -> Task:
    """Image to image between two domains: samples and condition are both the images (a, b).

    The generator translates them to (F(b), G(a)), of which G(a) is shown. Images hold both domains
    along the channel axis, A first; see `jaxgan.data.unpaired`.

    Raises:
      ValueError: in the step, if samples have an odd number of channels, or there is a condition.
    Source: Zhu et al. 2017, section 3, https://arxiv.org/abs/1703.10593
    """

    def prepare(batch: Batch) -> Batch:
        channels = batch.x.shape[-1]
        if batch.x.ndim != 4 or channels % 2 or batch.condition is not None:
            raise ValueError(
                "two domains are images with an even number of channels and without labels, got "
                f"{batch.x.shape[1:]}: use --data unpaired:A,B"
            )
        a, b = jnp.split(batch.x, 2, axis=-1)
        return Batch((a, b), (a, b))

    return Task(prepare, lambda x, condition: x[1], way_back=lambda x: x)

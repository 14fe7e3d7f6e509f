"""DiffAugment: color jitter, translation and cutout of what the discriminator sees."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.augment.value_range import Transform, check_images, in_range
from jaxgan.types import Array, Augmentation, Range


def diffaugment(
    policy: Sequence[str] = ("color", "translation", "cutout"), model_range: Range = (-1.0, 1.0)
) -> Augmentation:
    """DiffAugment: every sample in every way of the policy, one after the other.

    Args:
      policy: some of "color" (see `color_jitter`), "translation" and "cutout".
      model_range: (low, high) of the samples, see `in_range`.
    Raises:
      ValueError: if the policy is empty or names an unknown transform, if the range is invalid, or,
        when applied, for other samples than images [batch, height, width, channels].
    Source: Zhao et al. 2020, section 3.2, https://arxiv.org/abs/2006.10738
    """
    if isinstance(policy, str) or not policy or set(policy) - set(DIFFAUGMENT):
        raise ValueError(f"policy must hold some of {', '.join(DIFFAUGMENT)}, got {policy!r}")

    def apply(keys: Array, x: Array, strength: Array | float) -> Array:
        own = jax.vmap(lambda key: jax.random.split(key, len(policy)))(keys)
        for place, name in enumerate(policy):
            x = DIFFAUGMENT[name](own[:, place], x)
        return x

    return Augmentation(in_range(apply, model_range), model_range=model_range)


def color_jitter(keys: Array, x: Array) -> Array:
    """Another brightness, saturation and contrast for each image.

    Brightness is shifted by U(-1/2, 1/2), differences of channels are scaled by U(0, 2), then
    differences from the image's mean by U(1/2, 3/2).

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels] in [-1, 1]; what comes out may lie beyond.
    Raises:
      ValueError: if x is not of that rank, or there is not one key a sample.
    """
    check_images(keys, x)

    def one(key: Array, x: Array) -> Array:
        shift, saturation, contrast = jax.random.uniform(key, (3,), x.dtype)
        x = x + (shift - 0.5)
        grey = jnp.mean(x, axis=2, keepdims=True)
        x = grey + 2.0 * saturation * (x - grey)
        mean = jnp.mean(x)
        return mean + (contrast + 0.5) * (x - mean)

    return jax.vmap(one)(keys, x)


def translation(keys: Array, x: Array, ratio: float = 1 / 8) -> Array:
    """Shifts each image by up to that part of its sides in whole pixels; zeros come in.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels] in [-1, 1], where 0 is grey.
      ratio: of the sides, in [0, 1].
    Raises:
      ValueError: if an argument is out of range or of another shape.
    """
    check_images(keys, x)
    _check_ratio(ratio)

    def moved(x: Array, shift: Array, axis: int) -> Array:
        size = x.shape[axis]
        places = jnp.arange(size) - shift
        inside = (places >= 0) & (places < size)
        x = jnp.take(x, jnp.clip(places, 0, size - 1), axis=axis)
        return jnp.where(jnp.expand_dims(inside, [a for a in range(3) if a != axis]), x, 0)

    def one(key: Array, x: Array) -> Array:
        for axis, own in enumerate(jax.random.split(key)):
            most = _rounded(x.shape[axis], ratio)
            x = moved(x, jax.random.randint(own, (), -most, most + 1), axis)
        return x

    return jax.vmap(one)(keys, x)


def cutout(keys: Array, x: Array, ratio: float = 1 / 2) -> Array:
    """Sets a rectangle of each image, of that part of its sides, to zero.

    Its centre lies anywhere in the image, so that parts of it may lie outside.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels] in [-1, 1], where 0 is grey.
      ratio: of the sides, in [0, 1].
    Raises:
      ValueError: if an argument is out of range or of another shape.
    """
    check_images(keys, x)
    _check_ratio(ratio)

    def covered(key: Array, size: int) -> Array:
        length = _rounded(size, ratio)
        first = jax.random.randint(key, (), 0, size + 1 - length % 2) - length // 2
        places = jnp.arange(size)
        return (places >= first) & (places < first + length)

    def one(key: Array, x: Array) -> Array:
        row_key, column_key = jax.random.split(key)
        rows, columns = covered(row_key, x.shape[0]), covered(column_key, x.shape[1])
        return jnp.where((rows[:, None] & columns[None, :])[:, :, None], 0, x)

    return jax.vmap(one)(keys, x)


DIFFAUGMENT: dict[str, Transform] = {
    "color": color_jitter,
    "translation": translation,
    "cutout": cutout,
}
"""The transforms that a policy of `diffaugment` may name."""


def _check_ratio(ratio: float):
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(f"ratio must lie in [0, 1], got {ratio}")


def _rounded(size: int, ratio: float) -> int:
    return int(size * ratio + 0.5)

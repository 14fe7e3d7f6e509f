"""DiffAugment: color jitter, translation and cutout of the discriminator's inputs."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.augment.value_range import Transform, check_images, in_range
from jaxgan.types import Array, Augmentation, Range


def diffaugment(
    policy: Sequence[str] = ("color", "translation", "cutout"), model_range: Range = (-1.0, 1.0)
) -> Augmentation:
    """DiffAugment: applies all transforms of the policy to every sample, in order.

    Args:
      policy: names of transforms: "color" (see `color_jitter`), "translation" and "cutout".
      model_range: (low, high) of the samples, see `in_range`.
    Returns:
      An augmentation for images float [batch, height, width, channels].
    Raises:
      ValueError: if the policy is empty or names an unknown transform, or the range is invalid.
        When applied, if samples are not images.
    Source: Zhao et al. 2020, section 3.2, https://arxiv.org/abs/2006.10738

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> diffaugment().apply(keys, jnp.zeros((2, 8, 8, 1)), 1.0).shape
    (2, 8, 8, 1)
    """
    if isinstance(policy, str) or not policy or set(policy) - set(DIFFAUGMENT):
        raise ValueError(
            f"policy must be a sequence of some of {', '.join(DIFFAUGMENT)}, got {policy!r}"
        )

    def apply(keys: Array, x: Array, strength: Array | float) -> Array:
        own = jax.vmap(lambda key: jax.random.split(key, len(policy)))(keys)
        for i, name in enumerate(policy):
            x = DIFFAUGMENT[name](own[:, i], x)
        return x

    return Augmentation(in_range(apply, model_range), model_range=model_range)


def color_jitter(keys: Array, x: Array) -> Array:
    """Random brightness, saturation and contrast for each image.

    Brightness is shifted by U(-1/2, 1/2). Then each pixel's deviation from its mean over channels
    is scaled by U(0, 2), and each value's deviation from the image's mean by U(1/2, 3/2).

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels] in [-1, 1].
    Returns:
      Images of the same shape, whose values may exceed [-1, 1].
    Raises:
      ValueError: if x has another rank or there is not one key per sample.
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
    """Random shift of each image by whole pixels, filled with zeros.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels] in [-1, 1], where 0 is grey.
      ratio: largest shift as a fraction of each side, in [0, 1].
    Raises:
      ValueError: if an argument is out of range or of another shape.
    """
    check_images(keys, x)
    _check_ratio(ratio)

    def shifted(x: Array, shift: Array, axis: int) -> Array:
        # y[i] = x[i - shift], and 0 where i - shift is outside
        size = x.shape[axis]
        source = jnp.arange(size) - shift
        inside = (source >= 0) & (source < size)
        x = jnp.take(x, jnp.clip(source, 0, size - 1), axis=axis)
        return jnp.where(jnp.expand_dims(inside, [a for a in range(3) if a != axis]), x, 0)

    def one(key: Array, x: Array) -> Array:
        for axis, own in enumerate(jax.random.split(key)):
            most = _rounded(x.shape[axis], ratio)
            x = shifted(x, jax.random.randint(own, (), -most, most + 1), axis)
        return x

    return jax.vmap(one)(keys, x)


def cutout(keys: Array, x: Array, ratio: float = 1 / 2) -> Array:
    """Set a random rectangle of each image to zero.

    Its centre is uniform over the image, so part of the rectangle may be outside.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels] in [-1, 1], where 0 is grey.
      ratio: sides of the rectangle as a fraction of the image's sides, in [0, 1].
    Raises:
      ValueError: if an argument is out of range or of another shape.
    """
    check_images(keys, x)
    _check_ratio(ratio)

    def covered(key: Array, size: int) -> Array:
        length = _rounded(size, ratio)
        first = jax.random.randint(key, (), 0, size + 1 - length % 2) - length // 2
        positions = jnp.arange(size)
        return (positions >= first) & (positions < first + length)

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
"""The transforms that a policy of `diffaugment` can name."""


def _check_ratio(ratio: float):
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(f"ratio must be in [0, 1], got {ratio}")


def _rounded(size: int, ratio: float) -> int:
    return int(size * ratio + 0.5)

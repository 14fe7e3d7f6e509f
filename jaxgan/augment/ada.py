"""Augmentation of what a discriminator sees, real and generated samples alike.

Set `GAN.augmentation` to one: both players' losses then look at augmented samples, through which
gradients flow, so the generator learns the data and not their augmented kin. All transforms are
pure, take one key per sample, and are differentiable. They are defined for samples in [-1, 1];
`model_range` and `in_range` give the same pictures in any other range.

>>> keys = jax.random.split(jax.random.key(0), 2)
>>> diffaugment().apply(keys, jnp.zeros((2, 8, 8, 1)), 1.0).shape
(2, 8, 8, 1)
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.augment.affine import (
    color_jitter_matrix,
    geometric_jitter_matrix,
    sample_affine,
    transform_colors,
)
from jaxgan.checks import check_positive
from jaxgan.types import Array, Augmentation, Range, Schedule

Transform = Callable[[Array, Array], Array]
"""From keys [batch] and samples [batch, ...] to samples of the same shape."""


# --- The range of the samples


def in_range(transform: Callable[..., Array], model_range: Range) -> Callable[..., Array]:
    """A transform of this module for samples in another range than [-1, 1].

    Args:
      transform: from keys, samples and perhaps a strength to samples of the same shape.
      model_range: (low, high) of the samples, as in `jaxgan.fit`; (0, 1) for a sigmoid.
    Raises:
      ValueError: if the range is not finite, or low is not less than high.

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> print(jnp.unique(in_range(cutout, (0.0, 1.0))(keys, jnp.ones((2, 8, 8, 1)))))
    [0.5 1. ]
    """
    low, high = model_range
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"model_range must be finite (low, high), low < high, got {model_range}")
    if (low, high) == (-1.0, 1.0):
        return transform
    middle, half = (low + high) / 2, (high - low) / 2

    def mapped(keys: Array, x: Array, *strength: Array | float) -> Array:
        return transform(keys, (x - middle) / half, *strength) * half + middle

    return mapped


# --- DiffAugment


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
    _check_images(keys, x)

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
    _check_images(keys, x)
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
    _check_images(keys, x)
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


# --- Adaptive discriminator augmentation


class AdaptiveStrength(NamedTuple):
    """What ADA remembers, float32 scalars: the probability p; signs and images since it moved."""

    strength: Array
    signs: Array
    images: Array


def adaptive(
    target: float = 0.6,
    ramp: float = 500_000.0,
    every: int = 4,
    *,
    geometry: float = 1.0,
    color: float = 1.0,
    model_range: Range = (-1.0, 1.0),
) -> Augmentation:
    """Adaptive discriminator augmentation: as strong as keeps the discriminator from overfitting.

    The strength p starts at 0 and moves by 1 / ramp an image: upwards while the mean sign r_t of
    D(x) on real samples is above its target, downwards while it is below. The sign is that of the
    distance from the loss's threshold, or of D(x) - D(G(z)) where logits have none.

    Args:
      target: of r_t, in (-1, 1).
      ramp: images in which p can go from 0 to 1.
      every: discriminator turns from one move of p to the next.
      geometry: how often samples are moved, see `geometric_jitter`, as a share of p; 0 for never.
      color: the same of their colours, see `strong_color_jitter`.
      model_range: (low, high) of the samples, see `in_range`.
    Raises:
      ValueError: if an argument is out of range or nothing is to be changed; when applied, for
        other samples than images [batch, height, width, channels] of 1 or 3 channels.
    Source: Karras et al. 2020, section 3.1, https://arxiv.org/abs/2006.06676
    """
    if not -1.0 < target < 1.0:
        raise ValueError(f"target must lie in (-1, 1), got {target}")
    if not ramp > 0:
        raise ValueError(f"ramp must be positive, got {ramp}")
    check_positive(every=every)

    def init() -> AdaptiveStrength:
        return AdaptiveStrength(*jnp.zeros(3, jnp.float32))

    def update(memory: AdaptiveStrength, margins: Array) -> AdaptiveStrength:
        count = len(margins)
        signs = memory.signs + count * jnp.mean(jnp.sign(margins.astype(jnp.float32)))
        images = memory.images + count
        # In whole turns: batches may be of any size, but are of one.
        due = images >= every * count
        step = jnp.sign(signs / images - target) * images / ramp
        moved = jnp.clip(memory.strength + step, 0.0, 1.0)
        return AdaptiveStrength(
            jnp.where(due, moved, memory.strength),
            jnp.where(due, 0.0, signs),
            jnp.where(due, 0.0, images),
        )

    pipeline = _pipeline(geometry, color, 0.0, model_range)
    return Augmentation(pipeline, init=init, update=update, model_range=model_range)


def constant(
    strength: float | Schedule,
    *,
    geometry: float = 1.0,
    color: float = 1.0,
    cutout: float = 0.0,
    model_range: Range = (-1.0, 1.0),
) -> Augmentation:
    """The transforms of `adaptive` with a probability p that is set, not found.

    R3GAN's is `constant(cosine(0.0, 0.55, burn_in), color=0.5, cutout=1.0)`.

    Args:
      strength: p, in [0, 1]; below 0.8 nothing leaks into the samples. Or a schedule of it, called
        with the generator's updates so far (`GANState.step`), see `jaxgan.schedules`.
      geometry: as in `adaptive`.
      color: as in `adaptive`.
      cutout: how often a rectangle of half the sides turns grey, see `cutout`, as a share of p.
      model_range: (low, high) of the samples, see `in_range`.
    Raises:
      ValueError: as `adaptive` does.
    Source: Karras et al. 2020, appendix B; the schedule and the shares are those of
      https://github.com/brownvc/R3GAN (CIFAR-10)
    """
    if not callable(strength) and not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must lie in [0, 1], got {strength}")
    pipeline = _pipeline(geometry, color, cutout, model_range)
    return Augmentation(pipeline, strength, model_range=model_range)


def _pipeline(
    geometry: float, color: float, cutout: float, model_range: Range
) -> Callable[[Array, Array, Array | float], Array]:
    shares = {"geometry": geometry, "color": color, "cutout": cutout}
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{name} must be a share of p, in [0, 1], got {share}")
    if not any(shares.values()):
        raise ValueError("nothing to augment with: geometry or color must be more than 0")

    def apply(keys: Array, x: Array, strength: Array | float) -> Array:
        count = 3 if cutout else 2
        own = jax.vmap(lambda key: jax.random.split(key, count))(keys)
        x = geometric_jitter(own[:, 0], x, geometry * strength) if geometry else x
        x = strong_color_jitter(own[:, 1], x, color * strength) if color else x
        return _perhaps_cutout(own[:, 2], x, cutout * strength) if cutout else x

    return in_range(apply, model_range)


def _perhaps_cutout(keys: Array, x: Array, strength: Array | float) -> Array:
    pairs = jax.vmap(jax.random.split)(keys)
    due = jax.vmap(lambda key: jax.random.bernoulli(key, strength))(pairs[:, 0])
    return jnp.where(due[:, None, None, None], cutout(pairs[:, 1], x), x)


def geometric_jitter(keys: Array, x: Array, strength: Array | float) -> Array:
    """Mirrors, turns, scales and shifts images, each in every way with probability p.

    Sampled bilinearly, with reflection at the borders; the authors' code filters against aliasing
    besides.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels].
      strength: p, scalar in [0, 1].
    Raises:
      ValueError: if x is not of that rank, or there is not one key a sample.
    Source: Karras et al. 2020, appendix B: pixel blitting and general geometric transformations.
    """
    _check_images(keys, x)

    def one(key: Array, x: Array) -> Array:
        return sample_affine(x, geometric_jitter_matrix(key, (x.shape[0], x.shape[1]), strength))

    return jax.vmap(one)(keys, x)


def strong_color_jitter(keys: Array, x: Array, strength: Array | float) -> Array:
    """Another brightness, contrast, luma, hue and saturation, each with probability p.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, 1 or 3] in [-1, 1]; what comes out may lie beyond.
      strength: p, scalar in [0, 1].
    Raises:
      ValueError: if x is of another shape, or there is not one key a sample.
    Source: Karras et al. 2020, appendix B: color transformations.
    """
    _check_images(keys, x)
    if x.shape[3] not in (1, 3):
        raise ValueError(f"colours need images of 1 or 3 channels, got shape {x.shape}")
    return jax.vmap(lambda key, x: transform_colors(x, color_jitter_matrix(key, strength)))(keys, x)


# --- By name

Name = Literal["diffaugment", "ada"]
NAMED: dict[str, Callable[..., Augmentation]] = {"diffaugment": diffaugment, "ada": adaptive}
"""What the command line calls augmentations with their published settings; give `model_range`."""


# --- Checks


def _check_images(keys: Array, x: Array):
    if x.ndim != 4:
        raise ValueError(
            f"augmentation needs images [batch, height, width, channels], got shape {x.shape}"
        )
    if keys.shape != x.shape[:1]:
        raise ValueError(f"keys must hold one a sample, [{len(x)}], got shape {keys.shape}")


def _check_ratio(ratio: float):
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(f"ratio must lie in [0, 1], got {ratio}")


def _rounded(size: int, ratio: float) -> int:
    return int(size * ratio + 0.5)

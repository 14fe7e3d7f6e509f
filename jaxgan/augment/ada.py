"""Augmentation of what a discriminator sees, real and generated samples alike.

Set `GAN.augmentation` to one: both players' losses then look at augmented samples, through which
gradients flow, so the generator learns the data and not their augmented kin. All transforms are
pure, take one key per sample, and are differentiable. They are defined for samples in [-1, 1];
`model_range` and `in_range` give the same pictures in any other range.

>>> keys = jax.random.split(jax.random.key(0), 2)
>>> diffaugment().apply(keys, jnp.zeros((2, 8, 8, 1)), 1.0).shape
(2, 8, 8, 1)
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.augment.affine import (
    color_jitter_matrix,
    geometric_jitter_matrix,
    sample_affine,
    transform_colors,
)
from jaxgan.augment.diff_augment import cutout
from jaxgan.augment.value_range import check_images, in_range
from jaxgan.checks import check_positive
from jaxgan.types import Array, Augmentation, Range, Schedule

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

    transform = _pipeline(geometry, color, 0.0, model_range)
    return Augmentation(transform, init=init, update=update, model_range=model_range)


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
    transform = _pipeline(geometry, color, cutout, model_range)
    return Augmentation(transform, strength, model_range=model_range)


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
    check_images(keys, x)

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
    check_images(keys, x)
    if x.shape[3] not in (1, 3):
        raise ValueError(f"colours need images of 1 or 3 channels, got shape {x.shape}")
    return jax.vmap(lambda key, x: transform_colors(x, color_jitter_matrix(key, strength)))(keys, x)

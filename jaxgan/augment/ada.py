"""Adaptive discriminator augmentation (ADA), and its transforms at a fixed strength."""

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


class AdaptiveStrength(NamedTuple):
    """The state of ADA, float32 scalars.

    Attributes:
      strength: the probability p.
      signs: sum of sign(D(x)) over real samples since p last changed.
      images: number of these samples.
    """

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
    """Adaptive discriminator augmentation: the strength adapts to how much D overfits.

    r_t = E sign(D(x) - threshold),  p <- p + sign(r_t - target) images / ramp,  within [0, 1]

    The strength p starts at 0. It rises while r_t, the mean sign of D(x) on real samples, is above
    its target, and falls while it is below. For losses without a threshold the sign is that of
    D(x) - D(G(z)).

    Unlike the authors' code, geometric transforms have no low-pass filter against aliasing: at
    p = 1 white noise keeps 67% of its standard deviation, with theirs 79%.

    Args:
      target: target of r_t, in (-1, 1).
      ramp: number of images in which p can rise from 0 to 1.
      every: number of discriminator updates per change of p.
      geometry: probability of each transform of `geometric_jitter`, as a fraction of p; 0 for none.
      color: probability of each transform of `strong_color_jitter`, as a fraction of p.
      model_range: (low, high) of the samples, see `in_range`.
    Returns:
      An augmentation for images float [batch, height, width, 1 or 3].
    Raises:
      ValueError: if an argument is out of range, or geometry and color are both 0. When applied, if
        samples are not images of 1 or 3 channels.
    Source: Karras et al. 2020, section 3.1, https://arxiv.org/abs/2006.06676
    """
    if not -1.0 < target < 1.0:
        raise ValueError(f"target must be in (-1, 1), got {target}")
    if not ramp > 0:
        raise ValueError(f"ramp must be positive, got {ramp}")
    check_positive(every=every)

    def init() -> AdaptiveStrength:
        return AdaptiveStrength(*jnp.zeros(3, jnp.float32))

    def update(state: AdaptiveStrength, margins: Array) -> AdaptiveStrength:
        count = len(margins)
        signs = state.signs + count * jnp.mean(jnp.sign(margins.astype(jnp.float32)))
        images = state.images + count
        due = images >= every * count  # after `every` updates: all batches have the same size
        step = jnp.sign(signs / images - target) * images / ramp
        adapted = jnp.clip(state.strength + step, 0.0, 1.0)
        return AdaptiveStrength(
            jnp.where(due, adapted, state.strength),
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
    """The transforms of `adaptive` with a given probability p.

    R3GAN uses `constant(cosine(0.0, 0.55, burn_in), color=0.5, cutout=1.0)`.

    Args:
      strength: p, in [0, 1], or a schedule of it, called with `GANState.step`, see
        `jaxgan.schedules`. Below 0.8 augmentations do not leak into the samples.
      geometry: probability of each transform of `geometric_jitter`, as a fraction of p; 0 for none.
      color: probability of each transform of `strong_color_jitter`, as a fraction of p.
      cutout: probability of `jaxgan.augment.cutout`, as a fraction of p.
      model_range: (low, high) of the samples, see `in_range`.
    Returns:
      An augmentation for images float [batch, height, width, 1 or 3].
    Raises:
      ValueError: if an argument is out of range, or geometry, color and cutout are all 0. When
        applied, if samples are not images of 1 or 3 channels.
    Source: Karras et al. 2020, appendix B, https://arxiv.org/abs/2006.06676; the schedule and
      fractions of R3GAN are from https://github.com/brownvc/R3GAN (CIFAR-10)
    """
    if not callable(strength) and not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must be in [0, 1], got {strength}")
    transform = _pipeline(geometry, color, cutout, model_range)
    return Augmentation(transform, strength, model_range=model_range)


def _pipeline(
    geometry: float, color: float, cutout: float, model_range: Range
) -> Callable[[Array, Array, Array | float], Array]:
    fractions = {"geometry": geometry, "color": color, "cutout": cutout}
    for name, fraction in fractions.items():
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"{name} must be a fraction of p, in [0, 1], got {fraction}")
    if not any(fractions.values()):
        raise ValueError("geometry, color and cutout are all 0: set one of them above 0")

    def apply(keys: Array, x: Array, strength: Array | float) -> Array:
        count = 3 if cutout else 2
        own = jax.vmap(lambda key: jax.random.split(key, count))(keys)
        x = geometric_jitter(own[:, 0], x, geometry * strength) if geometry else x
        x = strong_color_jitter(own[:, 1], x, color * strength) if color else x
        return _random_cutout(own[:, 2], x, cutout * strength) if cutout else x

    return in_range(apply, model_range)


def _random_cutout(keys: Array, x: Array, strength: Array | float) -> Array:
    pairs = jax.vmap(jax.random.split)(keys)
    due = jax.vmap(lambda key: jax.random.bernoulli(key, strength))(pairs[:, 0])
    return jnp.where(due[:, None, None, None], cutout(pairs[:, 1], x), x)


def geometric_jitter(keys: Array, x: Array, strength: Array | float) -> Array:
    """Random flips, rotations, scalings and shifts of images, each with probability p.

    Images are resampled bilinearly, with reflection at the borders, and without the low-pass filter
    against aliasing of the authors' code.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, channels].
      strength: p, scalar in [0, 1].
    Raises:
      ValueError: if x has another rank or there is not one key per sample.
    Source: Karras et al. 2020, appendix B: pixel blitting and general geometric transformations.
    """
    check_images(keys, x)

    def one(key: Array, x: Array) -> Array:
        return sample_affine(x, geometric_jitter_matrix(key, (x.shape[0], x.shape[1]), strength))

    return jax.vmap(one)(keys, x)


def strong_color_jitter(keys: Array, x: Array, strength: Array | float) -> Array:
    """Random brightness, contrast, luma flip, hue and saturation, each with probability p.

    Args:
      keys: PRNG keys [batch].
      x: images float [batch, height, width, 1 or 3] in [-1, 1].
      strength: p, scalar in [0, 1].
    Returns:
      Images of the same shape, whose values may exceed [-1, 1].
    Raises:
      ValueError: if x has another shape or there is not one key per sample.
    Source: Karras et al. 2020, appendix B: color transformations.
    """
    check_images(keys, x)
    if x.shape[3] not in (1, 3):
        raise ValueError(f"color augmentation needs 1 or 3 channels, got shape {x.shape}")
    return jax.vmap(lambda key, x: transform_colors(x, color_jitter_matrix(key, strength)))(keys, x)

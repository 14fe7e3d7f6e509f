"""Adaptive discriminator augmentation (ADA), and its transforms at a fixed strength."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.augment.ada_transforms import pipeline
from jaxgan.augment.jittering import jitter
from jaxgan.augment.value_range import in_range
from jaxgan.checks import check_positive
from jaxgan.types import Array, Augmentation, Range, Schedule

Strengthened = Callable[[Array, Array, Array | float], Array]
"""`(keys [batch], samples [batch, ...], strength) -> samples [batch, ...]`."""


class AdaptiveStrength(NamedTuple):
    """The state of ADA and APA, float32 scalars.

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
    transforms: str | Strengthened | None = None,
    model_range: Range = (-1.0, 1.0),
) -> Augmentation:
    """Adaptive discriminator augmentation: the strength adapts to how much D overfits.

    r_t = E sign(D(x) - threshold),  p <- p + sign(r_t - target) images / ramp,  within [0, 1]

    The strength p starts at 0. It rises while r_t, the mean sign of D(x) on real samples, is above
    its target, and falls while it is below. For losses without a threshold the sign is that of
    D(x) - D(G(z)).

    Args:
      target: target of r_t, in (-1, 1).
      ramp: number of images in which p can rise from 0 to 1.
      every: number of discriminator updates per change of p.
      transforms: name of a set of `pipeline`, such as "bgc", which the paper uses; or a function,
        such as `jitter(color=0.5)` or `pipeline({"color": 0.5})`. The default is `jitter()`.
      model_range: (low, high) of the samples, see `in_range`.
    Returns:
      An augmentation for images float [batch, height, width, 1 or 3].
    Raises:
      ValueError: if an argument is out of range, or there are no such transforms. When applied, if
        samples are not images of 1 or 3 channels.
    Source: Karras et al. 2020, section 3.1, https://arxiv.org/abs/2006.06676
    """
    init, update = adapting(target, ramp, every)
    transform = in_range(as_transform(transforms), model_range)
    return Augmentation(transform, init=init, update=update, model_range=model_range)


def adapting(
    target: float, ramp: float, every: int
) -> tuple[Callable[[], AdaptiveStrength], Callable[[AdaptiveStrength, Array], AdaptiveStrength]]:
    """The functions `init` and `update` of an augmentation with the heuristic of `adaptive`.

    Raises:
      ValueError: if an argument is out of range.
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

    return init, update


def constant(
    strength: float | Schedule,
    *,
    transforms: str | Strengthened | None = None,
    model_range: Range = (-1.0, 1.0),
) -> Augmentation:
    """The transforms of `adaptive` with a given probability p.

    Args:
      strength: p, in [0, 1], or a schedule of it, called with `GANState.step`, see
        `jaxgan.schedules`. Below 0.8 augmentations do not leak into the samples.
      transforms: as in `adaptive`.
      model_range: (low, high) of the samples, see `in_range`.
    Returns:
      An augmentation for images float [batch, height, width, 1 or 3].
    Raises:
      ValueError: if an argument is out of range, or there are no such transforms. When applied, if
        samples are not images of 1 or 3 channels.
    Source: Karras et al. 2020, appendix B, https://arxiv.org/abs/2006.06676
    """
    if not callable(strength) and not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must be in [0, 1], got {strength}")
    transform = in_range(as_transform(transforms), model_range)
    return Augmentation(transform, strength, model_range=model_range)


def as_transform(transforms: str | Strengthened | None) -> Strengthened:
    """Transforms from what `adaptive` takes for them.

    Raises:
      ValueError: if there are none of this name.
    """
    if transforms is None:
        return jitter()
    return pipeline(transforms) if isinstance(transforms, str) else transforms

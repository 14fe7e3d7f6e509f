"""Perceptual path length: how smoothly samples change with the latents."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array

_LEAST_SINE = 1e-7


def lerp(a: Array, b: Array, t: Array) -> Array:
    """Linear interpolation, a + t (b - a).

    Args:
      a: starts [batch, ..., features], floats.
      b: ends of the same shape.
      t: position [batch], 0 for a and 1 for b.
    """
    return a + (b - a) * t.reshape(-1, *(1,) * (a.ndim - 1))


def slerp(a: Array, b: Array, t: Array) -> Array:
    """Spherical interpolation along the last axis, which keeps to the length of the vectors.

    sin((1 - t) w) / sin w a + sin(t w) / sin w b, with w the angle between a and b; linear
    interpolation where a and b are parallel.

    Args:
      a: starts [batch, ..., features], floats.
      b: ends of the same shape.
      t: position [batch], 0 for a and 1 for b.
    Source: Shoemake 1985, https://doi.org/10.1145/325334.325242
    """
    t = t.reshape(-1, *(1,) * (a.ndim - 1))
    product = jnp.linalg.norm(a, axis=-1, keepdims=True) * jnp.linalg.norm(
        b, axis=-1, keepdims=True
    )
    cosine = jnp.sum(a * b, axis=-1, keepdims=True) / jnp.where(product > 0, product, 1.0)
    angle = jnp.arccos(jnp.clip(cosine, -1.0, 1.0))
    sine = jnp.sin(angle)
    parallel = (sine < _LEAST_SINE) | (product == 0)
    sine = jnp.where(parallel, 1.0, sine)
    curved = jnp.sin((1.0 - t) * angle) / sine * a + jnp.sin(t * angle) / sine * b
    return jnp.where(parallel, a + (b - a) * t, curved)


class PathLengthSettings(NamedTuple):
    """How paths are measured; the defaults are the published ones for the latent space Z.

    Attributes:
      interpolate: `slerp` for normal latents, `lerp` for those of a mapping network (W).
      epsilon: the step along the path, relative to its whole length.
      ends: whether steps start at the paths' ends instead of anywhere along them.
      discarded: percentiles below and above which steps are left out.
      batch: number of paths at once.
    """

    interpolate: Callable[[Array, Array, Array], Array] = slerp
    epsilon: float = 1e-4
    ends: bool = False
    discarded: tuple[float, float] = (1.0, 99.0)
    batch: int = 50


def perceptual_path_length(
    key: Array,
    draw: Callable[[Array, int], Array],
    generate: Callable[[Array], Array],
    distance: Callable[[Array, Array], Array],
    num: int = 10_000,
    settings: PathLengthSettings = PathLengthSettings(),  # noqa: B008 (immutable)
) -> float:
    """The mean perceptual distance of samples a small step apart, per squared step.

    E d(G(I(a, b, t)), G(I(a, b, t + epsilon))) / epsilon^2 for latents a and b, an interpolation I
    and a position t, uniform in [0, 1], or 0 for the paths' ends.

    Args:
      key: PRNG key of latents and positions.
      draw: `(key, num) -> latents` [num, ...], in the space in which paths run: Z, or W.
      generate: maps latents to samples; it must give the same sample for the same latents, with its
        noise fixed.
      distance: maps two batches of samples to squared distances [batch], for instance LPIPS of
        `jaxgan.models.make_lpips`.
      num: the number of paths.
      settings: see `PathLengthSettings`.
    Returns:
      The mean over the steps between the discarded percentiles.
    Raises:
      ValueError: if num, batch or epsilon is not positive, or the percentiles are not in order.
    Source: Karras et al. 2019, section 4.1, https://arxiv.org/abs/1812.04948; percentiles as in
      https://github.com/NVlabs/stylegan2, whose latents are normalised to the unit sphere
    """
    _check(num, settings)
    path_key, position_key = jax.random.split(key)
    positions = jax.random.uniform(position_key, (num,)) * (0.0 if settings.ends else 1.0)
    distances = []
    for first in range(0, num, settings.batch):
        t = positions[first : first + settings.batch]
        start_key, end_key = jax.random.split(jax.random.fold_in(path_key, first))
        a, b = draw(start_key, len(t)), draw(end_key, len(t))
        pair = (generate(settings.interpolate(a, b, s)) for s in (t, t + settings.epsilon))
        distances.append(np.asarray(distance(*pair), np.float64) / settings.epsilon**2)
    return _trimmed_mean(np.concatenate(distances), *settings.discarded)


def _trimmed_mean(x: np.ndarray, lowest: float, highest: float) -> float:
    """The mean of the values from one percentile to another, both included.

    Args:
      x: values [num].
      lowest: the lower percentile, rounded down to a value.
      highest: the upper percentile, rounded up to a value.
    """
    low = np.percentile(x, lowest, method="lower")
    high = np.percentile(x, highest, method="higher")
    return float(np.mean(x[(low <= x) & (x <= high)]))


def _check(num: int, settings: PathLengthSettings):
    low, high = settings.discarded
    if num < 1 or settings.batch < 1 or not settings.epsilon > 0 or not 0 <= low < high <= 100:
        raise ValueError(
            "num, batch and epsilon must be positive, and discarded two percentiles in order, got "
            f"{num}, {settings.batch}, {settings.epsilon} and {settings.discarded}"
        )

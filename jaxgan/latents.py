"""Latent distributions: `(key, index) -> latents`, sample by sample.

`index` holds global sample indices, int [batch]. The latent of sample i under key k is one and the
same array however the batch is split over calls, devices or processes.

>>> import jax, jax.numpy as jnp
>>> key, latent = jax.random.key(0), normal(3)
>>> whole, part = latent(key, jnp.arange(8)), latent(key, jnp.arange(6, 8))
>>> whole.shape, bool((whole[6:] == part).all())
((8, 3), True)
"""

import math
import operator
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import sample_keys
from jaxgan.types import Array

Latent = Callable[[Array, Array], Array]


def normal(shape: int | tuple[int, ...]) -> Latent:
    """Standard normal latents, float32 [batch, *shape].

    Args:
      shape: of one latent; an int is a vector's length.
    Raises:
      ValueError: if a size in shape is not a positive int.
    """
    shape = _checked(shape)
    return _by_sample(lambda key: jax.random.normal(key, shape, jnp.float32))


def uniform(shape: int | tuple[int, ...], low: float = -1.0, high: float = 1.0) -> Latent:
    """Latents uniform in [low, high), float32 [batch, *shape].

    Args:
      shape: of one latent; an int is a vector's length.
      low: lowest value.
      high: bound above, larger than low.
    Raises:
      ValueError: if low is not below high or a size in shape is not a positive int.
    """
    shape = _checked(shape)
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"low must be below high, both finite, got low={low}, high={high}")
    return _by_sample(lambda key: jax.random.uniform(key, shape, jnp.float32, low, high))


def truncated_normal(shape: int | tuple[int, ...], bound: float = 2.0) -> Latent:
    """Standard normal latents redrawn until within [-bound, bound], float32 [batch, *shape].

    Args:
      shape: of one latent; an int is a vector's length.
      bound: largest absolute value, positive; samples vary less and look better as it falls.
    Raises:
      ValueError: if bound is not positive or a size in shape is not a positive int.
    Source: Brock et al. 2019, section 3.1 (the truncation trick), https://arxiv.org/abs/1809.11096
    """
    shape = _checked(shape)
    if not bound > 0:
        raise ValueError(f"bound must be positive, got {bound}")
    return _by_sample(
        lambda key: jax.random.truncated_normal(key, -bound, bound, shape, jnp.float32)
    )


def rademacher(shape: int | tuple[int, ...]) -> Latent:
    """Fair rademacher, -1 or 1, float32 [batch, *shape]: latents in pieces, for data in pieces.

    A continuous generator takes connected latents to connected samples, and so leaves some between
    modes that lie apart; n rademacher make 2^n pieces.

    Args:
      shape: of one latent; an int is a vector's length.
    Raises:
      ValueError: if a size in shape is not a positive int.
    Source: Khayatkhoei et al. 2018, https://arxiv.org/abs/1806.00880 (disconnected manifolds)
    """
    shape = _checked(shape)
    return _by_sample(lambda key: jax.random.rademacher(key, shape, jnp.float32))


def concatenate(*parts: Latent) -> Latent:
    """Latents made of independent parts, concatenate along the last axis.

    Args:
      parts: latent distributions, of shapes that differ in the last axis alone.
    Raises:
      ValueError: if there are none.

    >>> latent = concatenate(normal(2), rademacher(3))
    >>> latent(jax.random.key(0), jnp.arange(4)).shape
    (4, 5)
    """
    if not parts:
        raise ValueError("concatenate needs latents to join")

    def latent(key: Array, index: Array) -> Array:
        keys = jax.random.split(key, len(parts))
        drawn = [part(k, index) for part, k in zip(parts, keys, strict=True)]
        return jnp.concatenate(drawn, axis=-1)

    return latent


def none() -> Latent:
    """No latents, float32 [batch, 0], for a generator that is given a condition alone."""
    return lambda key, index: jnp.zeros((len(index), 0), jnp.float32)


# --- From one latent to another


def lerp(start: Array, end: Array, num: int) -> Array:
    """Latents on the straight line between two, float [num, *shape], both ends included.

    Args:
      start: the first latent [*shape].
      end: the last one, of the same shape.
      num: how many, at least 2.
    Raises:
      ValueError: if the shapes differ or num is below 2.
    """
    shares = _shares(start, end, num)
    return (1.0 - shares) * start[None] + shares * end[None]


def slerp(start: Array, end: Array, num: int) -> Array:
    """Latents on the great circle between two, float [num, *shape]: an even turn of direction.

    Normal latents of many dimensions nearly all have one length; straight lines pass below it, this
    path keeps it if both ends have it. Where there is no one great circle, between ends of one
    direction or of opposite ones or to the latent 0, it is the straight line.

      z(t) = [sin((1 - t) w) start + sin(t w) end] / sin(w),  w the angle between start and end

    Args:
      start: the first latent [*shape].
      end: the last one, of the same shape.
      num: how many, at least 2.
    Raises:
      ValueError: if the shapes differ or num is below 2.
    Source: White 2016, section 2.1, https://arxiv.org/abs/1609.04468
    """
    shares = _shares(start, end, num)
    lengths = jnp.linalg.norm(start.ravel()) * jnp.linalg.norm(end.ravel())
    cosine = jnp.vdot(start, end) / jnp.where(lengths > 0, lengths, 1.0)
    angle = jnp.where(lengths > 0, jnp.arccos(jnp.clip(cosine, -1.0, 1.0)), 0.0)
    straight = jnp.sin(angle) < 1e-3  # the ratios below would be 0 / 0
    safe = jnp.where(straight, 1.0, angle)
    first = jnp.where(straight, 1.0 - shares, jnp.sin((1.0 - shares) * safe) / jnp.sin(safe))
    last = jnp.where(straight, shares, jnp.sin(shares * safe) / jnp.sin(safe))
    return first * start[None] + last * end[None]


def _shares(start: Array, end: Array, num: int) -> Array:
    """From 0 to 1, [num, 1, ...]."""
    if start.shape != end.shape:
        raise ValueError(f"start and end must have one shape, got {start.shape} and {end.shape}")
    if num < 2:
        raise ValueError(f"num must be 2 or more, got {num}")
    return jnp.linspace(0.0, 1.0, num).reshape(num, *[1] * start.ndim)


def _by_sample(draw: Callable[[Array], Array]) -> Latent:
    return lambda key, index: jax.vmap(draw)(sample_keys(key, index))


def _checked(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    try:
        checked = tuple(operator.index(size) for size in sizes)
    except TypeError:
        checked = (0,)
    if min(checked, default=1) < 1:
        raise ValueError(f"shape must be a positive int or a tuple of them, got {shape!r}")
    return checked

"""Latent distributions: functions `(key, index) -> latents`.

`index` holds global sample indices, int [batch]. The latent of sample i under key k does not depend
on how the batch is split over calls, devices or processes.

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

from jaxgan.checks import check_positive
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.types import Array, PyTree

LatentStep = Callable[[PyTree, Callable[[PyTree], Array]], PyTree]
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
      bound: largest absolute value, positive; a smaller bound gives better-looking, less varied
        samples.
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
    """Rademacher latents (-1 or 1 with equal probability), float32 [batch, *shape].

    A continuous generator maps a connected latent space to a connected set, which leaves samples
    between separated modes. n such latents give 2^n disconnected components.

    Args:
      shape: of one latent; an int is a vector's length.
    Raises:
      ValueError: if a size in shape is not a positive int.
    Source: Khayatkhoei et al. 2018, https://arxiv.org/abs/1806.00880 (disconnected manifolds)
    """
    shape = _checked(shape)
    return _by_sample(lambda key: jax.random.rademacher(key, shape, jnp.float32))


def one_hot(classes: int) -> Latent:
    """One of several classes with equal probability, float32 one-hot [batch, classes].

    Args:
      classes: their number.
    Raises:
      ValueError: if classes is not a positive int.
    Source: Chen et al. 2016 (InfoGAN), section 4, https://arxiv.org/abs/1606.03657
    """
    check_positive(classes=classes)

    def draw(key: Array) -> Array:
        chosen = jax.random.randint(key, (), 0, classes)
        return jax.nn.one_hot(chosen, classes, dtype=jnp.float32)

    return _by_sample(draw)


def concatenate(*parts: Latent) -> Latent:
    """Independent latents, concatenated along the last axis.

    Args:
      parts: latent distributions whose shapes differ in the last axis only.
    Raises:
      ValueError: if there are none.

    >>> latent = concatenate(normal(2), rademacher(3))
    >>> latent(jax.random.key(0), jnp.arange(4)).shape
    (4, 5)
    """
    if not parts:
        raise ValueError("concatenate needs at least one latent distribution, got none")

    def latent(key: Array, index: Array) -> Array:
        keys = jax.random.split(key, len(parts))
        drawn = [part(k, index) for part, k in zip(parts, keys, strict=True)]
        return jnp.concatenate(drawn, axis=-1)

    return latent


def none() -> Latent:
    """No latents, float32 [batch, 0], for a generator that takes a condition only."""
    return lambda key, index: jnp.zeros((len(index), 0), jnp.float32)


# --- Steps of latents in training


def gradient_step(rate: float) -> LatentStep:
    """Latents moved up the discriminator's logits, z' = z + rate g with g = grad_z D(G(z)).

    Args:
      rate: alpha, positive.
    Returns:
      A function for `GAN.latent_step`, of latents that are floating arrays. The samples of
      generator and discriminator must not see each other, as with batch norm.
    Raises:
      ValueError: if rate is not positive.
    Source: Wu et al. 2019 (LOGAN, by gradient descent), https://arxiv.org/abs/1912.00953
    """
    _check_positive(rate=rate)
    return lambda latents, score: _moved(latents, score, lambda squared: rate)


def natural_gradient_step(rate: float, damping: float) -> LatentStep:
    """Latents moved along the natural gradient, z' = z + rate g / (damping + ||g||^2).

    g = grad_z D(G(z)), and g g^T + damping I stands for the Fisher matrix. Add
    `jaxgan.terms.latent_shift` to both players, as in the paper.

    Args:
      rate: alpha, positive.
      damping: beta, positive.
    Returns:
      A function for `GAN.latent_step`, see `gradient_step`.
    Raises:
      ValueError: if rate or damping is not positive.
    Source: Wu et al. 2019 (LOGAN, by natural gradient descent), https://arxiv.org/abs/1912.00953
    """
    _check_positive(rate=rate, damping=damping)
    return lambda latents, score: _moved(latents, score, lambda squared: rate / (damping + squared))


def _moved(latents: PyTree, score: Callable[[PyTree], Array], factor: Callable) -> PyTree:
    # z + factor(||g||^2) g, with a factor for each sample
    g = jax.grad(lambda z: jnp.sum(score(z).astype(jnp.float32)))(latents)
    leaves = jax.tree.leaves(g)
    squared = jnp.zeros(len(leaves[0]), jnp.float32)
    for leaf in leaves:
        squared += jnp.sum(leaf.astype(jnp.float32).reshape(len(leaf), -1) ** 2, axis=1)
    step = factor(squared) * jnp.ones_like(squared)

    def moved(z: Array, g: Array) -> Array:
        return (z + step.reshape(-1, *[1] * (z.ndim - 1)) * g).astype(z.dtype)

    return jax.tree.map(moved, latents, g)


def _check_positive(**numbers: float):
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {number}")


# --- Interpolation between latents


def lerp(start: Array, end: Array, num: int) -> Array:
    """Linear interpolation between two latents, float [num, *shape], including both ends.

      z(t) = (1 - t) start + t end

    Args:
      start: the first latent [*shape].
      end: the last latent, of the same shape.
      num: number of latents, at least 2.
    Raises:
      ValueError: if the shapes differ or num is below 2.
    """
    t = _fractions(start, end, num)
    return (1.0 - t) * start[None] + t * end[None]


def slerp(start: Array, end: Array, num: int) -> Array:
    """Spherical interpolation between two latents, float [num, *shape], including both ends.

      z(t) = [sin((1 - t) w) start + sin(t w) end] / sin(w),  w the angle between start and end

    In many dimensions nearly all normal latents have the same norm. Linear interpolation passes
    through smaller norms, whereas this path keeps the norm if both ends have it. It falls back to
    linear interpolation where the great circle is not unique: if the ends point in the same or in
    opposite directions, or if one of them is 0.

    Args:
      start: the first latent [*shape].
      end: the last latent, of the same shape.
      num: number of latents, at least 2.
    Raises:
      ValueError: if the shapes differ or num is below 2.
    Source: White 2016, section 2.1, https://arxiv.org/abs/1609.04468
    """
    t = _fractions(start, end, num)
    lengths = jnp.linalg.norm(start.ravel()) * jnp.linalg.norm(end.ravel())
    cosine = jnp.vdot(start, end) / jnp.where(lengths > 0, lengths, 1.0)
    angle = jnp.where(lengths > 0, jnp.arccos(jnp.clip(cosine, -1.0, 1.0)), 0.0)
    straight = jnp.sin(angle) < 1e-3  # the ratios below would be 0 / 0
    safe = jnp.where(straight, 1.0, angle)
    first = jnp.where(straight, 1.0 - t, jnp.sin((1.0 - t) * safe) / jnp.sin(safe))
    last = jnp.where(straight, t, jnp.sin(t * safe) / jnp.sin(safe))
    return first * start[None] + last * end[None]


def _fractions(start: Array, end: Array, num: int) -> Array:
    """Evenly spaced t from 0 to 1, [num, 1, ...]."""
    if start.shape != end.shape:
        raise ValueError(
            f"start and end must have the same shape, got {start.shape} and {end.shape}"
        )
    if num < 2:
        raise ValueError(f"num must be at least 2, got {num}")
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

"""Nearest neighbours and the balls that reach to them, which estimate the support of a set."""

import functools

import jax
import jax.numpy as jnp

from jaxgan.types import Array

CHUNK = 256
"""The number of samples whose distances to all others are in memory at once."""


@functools.partial(jax.jit, static_argnames="k")
def squared_radii(x: Array, k: int) -> Array:
    """Squared distance of each sample to its k-th nearest neighbour, itself excluded.

    Exact unless neighbours differ by no more than a rounding error of float32.

    Args:
      x: samples, floats [num, features].
      k: which neighbour; at least 1 and less than num.
    Returns:
      Squared distances [num], of the dtype of x.
    """

    def one(index: Array) -> Array:
        distances = _squared_distances(x[index], x).at[index].set(jnp.inf)
        # on CPU, XLA's top_k is fifty times faster in float32
        nearest = jax.lax.top_k(-distances.astype(jnp.float32), k)[1]
        return jnp.max(distances[nearest])

    return jax.lax.map(one, jnp.arange(len(x)), batch_size=CHUNK)


@jax.jit
def balls_around(x: Array, centres: Array, squared: Array) -> Array:
    """The number of closed balls that contain each sample.

    Args:
      x: samples, floats [num, features].
      centres: centres of the balls [balls, features].
      squared: squared radii of the balls [balls].
    Returns:
      Integers [num].
    """

    def one(x: Array) -> Array:
        return jnp.sum(_squared_distances(x, centres) <= squared)

    return jax.lax.map(one, x, batch_size=CHUNK)


@jax.jit
def largest_ratios(x: Array, centres: Array, squared: Array) -> Array:
    """The largest ratio, over the balls, of a ball's radius and each sample's distance to it.

    Args:
      x: samples, floats [num, features].
      centres: centres of the balls [balls, features].
      squared: squared radii of the balls [balls].
    Returns:
      Ratios [num], not squared; infinite for a sample that is a centre.
    """

    def one(x: Array) -> Array:
        distances = _squared_distances(x, centres)
        is_centre = distances == 0.0
        ratios = jnp.where(is_centre, jnp.inf, squared / jnp.where(is_centre, 1.0, distances))
        return jnp.sqrt(jnp.max(ratios))

    return jax.lax.map(one, x, batch_size=CHUNK)


@jax.jit
def squared_nearest(x: Array, others: Array) -> Array:
    """Squared distance of each sample to the nearest of another set.

    Args:
      x: samples, floats [num, features].
      others: the other set [others, features].
    Returns:
      Squared distances [num].
    """
    return jax.lax.map(lambda x: jnp.min(_squared_distances(x, others)), x, batch_size=CHUNK)


@jax.jit
def nearest(x: Array, others: Array) -> tuple[Array, Array]:
    """The nearest of another set for each sample: its number and the squared distance to it.

    Args:
      x: samples, floats [num, features].
      others: the other set [others, features].
    Returns:
      Integers [num] and squared distances [num].
    """

    def one(x: Array) -> tuple[Array, Array]:
        distances = _squared_distances(x, others)
        index = jnp.argmin(distances)
        return index, distances[index]

    return jax.lax.map(one, x, batch_size=CHUNK)


@jax.jit
def squared_nearest_alike(x: Array, kinds: Array, others: Array, other_kinds: Array) -> Array:
    """Squared distance of each sample to the nearest of another set that is of the same kind.

    Args:
      x: samples, floats [num, features].
      kinds: the kind of each sample, int [num].
      others: the other set [others, features].
      other_kinds: likewise, int [others].
    Returns:
      Squared distances [num]; infinite where none is of the same kind.
    """

    def one(sample: tuple[Array, Array]) -> Array:
        x, kind = sample
        return jnp.min(jnp.where(other_kinds == kind, _squared_distances(x, others), jnp.inf))

    return jax.lax.map(one, (x, kinds), batch_size=CHUNK)


def _squared_distances(x: Array, y: Array) -> Array:
    """Squared distances of one sample [features] to many [num, features]."""
    lengths = jnp.sum(x**2) + jnp.sum(y**2, axis=1)
    squared = lengths - 2.0 * (y @ x)
    # Between equal samples only rounding errors are left; a collapsed generator has many of those.
    return jnp.where(squared > len(x) * jnp.finfo(x.dtype).eps * lengths, squared, 0.0)

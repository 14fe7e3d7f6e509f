"""Balls around samples that reach to their neighbours: how a set's support is estimated."""

import functools

import jax
import jax.numpy as jnp

from jaxgan.types import Array

CHUNK = 256
"""Samples whose distances to all others lie in memory at once."""


@functools.partial(jax.jit, static_argnames="k")
def squared_radii(x: Array, k: int) -> Array:
    """Squared distance of each sample to its k-th neighbour, which it is not itself.

    Right but for the rounding of float32 where neighbours are as near to each other as that.

    Args:
      x: samples, floats [num, features].
      k: at least 1, less than num.
    Returns:
      Of the type of x, [num].
    """

    def one(place: Array) -> Array:
        distances = _squared_distances(x[place], x).at[place].set(jnp.inf)
        # XLA finds the smallest of float32 fifty times sooner
        nearest = jax.lax.top_k(-distances.astype(jnp.float32), k)[1]
        return jnp.max(distances[nearest])

    return jax.lax.map(one, jnp.arange(len(x)), batch_size=CHUNK)


@jax.jit
def balls_around(x: Array, centres: Array, squared: Array) -> Array:
    """The number of closed balls that each sample lies in.

    Args:
      x: samples, floats [num, features].
      centres: of the balls, [balls, features].
      squared: radii of the balls, squared [balls].
    Returns:
      Ints [num].
    """

    def one(x: Array) -> Array:
        return jnp.sum(_squared_distances(x, centres) <= squared)

    return jax.lax.map(one, x, batch_size=CHUNK)


@jax.jit
def squared_nearest(x: Array, others: Array) -> Array:
    """Squared distance of each sample [num, features] to the nearest other one; [num]."""
    return jax.lax.map(lambda x: jnp.min(_squared_distances(x, others)), x, batch_size=CHUNK)


def _squared_distances(x: Array, y: Array) -> Array:
    """Of one sample [features] to many [num, features]."""
    lengths = jnp.sum(x**2) + jnp.sum(y**2, axis=1)
    squared = lengths - 2.0 * (y @ x)
    # What is left of the distance of equal samples is rounding; a collapsed generator has many.
    return jnp.where(squared > len(x) * jnp.finfo(x.dtype).eps * lengths, squared, 0.0)

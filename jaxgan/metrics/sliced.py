"""The sliced Wasserstein distance: the mean of one-dimensional distances over random directions."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_shapes
from jaxgan.types import Array

_CHUNK = 16  # directions at once


def sliced_wasserstein(key: Array, real: Features, fake: Features, num_projections: int) -> Array:
    """Squared sliced 2-Wasserstein distance of two sets of samples.

    E_u W_2^2(<u, real>, <u, fake>) over directions u, uniform on the sphere. In one dimension the
    distance compares quantiles, and is exact for unequal numbers of samples too. A shift of one set
    by v gives |v|^2 / features. Differentiable in both sets, and may be compiled.

    Args:
      key: PRNG key for drawing the directions.
      real: real samples or their features [num, features], floats.
      fake: generated samples or their features [num, features]; num may differ.
      num_projections: the number of directions; the error falls with its square root.
    Returns:
      Non-negative scalar in squared units of the features; float32 or wider.
    Raises:
      ValueError: if the sets differ in their number of features, or num_projections is not
        positive.
    Source: Bonneel et al. 2015, section 4, https://doi.org/10.1007/s10851-014-0506-3

    >>> x = jnp.array([[0.0], [2.0]])  # in one dimension all directions agree
    >>> print(sliced_wasserstein(jax.random.key(0), x, x + 3.0, 1))
    9.0
    """
    if num_projections < 1:
        raise ValueError(f"num_projections must be positive, got {num_projections}")
    check_shapes(real, fake, fewest=1)
    kind = jnp.promote_types(jnp.result_type(real, fake), jnp.float32)
    x, y = jnp.asarray(real, kind), jnp.asarray(fake, kind)
    directions = jax.random.normal(key, (num_projections, x.shape[1]), kind)
    directions = directions / jnp.linalg.norm(directions, axis=1, keepdims=True)
    x_ranks, y_ranks, widths = _common_steps(len(x), len(y))

    def one(direction: Array) -> Array:
        a, b = (jnp.sort(jnp.dot(z, direction, precision="highest")) for z in (x, y))
        return jnp.sum(jnp.asarray(widths, kind) * (a[x_ranks] - b[y_ranks]) ** 2)

    return jnp.mean(jax.lax.map(one, directions, batch_size=_CHUNK))


def mind(key: Array, real: Features, fake: Features, num_projections: int = 1000) -> Array:
    """The Monge inception distance (MIND), 3 d times the squared sliced 2-Wasserstein distance.

    A shift by v gives 3 |v|^2, where the Fréchet distance gives |v|^2. Published values are of
    Inception features; name others after theirs.

    Args:
      key: PRNG key for drawing the directions.
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features]; num may differ, and no sample is left
        out then.
      num_projections: the number of directions.
    Returns:
      Non-negative scalar in squared units of the features; float32 or wider.
    Raises:
      ValueError: as `sliced_wasserstein`.
    Source: Berthet et al. 2026, https://arxiv.org/abs/2605.06797

    >>> x = jnp.array([[0.0], [2.0]])
    >>> print(mind(jax.random.key(0), x, x + 3.0))  # 3 * 1 * 9
    27.0
    """
    return 3.0 * np.shape(real)[-1] * sliced_wasserstein(key, real, fake, num_projections)


def _common_steps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The intervals on which both quantile functions, with steps 1/n and 1/m, are constant.

    Returns the rank of each set's sample on each interval, and the widths, which sum to 1.
    """
    whole = math.lcm(n, m)
    edges = np.union1d(np.arange(n + 1) * (whole // n), np.arange(m + 1) * (whole // m))
    starts = edges[:-1]
    return starts // (whole // n), starts // (whole // m), np.diff(edges) / whole

"""The sliced Wasserstein distance: the mean over random directions of that of a line."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_shapes
from jaxgan.types import Array

_TOGETHER = 16


def sliced_wasserstein(key: Array, real: Features, fake: Features, num_projections: int) -> Array:
    """Squared sliced 2-Wasserstein distance of two sets of samples.

    E_u W_2^2(<u, real>, <u, fake>) over directions u, even on the sphere; on a line the distance
    is that of the quantiles, exact for unequal numbers of samples too. A shift by v counts
    |v|^2 / features. Differentiable in both sets, and may be compiled.

    Args:
      key: PRNG key that the directions are drawn with.
      real: features of real samples, or samples, [num, features], floats.
      fake: those of generated samples [num, features]; the numbers may differ.
      num_projections: directions; the error falls with the root of their number.
    Returns:
      Scalar, not negative, in squared units of the features; float32 at least.
    Raises:
      ValueError: if the sets have other shapes, or no directions are asked for.
    Source: Bonneel et al. 2015, section 4, https://doi.org/10.1007/s10851-014-0506-3

    >>> x = jnp.array([[0.0], [2.0]])  # on a line all directions are one
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
    of_x, of_y, widths = _common_steps(len(x), len(y))

    def one(direction: Array) -> Array:
        a, b = (jnp.sort(jnp.dot(z, direction, precision="highest")) for z in (x, y))
        return jnp.sum(jnp.asarray(widths, kind) * (a[of_x] - b[of_y]) ** 2)

    return jnp.mean(jax.lax.map(one, directions, batch_size=_TOGETHER))


def _common_steps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where both quantile functions, steps of widths 1/n and 1/m, are constant.

    The ranks of either set's samples there, and the widths, which sum to 1.
    """
    whole = math.lcm(n, m)
    edges = np.union1d(np.arange(n + 1) * (whole // n), np.arange(m + 1) * (whole // m))
    starts = edges[:-1]
    return starts // (whole // n), starts // (whole // m), np.diff(edges) / whole

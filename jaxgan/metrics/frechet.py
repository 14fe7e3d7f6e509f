"""The Fréchet distance of two sets of features, as if both were normally distributed."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array


def frechet_distance(real: Array | np.ndarray, fake: Array | np.ndarray) -> float:
    """Squared Fréchet distance of the normal distributions fitted to two sets of features.

    |m - n|^2 + tr(A + B - 2 (A B)^(1/2)) of means m, n and covariances A, B. Name a score after
    its features: only with those of the standard Inception network is it the FID. A warning is
    given where a set has fewer samples than features, for then it depends on their number.

    Args:
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
    Returns:
      The distance, not negative, in squared units of the features, computed in float64.
    Raises:
      ValueError: if the sets have other shapes, fewer than two samples, or values that are not
        finite.
    Source: Dowson & Landau 1982, equation 4; Heusel et al. 2017, https://arxiv.org/abs/1706.08500

    >>> round(frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [9.0]])), 6)  # 25 + 8
    33.0
    """
    _check(real, fake)
    with jax.enable_x64(True):
        return max(
            0.0, float(_distance(*(jnp.asarray(np.asarray(x), float) for x in (real, fake))))
        )


@jax.jit
def _distance(real: Array, fake: Array) -> Array:
    means = [jnp.mean(x, axis=0) for x in (real, fake)]
    a, b = (jnp.atleast_2d(jnp.cov(x, rowvar=False)) for x in (real, fake))
    # A^(1/2) B A^(1/2) is symmetric and has the eigenvalues of A B: no root of it can be complex.
    values, vectors = jnp.linalg.eigh(a)
    root = (vectors * jnp.sqrt(jnp.maximum(values, 0.0))[None]) @ vectors.T
    product = root @ b @ root
    values = jnp.linalg.eigvalsh((product + product.T) / 2)
    trace = jnp.sum(jnp.sqrt(jnp.maximum(values, 0.0)))
    squared = jnp.sum((means[0] - means[1]) ** 2)
    return squared + jnp.trace(a) + jnp.trace(b) - 2.0 * trace


def _check(real: Array | np.ndarray, fake: Array | np.ndarray):
    shapes = np.shape(real), np.shape(fake)
    if any(len(shape) != 2 or shape[0] < 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            "real and fake must be features [num, features] of two samples or more, got "
            f"{shapes[0]} and {shapes[1]}"
        )
    for name, x in (("real", real), ("fake", fake)):
        if not np.isfinite(np.asarray(x)).all():
            raise ValueError(f"{name} has values that are not finite")
    fewest = min(shapes[0][0], shapes[1][0])
    if fewest < shapes[0][1]:
        warnings.warn(
            f"{fewest} samples of {shapes[0][1]} features: the Fréchet distance of so few depends "
            "on their number",
            stacklevel=3,
        )

"""Directions in a generator's latents along which its samples change most.

SeFa finds them in the weights of the first layer, GANSpace in the variation of its samples or
features. Move latents along them with `traversal`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.checks import check_positive
from jaxgan.types import Array


class Directions(NamedTuple):
    """Directions, the most important one first.

    Attributes:
      vectors: unit vectors, float32 [num, latent].
      scales: how much each one matters, float32 [num]: a fraction of the total, at most 1.
    """

    vectors: Array
    scales: Array


def sefa(weights: Sequence[Array], num: int) -> Directions:
    """The directions that change the output of a first layer most, from its weights alone.

      the eigenvectors of A A^T with the largest eigenvalues, the columns of A scaled to length 1

    Args:
      weights: kernels [latent, outputs] of all layers that take the latents, such as the first
        dense layer of a generator, or all style layers of StyleGAN2.
      num: number of directions, at most the length of a latent.
    Raises:
      ValueError: if there are no weights, their first axes differ, or num is too large.
    Source: Shen and Zhou 2021, equation 5, https://arxiv.org/abs/2007.06600 (and the scaling of the
      authors' code, https://github.com/genforce/sefa)
    """
    _check_weights(weights, num)
    a = jnp.concatenate([kernel.astype(jnp.float32) for kernel in weights], axis=1)
    a = a / jnp.maximum(jnp.linalg.norm(a, axis=0, keepdims=True), 1e-12)
    return _leading(a @ a.T, num)


def ganspace(latents: Array, features: Array, num: int) -> Directions:
    """The directions whose movement follows the principal components of samples or features.

      U = argmin sum_i ||U x_i - z_i||^2,  x_i the coordinates of features on the components

    With the latents themselves as features, such as the styles of StyleGAN2, these are their own
    principal components.

    Args:
      latents: z, float [samples, latent]; take at least ten times as many as a latent is long.
      features: of their samples, float [samples, ...], such as the samples themselves.
      num: number of directions.
    Raises:
      ValueError: if there are fewer samples than directions, or as many latents as features are not
        given.
    Source: Härkönen et al. 2020, section 2.2, https://arxiv.org/abs/2004.02546
    """
    check_positive(num=num)
    if latents.ndim != 2 or len(latents) != len(features) or num >= len(latents):
        raise ValueError(
            f"latents must be [samples, latent] with more than num={num} samples, and features "
            f"[samples, ...], got {latents.shape} and {features.shape}"
        )
    y = features.reshape(len(features), -1).astype(jnp.float32)
    y = y - jnp.mean(y, axis=0, keepdims=True)
    z = latents.astype(jnp.float32)
    z = z - jnp.mean(z, axis=0, keepdims=True)
    coordinates, strength, _ = jnp.linalg.svd(y, full_matrices=False)
    # The columns of `coordinates` are orthonormal: least squares is one product.
    u = coordinates[:, :num].T @ z
    lengths = jnp.linalg.norm(u, axis=1, keepdims=True)
    share = strength**2 / jnp.sum(strength**2)
    return Directions(u / jnp.maximum(lengths, 1e-12), share[:num])


def traversal(latents: Array, directions: Directions, distances: Array) -> Array:
    """Latents moved along each direction, [directions, distances, batch, latent].

    Args:
      latents: where to start, float [batch, latent].
      directions: see `sefa` and `ganspace`.
      distances: float [distances], in the units of the latents; 0 is the start.
    """
    steps = distances[None, :, None, None] * directions.vectors[:, None, None, :]
    return latents[None, None] + steps


def _leading(matrix: Array, num: int) -> Directions:
    values, vectors = jnp.linalg.eigh(matrix)
    order = jnp.arange(len(values) - 1, len(values) - 1 - num, -1)
    return Directions(vectors[:, order].T, values[order] / jnp.sum(values))


def _check_weights(weights: Sequence[Array], num: int):
    check_positive(num=num)
    shapes = [kernel.shape for kernel in weights]
    if not shapes or any(len(shape) != 2 or shape[0] != shapes[0][0] for shape in shapes):
        raise ValueError(f"weights must be kernels [latent, outputs] of one latent, got {shapes}")
    if num > shapes[0][0]:
        raise ValueError(f"num must be at most the length of a latent, {shapes[0][0]}, got {num}")

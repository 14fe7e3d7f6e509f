"""LPIPS, the learned perceptual distance of images on the features of a network."""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxgan.types import Array

_EPSILON = 1e-10


def lpips(
    x_features: Sequence[Array], y_features: Sequence[Array], weights: Sequence[Array]
) -> Array:
    """LPIPS, a weighted squared distance of normalised features; 0 for equal images.

    `jaxgan.models.make_lpips` provides the standard features and weights. Differentiable at equal
    images, and where all features of a pixel are zero.

    Args:
      x_features: feature maps of the first images, float [batch, height, width, channels] each.
      y_features: feature maps of the second images, of the same shapes.
      weights: non-negative channel weights, float [channels] for each map.
    Returns:
      Float [batch].
    Raises:
      ValueError: if the shapes of maps and weights do not match.
    Source: Zhang et al. 2018, equation 1, https://arxiv.org/abs/1801.03924; the weights multiply
      the squares, and the norm has a small constant, as in the authors' code, version 0.1
    """
    _check(x_features, y_features, weights)
    # d(x, y) = sum_l mean_hw sum_c w_lc (x_lhwc / |x_lhw| - y_lhwc / |y_lhw|)^2
    distances = [
        jnp.mean(jnp.sum(w[None, None, None] * (_unit(x) - _unit(y)) ** 2, axis=3), axis=(1, 2))
        for x, y, w in zip(x_features, y_features, weights, strict=True)
    ]
    return jnp.sum(jnp.stack(distances), axis=0)


def _unit(x: Array) -> Array:
    squares = jnp.sum(x**2, axis=3, keepdims=True)
    # The root has an infinite derivative at zero, and 0 * inf is NaN; hence the double where.
    norm = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)
    return x / (norm + _EPSILON)


def _check(x_features: Sequence[Array], y_features: Sequence[Array], weights: Sequence[Array]):
    shapes = [[jnp.shape(a) for a in arrays] for arrays in (x_features, y_features, weights)]
    x_shapes, y_shapes, weight_shapes = shapes
    fits = x_shapes == y_shapes and all(len(shape) == 4 for shape in x_shapes)
    if not fits or not x_shapes or [shape[3:] for shape in x_shapes] != weight_shapes:
        raise ValueError(
            "x_features and y_features must be maps [batch, height, width, channels] of the same "
            "shapes, with weights [channels] for each map, got shapes "
            f"{x_shapes}, {y_shapes} and {weight_shapes}"
        )

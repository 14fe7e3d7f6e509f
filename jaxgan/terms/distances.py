"""Distances of generated samples from the real samples of their conditions."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.term_inputs import generator_term
from jaxgan.types import Array, PyTree, Schedule, Term


def mean_squared_error(fake: Array, real: Array) -> Array:
    """Mean of (G(c) - x)^2 over all values of the batch.

    Args:
      fake: samples generated for the conditions c, [batch, ...].
      real: the real samples x of these conditions.
    Returns:
      float32 scalar, squared units of the samples.
    Source: Ledig et al. 2017, equation 4, https://arxiv.org/abs/1609.04802
    """
    return jnp.mean(_error(fake, real) ** 2)


def mean_absolute_error(fake: Array, real: Array) -> Array:
    """Mean of |G(c) - x| over all values of the batch; pix2pix gives it the weight 100.

    Args:
      fake: samples generated for the conditions c, [batch, ...].
      real: the real samples x of these conditions.
    Returns:
      float32 scalar, units of the samples.
    Source: Isola et al. 2017, equation 3, https://arxiv.org/abs/1611.07004
    """
    return jnp.mean(jnp.abs(_error(fake, real)))


def content_loss(
    extractor: Callable[[Array], PyTree], weight: float | Schedule, scale: float = 1 / 12.75
) -> Term:
    """Mean squared error between features of generated and real samples, scaled.

    Args:
      extractor: images [batch, ...] to features, a tree of arrays; for instance
        `jaxgan.models.vgg16_features("relu5_3", value_range=(-1, 1))`.
      weight: of the term, or a schedule of it.
      scale: of the features; SRGAN's makes those of a VGG network comparable to pixels.
    Returns:
      One of the GAN's `generator_terms`, called "content".
    Source: Ledig et al. 2017, equation 5 and section 3.2, https://arxiv.org/abs/1609.04802
    """

    def content(fake, real):
        # mean (scale (f(G(c)) - f(x)))^2, with the same weight for each array of a tree
        pairs = zip(*map(jax.tree.leaves, (extractor(fake), extractor(real))), strict=True)
        return sum(
            (jnp.mean((scale * _error(*pair)) ** 2) for pair in pairs),
            start=jnp.zeros((), jnp.float32),
        )

    return generator_term(content, weight)


def _error(fake: Array, real: Array) -> Array:
    return fake.astype(jnp.float32) - real.astype(jnp.float32)

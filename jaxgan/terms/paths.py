"""Path lengths: how far samples move with their latents or styles (StyleGAN2)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.checks import check_positive
from jaxgan.parallel.global_batch import mean_over_devices, sample_keys
from jaxgan.term_inputs import TermInputs, check_factor
from jaxgan.types import Array, PyTree, Schedule, Term


class PathLength(NamedTuple):
    """The running mean of path lengths, a float32 scalar."""

    mean: Array


def path_lengths(key: Array, generate: Callable[[PyTree], Array], w: PyTree, index: Array) -> Array:
    """The length ||J^T y|| of each sample's path, for a random direction y in sample space.

    J is the Jacobian of the sample by w, and y ~ N(0, I) / sqrt(height * width); for vectors the
    root is 1. Squares are summed over the last axis of w and averaged over the axes between it and
    the batch, the layers of a generator with one style per layer.

    Args:
      key: PRNG key of y.
      generate: from w to samples [batch, ...]; must treat samples independently.
      w: latents or styles, float arrays [batch, ..., size].
      index: global sample indices int [batch].
    Returns:
      float32 [batch], units of the samples per unit of w.
    Source: Karras et al. 2020, equation 4, https://arxiv.org/abs/1912.04958
    """
    x, transposed = jax.vjp(generate, w)
    pixels = math.prod(x.shape[1:-1])
    draw = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))
    y = draw(sample_keys(key, index)) / math.sqrt(pixels)
    squared = jnp.zeros(len(x), jnp.float32)
    for gradient in jax.tree.leaves(transposed(y)[0]):  # J^T y
        sums = jnp.sum(gradient.astype(jnp.float32) ** 2, axis=-1)
        squared += jnp.mean(sums.reshape(len(x), -1), axis=1)
    # The root's slope at 0 is infinite, and infinity times zero is NaN.
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def path_length(
    weight: float | Schedule = 2.0,
    *,
    every: int = 4,
    decay: float = 0.99,
    styles: Callable[..., PyTree] | None = None,
) -> Term:
    """Path-length regularization, E (||J^T y|| - a)^2 with a the running mean of the lengths.

    Args:
      weight: of the term, 2 in the authors' code; or a schedule of it.
      every: computed in every n-th update of the generator, with n times the weight.
      decay: of the running mean, which starts at 0 and includes this update's lengths, as in the
        authors' code.
      styles: `(params, latents) -> w`, or with the condition as a third argument if the GAN is
        conditional, from the generator's parameters and latents to the point where paths start;
        the generator must take w in place of latents, which the type of w can tell it. By default
        w are the latents.
    Returns:
      One of the GAN's `generator_terms`, called "path_length".
    Raises:
      ValueError: if the weight is not finite, decay is out of range, or every is not positive.
    Source: Karras et al. 2020, section 3.2, https://arxiv.org/abs/1912.04958
    """
    check_factor(weight=weight)
    check_positive(every=every)
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay must lie in [0, 1), got {decay}")

    def lengths_of(inputs: TermInputs) -> Array:
        w = inputs.latents
        if styles is not None:
            given = () if inputs.condition is None else (inputs.condition,)
            w = styles(inputs.params.generator, w, *given)
        return path_lengths(inputs.key, inputs.generate, w, inputs.index)

    def mean_with(lengths: Array, inputs: TermInputs) -> Array:
        present = mean_over_devices(jnp.mean(lengths), inputs.axis_name)
        return decay * inputs.state.mean + (1 - decay) * present

    def value(inputs: TermInputs) -> Array:
        # E (||J^T y|| - a)^2
        lengths = lengths_of(inputs)
        return jnp.mean((lengths - mean_with(lengths, inputs)) ** 2)

    def update(inputs: TermInputs) -> PathLength:
        return PathLength(jax.lax.stop_gradient(mean_with(lengths_of(inputs), inputs)))

    def init() -> PathLength:
        return PathLength(jnp.zeros((), jnp.float32))

    return Term("path_length", "generator", value, weight, every, init, update)

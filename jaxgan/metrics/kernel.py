"""The kernel distance of two sets of features: an unbiased squared maximum mean discrepancy."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_features
from jaxgan.types import Array


class KernelDistance(NamedTuple):
    """The distance over random subsets.

    Attributes:
      mean: the mean over subsets.
      standard_error: the standard error of the mean; NaN for one subset.
    """

    mean: float
    standard_error: float


def kernel_distance(
    key: Array,
    real: Features,
    fake: Features,
    *,
    num_subsets: int = 100,
    subset_size: int = 1000,
) -> KernelDistance:
    """Squared maximum mean discrepancy of features under the cubic kernel (x.y / d + 1)^3.

    Unlike the Fréchet distance it is unbiased for any number of samples. On the features of the
    standard Inception network it is the KID. It may be negative if the sets are similar.

    Args:
      key: PRNG key for drawing the subsets.
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
      num_subsets: the number of pairs of subsets, each drawn independently without replacement.
      subset_size: samples per subset, 2 or more. Memory holds the kernels of one pair of subsets.
    Returns:
      Mean and standard error over subsets, computed in float64. The error only covers the choice of
      subsets among these samples; other samples may differ by more.
    Raises:
      ValueError: if the sets differ in their number of features, have fewer samples than a subset
        or non-finite values, or a number is too small.
    Source: Binkowski et al. 2018, section 4, https://arxiv.org/abs/1801.01401; the estimate is
      equation 3 of Gretton et al. 2012, https://jmlr.org/papers/v13/gretton12a.html
    """
    if num_subsets < 1 or subset_size < 2:
        raise ValueError(
            "num_subsets must be 1 or more and subset_size 2 or more, got "
            f"{num_subsets} and {subset_size}"
        )
    check_features(real, fake, fewest=subset_size)
    keys = jax.random.split(key, num_subsets)
    with jax.enable_x64(True):
        values = np.asarray(_of_subsets(keys, jnp.asarray(real), jnp.asarray(fake), subset_size))
    if num_subsets == 1:
        return KernelDistance(float(values[0]), float("nan"))
    return KernelDistance(float(values.mean()), float(values.std(ddof=1) / num_subsets**0.5))


@functools.partial(jax.jit, static_argnames="size")
def _of_subsets(keys: Array, real: Array, fake: Array, size: int) -> Array:
    def one(key: Array) -> Array:
        real_key, fake_key = jax.random.split(key)
        return _mmd2(_subset(real_key, real, size), _subset(fake_key, fake, size))

    return jax.lax.map(one, keys)


def _subset(key: Array, x: Array, size: int) -> Array:
    # the positions of the largest of uniform numbers; many times faster than a permutation
    positions = jax.lax.top_k(jax.random.uniform(key, (len(x),), jnp.float32), size)[1]
    return x[positions].astype(float)


def _mmd2(x: Array, y: Array) -> Array:
    # sum_{i != j} (k(x_i, x_j) + k(y_i, y_j)) / (n (n - 1)) - 2 sum_ij k(x_i, y_j) / n^2
    n = len(x)
    within = sum(jnp.sum(k) - jnp.trace(k) for k in (_kernel(x, x), _kernel(y, y)))
    return within / (n * (n - 1)) - 2.0 * jnp.mean(_kernel(x, y))


def _kernel(x: Array, y: Array) -> Array:
    return (x @ y.T / x.shape[1] + 1.0) ** 3

"""The kernel distance of two sets of features: an unbiased squared maximum mean discrepancy."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_features
from jaxgan.types import Array


class KernelDistance(NamedTuple):
    """Mean over random subsets, and its standard error; not a number for one subset."""

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

    Unbiased, unlike the Fréchet distance, however few the samples are. With the features of the
    standard Inception network it is the KID. It may be negative where the sets are alike.

    Args:
      key: PRNG key that the subsets are drawn with.
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
      num_subsets: pairs of subsets, each drawn without replacement and apart from the others.
      subset_size: samples in a subset, 2 or more. Memory is that of one subset's kernels.
    Returns:
      Mean and standard error over subsets, computed in float64. The error is that of drawing
      subsets from these samples: other samples may differ by more.
    Raises:
      ValueError: if the sets have other shapes, fewer samples than a subset, or values that are
        not finite; or if a number is too small.
    Source: Binkowski et al. 2018, section 4, https://arxiv.org/abs/1801.01401; the estimate is
      equation 3 of Gretton et al. 2012, https://jmlr.org/papers/v13/gretton12a.html
    """
    if num_subsets < 1 or subset_size < 2:
        raise ValueError(
            "num_subsets must be positive and subset_size 2 or more, got "
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
    # the places of the largest of uniform numbers; many times faster than a permutation
    places = jax.lax.top_k(jax.random.uniform(key, (len(x),), jnp.float32), size)[1]
    return x[places].astype(float)


def _mmd2(x: Array, y: Array) -> Array:
    # sum_{i != j} (k(x_i, x_j) + k(y_i, y_j)) / (n (n - 1)) - 2 sum_ij k(x_i, y_j) / n^2
    n = len(x)
    within = sum(jnp.sum(k) - jnp.trace(k) for k in (_kernel(x, x), _kernel(y, y)))
    return within / (n * (n - 1)) - 2.0 * jnp.mean(_kernel(x, y))


def _kernel(x: Array, y: Array) -> Array:
    return (x @ y.T / x.shape[1] + 1.0) ** 3

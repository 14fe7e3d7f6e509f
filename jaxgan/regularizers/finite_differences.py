"""Approximate gradient penalties, by differences of logits instead of a second derivative.

>>> import jax, jax.numpy as jnp
>>> critic = lambda x: x @ jnp.array([3.0, 4.0])  # the gradient has norm 5
>>> x = jnp.zeros((10_000, 2))
>>> print(f"{approximate_r1(jax.random.key(0), critic, x):.0f}")  # about 5^2
24
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.critics import Critic, critic_logits
from jaxgan.regularizers.draws import index_of, normal_like
from jaxgan.regularizers.logits import mean_square
from jaxgan.types import Array, PyTree


def approximate_r1(
    key: Array, critic: Critic, real: PyTree, index: Array | None = None, pack: int = 1
) -> Array:
    """`r1` by finite differences, E (D(x) - D(x + epsilon n))^2 / epsilon^2, with epsilon 0.01.

    n is standard normal, so that the mean over n is ||grad_x D(x)||^2 + O(epsilon^2). There is no
    second derivative. One draw of n per sample is noisy: for a gradient g, a sample's value has
    the standard deviation sqrt(2) ||g||^2. Logits may depend on other samples, as with batch norm.
    It is not faster than `r1` on CPU, see benchmarks/README.md.

    Args:
      key: PRNG key of n.
      critic: maps samples [batch, ...] to logits [batch / pack], which must be precise: not from a
        network in bfloat16.
      real: real samples, float [batch, ...].
      index: global sample indices int [batch]; 0, 1, ... by default.
      pack: number of neighbouring samples per logit.
    Returns:
      float32 scalar, logits^2 per unit of x^2; multiply by gamma / 2, as for `r1`.
    Raises:
      ValueError: if critic(real) is not floating or not of shape [batch / pack].
    Source: Lin et al. 2025 (adversarial flow models), equation 4, https://arxiv.org/abs/2511.22475
    """
    return make_approximate_r1()(key, critic, real, index, pack)


def approximate_r2(
    key: Array, critic: Critic, fake: PyTree, index: Array | None = None, pack: int = 1
) -> Array:
    """`r2` by finite differences, E (D(G(z)) - D(G(z) + epsilon n))^2 / epsilon^2, epsilon 0.01.

    Args:
      key: PRNG key of n.
      critic: as in `approximate_r1`.
      fake: generated samples, float [batch, ...].
      index: global sample indices int [batch]; 0, 1, ... by default.
      pack: number of neighbouring samples per logit.
    Returns:
      float32 scalar, logits^2 per unit of x^2; multiply by gamma / 2, as for `r2`.
    Raises:
      ValueError: if critic(fake) is not floating or not of shape [batch / pack].
    Source: Lin et al. 2025, equation 6.
    """
    return make_approximate_r2()(key, critic, fake, index, pack)


def make_approximate_r1(epsilon: float = 0.01) -> Callable[..., Array]:
    """`approximate_r1` with another standard deviation of the noise.

    Args:
      epsilon: positive, in units of the samples.
    Returns:
      A function with the arguments of `approximate_r1`.
    Raises:
      ValueError: if epsilon is not positive.
    """
    _check_epsilon(epsilon)

    def approximate_r1(
        key: Array, critic: Critic, real: PyTree, index: Array | None = None, pack: int = 1
    ) -> Array:
        return _squared_difference(key, critic, real, index_of(real, index), pack, epsilon)

    return approximate_r1


def make_approximate_r2(epsilon: float = 0.01) -> Callable[..., Array]:
    """`approximate_r2` with another standard deviation of the noise, see `make_approximate_r1`."""
    _check_epsilon(epsilon)

    def approximate_r2(
        key: Array, critic: Critic, fake: PyTree, index: Array | None = None, pack: int = 1
    ) -> Array:
        return _squared_difference(key, critic, fake, index_of(fake, index), pack, epsilon)

    return approximate_r2


def _squared_difference(
    key: Array, critic: Critic, x: PyTree, index: Array, pack: int, epsilon: float
) -> Array:
    # E (D(x) - D(x + epsilon n))^2 / epsilon^2
    n = normal_like(key, x, index)
    moved = jax.tree.map(lambda x, n: (x + epsilon * n).astype(x.dtype), x, n)
    logits = [critic_logits(critic, at, pack).astype(jnp.float32) for at in (x, moved)]
    return mean_square((logits[0] - logits[1]) / epsilon)


def _check_epsilon(epsilon: float):
    if not epsilon > 0:
        raise ValueError(f"epsilon must be positive, got {epsilon}")

"""Drifting models: a generator learns from a field that moves its samples, without an opponent.

    gan = GAN(
        discriminator=no_discriminator(),
        loss=losses.without_generator(losses.non_saturating),
        generator_terms=(drifting(temperature=0.1),),
        ...
    )

Source: Deng et al. 2026, https://arxiv.org/abs/2602.04770
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import gather
from jaxgan.term_inputs import generator_term
from jaxgan.types import Array, PyTree, Schedule, Term


def drifting(
    temperature: float,
    extractor: Callable[[Array], PyTree] | None = None,
    weight: float | Schedule = 1.0,
) -> Term:
    """Squared error between features of samples and the same features moved by a drifting field.

    sum over features phi of E (phi(G(z)) - stop_gradient(phi(G(z)) + V(phi(G(z)))))^2

    The value is the mean of V^2, and the gradient pulls each sample along V. V compares samples of
    the global batch, so larger batches estimate it better. It ignores classes.

    Args:
      temperature: tau of `drifting_field`, in units of the distances between features.
      extractor: images [batch, ...] to features, a tree of arrays, each with a field of its own;
        None for the samples themselves, which serves for data of few dimensions.
      weight: of the term, or a schedule of it.
    Returns:
      One of the GAN's `generator_terms`, called "drifting".
    Raises:
      ValueError: if the temperature is not positive.
    Source: Deng et al. 2026, equations 6, 13 and 14, and algorithm 1 (mean over all values). The
      paper's additional normalisations of features and of the kernel are left out.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")

    def value(fake: Array, real: Array, index: Array, axis_name: str | None) -> Array:
        seen = [x if extractor is None else extractor(x) for x in (fake, real)]
        total = jnp.zeros((), jnp.float32)
        for x, y in zip(*map(jax.tree.leaves, seen), strict=True):
            x, y = (_vectors(each) for each in (x, y))
            x_all, y_all = (jax.lax.stop_gradient(gather(each, axis_name)) for each in (x, y))
            still = jax.lax.stop_gradient(x)
            target = still + drifting_field(still, y_all, x_all, temperature, index)
            total += jnp.mean((x - target) ** 2)
        return total

    return generator_term(value, weight, name="drifting")


def drifting_field(
    x: Array, real: Array, fake: Array, temperature: float, index: Array | None = None
) -> Array:
    """The drifting field: attraction by real samples minus attraction by generated ones.

    k(x, y) = exp(-|x - y| / tau)
    V(x) = sum_j k(x, r_j) r_j / sum_j k(x, r_j) - sum_j k(x, f_j) f_j / sum_j k(x, f_j)

    It changes its sign if real and fake are exchanged, so it vanishes where both are the same.

    Args:
      x: places, float [batch, n].
      real: real samples r, float [reals, n].
      fake: generated samples f, float [fakes, n], at least two with index.
      temperature: tau, positive, in units of the distances.
      index: int [batch], where fake[index[i]] is x[i] itself, which then is left out; None if the
        places are not among the generated samples.
    Returns:
      V, float32 [batch, n].
    Raises:
      ValueError: if index is given for a single generated sample.
    Source: Deng et al. 2026, equations 8 to 12, https://arxiv.org/abs/2602.04770

    >>> x, real, fake = jnp.array([[0.0]]), jnp.array([[2.0]]), jnp.array([[-1.0]])
    >>> print(drifting_field(x, real, fake, 1.0))
    [[3.]]
    """
    if index is not None and len(fake) < 2:
        raise ValueError(
            "a drifting field needs at least two generated samples: use a larger batch"
        )
    towards = _nearby(x, real, temperature, None)
    return towards - _nearby(x, fake, temperature, index)


def _nearby(x: Array, y: Array, temperature: float, left_out: Array | None) -> Array:
    """Means of y weighted by the kernel, one per x."""
    x, y = x.astype(jnp.float32), y.astype(jnp.float32)
    distances = jnp.sqrt(jnp.sum((x[:, None] - y[None]) ** 2, axis=2))
    logits = -distances / temperature
    if left_out is not None:
        own = left_out[:, None] == jnp.arange(len(y))[None]
        logits = jnp.where(own, -jnp.inf, logits)
    return jnp.dot(jax.nn.softmax(logits, axis=1), y, precision="highest")


def _vectors(x: Array) -> Array:
    return x.reshape(len(x), -1).astype(jnp.float32)

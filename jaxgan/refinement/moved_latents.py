"""Latents moved by the discriminator: Langevin dynamics and the gradient flow."""

import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice, check_not_negative
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.types import Array, PyTree

LogDensity = Callable[[PyTree], Array]
"""From latents [batch, ...] to floats [batch]; must treat samples independently."""
Divergence = Literal["kl", "js", "log_d"]


def normal_log_density(latents: PyTree) -> Array:
    """The log density of standard normal latents, without its constant, float32 [batch]."""
    return -_sum_of([jnp.sum(_flat(leaf) ** 2, axis=1) for leaf in jax.tree.leaves(latents)]) / 2


def make_langevin_step(
    log_density: LogDensity, step_size: float, adjusted: bool = True
) -> Callable[[Array, Array, PyTree], tuple[PyTree, Array]]:
    """Make a step of Langevin dynamics in the latents, as in discriminator-driven sampling (DDLS).

      z' = z + (epsilon / 2) grad log p(z) + sqrt(epsilon) n,  log p(z) = log p_0(z) + d(G(z))

    Args:
      log_density: log p, up to a constant: the latents' own log density, such as
        `normal_log_density`, plus the log density ratio of their samples.
      step_size: epsilon, positive.
      adjusted: accept a step by the rule of Metropolis and Hastings, which makes p the exact
        stationary distribution; the paper does not.
    Returns:
      A function `(key, index, latents) -> (latents, accepted)`, with the samples' indices int
      [batch] and bools [batch].
    Raises:
      ValueError: if step_size is negative or not finite.
    Source: Che et al. 2020, algorithm 1, https://arxiv.org/abs/2003.06060; Roberts and Tweedie 1996
      (adjustment)
    """
    check_not_negative(step_size=step_size)
    value_and_gradient = _value_and_gradient(log_density)

    def log_transition(to: PyTree, start: PyTree, gradient: PyTree) -> Array:
        # -||to - start - (epsilon / 2) grad||^2 / (2 epsilon)
        def squares(t: Array, s: Array, g: Array) -> Array:
            return jnp.sum(_flat(t - s - step_size / 2 * g) ** 2, axis=1)

        parts = jax.tree.leaves(jax.tree.map(squares, to, start, gradient))
        return -_sum_of(parts) / (2 * step_size)

    def step(key: Array, index: Array, latents: PyTree) -> tuple[PyTree, Array]:
        noise_key, accept_key = jax.random.split(key)
        n = _noise(noise_key, index, latents)
        value, g = value_and_gradient(latents)
        moved = jax.tree.map(
            lambda z, g, n: z + step_size / 2 * g + jnp.sqrt(step_size) * n, latents, g, n
        )
        if not adjusted:
            return moved, jnp.ones(len(index), bool)
        new_value, new_g = value_and_gradient(moved)
        log_odds = new_value - value
        log_odds += log_transition(latents, moved, new_g) - log_transition(moved, latents, g)
        u = jax.vmap(jax.random.uniform)(sample_keys(accept_key, index))
        accepted = jnp.log(u) < log_odds
        return jax.tree.map(
            lambda new, old: jnp.where(accepted.reshape(-1, *[1] * (old.ndim - 1)), new, old),
            moved,
            latents,
        ), accepted

    return step


_F_PRIME: dict[str, Callable[[Array], Array]] = {
    # f'(r) of r = exp(-d), up to a constant
    "kl": lambda d: -d,
    "js": lambda d: jax.nn.log_sigmoid(-d),
    "log_d": lambda d: jax.nn.softplus(-d),
}


def make_gradient_flow_step(
    log_ratio: LogDensity, step_size: float, noise: float = 0.01, divergence: Divergence = "kl"
) -> Callable[[Array, Array, PyTree], PyTree]:
    """Make a step of the discriminator gradient flow (DGflow) in the latents.

      z' = z - eta grad f'(r) + sqrt(2 gamma eta) n,  r = exp(-d(G(z)))

    Args:
      log_ratio: latents to d(G(z)), the log density ratio of their samples.
      step_size: eta, positive.
      noise: gamma, the weight of the entropy, not negative.
      divergence: the f-divergence that the flow descends, one of kl, js and log_d.
    Returns:
      A function `(key, index, latents) -> latents`, with the samples' indices int [batch].
    Raises:
      ValueError: if a number is negative or not finite, or there is no such divergence.
    Source: Ansari et al. 2021, equation 9 and table 1, https://arxiv.org/abs/2012.00780
    """
    check_not_negative(step_size=step_size, noise=noise)
    check_choice(divergence=(divergence, tuple(_F_PRIME)))
    value_and_gradient = _value_and_gradient(lambda z: _F_PRIME[divergence](log_ratio(z)))

    def step(key: Array, index: Array, latents: PyTree) -> PyTree:
        n = _noise(key, index, latents)
        g = value_and_gradient(latents)[1]
        scale = jnp.sqrt(2 * noise * step_size)
        return jax.tree.map(lambda z, g, n: z - step_size * g + scale * n, latents, g, n)

    return step


def _value_and_gradient(function: LogDensity) -> Callable[[PyTree], tuple[Array, PyTree]]:
    """The values [batch] of a function that treats samples independently, and their gradients."""

    def total(latents: PyTree) -> tuple[Array, Array]:
        values = function(latents).astype(jnp.float32)
        return jnp.sum(values), values

    def both(latents: PyTree) -> tuple[Array, PyTree]:
        (_, values), gradient = jax.value_and_grad(total, has_aux=True)(latents)
        return values, gradient

    return both


def _noise(key: Array, index: Array, latents: PyTree) -> PyTree:
    """Standard normal noise of the shape of the latents, by the samples' indices."""
    leaves, structure = jax.tree.flatten(latents)
    keys = jax.random.split(key, len(leaves))
    drawn = [
        jax.vmap(lambda key, z=leaf: jax.random.normal(key, z.shape[1:], z.dtype))(
            sample_keys(own, index)
        )
        for own, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, drawn)


def _sum_of(parts: list[Array]) -> Array:
    return functools.reduce(jnp.add, parts)


def _flat(x: Array) -> Array:
    return x.astype(jnp.float32).reshape(len(x), -1)

"""Penalties on the logits themselves: LeCam, and centred logits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.term_inputs import TermState, penalty
from jaxgan.types import Array, Schedule, Term


class LecamAverages(NamedTuple):
    """Running averages of the mean logits on real and on generated samples, float32 scalars."""

    real: Array
    fake: Array


def lecam(real_logits: Array, fake_logits: Array, state: LecamAverages) -> Array:
    """Squared distance of each side's logits from the other side's running average.

    E (D(x) - a_F)^2 + E (D(G(z)) - a_R)^2

    Args:
      real_logits: logits on real samples.
      fake_logits: logits on generated samples.
      state: the averages a_R and a_F, constants here.
    Returns:
      float32 scalar, logits^2; multiply by lambda.
    Source: Tseng et al. 2021, equation 5, https://arxiv.org/abs/2104.03310
    """
    averages = jax.lax.stop_gradient(state)
    to_fake = mean_square(real_logits.astype(jnp.float32) - averages.fake)
    to_real = mean_square(fake_logits.astype(jnp.float32) - averages.real)
    return to_fake + to_real


def mean_square(x: Array) -> Array:
    """The mean of the squares of finite numbers, which is finite too."""
    # Beyond 1e18 squares and their sum would leave float32.
    return jnp.sum(jnp.clip(x, -1e18, 1e18) ** 2 / x.size)


def lecam_penalty(weight: float | Schedule, decay: float = 0.99) -> Term:
    """The `lecam` penalty with its running averages, which start at 0.

    Args:
      weight: lambda, 0.001 to 0.5 in the paper; or a schedule of it.
      decay: of the running averages, in [0, 1).
    Raises:
      ValueError: if decay is out of range.
    """
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay must lie in [0, 1), got {decay}")

    def update(state: LecamAverages, real_logits: Array, fake_logits: Array) -> LecamAverages:
        logits = (real_logits, fake_logits)
        means = LecamAverages(*(jnp.mean(side.astype(jnp.float32)) for side in logits))
        means = jax.lax.stop_gradient(means)
        return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, state, means)

    def init() -> LecamAverages:
        return LecamAverages(*jnp.zeros(2, jnp.float32))

    return penalty(lecam, weight, state=TermState(init, update))


# --- Centred logits


def logit_centring(real_logits: Array, fake_logits: Array) -> Array:
    """Squared sum of paired logits, E (D(x) + D(G(z)))^2, which keeps their mean at 0.

    Relativistic losses depend on differences of logits only, so that their mean drifts.

    Args:
      real_logits: logits on real samples.
      fake_logits: logits on generated samples, of the same shape.
    Returns:
      float32 scalar, logits^2; multiply by 0.01, as in the paper.
    Source: Lin et al. 2025 (adversarial flow models), equation 7, https://arxiv.org/abs/2511.22475
    """
    return mean_square(real_logits.astype(jnp.float32) + fake_logits.astype(jnp.float32))

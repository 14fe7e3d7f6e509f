"""Penalties on the logits themselves: LeCam, and centred logits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.term_inputs import TermState, penalty
from jaxgan.types import Array, Schedule, Term


class LecamAverages(NamedTuple):
    """Running averages of the mean logits, float32 scalars.

    Attributes:
      real: a_R, of logits on real samples.
      fake: a_F, of logits on generated samples.
      total: the sum of the weights in each average, 1 - decay^n after n updates.
    """

    real: Array
    fake: Array
    total: Array


def lecam(
    real_logits: Array, fake_logits: Array, state: LecamAverages, one_sided: bool = True
) -> Array:
    """Squared distance of each side's logits from the other side's running average.

    E max(0, D(x) - a_F)^2 + E max(0, a_R - D(G(z)))^2, as in both of the authors' codes. Equation 5
    of the paper has no max: one_sided=False. They differ where real logits are below a_F or
    generated ones above a_R, as early in training: by 1.13 to 3.52 on normal logits of standard
    deviation 2 with a_R = -0.3 and a_F = 0.4.

    Args:
      real_logits: logits on real samples.
      fake_logits: logits on generated samples.
      state: the averages a_R and a_F, constants here.
      one_sided: whether to leave out the logits on the other side of the average.
    Returns:
      float32 scalar, logits^2; multiply by lambda.
    Source: Tseng et al. 2021, equation 5, https://arxiv.org/abs/2104.03310, and the authors' code,
      https://github.com/google/lecam-gan
    """
    averages = jax.lax.stop_gradient(state)
    from_fake = real_logits.astype(jnp.float32) - averages.fake
    to_real = averages.real - fake_logits.astype(jnp.float32)
    if one_sided:
        from_fake, to_real = jax.nn.relu(from_fake), jax.nn.relu(to_real)
    return mean_square(from_fake) + mean_square(to_real)


def mean_square(x: Array) -> Array:
    """The mean of the squares of finite numbers, which is finite too."""
    # Beyond 1e18 squares and their sum would leave float32.
    return jnp.sum(jnp.clip(x, -1e18, 1e18) ** 2 / x.size)


def lecam_penalty(weight: float | Schedule, decay: float = 0.99, one_sided: bool = True) -> Term:
    """The `lecam` penalty with its running averages.

    As in the authors' code for StyleGAN2, the averages include the present logits and are not
    biased towards their start: they are weighted means of all logits so far.

    Args:
      weight: lambda, 0.001 to 0.5 in the paper; or a schedule of it.
      decay: of the running averages, in [0, 1).
      one_sided: see `lecam`.
    Raises:
      ValueError: if decay is out of range.
    """
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay must lie in [0, 1), got {decay}")

    def update(state: LecamAverages, real_logits: Array, fake_logits: Array) -> LecamAverages:
        # t_n = decay t_(n-1) + 1 - decay,  a_n = a_(n-1) + (1 - decay) / t_n (mean - a_(n-1))
        total = decay * state.total + (1 - decay)
        rate = (1 - decay) / total

        def moved(average: Array, logits: Array) -> Array:
            return average + rate * (jnp.mean(logits.astype(jnp.float32)) - average)

        new = LecamAverages(moved(state.real, real_logits), moved(state.fake, fake_logits), total)
        return jax.lax.stop_gradient(new)

    def value(real_logits: Array, fake_logits: Array, state: LecamAverages) -> Array:
        present = update(state, real_logits, fake_logits)
        return lecam(real_logits, fake_logits, present, one_sided)

    def init() -> LecamAverages:
        return LecamAverages(*jnp.zeros(3, jnp.float32))

    return penalty(value, weight, state=TermState(init, update), name="lecam")


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

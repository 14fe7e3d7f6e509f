"""The losses of f-GANs, whose discriminator estimates an f-divergence."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.losses.likelihood import LARGEST_LOGIT, finite, mean
from jaxgan.types import AdversarialLoss, Array

_EXACT_LOGIT = 80.0
Divergence = Literal["kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon"]

# For each divergence, as functions of the logit v: the output activation T = g_f(v), the conjugate
# f*(g_f(v)) in a form without cancellation, and the logit at which T = f'(1).
_F_GAN: dict[str, tuple[Callable, Callable, float]] = {
    "kl": (lambda v: v, lambda v: jnp.exp(v - 1.0), 1.0),
    "reverse_kl": (lambda v: -jnp.exp(-v), lambda v: v - 1.0, 0.0),
    "pearson": (lambda v: v, lambda v: 0.25 * v**2 + v, 0.0),
    "squared_hellinger": (lambda v: -jnp.expm1(-v), jnp.expm1, 0.0),
    "jensen_shannon": (
        lambda v: jnp.log(2.0) - jax.nn.softplus(-v),
        lambda v: jax.nn.softplus(v) - jnp.log(2.0),
        0.0,
    ),
}


def f_gan(divergence: Divergence, trick: bool = False) -> AdversarialLoss:
    """The f-GAN loss, whose discriminator estimates the f-divergence D_f(data || model) from below.

    The discriminator maximises F = E T(x) - E f*(T(G(z))), with T = g_f(logit), so minus its loss
    estimates the divergence. The generator minimises -E f*(T(G(z))).

    Args:
      divergence: kl, reverse_kl, pearson, squared_hellinger or jensen_shannon, scaled as in the
        paper (its jensen_shannon is twice the usual one).
      trick: let the generator minimise -E T(G(z)) instead, which does not saturate.
    Returns:
      A loss that is exact for |logit| <= 80 and continued linearly beyond, up to values of 1e37.
      The accuracy metric uses the threshold T = f'(1), which is logit 1 for kl, else 0.
    Raises:
      ValueError: if the divergence is unknown.
    Source: Nowozin et al. 2016, equation 4, table 2, section 3.2, https://arxiv.org/abs/1606.00709
    """
    check_choice(divergence=(divergence, tuple(_F_GAN)))
    activation, conjugate, threshold = _F_GAN[divergence]

    def discriminator(real_logits, fake_logits):
        # J_D = -E T(x) + E f*(T(G(z)))
        real_t = _linear_beyond(activation, real_logits)
        return mean(_linear_beyond(conjugate, fake_logits)) - mean(real_t)

    def generator(real_logits, fake_logits):
        # J_G = -E f*(T(G(z))), or -E T(G(z))
        return -mean(_linear_beyond(activation if trick else conjugate, fake_logits))

    return AdversarialLoss(
        discriminator, generator, threshold, probability=divergence == "jensen_shannon"
    )


def _linear_beyond(function: Callable[[Array], Array], logits: Array) -> Array:
    """A function of logits, continued by its tangents where |logit| > 80."""
    logits = finite(logits)
    near = jnp.clip(logits, -_EXACT_LOGIT, _EXACT_LOGIT)
    value, slope = jax.jvp(function, (near,), (jnp.ones_like(near),))
    reach = LARGEST_LOGIT / jnp.maximum(jnp.abs(slope), 1.0)  # how far the tangent stays finite
    return value + slope * finite(logits - near, jax.lax.stop_gradient(reach))

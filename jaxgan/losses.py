"""Adversarial losses, with the Bernoulli log-likelihood and the value function behind them.

All functions take logits unless their name says probability, and compute in float32. They and
their gradients are finite at any finite logit. An `AdversarialLoss` holds two functions
`(real_logits, fake_logits) -> scalar`, one per player; both are minimised.

>>> import jax.numpy as jnp
>>> real_logits, fake_logits = jnp.zeros(4), jnp.zeros(4)
>>> print(f"{non_saturating.discriminator(real_logits, fake_logits):.4f}")  # 2 log 2
1.3863
"""

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.types import AdversarialLoss, Array

# Finite logits are clipped to these sizes: sums and differences of a few such numbers fit into
# float32, and so do squares of the second. Infinite logits become NaN, so that they are noticed.
_LARGEST_LOGIT = 1e37
_LARGEST_SQUARED_LOGIT = 1e18
_F_GAN_EXACT_LOGIT = 80.0


# --- Building blocks


def log_probability(p: Array) -> Array:
    """Natural logarithm of a probability, finite at 0: log max(p, smallest normal float32).

    Args:
      p: probabilities in [0, 1], any shape.
    Returns:
      float32 of the same shape, in [-87.4, 0].

    >>> print(f"{log_probability(0.9):.3f} {log_probability(0.1):.3f}")
    -0.105 -2.303
    """
    return jnp.log(jnp.maximum(jnp.asarray(p, jnp.float32), jnp.finfo(jnp.float32).tiny))


def bernoulli_log_likelihood(y: Array, p: Array) -> Array:
    """Log-likelihood of outcomes y under probability p: y log p + (1 - y) log(1 - p).

    Args:
      y: outcomes in [0, 1], any shape that broadcasts with p.
      p: probabilities in [0, 1] of the outcome 1.
    Returns:
      float32, elementwise; at least -87.4.
    Source: Goodfellow et al. 2016, Deep Learning, section 3.9.1.

    >>> print(f"{bernoulli_log_likelihood(1.0, 0.9):.3f} {bernoulli_log_likelihood(0.0, 0.9):.3f}")
    -0.105 -2.303
    """
    y, p = jnp.asarray(y, jnp.float32), jnp.asarray(p, jnp.float32)
    return y * log_probability(p) + (1.0 - y) * log_probability(1.0 - p)


def binary_cross_entropy(logits: Array, labels: Array | float, smoothing: float = 0.0) -> Array:
    """Mean of -log Bernoulli(label; sigmoid(logit)), with one-sided label smoothing.

    Args:
      logits: any shape.
      labels: in [0, 1], a shape that broadcasts with logits; 1 is real.
      smoothing: s in [0, 1); the label 1 becomes 1 - s, the label 0 stays.
    Returns:
      float32 scalar, in nats per sample.
    Raises:
      ValueError: if smoothing is not in [0, 1).
    Source: Salimans et al. 2016, section 3.4 (smoothing), https://arxiv.org/abs/1606.03498
    """
    _check_smoothing(smoothing)
    logits = finite(logits)
    labels = jnp.asarray(labels, jnp.float32) * (1.0 - smoothing)
    # -y log s(l) - (1 - y) log(1 - s(l)) = softplus(l) - y l
    #                                     = y softplus(-l) + (1 - y) softplus(l)
    return mean(labels * jax.nn.softplus(-logits) + (1.0 - labels) * jax.nn.softplus(logits))


def value_function(real_logits: Array, fake_logits: Array) -> Array:
    """V(D, G) = E log D(x) + E log(1 - D(G(z))), which D maximises and G minimises.

    Args:
      real_logits: logits of D(x), any shape.
      fake_logits: logits of D(G(z)), any shape.
    Returns:
      float32 scalar in nats, at most 0; -log 4 at the equilibrium.
    Source: Goodfellow et al. 2014, equation 1, https://arxiv.org/abs/1406.2661
    """
    real_logits, fake_logits = finite(real_logits), finite(fake_logits)
    return mean(jax.nn.log_sigmoid(real_logits)) + mean(jax.nn.log_sigmoid(-fake_logits))


def optimal_discriminator(p_data: Array, p_model: Array) -> Array:
    """The discriminator that maximises V for a fixed generator: p_data / (p_data + p_model).

    Args:
      p_data: density of the data, not negative, any shape.
      p_model: density of the generator's samples, the same shape.
    Returns:
      float32 probabilities in [0, 1]; 1/2 where both densities are 0.
    Source: Goodfellow et al. 2014, proposition 1.
    """
    p_data, p_model = jnp.asarray(p_data, jnp.float32), jnp.asarray(p_model, jnp.float32)
    # Divide by the larger one first, since the sum of two densities may overflow or underflow.
    largest = jnp.maximum(p_data, p_model)
    scale = jnp.where(largest > 0, largest, 1.0)
    a, b = p_data / scale, p_model / scale
    return jnp.where(largest > 0, a / jnp.where(largest > 0, a + b, 1.0), 0.5)


# --- Helpers


def finite(logits: Array, largest: float | Array = _LARGEST_LOGIT) -> Array:
    """Logits in float32: finite ones are clipped to [-largest, largest], others become NaN."""
    logits = jnp.asarray(logits, jnp.float32)
    return jnp.where(jnp.isfinite(logits), jnp.clip(logits, -largest, largest), jnp.nan)


def _check_smoothing(smoothing: float):
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing must be in [0, 1), got {smoothing}")


def mean(x: Array) -> Array:
    """The mean, divided before summed so that the sum cannot overflow."""
    return jnp.sum(x / x.size)


# --- Probabilistic losses: sigmoid(logit) is D(x)


def _minimax_discriminator(real_logits, fake_logits):
    # J_D = -E log D(x) - E log(1 - D(G(z)))
    return -value_function(real_logits, fake_logits)


def _minimax_generator(real_logits, fake_logits):
    # J_G = E log(1 - D(G(z)))
    return mean(jax.nn.log_sigmoid(-finite(fake_logits)))


def _non_saturating_generator(real_logits, fake_logits):
    # J_G = -E log D(G(z))
    return mean(jax.nn.softplus(-finite(fake_logits)))


minimax = AdversarialLoss(_minimax_discriminator, _minimax_generator, 0.0, probability=True)
"""The zero-sum game of Goodfellow et al. 2014, equation 1: G minimises E log(1 - D(G(z))).

The generator's gradient vanishes where D confidently rejects the sample. The accuracy metric uses a
decision threshold of 0, which is D(x) = 1/2.
"""

non_saturating = AdversarialLoss(
    _minimax_discriminator, _non_saturating_generator, 0.0, probability=True
)
"""The non-saturating loss of Goodfellow et al. 2014, section 3: G minimises -E log D(G(z)).

D has the loss of `minimax`. The accuracy metric uses a decision threshold of 0.
"""


def label_smoothing(smoothing: float = 0.1) -> AdversarialLoss:
    """The non-saturating loss with one-sided label smoothing: D's target for real samples is 1 - s.

    Args:
      smoothing: s in [0, 1).
    Returns:
      A loss whose optimal D(x) is (1 - s) p_data / (p_data + p_model). The accuracy metric uses
      the threshold D(x) = (1 - s) / 2, the value at the equilibrium.
    Raises:
      ValueError: if smoothing is not in [0, 1).
    Source: Salimans et al. 2016, section 3.4, https://arxiv.org/abs/1606.03498
    """
    _check_smoothing(smoothing)

    def discriminator(real_logits, fake_logits):
        # J_D = -E [(1 - s) log D(x) + s log(1 - D(x))] - E log(1 - D(G(z)))
        real = binary_cross_entropy(real_logits, 1.0, smoothing)
        return real + binary_cross_entropy(fake_logits, 0.0)

    threshold = math.log((1.0 - smoothing) / (1.0 + smoothing))
    return AdversarialLoss(discriminator, _non_saturating_generator, threshold, probability=True)


# --- Other losses


def _least_squares_discriminator(real_logits, fake_logits):
    # J_D = 1/2 E (D(x) - 1)^2 + 1/2 E D(G(z))^2
    real_logits = finite(real_logits, _LARGEST_SQUARED_LOGIT)
    fake_logits = finite(fake_logits, _LARGEST_SQUARED_LOGIT)
    return 0.5 * mean((real_logits - 1.0) ** 2) + 0.5 * mean(fake_logits**2)


def _least_squares_generator(real_logits, fake_logits):
    # J_G = 1/2 E (D(G(z)) - 1)^2
    return 0.5 * mean((finite(fake_logits, _LARGEST_SQUARED_LOGIT) - 1.0) ** 2)


def _hinge_discriminator(real_logits, fake_logits):
    # J_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))
    real_logits, fake_logits = finite(real_logits), finite(fake_logits)
    return mean(jax.nn.relu(1.0 - real_logits)) + mean(jax.nn.relu(1.0 + fake_logits))


def _wasserstein_discriminator(real_logits, fake_logits):
    # J_D = E D(G(z)) - E D(x), minus the estimate of the distance
    return mean(finite(fake_logits)) - mean(finite(real_logits))


def _critic_generator(real_logits, fake_logits):
    # J_G = -E D(G(z))
    return -mean(finite(fake_logits))


def _relativistic_discriminator(real_logits, fake_logits):
    # J_D = -E log sigmoid(D(x) - D(G(z)))
    return mean(jax.nn.softplus(finite(fake_logits) - finite(real_logits)))


def _relativistic_generator(real_logits, fake_logits):
    # J_G = -E log sigmoid(D(G(z)) - D(x))
    return _relativistic_discriminator(fake_logits, real_logits)


def _relativistic_average_discriminator(real_logits, fake_logits):
    # J_D = -E log sigmoid(D(x) - E D(G(z))) - E log(1 - sigmoid(D(G(z)) - E D(x)))
    real_logits, fake_logits = finite(real_logits), finite(fake_logits)
    return -value_function(real_logits - mean(fake_logits), fake_logits - mean(real_logits))


def _relativistic_average_generator(real_logits, fake_logits):
    # J_G = -E log sigmoid(D(G(z)) - E D(x)) - E log(1 - sigmoid(D(x) - E D(G(z))))
    return _relativistic_average_discriminator(fake_logits, real_logits)


least_squares = AdversarialLoss(_least_squares_discriminator, _least_squares_generator, 0.5)
"""Least squares loss (LSGAN) with labels 0 and 1 and a factor 1/2.

J_D = 1/2 E (D(x) - 1)^2 + 1/2 E D(G(z))^2,  J_G = 1/2 E (D(G(z)) - 1)^2

The accuracy metric uses a decision threshold of 1/2. Logits are clipped to +-1e18.
Source: Mao et al. 2017, equation 9, https://arxiv.org/abs/1611.04076
"""

hinge = AdversarialLoss(_hinge_discriminator, _critic_generator, 0.0)
"""Hinge loss.

J_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))),  J_G = -E D(G(z))

The accuracy metric uses a decision threshold of 0.
Source: Lim & Ye 2017, https://arxiv.org/abs/1705.02894; Miyato et al. 2018, equations 16 and 17.
"""

wasserstein = AdversarialLoss(_wasserstein_discriminator, _critic_generator, None)
"""Wasserstein loss.

J_D = E D(G(z)) - E D(x),  J_G = -E D(G(z))

Minus the critic's loss estimates the Wasserstein distance if the critic is kept 1-Lipschitz. There
is no decision threshold, since only differences of logits have a meaning.
Source: Arjovsky et al. 2017, equations 2 and 3, https://arxiv.org/abs/1701.07875
"""

relativistic = AdversarialLoss(_relativistic_discriminator, _relativistic_generator, None)
"""Relativistic pairing loss (RpGAN): each generated sample is compared with one real sample.

J_D = -E log sigmoid(D(x) - D(G(z))),  J_G = -E log sigmoid(D(G(z)) - D(x))

There is no decision threshold, since only differences of logits have a meaning.
Source: Jolicoeur-Martineau 2018, section 4.1, https://arxiv.org/abs/1807.00734; used by R3GAN,
Huang et al. 2024, equation 2, https://arxiv.org/abs/2501.05441
"""

relativistic_average = AdversarialLoss(
    _relativistic_average_discriminator, _relativistic_average_generator, None
)
"""Relativistic average loss (RaSGAN): each sample is compared with the mean of the other kind.

J_D = -E log sigmoid(D(x) - E D(G(z))) - E log(1 - sigmoid(D(G(z)) - E D(x))), and J_G is the same
with x and G(z) exchanged. The means are taken over the batch. There is no decision threshold.

The author's code halves both losses, so double the weights of penalties that are taken from there.
Source: Jolicoeur-Martineau 2018, section 4.2, https://arxiv.org/abs/1807.00734
"""


def without_generator(loss: AdversarialLoss) -> AdversarialLoss:
    """The loss with 0 for the generator, which then minimises its additional terms only.

    This is how feature matching (`jaxgan.terms.feature_matching`) replaces the adversarial loss.
    """
    return loss._replace(generator=lambda real_logits, fake_logits: jnp.zeros((), jnp.float32))


def _zero(real_logits, fake_logits):
    return jnp.zeros((), jnp.float32)


terms_only = AdversarialLoss(_zero, _zero, 0.0)
"""0 for both players, which then minimise their additional terms only.

The multi-hinge loss (`jaxgan.terms.multi_hinge_terms`) replaces the adversarial loss in this way.
The accuracy metric uses a decision threshold of 0.
"""


def bidirectional(loss: AdversarialLoss) -> AdversarialLoss:
    """The loss of BiGAN: the generator's is the discriminator's with real and fake exchanged.

    With `GAN.real` the generator's player has an encoder too, which learns from what the
    discriminator says of real samples. Losses such as `non_saturating`, whose generator looks at
    generated samples only, would leave it untrained.

    Source: Donahue et al. 2017 (BiGAN), the "inverse" objective, https://arxiv.org/abs/1605.09782
    """
    return loss._replace(
        generator=lambda real_logits, fake_logits: loss.discriminator(fake_logits, real_logits)
    )


# --- f-GAN

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
    near = jnp.clip(logits, -_F_GAN_EXACT_LOGIT, _F_GAN_EXACT_LOGIT)
    value, slope = jax.jvp(function, (near,), (jnp.ones_like(near),))
    reach = _LARGEST_LOGIT / jnp.maximum(jnp.abs(slope), 1.0)  # how far the tangent stays finite
    return value + slope * finite(logits - near, jax.lax.stop_gradient(reach))

"""Adversarial losses: probabilistic ones, and those of critics."""

import math

import jax
import jax.numpy as jnp

from jaxgan.losses.likelihood import (
    LARGEST_SQUARED_LOGIT,
    binary_cross_entropy,
    check_smoothing,
    finite,
    mean,
    value_function,
)
from jaxgan.types import AdversarialLoss

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
    check_smoothing(smoothing)

    def discriminator(real_logits, fake_logits):
        # J_D = -E [(1 - s) log D(x) + s log(1 - D(x))] - E log(1 - D(G(z)))
        real = binary_cross_entropy(real_logits, 1.0, smoothing)
        return real + binary_cross_entropy(fake_logits, 0.0)

    threshold = math.log((1.0 - smoothing) / (1.0 + smoothing))
    return AdversarialLoss(discriminator, _non_saturating_generator, threshold, probability=True)


# --- Other losses


def _least_squares_discriminator(real_logits, fake_logits):
    # J_D = 1/2 E (D(x) - 1)^2 + 1/2 E D(G(z))^2
    real_logits = finite(real_logits, LARGEST_SQUARED_LOGIT)
    fake_logits = finite(fake_logits, LARGEST_SQUARED_LOGIT)
    return 0.5 * mean((real_logits - 1.0) ** 2) + 0.5 * mean(fake_logits**2)


def _least_squares_generator(real_logits, fake_logits):
    # J_G = 1/2 E (D(G(z)) - 1)^2
    return 0.5 * mean((finite(fake_logits, LARGEST_SQUARED_LOGIT) - 1.0) ** 2)


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


def _against_means(real_logits, fake_logits):
    # D(x) - E D(G(z)) and D(G(z)) - E D(x)
    return real_logits - mean(fake_logits), fake_logits - mean(real_logits)


def _relativistic_average_discriminator(real_logits, fake_logits):
    # J_D = -E log sigmoid(D(x) - E D(G(z))) - E log(1 - sigmoid(D(G(z)) - E D(x)))
    return -value_function(*_against_means(finite(real_logits), finite(fake_logits)))


def _relativistic_average_generator(real_logits, fake_logits):
    # J_G = -E log sigmoid(D(G(z)) - E D(x)) - E log(1 - sigmoid(D(x) - E D(G(z))))
    return _relativistic_average_discriminator(fake_logits, real_logits)


def _relativistic_average_hinge_discriminator(real_logits, fake_logits):
    # J_D = E max(0, 1 - (D(x) - E D(G(z)))) + E max(0, 1 + D(G(z)) - E D(x))
    return _hinge_discriminator(*_against_means(finite(real_logits), finite(fake_logits)))


def _relativistic_average_hinge_generator(real_logits, fake_logits):
    # J_G = E max(0, 1 - (D(G(z)) - E D(x))) + E max(0, 1 + D(x) - E D(G(z)))
    return _relativistic_average_hinge_discriminator(fake_logits, real_logits)


def _relativistic_average_least_squares_discriminator(real_logits, fake_logits):
    # J_D = E (D(x) - E D(G(z)) - 1)^2 + E (D(G(z)) - E D(x) + 1)^2
    logits = (finite(each, LARGEST_SQUARED_LOGIT) for each in (real_logits, fake_logits))
    real, fake = _against_means(*logits)
    return mean((real - 1.0) ** 2) + mean((fake + 1.0) ** 2)


def _relativistic_average_least_squares_generator(real_logits, fake_logits):
    # J_G = E (D(G(z)) - E D(x) - 1)^2 + E (D(x) - E D(G(z)) + 1)^2
    return _relativistic_average_least_squares_discriminator(fake_logits, real_logits)


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

These are the paper's equations. The author's code halves both players' losses, so double the
weights of penalties that are taken from there.
Source: Jolicoeur-Martineau 2018, section 4.2, https://arxiv.org/abs/1807.00734, and the author's
code, https://github.com/AlexiaJM/RelativisticGAN
"""

relativistic_average_hinge = AdversarialLoss(
    _relativistic_average_hinge_discriminator, _relativistic_average_hinge_generator, None
)
"""Relativistic average hinge loss (RaHingeGAN), twice that of the author's code.

J_D = E max(0, 1 - (D(x) - E D(G(z)))) + E max(0, 1 + D(G(z)) - E D(x)), and J_G is the same with x
and G(z) exchanged. The means are taken over the batch. There is no decision threshold.
Source: Jolicoeur-Martineau 2018, appendix on loss functions, https://arxiv.org/abs/1807.00734
"""

relativistic_average_least_squares = AdversarialLoss(
    _relativistic_average_least_squares_discriminator,
    _relativistic_average_least_squares_generator,
    None,
)
"""Relativistic average least squares loss (RaLSGAN), twice that of the author's code.

J_D = E (D(x) - E D(G(z)) - 1)^2 + E (D(G(z)) - E D(x) + 1)^2, and J_G is the same with x and G(z)
exchanged. The means are taken over the batch. There is no decision threshold. Logits are clipped to
+-1e18.
Source: Jolicoeur-Martineau 2018, appendix on loss functions, https://arxiv.org/abs/1807.00734
"""


def _zero(real_logits, fake_logits):
    return jnp.zeros((), jnp.float32)


def without_generator(loss: AdversarialLoss) -> AdversarialLoss:
    """The loss with 0 for the generator, which then minimises its additional terms only.

    This is how feature matching (`jaxgan.terms.feature_matching`) replaces the adversarial loss.
    """
    return loss._replace(generator=_zero)


terms_only = AdversarialLoss(_zero, _zero, 0.0)
"""0 for both players, which then minimise only their additional terms.

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

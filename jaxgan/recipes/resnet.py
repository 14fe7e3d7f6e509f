"""Recipes with residual networks: R3GAN and SN-GAN."""

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import (
    R3GANDiscriminator,
    R3GANGenerator,
    ResNetDiscriminator,
    ResNetGenerator,
)
from jaxgan.recipes.base import Shape
from jaxgan.regularizers import r1, r2
from jaxgan.schedules import cosine, half_life_decay
from jaxgan.term_inputs import penalty
from jaxgan.types import GAN

_BURN_IN = 2_000  # of R3GAN's schedules, in steps


def r3gan_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """R3GAN at 1/24 of the published width, with its loss, penalties, Adam and schedules.

    The burn-in is 40% of the recipe's steps. As published, Adam's b2 rises from 0.9 to 0.99, gamma
    decays to 1/10 and the learning rate to 1/4. The learning rate itself is five times the
    published one, with which these narrow networks learn faster. Both players see the same real
    batch, where the authors' code draws one for each. The published augmentation is left out, see
    `jaxgan.augment.pipeline`.

    Source: Huang et al. 2024, https://arxiv.org/abs/2501.05441, and the presets of its code,
      https://github.com/brownvc/R3GAN
    """
    generator = R3GANGenerator(shape, num_classes=num_classes)
    discriminator = R3GANDiscriminator(num_classes=num_classes)
    gamma = cosine(1.0, 0.1, _BURN_IN)
    # Adam without momentum: b1 = 0
    adam = optax.inject_hyperparams(optax.adam)(
        cosine(1e-3, 2.5e-4, _BURN_IN), b1=0.0, b2=cosine(0.9, 0.99, _BURN_IN)
    )
    return GAN(
        generator=from_linen(generator),
        discriminator=from_linen(discriminator),
        latent=latents.normal(64),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=gamma), penalty(r2, gamma=gamma)),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=half_life_decay(cosine(0.0, _BURN_IN / 4, _BURN_IN)),
    )


def sngan_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """SN-GAN with narrower residual networks, its hinge loss and its Adam.

    The learning rate is constant, and each player has one update per round. As published, the
    learning rate decays linearly to 0, and the discriminator has five updates per round
    (`n_critic`).

    Source: Miyato et al. 2018, section 4 and appendix B.4, https://arxiv.org/abs/1802.05957; with
      classes, Miyato & Koyama 2018, https://arxiv.org/abs/1802.05637
    """
    return GAN(
        generator=from_linen(ResNetGenerator(shape, 32, num_classes)),
        discriminator=from_linen(ResNetDiscriminator(32, num_classes=num_classes)),
        latent=latents.normal(128),
        loss=losses.hinge,
        generator_optimizer=optax.adam(2e-4, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(2e-4, b1=0.0, b2=0.9),
        ema_decay=0.999,
    )

"""Recipes with residual networks: R3GAN and SN-GAN."""

from typing import Annotated

import optax
import pydantic

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import (
    R3GANDiscriminator,
    R3GANGenerator,
    ResNetDiscriminator,
    ResNetGenerator,
)
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import (
    Beta1,
    Beta2,
    Channels,
    EMADecay,
    Gamma,
    Latents,
    LearningRate,
    Steps,
)
from jaxgan.regularizers import r1, r2
from jaxgan.schedules import cosine, half_life_decay
from jaxgan.settings import Setting
from jaxgan.term_inputs import penalty
from jaxgan.types import GAN

R3GANChannels = Annotated[
    Channels, pydantic.Field(multiple_of=2), Setting("Channels of both players, of each level.")
]


def r3gan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: Annotated[
        LearningRate, Setting("Learning rate of both players at the start; it decays to 1/4.")
    ] = 1e-3,
    gamma: Annotated[
        Gamma, Setting("Strength of R1 and R2 at the start; it decays to 1/10.")
    ] = 1.0,
    width: R3GANChannels = 32,
    latent_size: Latents = 64,
    burn_in: Steps = 2_000,
) -> GAN:
    """R3GAN at 1/24 of the published width, with its loss, penalties, Adam and schedules.

    The burn-in is 40% of the recipe's steps. As published, Adam's b2 rises from 0.9 to 0.99, gamma
    decays to 1/10 and the learning rate to 1/4. The learning rate itself is five times the
    published one, with which these narrow networks learn faster. Both players see the same real
    batch, where the authors' code draws one for each. The published augmentation is left out, see
    `jaxgan.augment.pipeline`.

    Source: Huang et al. 2024, https://arxiv.org/abs/2501.05441, and the presets of its code,
      https://github.com/brownvc/R3GAN
    """
    generator = R3GANGenerator(shape, width, num_classes=num_classes)
    discriminator = R3GANDiscriminator(width, num_classes=num_classes)
    decayed = cosine(gamma, gamma / 10, burn_in)
    # Adam without momentum: b1 = 0
    adam = optax.inject_hyperparams(optax.adam)(
        cosine(learning_rate, learning_rate / 4, burn_in), b1=0.0, b2=cosine(0.9, 0.99, burn_in)
    )
    return GAN(
        generator=from_linen(generator),
        discriminator=from_linen(discriminator),
        latent=latents.normal(latent_size),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=decayed), penalty(r2, gamma=decayed)),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=half_life_decay(cosine(0.0, burn_in / 4, burn_in)),
    )


def sngan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.9,
    width: Channels = 32,
    latent_size: Latents = 128,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """SN-GAN with narrower residual networks, its hinge loss and its Adam.

    The learning rate is constant, and each player has one update per round. As published, the
    learning rate decays linearly to 0, and the discriminator has five updates per round
    (`n_critic`).

    Source: Miyato et al. 2018, section 4 and appendix B.4, https://arxiv.org/abs/1802.05957; with
      classes, Miyato & Koyama 2018, https://arxiv.org/abs/1802.05637
    """
    return GAN(
        generator=from_linen(ResNetGenerator(shape, width, num_classes)),
        discriminator=from_linen(ResNetDiscriminator(width, num_classes=num_classes)),
        latent=latents.normal(latent_size),
        loss=losses.hinge,
        generator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        discriminator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        ema_decay=ema_decay,
    )

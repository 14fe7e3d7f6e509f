"""Recipes with the convolutional networks of DCGAN."""

import dataclasses
from typing import Annotated

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.augment import diffaugment
from jaxgan.models import DCGANDiscriminator, DCGANGenerator
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import (
    Beta1,
    Beta2,
    Channels,
    EMADecay,
    Gamma,
    Latents,
    LearningRate,
    Weight,
)
from jaxgan.regularizers import lecam_penalty, r1, r2
from jaxgan.settings import Setting
from jaxgan.term_inputs import penalty
from jaxgan.types import GAN


def dcgan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.999,
    width: Channels = 64,
    latent_size: Latents = 100,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """DCGAN at half the published width and with kernels of size 4.

    Initialisation, Adam and loss are the published ones.

    Source: Radford et al. 2016, section 4, https://arxiv.org/abs/1511.06434
    """
    adam = optax.adam(learning_rate, b1=b1, b2=b2)
    return GAN(
        generator=from_linen(DCGANGenerator(shape, width)),
        discriminator=from_linen(DCGANDiscriminator(width)),
        latent=latents.uniform(latent_size),
        loss=losses.non_saturating,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=ema_decay,
    )


def conditional_dcgan_gan(
    shape: Shape,
    num_classes: int | None,
    *,
    learning_rate: LearningRate = 2e-4,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.999,
    width: Channels = 64,
    latent_size: Latents = 100,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """Conditional DCGAN: the generator takes the label, the discriminator uses a projection.

    Source: Miyato & Koyama 2018, section 3 (projection), https://arxiv.org/abs/1802.05637
    """
    discriminator = DCGANDiscriminator(width, num_classes=num_classes, condition_by="projection")
    return dataclasses.replace(
        dcgan_gan(
            shape,
            learning_rate=learning_rate,
            b1=b1,
            b2=b2,
            latent_size=latent_size,
            ema_decay=ema_decay,
        ),
        generator=from_linen(DCGANGenerator(shape, width, num_classes=num_classes)),
        discriminator=from_linen(discriminator),
    )


def few_shot_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    lecam: Annotated[Weight, Setting("Weight of LeCam.")] = 0.1,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.999,
    width: Channels = 64,
    latent_size: Latents = 100,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """DCGAN for few images, with DiffAugment and LeCam.

    The weight of LeCam, see `lecam_penalty`, lies within the range of the paper, and has not been
    tuned.

    Source: Zhao et al. 2020, https://arxiv.org/abs/2006.10738; Tseng et al. 2021,
      https://arxiv.org/abs/2104.03310
    """
    plain = dcgan_gan if num_classes is None else conditional_dcgan_gan
    gan = plain(
        shape,
        num_classes,
        learning_rate=learning_rate,
        b1=b1,
        b2=b2,
        width=width,
        latent_size=latent_size,
        ema_decay=ema_decay,
    )
    return dataclasses.replace(gan, augmentation=diffaugment(), penalties=(lecam_penalty(lecam),))


def waves_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    gamma: Gamma = 1.0,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.9,
    width: Channels = 64,
    latent_size: Latents = 100,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """One-dimensional DCGAN with stride 4 and no norm in the discriminator, similar to WaveGAN.

    Kernels have length 9 instead of 25, because the smallest levels of the short signals have 4 and
    16 positions. Unlike in WaveGAN, the generator has batch norm.

    Source: Donahue et al. 2019, section 2 and appendix D, https://arxiv.org/abs/1802.04208
    """
    generator = DCGANGenerator(shape, width, kernel_size=9, stride=4)
    discriminator = DCGANDiscriminator(width, kernel_size=9, stride=4, norm="none")
    return GAN(
        generator=from_linen(generator),
        discriminator=from_linen(discriminator),
        latent=latents.uniform(latent_size),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=gamma), penalty(r2, gamma=gamma)),
        generator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        discriminator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        ema_decay=ema_decay,
    )

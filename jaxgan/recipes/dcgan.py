"""Recipes with the convolutional networks of DCGAN."""

import dataclasses

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.augment import diffaugment
from jaxgan.models import DCGANDiscriminator, DCGANGenerator
from jaxgan.recipes.base import Shape
from jaxgan.regularizers import lecam_penalty, r1, r2
from jaxgan.term_inputs import penalty
from jaxgan.types import GAN


def dcgan_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """DCGAN at half the published width and with kernels of size 4.

    Initialisation, Adam and loss are the published ones.

    Source: Radford et al. 2016, section 4, https://arxiv.org/abs/1511.06434
    """
    adam = optax.adam(2e-4, b1=0.5, b2=0.999)
    return GAN(
        generator=from_linen(DCGANGenerator(shape)),
        discriminator=from_linen(DCGANDiscriminator()),
        latent=latents.uniform(100),
        loss=losses.non_saturating,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=0.999,
    )


def conditional_dcgan_gan(shape: Shape, num_classes: int | None) -> GAN:
    """Conditional DCGAN: the generator takes the label, the discriminator uses a projection.

    Source: Miyato & Koyama 2018, section 3 (projection), https://arxiv.org/abs/1802.05637
    """
    discriminator = DCGANDiscriminator(num_classes=num_classes, condition_by="projection")
    return dataclasses.replace(
        dcgan_gan(shape),
        generator=from_linen(DCGANGenerator(shape, num_classes=num_classes)),
        discriminator=from_linen(discriminator),
    )


def few_shot_gan(shape: Shape, num_classes: int | None = None, *, lecam: float = 0.1) -> GAN:
    """DCGAN for few images, with DiffAugment and LeCam.

    The weight of LeCam lies within the range of the paper, and has not been tuned.

    Args:
      shape: shape of one sample.
      num_classes: number of classes of a conditional GAN.
      lecam: weight of LeCam, see `lecam_penalty`.
    Source: Zhao et al. 2020, https://arxiv.org/abs/2006.10738; Tseng et al. 2021,
      https://arxiv.org/abs/2104.03310
    """
    gan = dcgan_gan(shape) if num_classes is None else conditional_dcgan_gan(shape, num_classes)
    return dataclasses.replace(gan, augmentation=diffaugment(), penalties=(lecam_penalty(lecam),))


def waves_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """One-dimensional DCGAN with stride 4 and no norm in the discriminator, similar to WaveGAN.

    Kernels have length 9 instead of 25, because the smallest levels of the short signals have 4 and
    16 positions. Unlike in WaveGAN, the generator has batch norm.

    Source: Donahue et al. 2019, section 2 and appendix D, https://arxiv.org/abs/1802.04208
    """
    generator = DCGANGenerator(shape, kernel_size=9, stride=4)
    discriminator = DCGANDiscriminator(kernel_size=9, stride=4, norm="none")
    return GAN(
        generator=from_linen(generator),
        discriminator=from_linen(discriminator),
        latent=latents.uniform(100),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=1.0), penalty(r2, gamma=1.0)),
        generator_optimizer=optax.adam(2e-4, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(2e-4, b1=0.0, b2=0.9),
        ema_decay=0.999,
    )

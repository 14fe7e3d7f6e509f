"""Recipes of convolutional networks."""

import dataclasses

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import DCGANDiscriminator, DCGANGenerator
from jaxgan.recipes.base import Recipe, Shape
from jaxgan.regularizers import r1, r2
from jaxgan.term_inputs import penalty
from jaxgan.training.plan import Plan
from jaxgan.types import GAN


def dcgan_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """The DCGAN with the published initialisation, Adam and loss, at half the width, kernels of 4.

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
    """A DCGAN whose generator gets the label beside the latents, and a projection discriminator.

    Source: Miyato & Koyama 2018, section 3 (projection), https://arxiv.org/abs/1802.05637
    """
    discriminator = DCGANDiscriminator(num_classes=num_classes, condition_by="projection")
    return dataclasses.replace(
        dcgan_gan(shape),
        generator=from_linen(DCGANGenerator(shape, num_classes=num_classes)),
        discriminator=from_linen(discriminator),
    )


def waves_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """A DCGAN along one axis, by steps of 4 and without batch norm in the critic, as WaveGAN.

    Its kernels are 9 long, not 25: the short signals' deepest levels have 4 and 16 places. The
    generator, other than WaveGAN's, has batch norm.

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


RECIPES = (
    Recipe(
        name="dcgan",
        summary="The DCGAN, for images of any size; for MNIST give --data idx:DIR",
        data="digits",
        gan=dcgan_gan,
        steps=3_000,
        plan=Plan(batch_size=64, model_range=(-1.0, 1.0)),
        time="15 s (MNIST: 5 min)",
        result="10 classes, each at least 7.3 % of 1,000 samples; spread within a class "
        "1.12 of the real",
    ),
    Recipe(
        name="conditional-dcgan",
        summary="A DCGAN with labels and a projection discriminator",
        data="digits",
        gan=conditional_dcgan_gan,
        steps=3_000,
        plan=Plan(batch_size=64, model_range=(-1.0, 1.0), conditional=True),
        time="15 s (MNIST: 5 min)",
        result="MNIST: 98.5 % of 1,000 samples are of the class asked for; 0.1 % copies",
    ),
    Recipe(
        name="waves",
        summary="A DCGAN along one axis, on generated tones of three timbres",
        data="waves",
        gan=waves_gan,
        steps=3_000,
        plan=Plan(batch_size=64, model_range=(-1.0, 1.0)),
        time="2.5 min",
        result="decaying tones; 71 % of their energy in harmonics (real: 98 %)",
    ),
)

"""Recipes of LAPGAN: one GAN per level of a Laplacian pyramid, each trained independently."""

import functools
import math

import jax
import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.images.tasks import pyramid_level
from jaxgan.models import LAPGANDiscriminator, LAPGANGenerator, MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import Beta1, Beta2, EMADecay, LearningRate
from jaxgan.types import GAN

LEVELS = 3


def lapgan_gan(
    shape: Shape,
    num_classes: int | None,
    level: int,
    *,
    learning_rate: LearningRate = 2e-4,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.999,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """One level of LAPGAN: dense networks for the smallest images, convolutions for the bands.

    Height and width are padded to a multiple of 8, so images of 28x28 have levels of 8, 16 and 32.

    Args:
      shape: shape of one image.
      num_classes: number of classes or attributes of a conditional GAN.
      level: from 0, the coarsest, to 2.
      learning_rate: of both players.
      b1: of Adam.
      b2: of Adam.
      ema_decay: of the EMA generator.
    Source: Denton et al. 2015, section 3, https://arxiv.org/abs/1506.05751
    """
    adam = optax.adam(learning_rate, b1=b1, b2=b2)
    task = pyramid_level(level, LEVELS)
    *sides, channels = shape
    sides = [math.ceil(side / 2**LEVELS) * 2 ** (level + 1) for side in sides]
    if level == 0:
        hidden = (256, 512)
        small = (*sides, channels)
        return GAN(
            generator=from_linen(
                MLPGenerator(small, hidden, output=jax.numpy.tanh, num_classes=num_classes)
            ),
            discriminator=from_linen(MLPDiscriminator((512, 256), num_classes=num_classes)),
            latent=latents.uniform(100),
            loss=losses.non_saturating,
            generator_optimizer=adam,
            discriminator_optimizer=adam,
            ema_decay=ema_decay,
            task=task,
        )
    return GAN(
        generator=from_linen(LAPGANGenerator(num_classes=num_classes)),
        discriminator=from_linen(LAPGANDiscriminator(num_classes=num_classes)),
        latent=latents.uniform(math.prod(sides)),
        loss=losses.non_saturating,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=ema_decay,
        task=task,
    )


coarse_gan = functools.partial(lapgan_gan, level=0)
middle_gan = functools.partial(lapgan_gan, level=1)
fine_gan = functools.partial(lapgan_gan, level=2)

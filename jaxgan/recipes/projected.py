"""Recipes with discriminators on frozen features: Projected GAN, and R3GAN's loss on it."""

import dataclasses
from typing import Annotated

import jax.numpy as jnp
import optax

from jaxgan import augment, latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import ProjectedDiscriminator, ResNetGenerator, vgg16_maps
from jaxgan.models.projected import Norm
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import (
    Beta1,
    Beta2,
    Channels,
    Gamma,
    HalfLife,
    Latents,
    LearningRate,
)
from jaxgan.regularizers import approximate_r1, approximate_r2
from jaxgan.schedules import half_life_decay
from jaxgan.settings import Setting
from jaxgan.term_inputs import penalty
from jaxgan.types import GAN, Network

GeneratorChannels = Annotated[Channels, Setting("Channels of the generator.")]
_SMALLEST = 32  # pixels; smaller images are enlarged


def projected_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.99,
    width: GeneratorChannels = 32,
    latent_size: Latents = 128,
    half_life: HalfLife = 312.5,
) -> GAN:
    """Projected GAN at 1/4 of the published width, with its loss, Adam and DiffAugment.

    | | published | here |
    |---|---|---|
    | frozen features | EfficientNet-lite0 at 224 pixels | VGG16 at 32 pixels or more |
    | generator | FastGAN | the residual networks of SN-GAN |
    | loss, penalties | hinge, none | the same |
    | Adam | rate 2e-4, b1 0, b2 0.99 | the same |
    | half-life of the EMA generator | 312.5 updates, at most 5% of them | the same |

    Args:
      shape: shape of one sample, [height, width, 1 or 3].
      num_classes: number of classes or attributes of a conditional GAN.
      learning_rate: of both players.
      b1: of Adam.
      b2: of Adam.
      width: channels of the generator.
      latent_size: of the generator.
      half_life: of the EMA generator, in updates.
    Source: Sauer et al. 2021, section 4, https://arxiv.org/abs/2111.01007, and train.py of
      https://github.com/autonomousvision/projected-gan
    """
    adam = optax.adam(learning_rate, b1=b1, b2=b2)
    return GAN(
        generator=from_linen(ResNetGenerator(shape, width, num_classes)),
        discriminator=_discriminator("batch", num_classes),
        latent=latents.normal(latent_size),
        loss=losses.hinge,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=half_life_decay(lambda step: jnp.minimum(half_life, 0.05 * step)),
        augmentation=augment.diffaugment(),
    )


def r3gan_projected_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    gamma: Gamma = 0.1,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.99,
    width: GeneratorChannels = 32,
    latent_size: Latents = 128,
    half_life: HalfLife = 312.5,
) -> GAN:
    """`projected_gan` with R3GAN's relativistic loss and penalties instead of the hinge loss.

    Penalties need a discriminator that judges samples by themselves, so its heads have no batch
    norm. R1 and R2 are approximate: they have no second derivative through VGG16. No publication
    has this combination; Projected GAN itself has no penalty.

    Args:
      shape: shape of one sample, [height, width, 1 or 3].
      num_classes: number of classes or attributes of a conditional GAN.
      learning_rate: of both players.
      gamma: of both penalties.
      b1: as for `projected_gan`, as are the others.
      b2: of Adam.
      width: channels of the generator.
      latent_size: of the generator.
      half_life: of the EMA generator, in updates.
    Source: Huang et al. 2024, section 2, https://arxiv.org/abs/2501.05441; Sauer et al. 2021,
      section 3, https://arxiv.org/abs/2111.01007
    """
    return dataclasses.replace(
        projected_gan(
            shape,
            num_classes,
            learning_rate=learning_rate,
            b1=b1,
            b2=b2,
            width=width,
            latent_size=latent_size,
            half_life=half_life,
        ),
        discriminator=_discriminator("none", num_classes),
        loss=losses.relativistic,
        penalties=(penalty(approximate_r1, gamma=gamma), penalty(approximate_r2, gamma=gamma)),
    )


def _discriminator(norm: Norm, num_classes: int | None) -> Network:
    return from_linen(
        ProjectedDiscriminator(
            vgg16_maps,
            channels=16,
            features=16,
            resize=_SMALLEST,
            norm=norm,
            num_classes=num_classes,
        )
    )

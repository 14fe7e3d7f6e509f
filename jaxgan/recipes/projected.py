"""Recipes with discriminators on frozen features: Projected GAN, and R3GAN's loss on it."""

import dataclasses

import jax.numpy as jnp
import optax

from jaxgan import augment, latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import ProjectedDiscriminator, ResNetGenerator, vgg16_maps
from jaxgan.models.projected import Norm
from jaxgan.recipes.base import Shape
from jaxgan.regularizers import approximate_r1, approximate_r2
from jaxgan.schedules import half_life_decay
from jaxgan.term_inputs import penalty
from jaxgan.types import GAN, Network

_HALF_LIFE = 312.5  # of the EMA generator, in updates
_SMALLEST = 32  # pixels; smaller images are enlarged


def projected_gan(
    shape: Shape, num_classes: int | None = None, *, learning_rate: float = 2e-4
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
      num_classes: number of classes of a conditional GAN.
      learning_rate: of both players.
    Source: Sauer et al. 2021, section 4, https://arxiv.org/abs/2111.01007, and train.py of
      https://github.com/autonomousvision/projected-gan
    """
    adam = optax.adam(learning_rate, b1=0.0, b2=0.99)
    return GAN(
        generator=from_linen(ResNetGenerator(shape, 32, num_classes)),
        discriminator=_discriminator("batch", num_classes),
        latent=latents.normal(128),
        loss=losses.hinge,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=half_life_decay(lambda step: jnp.minimum(_HALF_LIFE, 0.05 * step)),
        augmentation=augment.diffaugment(),
    )


def r3gan_projected_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: float = 2e-4,
    gamma: float = 0.1,
) -> GAN:
    """`projected_gan` with R3GAN's relativistic loss and penalties instead of the hinge loss.

    Penalties need a discriminator that judges samples by themselves, so its heads have no batch
    norm. R1 and R2 are approximate: they have no second derivative through VGG16. No publication
    has this combination; Projected GAN itself has no penalty.

    Args:
      shape: shape of one sample, [height, width, 1 or 3].
      num_classes: number of classes of a conditional GAN.
      learning_rate: of both players.
      gamma: of both penalties.
    Source: Huang et al. 2024, section 2, https://arxiv.org/abs/2501.05441; Sauer et al. 2021,
      section 3, https://arxiv.org/abs/2111.01007
    """
    return dataclasses.replace(
        projected_gan(shape, num_classes, learning_rate=learning_rate),
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

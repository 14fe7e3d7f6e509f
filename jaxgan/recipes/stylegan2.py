"""The recipes of StyleGAN2: one for images of any size, one for small images."""

from typing import Annotated

import jax.numpy as jnp
import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import StyleGAN2Discriminator, StyleGAN2Generator, make_styles
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import (
    Beta2,
    Channels,
    Every,
    HalfLife,
    Latents,
    LearningRate,
    RuledGamma,
    Truncation,
    Weight,
)
from jaxgan.regularizers import r1
from jaxgan.schedules import half_life_decay
from jaxgan.settings import Setting
from jaxgan.term_inputs import penalty
from jaxgan.terms import path_length
from jaxgan.types import GAN, Schedule, Term

_SIDE = 16  # pixels; up to this size, levels have the most channels


def stylegan2_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2.5e-3,
    gamma: RuledGamma = 1.0,
    path_weight: Annotated[Weight, Setting("Weight of the path lengths.")] = 2.0,
    b2: Beta2 = 0.99,
    r1_every: Annotated[Every, Setting("Discriminator updates between terms of R1.")] = 16,
    paths_every: Annotated[Every, Setting("Generator updates between path lengths.")] = 4,
    width: Annotated[Channels, Setting("The most channels of a level of both players.")] = 64,
    latent_size: Annotated[Latents, Setting("Size of latents and styles.")] = 128,
    half_life: HalfLife = 312.5,
    truncation: Truncation = 1.0,
) -> GAN:
    """StyleGAN2 at 1/8 to 1/32 of the published width, with its loss, terms and Adam.

    Learning rate, style mixing, path lengths and the mapping network of two layers are those of the
    official code's automatic configuration. As there, the half-life of the EMA generator grows with
    the number of images, at 5% of it. Its gamma, 0.01 for CIFAR-10, is meant for augmented images:
    on 1,797 digits without augmentation, half of the classes were lost after 1,000 steps with a
    gamma of 0.1, and none with 1.

    Path lengths are those of the whole batch and of styles that are not mixed; as published, of
    half of the batch, and mixed. R1 and path lengths are part of the updates in which they are due,
    instead of updates of their own.

    Args:
      shape: shape of one sample.
      num_classes: number of classes or attributes of a conditional GAN.
      learning_rate: of both players, before the correction for lazy terms.
      gamma: of R1; for the official code's rule see `jaxgan.regularizers.r1_gamma`.
      path_weight: of path lengths.
      b2: of Adam, before the correction for lazy terms.
      r1_every: discriminator updates between terms of R1.
      paths_every: generator updates between path lengths.
      width: the most channels of a level.
      latent_size: of latents and styles.
      half_life: of the EMA generator, in updates; the default is 10,000 images in batches of 32.
      truncation: psi, used outside of training only, see `StyleGAN2Generator`.
    Source: Karras et al. 2020, https://arxiv.org/abs/2006.06676, and train.py of
      https://github.com/NVlabs/stylegan2-ada-pytorch
    """
    base = _SIDE * width
    generator = StyleGAN2Generator(
        shape, base, width, latent_size, num_classes=num_classes, truncation=truncation
    )
    discriminator = StyleGAN2Discriminator(base, width, num_classes=num_classes)
    return GAN(
        generator=from_linen(generator),
        discriminator=from_linen(discriminator),
        latent=latents.normal(generator.w_dim),
        loss=losses.non_saturating,
        penalties=(_lazy_r1(gamma, r1_every),),
        generator_terms=(
            path_length(path_weight, every=paths_every, styles=make_styles(generator)),
        ),
        generator_optimizer=lazy_adam(learning_rate, paths_every, b2),
        discriminator_optimizer=lazy_adam(learning_rate, r1_every, b2),
        ema_decay=_growing_decay(half_life),
    )


def stylegan2_small_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 1e-3,
    gamma: RuledGamma = 10.0,
    b2: Beta2 = 0.99,
    r1_every: Annotated[Every, Setting("Discriminator updates between terms of R1.")] = 4,
    width: Annotated[Channels, Setting("The most channels of a level of both players.")] = 64,
    latent_size: Annotated[Latents, Setting("Size of latents and styles.")] = 128,
    half_life: HalfLife = 312.5,
    truncation: Truncation = 1.0,
) -> GAN:
    """StyleGAN2 for images of up to 32 pixels: no path lengths and no style mixing.

    So is the official configuration for CIFAR-10, whose minibatch deviation of 32 samples and
    mapping network of two layers are used too. Its gamma of 0.01 is meant for augmented images, and
    its learning rate of 2.5e-3 for batches of 64. Samples are alike during the first one or two
    thousand steps and become varied later, so do not stop at the monitor's warning of collapse.

    Args:
      shape: shape of one sample.
      num_classes: number of classes or attributes of a conditional GAN.
      learning_rate: of both players, the discriminator's before the correction for lazy terms.
      gamma: of R1; for the official code's rule see `jaxgan.regularizers.r1_gamma`.
      b2: of Adam, the discriminator's before the correction for lazy terms.
      r1_every: discriminator updates between terms of R1.
      width: the most channels of a level.
      latent_size: of latents and styles.
      half_life: of the EMA generator, in updates; it grows as that of `stylegan2_gan`.
      truncation: psi, used outside of training only, see `StyleGAN2Generator`.
    Source: train.py of https://github.com/NVlabs/stylegan2-ada-pytorch
    """
    base = _SIDE * width
    generator = StyleGAN2Generator(
        *(shape, base, width, latent_size),
        num_classes=num_classes,
        style_mixing=0.0,
        truncation=truncation,
    )
    discriminator = StyleGAN2Discriminator(base, width, group_size=32, num_classes=num_classes)
    return GAN(
        generator=from_linen(generator),
        discriminator=from_linen(discriminator),
        latent=latents.normal(generator.w_dim),
        loss=losses.non_saturating,
        penalties=(_lazy_r1(gamma, r1_every),),
        generator_optimizer=optax.adam(learning_rate, b1=0.0, b2=b2),
        discriminator_optimizer=lazy_adam(learning_rate, r1_every, b2),
        ema_decay=_growing_decay(half_life),
    )


def _lazy_r1(gamma: float, every: int) -> Term:
    # The minibatch standard deviation couples the samples; the official R1 ignores it too.
    return penalty(r1, gamma=gamma, every=every)._replace(coupled="allow")


def _growing_decay(half_life: float) -> Schedule:
    return half_life_decay(lambda step: jnp.minimum(half_life, 0.05 * step))


def lazy_adam(learning_rate: float, every: int, b2: float = 0.99) -> optax.GradientTransformation:
    """StyleGAN2's Adam for a player with a term in every n-th update.

    c = n / (n + 1):  rate c,  b1 = 0,  b2^c

    Args:
      learning_rate: before the correction.
      every: n.
      b2: before the correction.
    Source: Karras et al. 2020, appendix B, https://arxiv.org/abs/1912.04958. There the term is an
      update of its own, so that n updates become n + 1; here it is part of one of the n.
    """
    c = every / (every + 1)
    return optax.adam(learning_rate * c, b1=0.0, b2=b2**c, eps=1e-8)

"""Recipes with fully connected networks."""

import dataclasses
from typing import Annotated

import jax
import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import (
    Beta1,
    Beta2,
    Dropout,
    EMADecay,
    Gamma,
    Latents,
    LearningRate,
    Limit,
    Weight,
    Width,
)
from jaxgan.regularizers import gradient_penalty, r1, r2
from jaxgan.settings import Setting
from jaxgan.term_inputs import penalty
from jaxgan.terms import auxiliary_classifier
from jaxgan.transformations import weight_clipping
from jaxgan.types import GAN


def digits_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    gamma: Gamma = 1.0,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.9,
    width: Width = 256,
    latent_size: Latents = 64,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """MLPs with the relativistic loss, R1 and R2, which cover all modes of small datasets.

    Source: Huang et al. 2024, section 2, https://arxiv.org/abs/2501.05441 (loss and penalties);
      with classes, Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784
    """
    hidden = (width, width, width)
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden, num_classes=num_classes)),
        discriminator=from_linen(MLPDiscriminator(hidden, dropout=0.0, num_classes=num_classes)),
        latent=latents.normal(latent_size),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=gamma), penalty(r2, gamma=gamma)),
        generator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        discriminator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        ema_decay=ema_decay,
    )


def acgan_gan(
    shape: Shape,
    num_classes: int | None,
    *,
    learning_rate: LearningRate = 2e-4,
    gamma: Gamma = 1.0,
    class_weight: Annotated[Weight, Setting("Weight of both players' classification loss.")] = 1.0,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.9,
    width: Width = 256,
    latent_size: Latents = 64,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """MLPs whose discriminator predicts the class (auxiliary classifier) instead of receiving it.

    R1 and R2 are added to the published loss.

    Source: Odena et al. 2017, https://arxiv.org/abs/1610.09585
    """
    hidden = (width, width, width)
    class_penalty, class_term = auxiliary_classifier(class_weight)
    discriminator = MLPDiscriminator(hidden, dropout=0.0, auxiliary_classes=num_classes)
    return dataclasses.replace(
        digits_gan(
            shape,
            num_classes,
            learning_rate=learning_rate,
            b1=b1,
            b2=b2,
            width=width,
            latent_size=latent_size,
            ema_decay=ema_decay,
        ),
        discriminator=from_linen(discriminator),
        loss=losses.non_saturating,
        penalties=(penalty(r1, gamma=gamma), penalty(r2, gamma=gamma), class_penalty),
        generator_terms=(class_term,),
    )


def mnist_mlp_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.9,
    dropout: Dropout = 0.3,
    latent_size: Latents = 100,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """The original GAN: dense layers, dropout in the discriminator, the non-saturating loss."""
    return GAN(
        generator=from_linen(MLPGenerator(shape)),
        discriminator=from_linen(MLPDiscriminator(dropout=dropout)),
        latent=latents.normal(latent_size),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        discriminator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        ema_decay=ema_decay,
    )


def spiral_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 1e-3,
    gamma: Gamma = 0.1,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.9,
    width: Width = 128,
    latent_size: Latents = 2,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """Small MLPs that map 2-D noise onto a curve; R1 and R2 keep the discriminator smooth."""
    hidden = (width, width, width)
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden=hidden, output=None)),
        discriminator=from_linen(MLPDiscriminator(hidden=hidden, dropout=0.0)),
        latent=latents.normal(latent_size),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=gamma), penalty(r2, gamma=gamma)),
        generator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        discriminator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        ema_decay=ema_decay,
    )


def wgan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    clip: Limit = 0.1,
    decay: Annotated[Beta2, Setting("RMSProp's decay of its mean of squared gradients.")] = 0.99,
    width: Width = 128,
    latent_size: Latents = 2,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """The Wasserstein GAN with weight clipping, on small ReLU MLPs.

    The clipping limit (0.1 instead of 0.01) and the learning rate (2e-4 instead of 5e-5) are larger
    than in the paper. RMSProp is PyTorch's, as in the paper's code: decay 0.99, and eps outside the
    square root.

    Source: Arjovsky et al. 2017, algorithm 1, https://arxiv.org/abs/1701.07875
    """
    hidden = (width, width, width)
    rmsprop = optax.rmsprop(learning_rate, decay=decay, eps_in_sqrt=False)
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden, jax.nn.relu, output=None)),
        discriminator=from_linen(MLPDiscriminator(hidden, dropout=0.0, activation=jax.nn.relu)),
        latent=latents.normal(latent_size),
        loss=losses.wasserstein,
        generator_optimizer=rmsprop,
        discriminator_optimizer=optax.chain(rmsprop, weight_clipping(clip)),
        ema_decay=ema_decay,
    )


def wgan_gp_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 1e-4,
    weight: Annotated[Weight, Setting("Weight of the gradient penalty.")] = 10.0,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.9,
    latent_size: Latents = 100,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """The Wasserstein GAN with gradient penalty, on the MLPs of `mnist-mlp` without dropout.

    Source: Gulrajani et al. 2017, algorithm 1, https://arxiv.org/abs/1704.00028
    """
    return GAN(
        generator=from_linen(MLPGenerator(shape)),
        discriminator=from_linen(MLPDiscriminator(dropout=0.0)),
        latent=latents.normal(latent_size),
        loss=losses.wasserstein,
        penalties=(penalty(gradient_penalty, weight),),
        generator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        discriminator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        ema_decay=ema_decay,
    )

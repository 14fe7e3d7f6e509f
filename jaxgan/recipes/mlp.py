"""Recipes with fully connected networks."""

import dataclasses

import jax
import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Shape
from jaxgan.regularizers import gradient_penalty, r1, r2
from jaxgan.term_inputs import penalty
from jaxgan.terms import auxiliary_classifier
from jaxgan.transformations import weight_clipping
from jaxgan.types import GAN


def digits_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: float = 2e-4,
    gamma: float = 1.0,
) -> GAN:
    """MLPs with the relativistic loss, R1 and R2, which cover all modes of small datasets.

    Source: Huang et al. 2024, section 2, https://arxiv.org/abs/2501.05441 (loss and penalties);
      with classes, Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784
    """
    hidden = (256, 256, 256)
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden, num_classes=num_classes)),
        discriminator=from_linen(MLPDiscriminator(hidden, dropout=0.0, num_classes=num_classes)),
        latent=latents.normal(64),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=gamma), penalty(r2, gamma=gamma)),
        generator_optimizer=optax.adam(learning_rate, b1=0.5, b2=0.9),
        discriminator_optimizer=optax.adam(learning_rate, b1=0.5, b2=0.9),
        ema_decay=0.999,
    )


def acgan_gan(shape: Shape, num_classes: int | None) -> GAN:
    """MLPs whose discriminator predicts the class (auxiliary classifier) instead of receiving it.

    R1 and R2 are added to the published loss.

    Source: Odena et al. 2017, https://arxiv.org/abs/1610.09585
    """
    hidden = (256, 256, 256)
    class_penalty, class_term = auxiliary_classifier()
    discriminator = MLPDiscriminator(hidden, dropout=0.0, auxiliary_classes=num_classes)
    return dataclasses.replace(
        digits_gan(shape, num_classes),
        discriminator=from_linen(discriminator),
        loss=losses.non_saturating,
        penalties=(penalty(r1, gamma=1.0), penalty(r2, gamma=1.0), class_penalty),
        generator_terms=(class_term,),
    )


def mnist_mlp_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: float = 2e-4,
) -> GAN:
    """The original GAN: dense layers, dropout in the discriminator, the non-saturating loss."""
    return GAN(
        generator=from_linen(MLPGenerator(shape)),
        discriminator=from_linen(MLPDiscriminator()),
        latent=latents.normal(100),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(learning_rate, b1=0.5, b2=0.9),
        discriminator_optimizer=optax.adam(learning_rate, b1=0.5, b2=0.9),
        ema_decay=0.999,
    )


def spiral_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: float = 1e-3,
    gamma: float = 0.1,
) -> GAN:
    """Small MLPs that map 2-D noise onto a curve; R1 and R2 keep the discriminator smooth."""
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden=(128, 128, 128), output=None)),
        discriminator=from_linen(MLPDiscriminator(hidden=(128, 128, 128), dropout=0.0)),
        latent=latents.normal(2),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=gamma), penalty(r2, gamma=gamma)),
        generator_optimizer=optax.adam(learning_rate, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(learning_rate, b1=0.0, b2=0.9),
        ema_decay=0.999,
    )


def wgan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: float = 2e-4,
    clip: float = 0.1,
) -> GAN:
    """The Wasserstein GAN with weight clipping, on small ReLU MLPs.

    The clipping limit (0.1 instead of 0.01) and the learning rate (2e-4 instead of 5e-5) are larger
    than in the paper. RMSProp is PyTorch's, as in the paper's code: decay 0.99, and eps outside the
    square root.

    Source: Arjovsky et al. 2017, algorithm 1, https://arxiv.org/abs/1701.07875
    """
    hidden = (128, 128, 128)
    rmsprop = optax.rmsprop(learning_rate, decay=0.99, eps_in_sqrt=False)
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden, jax.nn.relu, output=None)),
        discriminator=from_linen(MLPDiscriminator(hidden, dropout=0.0, activation=jax.nn.relu)),
        latent=latents.normal(2),
        loss=losses.wasserstein,
        generator_optimizer=rmsprop,
        discriminator_optimizer=optax.chain(rmsprop, weight_clipping(clip)),
        ema_decay=0.999,
    )


def wgan_gp_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: float = 1e-4,
    weight: float = 10.0,
) -> GAN:
    """The Wasserstein GAN with gradient penalty, on the MLPs of `mnist-mlp` without dropout.

    Source: Gulrajani et al. 2017, algorithm 1, https://arxiv.org/abs/1704.00028
    """
    return GAN(
        generator=from_linen(MLPGenerator(shape)),
        discriminator=from_linen(MLPDiscriminator(dropout=0.0)),
        latent=latents.normal(100),
        loss=losses.wasserstein,
        penalties=(penalty(gradient_penalty, weight),),
        generator_optimizer=optax.adam(learning_rate, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(learning_rate, b1=0.0, b2=0.9),
        ema_decay=0.999,
    )

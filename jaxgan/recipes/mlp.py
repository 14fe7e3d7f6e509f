"""Recipes with fully connected networks."""

import dataclasses

import jax
import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Recipe, Shape
from jaxgan.regularizers import gradient_penalty, r1, r2
from jaxgan.term_inputs import penalty
from jaxgan.terms import auxiliary_classifier
from jaxgan.training.plan import Plan
from jaxgan.transformations import weight_clipping
from jaxgan.types import GAN


def digits_gan(shape: Shape, num_classes: int | None = None) -> GAN:
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
        penalties=(penalty(r1, gamma=1.0), penalty(r2, gamma=1.0)),
        generator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
        discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
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


def mnist_mlp_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """The original GAN: dense layers, dropout in the discriminator, the non-saturating loss."""
    return GAN(
        generator=from_linen(MLPGenerator(shape)),
        discriminator=from_linen(MLPDiscriminator()),
        latent=latents.normal(100),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
        discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
        ema_decay=0.999,
    )


def spiral_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """Small MLPs that map 2-D noise onto a curve; R1 and R2 keep the discriminator smooth."""
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden=(128, 128, 128), output=None)),
        discriminator=from_linen(MLPDiscriminator(hidden=(128, 128, 128), dropout=0.0)),
        latent=latents.normal(2),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=0.1), penalty(r2, gamma=0.1)),
        generator_optimizer=optax.adam(1e-3, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(1e-3, b1=0.0, b2=0.9),
        ema_decay=0.999,
    )


def wgan_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """The Wasserstein GAN with weight clipping, on small ReLU MLPs.

    The clipping limit (0.1 instead of 0.01) and the learning rate (2e-4 instead of 5e-5) are larger
    than in the paper. RMSProp is PyTorch's, as in the paper's code: decay 0.99, and eps outside the
    square root.

    Source: Arjovsky et al. 2017, algorithm 1, https://arxiv.org/abs/1701.07875
    """
    hidden = (128, 128, 128)
    rmsprop = optax.rmsprop(2e-4, decay=0.99, eps_in_sqrt=False)
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden, jax.nn.relu, output=None)),
        discriminator=from_linen(MLPDiscriminator(hidden, dropout=0.0, activation=jax.nn.relu)),
        latent=latents.normal(2),
        loss=losses.wasserstein,
        generator_optimizer=rmsprop,
        discriminator_optimizer=optax.chain(rmsprop, weight_clipping(0.1)),
        ema_decay=0.999,
    )


def wgan_gp_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """The Wasserstein GAN with gradient penalty, on the MLPs of `mnist-mlp` without dropout.

    Source: Gulrajani et al. 2017, algorithm 1, https://arxiv.org/abs/1704.00028
    """
    return GAN(
        generator=from_linen(MLPGenerator(shape)),
        discriminator=from_linen(MLPDiscriminator(dropout=0.0)),
        latent=latents.normal(100),
        loss=losses.wasserstein,
        penalties=(penalty(gradient_penalty, 10.0),),
        generator_optimizer=optax.adam(1e-4, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(1e-4, b1=0.0, b2=0.9),
        ema_decay=0.999,
    )


RECIPES = (
    Recipe(
        name="digits",
        summary="MLP GAN with the relativistic loss, R1 and R2 on 1,797 handwritten 8x8 digits",
        data="digits",
        gan=digits_gan,
        steps=20_000,
        plan=Plan(batch_size=64, model_range=(0.0, 1.0)),
        time="1.5 min",
        result="10/10 classes, rarest class 8.8%, intra-class std 0.97, near-duplicates 0.9%",
    ),
    Recipe(
        name="mnist-mlp",
        summary="The original GAN, with MLPs; for MNIST use --data idx:DIR",
        data="digits",
        gan=mnist_mlp_gan,
        steps=40_000,
        plan=Plan(batch_size=128, model_range=(0.0, 1.0)),
        time="14 min (MNIST)",
        result="MNIST: legible digits, discriminator accuracy about 70%, sample diversity 0.94",
    ),
    Recipe(
        name="spiral",
        summary="MLP GAN on a 2-D spiral",
        data="spiral",
        gan=spiral_gan,
        steps=10_000,
        plan=Plan(batch_size=256),
        time="35 s",
        result="mean distance to the curve 0.0124 (real points: 0.0117)",
    ),
    Recipe(
        name="cgan",
        summary="Conditional MLP GAN, with the label appended to both players' inputs",
        data="digits",
        gan=digits_gan,
        steps=20_000,
        plan=Plan(batch_size=64, model_range=(0.0, 1.0), conditional=True),
        time="3 min",
        result="class accuracy 99.0%, near-duplicates 1.4%",
    ),
    Recipe(
        name="acgan",
        summary="MLP GAN whose discriminator is an auxiliary classifier",
        data="digits",
        gan=acgan_gan,
        steps=20_000,
        plan=Plan(batch_size=64, model_range=(0.0, 1.0), conditional=True),
        time="2 min",
        result="class accuracy 99.3%, intra-class std 0.92",
    ),
    Recipe(
        name="wgan",
        summary="Wasserstein GAN with weight clipping on a ring of 8 Gaussians",
        data="ring8",
        gan=wgan_gan,
        steps=10_000,
        plan=Plan(batch_size=256, n_critic=5),
        time="3 min",
        result="8/8 modes, 84% of samples within 3 sigma; the Wasserstein estimate falls from 1.0 "
        "to 0.4",
    ),
    Recipe(
        name="wgan-gp",
        summary="Wasserstein GAN with gradient penalty; for MNIST use --data idx:DIR",
        data="digits",
        gan=wgan_gp_gan,
        steps=5_000,
        plan=Plan(batch_size=64, n_critic=5, model_range=(0.0, 1.0)),
        time="3 min (MNIST: 6 min)",
        result="MNIST: 10/10 classes, rarest class 5.3%; the Wasserstein estimate falls from 14.4 "
        "to 1.8, later 2.7",
    ),
)

"""Recipes of super-resolution: SRResNet pre-training with squared error, then SRGAN."""

import dataclasses
from typing import Annotated

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.adapters.wrappers import no_discriminator, without_condition, without_latents
from jaxgan.images.tasks import low_resolution
from jaxgan.models import SRGANDiscriminator, SRResNet, vgg16_features
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import Channels, EMADecay, LearningRate, Steps, Weight
from jaxgan.settings import Setting
from jaxgan.term_inputs import generator_term
from jaxgan.terms import content_loss, mean_squared_error
from jaxgan.types import GAN, Term

SCALE = 4
GeneratorWidth = Annotated[Channels, Setting("Channels of the generator.")]
Blocks = Annotated[Channels, Setting("Residual blocks of the generator.")]
PixelWeight = Annotated[Weight, Setting("Weight of the squared error of pixels.")]


def srresnet_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    pretrain_learning_rate: Annotated[
        LearningRate, Setting("Learning rate of SRResNet at the start; it decays to 1/100.")
    ] = 1e-3,
    width: GeneratorWidth = 32,
    blocks: Blocks = 8,
    schedule: Steps = 6_000,
) -> GAN:
    """SRResNet trained with mean squared error only, without a discriminator.

    It has 8 blocks of 32 channels without batch norm; the paper's has 16 blocks of 64 channels with
    batch norm. The learning rate decays from 1e-3 to 1e-5 in 6,000 steps.

    Source: Ledig et al. 2017, sections 2.1 and 3.2, https://arxiv.org/abs/1609.04802
    """
    learning_rate = optax.cosine_decay_schedule(pretrain_learning_rate, schedule, alpha=0.01)
    return GAN(
        generator=without_latents(
            from_linen(SRResNet(SCALE, features=width, blocks=blocks, norm="none"))
        ),
        discriminator=no_discriminator(),
        latent=latents.none(),
        loss=losses.without_generator(losses.non_saturating),
        generator_terms=(generator_term(mean_squared_error, 1.0, name="mse"),),
        generator_optimizer=optax.adam(learning_rate),
        discriminator_optimizer=optax.identity(),
        task=low_resolution(SCALE),
    )


def srgan_mse_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 1e-4,
    pixels: PixelWeight = 1e3,
    width: GeneratorWidth = 32,
    blocks: Blocks = 8,
    ema_decay: EMADecay = 0.99,
) -> GAN:
    """SRGAN-MSE: the loss is the squared error of pixels plus 1e-3 times the adversarial loss."""
    start = srresnet_gan(shape, width=width, blocks=blocks)
    content = (generator_term(mean_squared_error, pixels, name="mse"),)
    return _adversarial(start, content, learning_rate, ema_decay)


def srgan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 1e-4,
    pixels: PixelWeight = 1e3,
    features: Annotated[Weight, Setting("Weight of the squared error of features.")] = 1e3,
    width: GeneratorWidth = 32,
    blocks: Blocks = 8,
    ema_decay: EMADecay = 0.99,
) -> GAN:
    """SRGAN-VGG22: the content loss uses features of VGG16, whose relu2_2 is similar to VGG19's.

    The squared error of pixels is added, with the paper's weight of each content loss. With
    features only, contrast and colours drift in so short a training, and more so with the deeper
    features that the paper prefers (relu5_4), in which a patch of 64 pixels is 4x4.

    Source: Ledig et al. 2017, section 2.2, https://arxiv.org/abs/1609.04802
    """

    # Loaded when used, so that sampling does not need the package.
    def extractor(x):
        return vgg16_features("relu2_2", (-1.0, 1.0))(x)

    start = srresnet_gan(shape, width=width, blocks=blocks)
    squares = generator_term(mean_squared_error, pixels, name="mse")
    return _adversarial(
        start, (squares, content_loss(extractor, features)), learning_rate, ema_decay
    )


def _adversarial(
    start: GAN, content: tuple[Term, ...], learning_rate: float, ema_decay: float
) -> GAN:
    return dataclasses.replace(
        start,
        discriminator=without_condition(from_linen(SRGANDiscriminator(features=32, hidden=256))),
        loss=losses.non_saturating,
        generator_terms=content,
        generator_optimizer=optax.adam(learning_rate),
        discriminator_optimizer=optax.adam(learning_rate),
        ema_decay=ema_decay,
    )

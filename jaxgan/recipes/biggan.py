"""Recipes with the networks of BigGAN: BigGAN itself and ReACGAN."""

import dataclasses
from typing import Annotated

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import BigGANDiscriminator, BigGANGenerator
from jaxgan.models.levels import level_sizes
from jaxgan.recipes.base import Shape
from jaxgan.recipes.hyperparameters import (
    Beta1,
    Beta2,
    Channels,
    EMADecay,
    LearningRate,
    Weight,
)
from jaxgan.regularizers import make_orthogonality
from jaxgan.settings import Setting
from jaxgan.term_inputs import generator_term
from jaxgan.terms import data_to_data_terms
from jaxgan.types import GAN

Orthogonality = Annotated[
    Weight, Setting("Weight of the generator's orthogonality, embedding apart.")
]
Chunk = Annotated[Channels, Setting("Latents per level, 20 in the paper.")]
_LARGEST_ATTENDED = 32  # attention takes memory by the fourth power of the size


def biggan_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-4,
    orthogonality: Orthogonality = 1e-4,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.999,
    width: Channels = 32,
    chunk: Chunk = 20,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """BigGAN with narrow networks, hinge loss, Adam and orthogonal regularisation.

    The widths are 1/12 (generator) and 1/6 of those for CIFAR-10. As there, attention is at half
    the size of the samples, but at 32 positions per axis for larger ones, and nowhere for those
    that leave no level in between. Each player has one update per round; the discriminator has two
    in the paper, and four or five in settings for CIFAR-10 (`n_critic`).

    Source: Brock et al. 2019, https://arxiv.org/abs/1809.11096
    """
    of_generator, of_discriminator = _attended(shape)
    generator = BigGANGenerator(shape, width, num_classes, attention=of_generator)
    discriminator = BigGANDiscriminator(width, num_classes=num_classes, attention=of_discriminator)
    orthogonal = make_orthogonality(select=lambda name: "LabelEmbedding" not in name)
    adam = optax.adam(learning_rate, b1=b1, b2=b2)
    return GAN(
        generator=from_linen(generator),
        discriminator=from_linen(discriminator),
        latent=latents.normal(chunk * len(level_sizes(shape))),
        loss=losses.hinge,
        generator_terms=(generator_term(orthogonal, orthogonality),),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=ema_decay,
    )


def reacgan_gan(
    shape: Shape,
    num_classes: int | None,
    *,
    learning_rate: LearningRate = 2e-4,
    orthogonality: Orthogonality = 1e-4,
    weight: Annotated[Weight, Setting("Weight of both players' cross-entropy.")] = 0.5,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.999,
    width: Channels = 32,
    chunk: Chunk = 20,
    ema_decay: EMADecay = 0.999,
) -> GAN:
    """ReACGAN: BigGAN's networks with the data-to-data cross-entropy instead of the projection.

    Temperature 0.5 and margin 0.98 are the published ones for CIFAR-10. The embedding has length
    64 instead of 512.

    Raises:
      ValueError: if num_classes is None.
    Source: Kang et al. 2021, https://arxiv.org/abs/2111.01118
    """
    if num_classes is None:
        raise ValueError("reacgan needs labelled data: its terms compare samples by their classes")
    gan = biggan_gan(
        shape,
        num_classes,
        learning_rate=learning_rate,
        orthogonality=orthogonality,
        b1=b1,
        b2=b2,
        width=width,
        chunk=chunk,
        ema_decay=ema_decay,
    )
    discriminator = BigGANDiscriminator(
        width, auxiliary_classes=num_classes, embedding=64, attention=_attended(shape)[1]
    )
    of_discriminator, of_generator = data_to_data_terms(weight)
    return dataclasses.replace(
        gan,
        discriminator=from_linen(discriminator),
        penalties=(of_discriminator,),
        generator_terms=(*gan.generator_terms, of_generator),
    )


def _attended(shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes for attention in both networks: of the largest inner level that is small enough."""
    inner = [max(size) for size in level_sizes(shape)[1:-1]]
    for depth, size in enumerate(inner):
        if size <= _LARGEST_ATTENDED:
            # Generators round the sizes of their levels up, discriminators cut off odd positions.
            return (size,), (max(shape[:-1]) // 2 ** (depth + 1),)
    return (), ()

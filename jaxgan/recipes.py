"""Named, complete settings. Each says what it trains on, how long it takes, what it reached."""

import dataclasses
from collections.abc import Callable

import optax

from jaxgan import latents, losses
from jaxgan.adapters import from_linen
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.regularizers import penalty, r1, r2
from jaxgan.train import Plan
from jaxgan.types import GAN


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A setting of everything, with what it is known to reach.

    Attributes:
      name: on the command line.
      summary: what it is, in a line.
      data: the default data, see `jaxgan.data.load`.
      gan: makes the GAN for samples of a shape.
      steps: generator updates.
      plan: batches and schedule.
      time: of the whole run, on two CPU cores.
      result: measured, with the command that measures it.
    """

    name: str
    summary: str
    data: str
    gan: Callable[[tuple[int, ...]], GAN]
    steps: int
    plan: Plan
    time: str = ""
    result: str = ""


def digits_gan(shape: tuple[int, ...]) -> GAN:
    """An MLP pair with the relativistic loss and R1 + R2, which keep all modes of small data.

    Source: Huang et al. 2024, section 2, https://arxiv.org/abs/2501.05441 (loss and penalties).
    """
    return GAN(
        generator=from_linen(MLPGenerator(shape, hidden=(256, 256, 256))),
        discriminator=from_linen(MLPDiscriminator(hidden=(256, 256, 256), dropout=0.0)),
        latent=latents.normal(64),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=1.0), penalty(r2, gamma=1.0)),
        generator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
        discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
        ema_decay=0.999,
    )


def mnist_mlp_gan(shape: tuple[int, ...]) -> GAN:
    """The vanilla GAN of the textbooks: dense layers, dropout, the non-saturating loss."""
    return GAN(
        generator=from_linen(MLPGenerator(shape)),
        discriminator=from_linen(MLPDiscriminator()),
        latent=latents.normal(100),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
        discriminator_optimizer=optax.adam(2e-4, b1=0.5, b2=0.9),
        ema_decay=0.999,
    )


def spiral_gan(shape: tuple[int, ...]) -> GAN:
    """Small MLPs that warp 2-D noise onto a curve; R1 + R2 keep the discriminator smooth."""
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


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="digits",
            summary="MLPs with the relativistic loss, R1 and R2 on 1,797 real 8x8 digits",
            data="digits",
            gan=digits_gan,
            steps=20_000,
            plan=Plan(batch_size=64, model_range=(0.0, 1.0)),
            time="1.5 min",
            result="10 classes, each at least 8.8 % of 1,000 samples; spread within a class .97 "
            "of the real; 0.9 % copies",
        ),
        Recipe(
            name="mnist-mlp",
            summary="The textbook notebook's vanilla GAN; for MNIST give --data idx:DIR",
            data="digits",
            gan=mnist_mlp_gan,
            steps=40_000,
            plan=Plan(batch_size=128, model_range=(0.0, 1.0)),
            time="14 min (MNIST)",
            result="MNIST: legible digits; discriminator accuracy about 70 %, diversity .94",
        ),
        Recipe(
            name="spiral",
            summary="MLPs that match a 2-D spiral",
            data="spiral",
            gan=spiral_gan,
            steps=10_000,
            plan=Plan(batch_size=256),
            time="35 s",
            result="mean distance to the curve .0124 (real points: .0117)",
        ),
    )
}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
      ValueError: if there is none; the error lists them.
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}; known: {', '.join(RECIPES)}")
    return RECIPES[name]

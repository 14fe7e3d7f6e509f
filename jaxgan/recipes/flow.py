"""The recipe of adversarial flow, for samples of a few numbers."""

from typing import Annotated

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Shape
from jaxgan.recipes.facts import FLOW_STEPS
from jaxgan.recipes.hyperparameters import (
    Beta1,
    Beta2,
    EMADecay,
    LearningRate,
    Steps,
    Weight,
    Width,
)
from jaxgan.regularizers import approximate_r1, approximate_r2, logit_centring
from jaxgan.schedules import cosine
from jaxgan.settings import Setting
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.terms import transport
from jaxgan.types import GAN


def flow_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: Annotated[
        LearningRate, Setting("Learning rate of the generator; the discriminator's is twice that.")
    ] = 2e-3,
    penalty_weight: Annotated[Weight, Setting("Weight of R1 and R2, in samples' units.")] = 0.02,
    b1: Beta1 = 0.0,
    b2: Beta2 = 0.9,
    width: Width = 64,
    ema_decay: EMADecay = 0.99,
    schedule: Annotated[Steps, Setting("Steps in which the transport's weight falls.")] = (
        FLOW_STEPS // 2
    ),
) -> GAN:
    """Adversarial flow: a GAN whose generator learns the optimal transport from noise to data.

    | | published, for images | here |
    |---|---|---|
    | networks | transformers | MLPs with two hidden layers of 64 |
    | latents | normal, of the samples' shape | the same |
    | loss | relativistic | the same |
    | R1 and R2 | approximate, epsilon 0.01 | the same |
    | logits | centred, weight 0.01 | the same |
    | transport | weight falls from 0.2 to 0.005 | the same, by half of the steps |

    For images, take a residual generator whose latents are images of noise, and the same terms.

    Args:
      shape: shape of one sample, (n,).
      num_classes: not supported.
      learning_rate: of the generator; the discriminator's is twice as high.
      penalty_weight: of R1 and R2, in units of the samples.
      b1: of Adam.
      b2: of Adam.
      width: of each hidden layer.
      ema_decay: of the EMA generator.
      schedule: number of steps in which the weight of the transport falls.
    Raises:
      ValueError: if samples are not vectors, or classes are given.
    Source: Lin et al. 2025, section 3, https://arxiv.org/abs/2511.22475
    """
    if len(shape) != 1 or num_classes is not None:
        raise ValueError(
            f"flow needs vectors without classes, such as --data spiral, got samples of shape "
            f"{tuple(shape)} and num_classes={num_classes}"
        )
    return GAN(
        generator=from_linen(MLPGenerator(shape, (width, width), output=None)),
        discriminator=from_linen(MLPDiscriminator((width, width), dropout=0.0)),
        latent=latents.normal(shape[0]),
        loss=losses.relativistic,
        penalties=(
            penalty(approximate_r1, penalty_weight),
            penalty(approximate_r2, penalty_weight),
            penalty(logit_centring, 0.01),
        ),
        generator_terms=(generator_term(transport, cosine(0.2, 0.005, schedule)),),
        generator_optimizer=optax.adam(learning_rate, b1=b1, b2=b2),
        discriminator_optimizer=optax.adam(2 * learning_rate, b1=b1, b2=b2),
        ema_decay=ema_decay,
    )

"""The recipe of adversarial flow, for samples of a few numbers."""

import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Shape
from jaxgan.recipes.facts import FLOW_STEPS
from jaxgan.regularizers import approximate_r1, approximate_r2, logit_centring
from jaxgan.schedules import cosine
from jaxgan.term_inputs import generator_term, penalty
from jaxgan.terms import transport
from jaxgan.types import GAN


def flow_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: float = 2e-3,
    penalty_weight: float = 0.02,
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
        generator=from_linen(MLPGenerator(shape, (64, 64), output=None)),
        discriminator=from_linen(MLPDiscriminator((64, 64), dropout=0.0)),
        latent=latents.normal(shape[0]),
        loss=losses.relativistic,
        penalties=(
            penalty(approximate_r1, penalty_weight),
            penalty(approximate_r2, penalty_weight),
            penalty(logit_centring, 0.01),
        ),
        generator_terms=(generator_term(transport, cosine(0.2, 0.005, FLOW_STEPS // 2)),),
        generator_optimizer=optax.adam(learning_rate, b1=0.0, b2=0.9),
        discriminator_optimizer=optax.adam(2 * learning_rate, b1=0.0, b2=0.9),
        ema_decay=0.99,
    )

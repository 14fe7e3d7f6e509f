"""Recipes for 2-D mixtures of Gaussians, whose known modes can be counted."""

import jax.numpy as jnp
import optax

from jaxgan import latents, losses
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.recipes.base import Shape
from jaxgan.recipes.facts import MIXTURE_STEPS
from jaxgan.recipes.hyperparameters import (
    Beta1,
    Beta2,
    EMADecay,
    Gamma,
    LearningRate,
    Steps,
    Width,
)
from jaxgan.regularizers import r1, r2
from jaxgan.schedules import cosine
from jaxgan.term_inputs import penalty
from jaxgan.types import GAN, Network


def mixture_gan(
    shape: Shape,
    unit: float,
    *,
    learning_rate: float = 2e-3,
    gamma: float = 10.0,
    b1: float = 0.5,
    b2: float = 0.9,
    width: int = 64,
    ema_decay: float = 0.99,
    schedule: int = MIXTURE_STEPS,
) -> GAN:
    """Small MLPs with the relativistic loss, R1 and R2, for modes tens of sigma apart.

    Three choices make them cover all modes:

    - Sine activations in the discriminator, whose inputs are in units of 20 sigma, resolve single
      modes. Leaky ReLU networks are almost linear at this scale.
    - Rademacher latents, in addition to normal ones, give disconnected components. With normal
      latents only, the generator leaves bridges of samples between modes.
    - Gamma and the learning rate decay. A gamma that is large enough to stabilise the first steps
      blurs structure as small as sigma.

    Args:
      shape: shape of one sample, (2,).
      unit: length unit of the discriminator's inputs.
      learning_rate: of both players at the start.
      gamma: weight of R1 and R2 at the start, in units of the discriminator's inputs.
      b1: of Adam.
      b2: of Adam.
      width: of each hidden layer.
      ema_decay: of the EMA generator.
      schedule: number of steps of both schedules.
    Source: Huang et al. 2024, section 2, https://arxiv.org/abs/2501.05441 (loss and penalties);
      Khayatkhoei et al. 2018, https://arxiv.org/abs/1806.00880 (connected latents leave bridges);
      Sitzmann et al. 2020, https://arxiv.org/abs/2006.09661 (sines)
    """
    hidden = (width, width, width)
    # Constant while modes are found, then decayed to a value that permits slopes of 1 / sigma.
    decayed = optax.exponential_decay(
        gamma * unit**2,
        transition_steps=int(0.6 * schedule),
        decay_rate=2e-4,
        transition_begin=int(0.3 * schedule),
        end_value=2e-4 * gamma * unit**2,
    )
    adam = optax.adam(cosine(learning_rate, 0.0, schedule), b1=b1, b2=b2)
    generator = MLPGenerator(shape, hidden, output=lambda x: unit * x)
    discriminator = MLPDiscriminator(hidden, dropout=0.0, activation=jnp.sin)
    return GAN(
        generator=from_linen(generator),
        discriminator=_in_units(from_linen(discriminator), unit),
        latent=latents.concatenate(latents.normal(2), latents.rademacher(8)),
        loss=losses.relativistic,
        penalties=(penalty(r1, gamma=decayed), penalty(r2, gamma=decayed)),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        ema_decay=ema_decay,
    )


def _in_units(network: Network, unit: float) -> Network:
    """A discriminator whose samples are divided by `unit` first."""

    def init(key, x):
        return network.init(key, x / unit)

    def apply(params, model_state, x, *, keys, train, axis_name=None):
        return network.apply(
            params, model_state, x / unit, keys=keys, train=train, axis_name=axis_name
        )

    return network._replace(init=init, apply=apply)


def ring_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-3,
    gamma: Gamma = 10.0,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.9,
    width: Width = 64,
    ema_decay: EMADecay = 0.99,
    schedule: Steps = MIXTURE_STEPS,
) -> GAN:
    """The GAN for the ring of 8 Gaussians (sigma 0.01)."""
    return mixture_gan(
        shape,
        0.2,
        learning_rate=learning_rate,
        gamma=gamma,
        b1=b1,
        b2=b2,
        width=width,
        ema_decay=ema_decay,
        schedule=schedule,
    )


def grid_gan(
    shape: Shape,
    num_classes: int | None = None,
    *,
    learning_rate: LearningRate = 2e-3,
    gamma: Gamma = 10.0,
    b1: Beta1 = 0.5,
    b2: Beta2 = 0.9,
    width: Width = 64,
    ema_decay: EMADecay = 0.99,
    schedule: Steps = MIXTURE_STEPS,
) -> GAN:
    """The GAN for the grid of 25 Gaussians (sigma 0.05)."""
    return mixture_gan(
        shape,
        1.0,
        learning_rate=learning_rate,
        gamma=gamma,
        b1=b1,
        b2=b2,
        width=width,
        ema_decay=ema_decay,
        schedule=schedule,
    )

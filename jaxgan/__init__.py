"""jaxgan: generative adversarial networks in JAX, as pure functions."""

from jaxgan import (
    data,
    latents,
    losses,
    models,
    parallel,
    regularizers,
    terms,
    transformations,
)
from jaxgan.adapters import from_linen, from_nnx, without_condition
from jaxgan.regularizers import penalty
from jaxgan.steps import (
    init,
    make_discriminator_step,
    make_generator_step,
    make_train_step,
    sample,
)
from jaxgan.train import Plan, fit, iterate
from jaxgan.types import (
    GAN,
    AdversarialLoss,
    Batch,
    DiscriminatorOutput,
    GANState,
    GeneratorTerm,
    Network,
    Penalty,
    PenaltyInputs,
    PlayerState,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "GAN",
    "AdversarialLoss",
    "Batch",
    "DiscriminatorOutput",
    "GANState",
    "GeneratorTerm",
    "Network",
    "Penalty",
    "PenaltyInputs",
    "Plan",
    "PlayerState",
    "data",
    "fit",
    "from_linen",
    "from_nnx",
    "init",
    "iterate",
    "latents",
    "losses",
    "make_discriminator_step",
    "make_generator_step",
    "make_train_step",
    "models",
    "parallel",
    "penalty",
    "regularizers",
    "sample",
    "terms",
    "transformations",
    "without_condition",
]

"""jaxgan: generative adversarial networks in JAX, as pure functions."""

from jaxgan import (
    augment,
    data,
    latents,
    losses,
    models,
    monitor,
    parallel,
    regularizers,
    schedules,
    terms,
    transformations,
    updates,
)
from jaxgan.adapters.from_flax import from_linen, from_nnx
from jaxgan.adapters.packing import packed
from jaxgan.adapters.precision import gan_in_precision, with_compute_dtype
from jaxgan.adapters.wrappers import no_discriminator, without_condition, without_latents
from jaxgan.images import pyramid
from jaxgan.nonfinite import NonFiniteError
from jaxgan.players import make_discriminate, make_generate, sample
from jaxgan.steps import init, make_discriminator_step, make_generator_step, make_train_step
from jaxgan.term_inputs import TermInputs, TermState, generator_term, penalty
from jaxgan.training.loop import fit, iterate
from jaxgan.training.plan import Plan
from jaxgan.training.state import RunState, init_run
from jaxgan.types import (
    GAN,
    AdversarialLoss,
    Augmentation,
    Batch,
    DiscriminatorOutput,
    GANState,
    Network,
    PlayerState,
    Task,
    Term,
    Weights,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "GAN",
    "AdversarialLoss",
    "Augmentation",
    "Batch",
    "DiscriminatorOutput",
    "GANState",
    "Network",
    "NonFiniteError",
    "Plan",
    "PlayerState",
    "RunState",
    "Task",
    "Term",
    "TermInputs",
    "TermState",
    "Weights",
    "augment",
    "data",
    "fit",
    "from_linen",
    "from_nnx",
    "gan_in_precision",
    "generator_term",
    "init",
    "init_run",
    "iterate",
    "latents",
    "losses",
    "make_discriminate",
    "make_discriminator_step",
    "make_generate",
    "make_generator_step",
    "make_train_step",
    "models",
    "monitor",
    "no_discriminator",
    "packed",
    "parallel",
    "penalty",
    "pyramid",
    "regularizers",
    "sample",
    "schedules",
    "terms",
    "transformations",
    "updates",
    "with_compute_dtype",
    "without_condition",
    "without_latents",
]

"""Adapters: networks from Flax modules, and networks that wrap other networks."""

from jaxgan.adapters.from_flax import from_linen, from_nnx
from jaxgan.adapters.wrappers import no_discriminator, without_condition, without_latents

__all__ = [
    "from_linen",
    "from_nnx",
    "no_discriminator",
    "without_condition",
    "without_latents",
]

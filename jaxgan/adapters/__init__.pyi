from .bundling import bundle as bundle
from .from_flax import from_linen as from_linen, from_nnx as from_nnx
from .wrappers import (
    no_discriminator as no_discriminator,
    without_condition as without_condition,
    without_latents as without_latents,
)

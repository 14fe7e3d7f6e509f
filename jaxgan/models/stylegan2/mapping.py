"""The mapping network of StyleGAN2."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.equalized import EqualizedDense, activated
from jaxgan.models.layers.labels import check_given, one_hot
from jaxgan.models.layers.normalization import PixelNorm
from jaxgan.types import Array

_LR_MULTIPLIER = 0.01


class MappingNetwork(nn.Module):
    """Dense layers from latents and labels to styles w.

    Latents, and the label's embedding beside them, are scaled to a mean square of 1.

    Attributes:
      features: width of all layers, of the embedding and of the output.
      layers: number of layers.
      num_classes: number of classes; None for latents without labels.
    Source: Karras et al. 2019, section 2, https://arxiv.org/abs/1812.04948; with labels, the code
      of Karras et al. 2020, https://github.com/NVlabs/stylegan2-ada-pytorch
    """

    features: int
    layers: int
    num_classes: int | None = None

    @nn.compact
    def __call__(self, latents: Array | None, labels: Array | None = None) -> Array:
        """Styles w [batch, features] for latents [batch, dim] or None, and labels int [batch].

        Raises:
          ValueError: if labels are missing, not applicable or out of range.
        """
        check_given(labels, self.num_classes)
        parts = [] if latents is None else [PixelNorm()(latents)]
        if self.num_classes is not None and labels is not None:
            rows = one_hot(labels, self.num_classes)
            rows = rows.astype(jnp.float32 if latents is None else latents.dtype)
            parts.append(PixelNorm()(EqualizedDense(self.features, name="embed")(rows)))
        x = jnp.concatenate(parts, axis=1)
        for i in range(self.layers):
            x = activated(EqualizedDense(self.features, _LR_MULTIPLIER, name=f"fc{i}")(x))
        return x

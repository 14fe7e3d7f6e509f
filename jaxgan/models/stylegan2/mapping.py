"""The mapping network of StyleGAN2, and the average of its outputs, the centre of truncation."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.equalized import EqualizedDense, activated
from jaxgan.models.layers.labels import check_given, one_hot
from jaxgan.models.layers.normalization import PixelNorm
from jaxgan.parallel.global_batch import mean_over_devices
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
            rows = rows if latents is None else rows.astype(latents.dtype)
            parts.append(PixelNorm()(EqualizedDense(self.features, name="embed")(rows)))
        x = jnp.concatenate(parts, axis=1)
        for i in range(self.layers):
            x = activated(EqualizedDense(self.features, _LR_MULTIPLIER, name=f"fc{i}")(x))
        return x


def moved_average(
    average: Array, w: Array, labels: Array | None, decay: float, axis_name: str | None = None
) -> Array:
    """The moving average of styles after an update, one per class if there are labels.

    For the fraction f of the samples that are in a class, out of C classes: average' = mean + b
    (average - mean) with b = decay^(C f), so that the average of a rare class covers as many
    updates as that of a frequent one.

    Args:
      average: so far, float32 [dim], or [classes, dim] with labels.
      w: styles [batch, dim].
      labels: int [batch], or None.
      decay: in [0, 1].
      axis_name: mapped device axis, or None.
    """
    classes = average.reshape(-1, average.shape[-1])
    member = jnp.ones((len(w), 1)) if labels is None else one_hot(labels, len(classes))
    total = jnp.einsum("bc,bd->cd", member, w.astype(jnp.float32)) / len(w)
    fraction, total = mean_over_devices((jnp.mean(member, axis=0), total), axis_name)
    mean = total / jnp.where(fraction > 0, fraction, 1.0)[:, None]
    b = decay ** (len(classes) * fraction)[:, None]
    return (mean + b * (classes - mean)).reshape(average.shape)

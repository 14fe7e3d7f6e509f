"""Styles w: one per layer, mixed in training, truncated outside of it, and their average."""

import jax
import jax.numpy as jnp

from jaxgan.models.layers.keys import layer_keys
from jaxgan.models.layers.labels import one_hot
from jaxgan.models.layers.linear import as_float32
from jaxgan.parallel.global_batch import mean_over_devices
from jaxgan.types import Array


def repeated(w: Array, layers: int) -> Array:
    """The style w [batch, dim] of all layers, [batch, layers, dim]."""
    # Repeated in float32, since the gradient is a sum over the layers.
    return jnp.repeat(as_float32(w)[:, None], layers, axis=1).astype(w.dtype)


def mixing_draws(
    keys: Array, latent_shape: tuple[int, ...], layers: int, probability: float
) -> tuple[Array, Array]:
    """What style mixing draws for each sample: a second latent, and the layer that it begins with.

    Args:
      keys: one per sample, [batch].
      latent_shape: of one latent.
      layers: their number.
      probability: that a sample mixes two styles.
    Returns:
      Normal latents [batch, *latent_shape], and int [batch]: uniform from 1 to layers - 1, or
      `layers` for samples of a single style.
    """

    def drawn(key: Array) -> tuple[Array, Array]:
        latent_key, coin_key, place_key = jax.random.split(key, 3)
        z = jax.random.normal(latent_key, latent_shape, jnp.float32)
        mixes = jax.random.bernoulli(coin_key, probability)
        return z, jnp.where(mixes, jax.random.randint(place_key, (), 1, layers), layers)

    return jax.vmap(drawn)(layer_keys(keys, ("style mixing",)))


def mixed(w: Array, second: Array, begin: Array, layers: int) -> Array:
    """Styles [batch, layers, dim]: w [batch, dim], from layer `begin` [batch] on the second ones.

    Source: Karras et al. 2019, section 3.1, https://arxiv.org/abs/1812.04948
    """
    first = (jnp.arange(layers)[None] < begin[:, None])[:, :, None]
    return jnp.where(first, repeated(w, layers), repeated(second, layers))


def truncated(w: Array, centre: Array, psi: float | Array, cutoff: int, layers: int) -> Array:
    """Styles [batch, layers, dim], w' = centre + psi (w - centre) in the first `cutoff` layers.

    Args:
      w: styles [batch, dim].
      centre: [batch or 1, dim].
      psi: 1 for w itself, bit for bit.
      cutoff: number of layers with truncation.
      layers: number of layers.
    Source: Karras et al. 2019, appendix B, https://arxiv.org/abs/1812.04948
    """
    moved = (centre + psi * (w - centre)).astype(w.dtype)
    moved = jnp.where(jnp.asarray(psi) == 1, w, moved)
    first = (jnp.arange(layers) < cutoff)[None, :, None]
    return jnp.where(first, repeated(moved, layers), repeated(w, layers))


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
    member = member.astype(jnp.float32)
    total = jnp.einsum("bc,bd->cd", member, w.astype(jnp.float32)) / len(w)
    fraction, total = mean_over_devices((jnp.mean(member, axis=0), total), axis_name)
    mean = total / jnp.where(fraction > 0, fraction, 1.0)[:, None]
    b = decay ** (len(classes) * fraction)[:, None]
    return (mean + b * (classes - mean)).reshape(average.shape)

"""Top-k training: the generator learns from the samples that the discriminator likes best."""

import jax
import jax.numpy as jnp

from jaxgan.critics import mean_over_patches
from jaxgan.schedules import value_at
from jaxgan.term_inputs import generator_term
from jaxgan.types import AdversarialLoss, Array, Schedule, Term


def top_k_loss(
    loss: AdversarialLoss, real_logits: Array, fake_logits: Array, fraction: float | Array
) -> Array:
    """The generator's mean loss over the k generated samples of the highest logits.

    1/k sum_{i in top k} J_G(D(x_i), D(G(z_i))),  k = max(1, round(fraction * batch))

    Args:
      loss: an adversarial loss whose generator's part is a mean over pairs (x_i, z_i) of samples,
        as all of `jaxgan.losses` but the relativistic averages; here each pair is a batch of its
        own.
      real_logits: [batch, ...], of the global batch.
      fake_logits: [batch, ...], of the same shape; maps of patches are ranked by their means.
      fraction: in (0, 1], of the batch; may be traced.
    Returns:
      float32 scalar.
    Source: Sinha et al. 2020, section 3.1, https://arxiv.org/abs/2002.06224
    """
    batch = len(fake_logits)
    k = jnp.maximum(1.0, jnp.round(jnp.asarray(fraction, jnp.float32) * batch))
    scores = jax.lax.stop_gradient(mean_over_patches(fake_logits))
    place = jnp.argsort(jnp.argsort(-scores))  # 0 for the highest
    chosen = place < k
    pairs = jax.vmap(lambda real, fake: loss.generator(real[None], fake[None]))
    # Where, not a product: the loss of a sample that is left out may be infinite.
    return jnp.sum(jnp.where(chosen, pairs(real_logits, fake_logits), 0.0)) / k


def top_k(loss: AdversarialLoss, fraction: float | Schedule = 0.5) -> Term:
    """Top-k training of the generator, in place of the loss's own part for it.

    Use it as `GAN(loss=losses.without_generator(loss), generator_terms=(top_k(loss, fraction),))`.

    Args:
      loss: see `top_k_loss`.
      fraction: of the batch, in (0, 1]; or a schedule of it. The paper starts with the whole batch
        and multiplies k by a constant such as 0.99 per epoch, down to a floor such as half of it:
        optax.exponential_decay(1.0, steps_per_epoch, 0.99, end_value=0.5).
    Returns:
      One of the GAN's `generator_terms`, called "top_k".
    Raises:
      ValueError: if fraction is a number that is not in (0, 1].
    Source: Sinha et al. 2020, section 3.1 and algorithm 1, https://arxiv.org/abs/2002.06224
    """
    if not callable(fraction) and not 0.0 < fraction <= 1.0:
        raise ValueError(f"fraction must lie in (0, 1], got {fraction}")

    def top_k(real_logits: Array, fake_logits: Array, step: Array) -> Array:
        return top_k_loss(loss, real_logits, fake_logits, value_at(fraction, step))

    return generator_term(top_k, 1.0)

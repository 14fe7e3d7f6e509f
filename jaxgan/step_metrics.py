"""Metrics of one update, from the logits and samples that its loss has computed anyway."""

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import gather
from jaxgan.types import (
    GAN,
    Array,
    Metrics,
    PyTree,
)

_DIVERSITY_SAMPLES = 64


def logit_metrics(gan: GAN, real_logits: Array, fake_logits: Array) -> Metrics:
    """Accuracies, means and standard deviation of a global batch's logits."""
    real, fake = jax.lax.stop_gradient((real_logits, fake_logits))
    real, fake = real.astype(jnp.float32), fake.astype(jnp.float32)
    metrics = {
        "logit_real": jnp.mean(real),
        "logit_fake": jnp.mean(fake),
        "logit_std": jnp.std(jnp.concatenate([real, fake])),
    }
    if gan.loss.threshold is None:
        metrics["accuracy_pairs"] = jnp.mean(real > fake)
    else:
        # A logit at the threshold counts as fake: a constant discriminator is half right.
        metrics["accuracy_real"] = jnp.mean(real > gan.loss.threshold)
        metrics["accuracy_fake"] = jnp.mean(fake <= gan.loss.threshold)
    if gan.loss.probability:
        metrics["prob_real"] = jnp.mean(jax.nn.sigmoid(real))
        metrics["prob_fake"] = jnp.mean(jax.nn.sigmoid(fake))
    return metrics


def diversity(real: PyTree, fake: PyTree, axis_name: str | None) -> Array:
    """Mean distance between two generated samples over that between two real ones, or NaN."""
    real, fake = _as_array(real), _as_array(fake)
    if axis_name is not None:
        # Few are compared; where they fall evenly on the devices, only they need to travel.
        stride = _stride(len(real) * jax.lax.axis_size(axis_name))
        if len(real) % stride == 0:
            real, fake = real[::stride], fake[::stride]
        real, fake = gather(real, axis_name), gather(fake, axis_name)
    ratio = mean_pairwise_distance(fake) / jnp.maximum(mean_pairwise_distance(real), 1e-12)
    compared = real[:: _stride(len(real))]
    # Real samples that are all equal, or only one, leave nothing to compare with.
    return jnp.where(jnp.all(compared == compared[:1]), jnp.nan, ratio)


def _as_array(x: PyTree) -> Array:
    """Samples as one array: that of plain samples, else all values of a tree, [batch, values]."""
    leaves = jax.tree.leaves(x)
    if len(leaves) == 1:
        return leaves[0]
    return jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def _stride(count: int) -> int:
    return max(1, count // _DIVERSITY_SAMPLES)


def mean_pairwise_distance(x: Array) -> Array:
    """Mean Euclidean distance between two different samples of a batch.

    Args:
      x: samples [batch, ...]; of a large batch 64 to 127, evenly spaced, are compared.
    Returns:
      float32 scalar in units of x; NaN for a batch of one.

    >>> print(mean_pairwise_distance(jnp.array([[0.0, 0.0], [3.0, 4.0]])))
    5.0
    """
    if len(x) < 2:
        return jnp.float32(jnp.nan)
    x = jax.lax.stop_gradient(x)[:: _stride(len(x))]
    x = x.reshape(len(x), -1).astype(jnp.float32)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, about the mean, where it cancels least.
    x = x - jnp.mean(x, axis=0, keepdims=True)
    norms = jnp.sum(x**2, axis=1)
    squared = norms[:, None] + norms[None, :] - 2.0 * jnp.dot(x, x.T, precision="highest")
    distances = jnp.sqrt(jnp.maximum(squared, 0.0)) * (1.0 - jnp.eye(len(x), dtype=jnp.float32))
    return jnp.sum(distances) / (len(x) * (len(x) - 1))

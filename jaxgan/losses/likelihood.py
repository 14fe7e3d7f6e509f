"""The Bernoulli log-likelihood, the value function V(D, G), and means of logits."""

import jax
import jax.numpy as jnp

from jaxgan.types import Array

# Finite logits are clipped to these sizes: sums and differences of a few such numbers fit into
# float32, and so do squares of the second. Infinite logits become NaN, so that they are noticed.
LARGEST_LOGIT = 1e37
LARGEST_SQUARED_LOGIT = 1e18


def log_probability(p: Array) -> Array:
    """Natural logarithm of a probability, finite at 0: log max(p, smallest normal float32).

    Args:
      p: probabilities in [0, 1], any shape.
    Returns:
      float32 of the same shape, in [-87.4, 0].

    >>> print(f"{log_probability(0.9):.3f} {log_probability(0.1):.3f}")
    -0.105 -2.303
    """
    return jnp.log(jnp.maximum(jnp.asarray(p, jnp.float32), jnp.finfo(jnp.float32).tiny))


def bernoulli_log_likelihood(y: Array, p: Array) -> Array:
    """Log-likelihood of outcomes y under probability p: y log p + (1 - y) log(1 - p).

    Args:
      y: outcomes in [0, 1], any shape that broadcasts with p.
      p: probabilities in [0, 1] of the outcome 1.
    Returns:
      float32, elementwise; at least -87.4.
    Source: Goodfellow et al. 2016, Deep Learning, section 3.9.1.

    >>> print(f"{bernoulli_log_likelihood(1.0, 0.9):.3f} {bernoulli_log_likelihood(0.0, 0.9):.3f}")
    -0.105 -2.303
    """
    y, p = jnp.asarray(y, jnp.float32), jnp.asarray(p, jnp.float32)
    return y * log_probability(p) + (1.0 - y) * log_probability(1.0 - p)


def binary_cross_entropy(logits: Array, labels: Array | float, smoothing: float = 0.0) -> Array:
    """Mean of -log Bernoulli(label; sigmoid(logit)), with one-sided label smoothing.

    Args:
      logits: any shape.
      labels: in [0, 1], a shape that broadcasts with logits; 1 is real.
      smoothing: s in [0, 1); the label 1 becomes 1 - s, the label 0 stays.
    Returns:
      float32 scalar, in nats per sample.
    Raises:
      ValueError: if smoothing is not in [0, 1).
    Source: Salimans et al. 2016, section 3.4 (smoothing), https://arxiv.org/abs/1606.03498
    """
    check_smoothing(smoothing)
    logits = finite(logits)
    labels = jnp.asarray(labels, jnp.float32) * (1.0 - smoothing)
    # -y log s(l) - (1 - y) log(1 - s(l)) = softplus(l) - y l
    #                                     = y softplus(-l) + (1 - y) softplus(l)
    return mean(labels * jax.nn.softplus(-logits) + (1.0 - labels) * jax.nn.softplus(logits))


def value_function(real_logits: Array, fake_logits: Array) -> Array:
    """V(D, G) = E log D(x) + E log(1 - D(G(z))), which D maximises and G minimises.

    Args:
      real_logits: logits of D(x), any shape.
      fake_logits: logits of D(G(z)), any shape.
    Returns:
      float32 scalar in nats, at most 0; -log 4 at the equilibrium.
    Source: Goodfellow et al. 2014, equation 1, https://arxiv.org/abs/1406.2661
    """
    real_logits, fake_logits = finite(real_logits), finite(fake_logits)
    return mean(jax.nn.log_sigmoid(real_logits)) + mean(jax.nn.log_sigmoid(-fake_logits))


def optimal_discriminator(p_data: Array, p_model: Array) -> Array:
    """The discriminator that maximises V for a fixed generator: p_data / (p_data + p_model).

    Args:
      p_data: density of the data, not negative, any shape.
      p_model: density of the generator's samples, the same shape.
    Returns:
      float32 probabilities in [0, 1]; 1/2 where both densities are 0.
    Source: Goodfellow et al. 2014, proposition 1.
    """
    p_data, p_model = jnp.asarray(p_data, jnp.float32), jnp.asarray(p_model, jnp.float32)
    # Divide by the larger one first, since the sum of two densities may overflow or underflow.
    largest = jnp.maximum(p_data, p_model)
    scale = jnp.where(largest > 0, largest, 1.0)
    a, b = p_data / scale, p_model / scale
    return jnp.where(largest > 0, a / jnp.where(largest > 0, a + b, 1.0), 0.5)


# --- Helpers


def finite(logits: Array, largest: float | Array = LARGEST_LOGIT) -> Array:
    """Logits in float32: finite ones are clipped to [-largest, largest], others become NaN."""
    logits = jnp.asarray(logits, jnp.float32)
    return jnp.where(jnp.isfinite(logits), jnp.clip(logits, -largest, largest), jnp.nan)


def check_smoothing(smoothing: float):
    """Raises a ValueError unless smoothing is in [0, 1)."""
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing must be in [0, 1), got {smoothing}")


def mean(x: Array) -> Array:
    """The mean, divided before summed so that the sum cannot overflow."""
    return jnp.sum(x / x.size)

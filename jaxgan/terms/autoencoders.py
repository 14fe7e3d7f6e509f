"""Auto-encoders as discriminators (EBGAN, BEGAN): the logit is minus the reconstruction error.

>>> import jax.numpy as jnp
>>> x = jnp.array([[1.0, 3.0]])
>>> print(reconstruction_output(x, jnp.zeros((1, 2))).logits)
[-2.]
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.losses.likelihood import finite, mean
from jaxgan.parallel.global_batch import gather
from jaxgan.term_inputs import TermState, penalty
from jaxgan.types import AdversarialLoss, Array, DiscriminatorOutput, PyTree, Term


def reconstruction_output(
    x: Array, reconstruction: Array, features: PyTree = None, power: float = 1.0
) -> DiscriminatorOutput:
    """An auto-encoder's output as a discriminator's: logits -L(x), for the error L.

    L(x) = mean |x - D(x)|^power

    Args:
      x: samples [batch, ...].
      reconstruction: D(x), of the same shape.
      features: the code, for `pulling_away`; or any arrays [batch, ...].
      power: 1 or 2 in the papers.
    Returns:
      Logits float32 [batch], at most 0, with the features.
    Raises:
      ValueError: if the shapes differ.
    Source: Berthelot et al. 2017 (BEGAN), section 3.1, https://arxiv.org/abs/1703.10717
    """
    if x.shape != reconstruction.shape:
        raise ValueError(
            f"reconstruction must have the shape of x, {x.shape}, got {reconstruction.shape}"
        )
    error = jnp.abs(x.astype(jnp.float32) - reconstruction.astype(jnp.float32)) ** power
    return DiscriminatorOutput(-jnp.mean(error.reshape(len(x), -1), axis=1), features)


# --- EBGAN


def energy_margin(margin: float) -> AdversarialLoss:
    """The loss of energy-based GANs, with the energy L = -logit.

    J_D = E L(x) + E max(0, m - L(G(z))), J_G = E L(G(z)). There is no decision threshold.

    Args:
      margin: m, positive; in units of L, above the error of real samples.
    Raises:
      ValueError: if margin is not positive.
    Source: Zhao et al. 2017, equations 1 and 2, https://arxiv.org/abs/1609.03126
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")

    def discriminator(real_logits: Array, fake_logits: Array) -> Array:
        excess = jax.nn.relu(margin + finite(fake_logits))
        return -mean(finite(real_logits)) + mean(excess)

    def generator(real_logits: Array, fake_logits: Array) -> Array:
        return -mean(finite(fake_logits))

    return AdversarialLoss(discriminator, generator, None)


def pulling_away(fake_output: DiscriminatorOutput, axis_name: str | None = None) -> Array:
    """Mean squared cosine between the features of two different generated samples.

    1 / (N (N - 1)) sum_i sum_{j != i} (S_i . S_j / (||S_i|| ||S_j||))^2

    Args:
      fake_output: the discriminator's on the generated samples here, whose features S are one
        array [batch, ...].
      axis_name: mapped device axis; the pairs are those of the global batch.
    Returns:
      float32 scalar in [0, 1]; a generator term with the weight 0.1 in the paper.
    Raises:
      ValueError: if the features are not one array, or there is only one sample.
    Source: Zhao et al. 2017, equation 4, https://arxiv.org/abs/1609.03126
    """
    features = fake_output.features
    if not hasattr(features, "ndim"):
        raise ValueError(
            f"features must be one array [batch, ...], the code, got {type(features).__name__}: "
            "return terms.reconstruction_output(x, reconstruction, features=code)"
        )
    s = gather(features, axis_name).astype(jnp.float32).reshape(-1, features[0].size)
    if len(s) < 2:
        raise ValueError("pulling_away needs at least two samples, got 1")
    squared = jnp.sum(s**2, axis=1, keepdims=True)
    s = s / jnp.sqrt(jnp.where(squared > 0, squared, 1.0))
    cosines = (s @ s.T) * (1.0 - jnp.eye(len(s), dtype=jnp.float32))
    return jnp.sum(cosines**2) / (len(s) * (len(s) - 1))


# --- BEGAN


class Equilibrium(NamedTuple):
    """The weight k of generated samples in the discriminator's loss, a float32 scalar in [0, 1]."""

    k: Array


def boundary_equilibrium(gamma: float = 0.5, rate: float = 0.001) -> Term:
    """What makes `losses.wasserstein` the loss of BEGAN, for a discriminator of -L(x).

    J_D = E L(x) - k E L(G(z)), J_G = E L(G(z)), and k <- k + rate (gamma E L(x) - E L(G(z))),
    kept in [0, 1]. The Wasserstein loss has k = 1, so that the term is (1 - k) E L(G(z)). k starts
    at 0 and is the state's `discriminator.terms["boundary_equilibrium"].k`. Convergence is judged
    by E L(x) + |gamma E L(x) - E L(G(z))|, from the metrics logit_real and logit_fake.

    Args:
      gamma: the ratio E L(G(z)) / E L(x) that k aims at, in [0, 1]; less is less diverse.
      rate: lambda_k, positive.
    Returns:
      One of the GAN's `penalties`, with the weight 1.
    Raises:
      ValueError: if gamma or rate is out of range.
    Source: Berthelot et al. 2017, section 3.3, https://arxiv.org/abs/1703.10717
    """
    if not 0.0 <= gamma <= 1.0 or not rate > 0:
        raise ValueError(f"gamma must lie in [0, 1] and rate be positive, got {gamma} and {rate}")

    def boundary_equilibrium(fake_logits: Array, state: Equilibrium) -> Array:
        # (1 - k) E L(G(z)), L = -logit
        return -(1.0 - state.k) * mean(finite(fake_logits))

    def update(state: Equilibrium, real_logits: Array, fake_logits: Array) -> Equilibrium:
        # k + rate (gamma E L(x) - E L(G(z)))
        errors = [-jax.lax.stop_gradient(mean(finite(x))) for x in (real_logits, fake_logits)]
        k = state.k + rate * (gamma * errors[0] - errors[1])
        return Equilibrium(jnp.clip(k, 0.0, 1.0))

    def init() -> Equilibrium:
        return Equilibrium(jnp.zeros((), jnp.float32))

    return penalty(boundary_equilibrium, 1.0, state=TermState(init, update))

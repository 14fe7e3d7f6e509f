"""Toy games with known equilibria, which show why GAN training converges or diverges.

>>> game = dirac_gan(losses.minimax, zero_centred(gamma=0.3))
>>> value, _ = game.generator_loss(jnp.float32(1), jnp.float32(0))  # -log 2
>>> print(f"{value:.4f}")
-0.6931
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan import losses, regularizers
from jaxgan.games.field import Game
from jaxgan.types import AdversarialLoss, Array

Critic = Callable[[Array], Array]
GamePenalty = Callable[[Critic, Array, Array], Array]
"""`(critic, real, fake) -> scalar`: a weighted term of the discriminator's loss, where `critic`
maps points [n, d] to logits [n]."""


def dirac_gan(loss: AdversarialLoss = losses.minimax, penalty: GamePenalty | None = None) -> Game:
    """The Dirac-GAN: data at 0, generated samples at theta, discriminator D(x) = -psi . x.

    Its players are arrays of one shape; its equilibrium is 0 for both.

    Args:
      loss: the adversarial loss.
      penalty: additional term of the discriminator's loss, see `zero_centred` and `one_centred`.
    Source: Mescheder et al. 2018, definition 2.1, https://arxiv.org/abs/1801.04406
    """

    def logits(theta: Array, psi: Array):
        critic = _linear_critic(psi)
        real, fake = jnp.zeros((1, theta.size)), theta.reshape(1, -1)
        return critic, real, fake, critic(real), critic(fake)

    def generator_loss(theta: Array, psi: Array) -> tuple[Array, tuple[()]]:
        *_, on_real, on_fake = logits(theta, psi)
        return loss.generator(on_real, on_fake), ()

    def discriminator_loss(theta: Array, psi: Array) -> tuple[Array, tuple[()]]:
        critic, real, fake, on_real, on_fake = logits(theta, psi)
        adversarial = loss.discriminator(on_real, on_fake)
        total = adversarial if penalty is None else adversarial + penalty(critic, real, fake)
        return total, ()

    return Game(generator_loss, discriminator_loss)


def _linear_critic(psi: Array) -> Critic:
    return lambda x: -x @ psi.reshape(-1)


def bilinear(penalty: GamePenalty | None = None) -> Game:
    """The bilinear game, min_theta max_psi theta . psi: the Dirac-GAN with the Wasserstein loss."""
    return dirac_gan(losses.wasserstein, penalty)


def zero_centred(gamma: float) -> GamePenalty:
    """The R1 penalty, gamma / 2 ||grad D||^2, which is gamma / 2 ||psi||^2 for a linear critic."""
    return lambda critic, real, fake: gamma / 2 * regularizers.r1(critic, real)


def one_centred(gamma: float, target: float = 1.0) -> GamePenalty:
    """The WGAN-GP penalty, gamma / 2 (||grad D|| - target)^2, where ||grad D|| = ||psi||."""
    penalize = regularizers.make_gradient_penalty(target)

    def penalty(critic: Critic, real: Array, fake: Array) -> Array:
        # The gradient is the same at all points, so the mixing weight and its key do not matter.
        key = jax.random.key(0)
        return gamma / 2 * penalize(key, critic, real, fake)

    return penalty


def zero_sum(value: Callable[[Array, Array], Array]) -> Game:
    """The game in which the generator minimises a value and the discriminator maximises it.

    Args:
      value: `(theta, psi) -> scalar`.
    """
    return Game(
        lambda theta, psi: (value(theta, psi), ()), lambda theta, psi: (-value(theta, psi), ())
    )


def quadratic(a: Array, b: Array, c: Array) -> Game:
    """The quadratic game, min_theta max_psi theta A theta / 2 + theta B psi - psi C psi / 2.

    Its vector field is linear, with the Jacobian [[-A, -B], [B^T, -C]] for symmetric A and C.

    Args:
      a: float [n, n].
      b: float [n, m].
      c: float [m, m].
    Raises:
      ValueError: if the shapes do not fit.
    """
    a, b, c = (jnp.asarray(matrix, float) for matrix in (a, b, c))
    n, m = b.shape if b.ndim == 2 else (-1, -1)
    if a.shape != (n, n) or c.shape != (m, m):
        raise ValueError(
            "a, b and c must be matrices [n, n], [n, m] and [m, m], got shapes "
            f"{a.shape}, {b.shape} and {c.shape}"
        )
    return zero_sum(lambda theta, psi: theta @ a @ theta / 2 + theta @ b @ psi - psi @ c @ psi / 2)


def gaussian_mean(mean: Array) -> Game:
    """A Wasserstein GAN that learns the mean of a Gaussian: G(z) = z + theta, D(x) = psi . x.

    The expected losses are used, min_theta max_psi psi . (mean - theta).

    Args:
      mean: float [n]; the equilibrium is theta = mean, psi = 0.
    Source: Daskalakis et al. 2018, section 2, https://arxiv.org/abs/1711.00141
    """
    mean = jnp.asarray(mean, float)
    return zero_sum(lambda theta, psi: jnp.vdot(psi, mean - theta))


def gaussian_covariance(covariance: Array) -> Game:
    """A Wasserstein GAN that learns the covariance of a Gaussian: G(z) = theta z, D(x) = x psi x.

    The expected losses are used, min_theta max_psi sum(psi * (covariance - theta theta^T)).

    Args:
      covariance: float [n, n]; in equilibrium theta theta^T = covariance.
    Source: Daskalakis et al. 2018, section 2 and appendix C, https://arxiv.org/abs/1711.00141
    """
    covariance = jnp.asarray(covariance, float)
    return zero_sum(lambda theta, psi: jnp.sum(psi * (covariance - theta @ theta.T)))

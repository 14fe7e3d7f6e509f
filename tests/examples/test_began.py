"""BEGAN: an auto-encoder as the discriminator, with a weight k that keeps the balance.

Berthelot et al. 2017, https://arxiv.org/abs/1703.10717
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import MLP, mlp, trained

import jaxgan
from jaxgan import latents, losses, terms

GAMMA = 0.5


class AutoEncoder(nn.Module):
    @nn.compact
    def __call__(self, x):
        code = MLP(1)(x)
        return terms.reconstruction_output(x, MLP(8)(code), features=code)


def draw(key, size=64):
    """Points on a curve in eight dimensions, a half circle."""
    t = jnp.pi * jax.random.uniform(key, (size, 1))
    return jnp.concatenate([jnp.cos(t), jnp.sin(t)] * 4, axis=1)


@pytest.mark.slow
def test_the_balance_is_reached_and_samples_lie_on_the_curve():
    gan = jaxgan.GAN(
        generator=mlp(8),
        discriminator=jaxgan.from_linen(AutoEncoder()),
        latent=latents.uniform(2),
        loss=losses.wasserstein,
        generator_optimizer=optax.adam(1e-3, b1=0.5),
        discriminator_optimizer=optax.adam(1e-3, b1=0.5),
        penalties=(terms.boundary_equilibrium(GAMMA, rate=0.01),),
        ema_decay=0.99,
    )
    state, metrics = trained(jax.random.key(0), gan, draw, 2000)
    real, fake = -metrics["logit_real"], -metrics["logit_fake"]  # L(x), L(G(z))
    convergence = real + jnp.abs(GAMMA * real - fake)
    assert jnp.mean(convergence[-200:]) < 0.2 * jnp.mean(convergence[:50])
    assert 0.0 < state.discriminator.terms["boundary_equilibrium"].k < 1.0
    x = np.asarray(jaxgan.sample(jax.random.key(1), gan, state, 500))
    np.testing.assert_allclose(np.linalg.norm(x.reshape(500, 4, 2), axis=-1), 1.0, atol=0.35)

"""BiGAN (ALI): an encoder learns to invert the generator, from pairs that a discriminator judges.

Donahue et al. 2017, https://arxiv.org/abs/1605.09782
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import MLP, mixture, mlp, modes, ring, trained

import jaxgan
from jaxgan import bundle, latents, losses, penalty, regularizers

CENTRES = ring(4)


class OfPairs(nn.Module):
    @nn.compact
    def __call__(self, pair):
        return MLP(1, 64)(jnp.concatenate(pair, axis=1))


@pytest.mark.slow
def test_the_encoder_inverts_the_generator():
    networks = {"generate": mlp(2, 64), "encode": mlp(2, 64)}
    gan = jaxgan.GAN(
        generator=bundle(
            networks,
            lambda nets, z: (nets["generate"](z), z),
            start=lambda nets, z: nets["encode"](nets["generate"](z)),
        ),
        real=bundle(networks, lambda nets, x: (x, nets["encode"](x))).apply,
        discriminator=jaxgan.from_linen(OfPairs()),
        latent=latents.uniform(2),
        loss=losses.bidirectional(losses.non_saturating),
        generator_optimizer=optax.adam(1e-3, b1=0.5),
        discriminator_optimizer=optax.adam(1e-3, b1=0.5),
        penalties=(penalty(regularizers.r1, gamma=0.1), penalty(regularizers.r2, gamma=0.1)),
        ema_decay=0.99,
    )
    state, _ = trained(jax.random.key(0), gan, mixture(CENTRES, 0.1), 2000)
    x = mixture(CENTRES, 0.1, size=1000)(jax.random.key(1))
    encoder = bundle(networks, lambda nets, x: nets["encode"](x)).apply
    keys = jax.random.split(jax.random.key(2), 1000)
    codes, _ = encoder(state.ema.params, state.ema.model_state, x, keys=keys, train=False)
    back, _ = jaxgan.make_generate(jax.random.key(3), gan, state)(codes)
    error = np.mean(np.linalg.norm(back - x, axis=1))
    apart = np.mean(np.linalg.norm(np.roll(back, 1, axis=0) - x, axis=1))
    assert error < 0.35 * apart, (error, apart)
    samples, _ = jaxgan.sample(jax.random.key(4), gan, state, 1000)
    assert modes(samples, CENTRES, 0.5) == 4

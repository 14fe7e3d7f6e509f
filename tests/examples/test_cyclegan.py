"""CycleGAN: two generators and two discriminators translate between unpaired domains.

Zhu et al. 2017, https://arxiv.org/abs/1703.10593
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import mixture, mlp, modes, nearest, ring, trained

import jaxgan
from jaxgan import Batch, bundle, latents, losses, penalty, regularizers, terms

TURN = np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
A, B = ring(3), 2 * ring(3) @ TURN + 1.0


def draw(key, size=64):
    """A batch of both domains, unpaired, which is its own condition."""
    keys = jax.random.split(key)
    pair = (mixture(A, 0.1, size)(keys[0]), mixture(B, 0.2, size)(keys[1]))
    return Batch(pair, condition=pair)


@pytest.mark.slow
def test_samples_of_one_domain_become_samples_of_the_other_and_return():
    discriminator = bundle(
        {"a": mlp(1), "b": mlp(1)},
        lambda nets, pair: jnp.concatenate([nets["a"](pair[0]), nets["b"](pair[1])], axis=1),
    )
    gan = jaxgan.GAN(
        generator=bundle(
            {"to_a": mlp(2), "to_b": mlp(2)},
            lambda nets, z, pair: (nets["to_a"](pair[1]), nets["to_b"](pair[0])),
        ),
        discriminator=jaxgan.without_condition(discriminator),
        latent=latents.none(),
        loss=losses.relativistic,
        generator_optimizer=optax.adam(2e-3, b1=0.5),
        discriminator_optimizer=optax.adam(2e-3, b1=0.5),
        penalties=(penalty(regularizers.r1, gamma=0.1),),
        generator_terms=(jaxgan.generator_term(terms.cycle_consistency, 5.0),),
        ema_decay=0.99,
    )
    state, metrics = trained(jax.random.key(0), gan, draw, 1000)
    pair = draw(jax.random.key(1), 1000).x
    to_a, to_b = jaxgan.sample(jax.random.key(2), gan, state, 1000, condition=pair)
    assert metrics["term_cycle_consistency"][-1] < 0.15
    for samples, centres, radius in ((to_a, A, 0.4), (to_b, B, 0.8)):
        assert modes(samples, centres, radius) == 3
        assert np.mean(nearest(samples, centres)[1] < radius) > 0.9

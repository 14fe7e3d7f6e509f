"""Lazy R1: the penalty in every eighth update, with eight times the weight."""

import jax
import numpy as np
import optax
import pytest
from toys import mixture, mlp, modes, ring, trained

import jaxgan
from jaxgan import latents, losses, penalty, regularizers

CENTRES = ring(8)


@pytest.mark.slow
def test_a_lazy_penalty_trains_as_well():
    gan = jaxgan.GAN(
        generator=mlp(2),
        discriminator=mlp(1),
        latent=latents.normal(4),
        loss=losses.relativistic,
        generator_optimizer=optax.adam(1e-3, b1=0.0),
        discriminator_optimizer=optax.adam(2e-3, b1=0.0),
        penalties=(
            penalty(regularizers.r1, gamma=0.1, every=8),
            penalty(regularizers.r2, gamma=0.1, every=8),
        ),
        ema_decay=0.99,
    )
    state, metrics = trained(jax.random.key(0), gan, mixture(CENTRES), 2000)
    samples = jaxgan.sample(jax.random.key(1), gan, state, 1000)
    assert modes(samples, CENTRES, radius=0.2) == 8
    computed = np.diff(metrics["penalty_r1"]) != 0  # the values between are the last one
    assert np.flatnonzero(computed).tolist() == list(range(7, 1999, 8))

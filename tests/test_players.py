"""The trained players as functions give what sampling and the steps' networks give."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import latents, losses, models

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def trained():
    gan = jaxgan.GAN(
        generator=jaxgan.from_linen(models.MLPGenerator((2,), hidden=(8,), num_classes=3)),
        discriminator=jaxgan.from_linen(models.MLPDiscriminator(hidden=(8,), num_classes=3)),
        latent=latents.normal(4),
        loss=losses.non_saturating,
        generator_optimizer=optax.adam(0.1),
        discriminator_optimizer=optax.adam(0.1),
        ema_decay=0.9,
    )
    batch = jaxgan.Batch(jax.random.normal(KEY, (6, 2)), jnp.arange(6) % 3)
    state = jax.jit(lambda key: jaxgan.init(key, gan, batch))(KEY)
    state, _ = jax.jit(jaxgan.make_train_step(gan))(KEY, state, batch)
    return gan, state


@pytest.mark.slow
@pytest.mark.parametrize("use_ema", [True, False])
def test_generate_of_the_latents_that_sample_draws_gives_its_samples(trained, use_ema):
    gan, state = trained
    labels = jnp.arange(5) % 3
    latent_key, _ = jax.random.split(KEY)
    drawn = gan.latent(latent_key, jnp.arange(5))
    made = jaxgan.make_generate(KEY, gan, state, use_ema)(drawn, labels)
    expected = jaxgan.sample(KEY, gan, state, 5, labels, use_ema=use_ema)
    np.testing.assert_array_equal(made, expected)


def test_averaged_and_last_generators_differ(trained):
    gan, state = trained
    z, labels = jnp.ones((2, 4)), jnp.zeros(2, jnp.int32)
    averaged, last = (
        jaxgan.make_generate(KEY, gan, state, ema)(z, labels) for ema in (True, False)
    )
    assert float(jnp.abs(averaged - last).max()) > 1e-3


def test_discriminate_has_no_dropout_and_gives_logits(trained):
    gan, state = trained
    x, labels = jax.random.normal(KEY, (5, 2)), jnp.arange(5) % 3
    first = jaxgan.make_discriminate(KEY, gan, state)(x, labels)
    other = jaxgan.make_discriminate(jax.random.key(9), gan, state)(x, labels)
    assert first.shape == (5,)
    np.testing.assert_array_equal(first, other)  # dropout of .3 would differ by the key
    params = state.discriminator.params
    hidden = jnp.concatenate([x, jax.nn.one_hot(labels, 3)], axis=1) @ params["Dense_0"]["kernel"]
    hidden = jax.nn.leaky_relu(hidden + params["Dense_0"]["bias"][None], 0.2)
    logits = hidden @ params["Dense_1"]["kernel"][:, 0] + params["Dense_1"]["bias"]
    np.testing.assert_allclose(first, logits, rtol=1e-5, atol=1e-6)

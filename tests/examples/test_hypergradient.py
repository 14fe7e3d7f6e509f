"""The weight of a penalty, tuned by the derivative of a score through twenty rounds."""

import dataclasses

import jax
import jax.numpy as jnp
import optax
import pytest

import jaxgan
from jaxgan import Plan, data, latents, losses, metrics
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.regularizers import r1

NETWORKS = jaxgan.GAN(
    generator=jaxgan.from_linen(MLPGenerator((2,), (16,), jnp.tanh, output=None)),
    discriminator=jaxgan.from_linen(MLPDiscriminator((16,), dropout=0.0, activation=jnp.tanh)),
    latent=latents.normal(2),
    loss=losses.wasserstein,
    generator_optimizer=optax.sgd(0.1),
    discriminator_optimizer=optax.sgd(0.3),
    ema_decay=None,
)
DATA = data.load("ring8").x[:512]


def make_gan(log_gamma):
    return dataclasses.replace(NETWORKS, penalties=(jaxgan.penalty(r1, gamma=jnp.exp(log_gamma)),))


def score(key, gan, state):
    sample_key, direction_key = jax.random.split(key)
    samples = jaxgan.sample(sample_key, gan, state, 256)
    return metrics.sliced_wasserstein(direction_key, jnp.asarray(DATA[:256]), samples, 16)


@pytest.mark.slow
def test_descent_along_the_hypergradient_improves_the_score():
    run = jaxgan.make_run(make_gan, DATA, rounds=20, score=score, plan=Plan(batch_size=64))
    keys = jax.random.split(jax.random.key(0), 2)

    def mean_score(numbers):
        return jnp.mean(jax.vmap(run, in_axes=(0, None))(keys, numbers))

    value_and_grad, optimizer = jax.jit(jax.value_and_grad(mean_score)), optax.adam(0.4)
    numbers, scores = {"log_gamma": jnp.float32(-4.0)}, []
    state = optimizer.init(numbers)
    for _ in range(15):
        value, slopes = value_and_grad(numbers)
        updates, state = optimizer.update(slopes, state)
        numbers = optax.apply_updates(numbers, updates)
        scores.append(float(value))
    assert scores[-1] < 0.85 * scores[0], scores

"""Eight seeds of two learning rates in one program: which rate covers the ring, and how surely."""

import dataclasses

import jax
import optax
import pytest

import jaxgan
from jaxgan import Plan, data, latents, losses, metrics, population
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.regularizers import r1, r2

NETWORKS = jaxgan.GAN(
    generator=jaxgan.from_linen(MLPGenerator((2,), (25, 25), output=None)),
    discriminator=jaxgan.from_linen(MLPDiscriminator((25, 25), dropout=0.0)),
    latent=latents.normal(8),
    loss=losses.relativistic,
    generator_optimizer=optax.adam(1e-3),
    discriminator_optimizer=optax.adam(1e-3),
)


def make_gan(learning_rate):
    adam = optax.adam(learning_rate, b1=0.0, b2=0.9)
    penalties = (jaxgan.penalty(r1, gamma=0.1), jaxgan.penalty(r2, gamma=0.1))
    return dataclasses.replace(
        NETWORKS, penalties=penalties, generator_optimizer=adam, discriminator_optimizer=adam
    )


def score(key, gan, state):
    samples = jaxgan.sample(key, gan, state, 500)
    return metrics.mode_scores(samples, data.RING8_CENTRES, 0.1)  # within 0.3 of a mode


@pytest.mark.slow
def test_the_higher_learning_rate_finds_more_modes():
    points = population.grid(learning_rate=[1e-5, 2e-3])
    trained = jaxgan.fit_many(
        jax.random.key(0),
        make_gan,
        data.load("ring8"),
        steps=300,
        points=points,
        seeds=8,
        score=score,
        plan=Plan(batch_size=64, devices=1),
    )
    settings = trained.summary("modes")
    low, high = settings["mean"]
    assert settings["n"].tolist() == [8, 8]
    assert settings["low"][1] > settings["high"][0], (low, high)  # beyond chance
    assert trained.best("modes", min_seeds=8)["learning_rate"] == 2e-3

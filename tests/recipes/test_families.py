"""Tiny versions of the families, trained until they show what makes them what they are."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import latents
from jaxgan.models import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from jaxgan.recipes import dcgan, mlp
from jaxgan.transformations import weight_clipping

CENTRES = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]], np.float32)


@pytest.fixture(scope="module")
def clusters():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=2000).astype(np.int32)
    points = CENTRES[labels] + 0.2 * rng.standard_normal((2000, 2)).astype(np.float32)
    return jaxgan.Batch(points, labels)


def small(gan, rate=1e-3, **parts):
    adam = optax.adam(rate, b1=0.0, b2=0.9)
    parts = {"generator_optimizer": adam, "discriminator_optimizer": adam} | parts
    return dataclasses.replace(gan, latent=latents.normal(2), ema_decay=0.9, **parts)


def mlps(gan, num_classes=None, **parts):
    hidden = (32, 32)
    generator = MLPGenerator((2,), hidden, output=None, num_classes=num_classes)
    discriminator = MLPDiscriminator(hidden, dropout=0.0, num_classes=num_classes)
    return small(
        gan,
        generator=jaxgan.from_linen(generator),
        discriminator=jaxgan.from_linen(discriminator),
        **parts,
    )


@pytest.mark.slow
def test_conditional_gan_puts_each_class_where_its_data_are(clusters, key):
    gan = mlps(mlp.digits_gan((2,), 3), num_classes=3)
    state, _ = jaxgan.fit(key, gan, clusters, 400, plan=jaxgan.Plan(conditional=True, devices=1))
    labels = jnp.arange(300) % 3
    points = jax.jit(lambda s: jaxgan.sample(key, gan, s, 300, labels))(state)
    distances = np.linalg.norm(np.asarray(points)[:, None] - CENTRES, axis=2)
    assert np.mean(np.argmin(distances, axis=1) == np.asarray(labels)) > 0.9


@pytest.mark.slow
def test_clipped_critic_stays_in_its_box_and_its_estimate_falls(clusters, key):
    clipped = optax.chain(optax.rmsprop(1e-3), weight_clipping(0.1))
    gan = mlps(mlp.wgan_gan((2,)), discriminator_optimizer=clipped)
    state, history = jaxgan.fit(key, gan, clusters.x, 400, plan=jaxgan.Plan(n_critic=5, devices=1))
    weights = jax.tree.leaves(state.discriminator.params)
    assert max(float(jnp.max(jnp.abs(w))) for w in weights) <= 0.1 + 1e-6
    assert history["value"][-50:].mean() < 0.5 * history["value"].max()


@pytest.mark.slow
def test_gradient_penalty_brings_slopes_to_one_and_the_estimate_falls(clusters, key):
    gan = mlps(mlp.wgan_gp_gan((2,)))
    _, history = jaxgan.fit(key, gan, clusters.x, 300, plan=jaxgan.Plan(n_critic=5, devices=1))
    assert np.isfinite(history["discriminator_loss"]).all()
    # the penalty is the mean of (slope - 1)^2
    assert history["penalty_gradient_penalty"][-50:].mean() < 0.1
    assert history["value"][-50:].mean() < 0.5 * history["value"].max()


def networks(shape, kernel_size=4, stride=2, norm="batch"):
    generator = DCGANGenerator(shape, (16,), kernel_size, stride)
    discriminator = DCGANDiscriminator((16,), kernel_size, stride, norm)
    return {
        "generator": jaxgan.from_linen(generator),
        "discriminator": jaxgan.from_linen(discriminator),
    }


@pytest.mark.slow
def test_dcgan_learns_which_half_of_an_image_is_bright(key):
    side = np.where(np.arange(8) < 4, 0.8, -0.8)[None, None, :, None]
    images = np.broadcast_to(side, (64, 8, 8, 1)) * np.ones((64, 1, 1, 1))
    images[::2] = images[::2, :, ::-1]
    gan = small(dcgan.dcgan_gan((8, 8, 1)), 2e-3, **networks((8, 8, 1)))
    state, _ = jaxgan.fit(
        key, gan, images.astype(np.float32), 120, plan=jaxgan.Plan(batch_size=32, devices=1)
    )
    samples = np.asarray(jax.jit(lambda s: jaxgan.sample(key, gan, s, 100))(state))
    left, right = samples[:, :, :4].mean((1, 2, 3)), samples[:, :, 4:].mean((1, 2, 3))
    assert np.mean(np.abs(left - right) > 0.8) > 0.8  # real ones: 1.6 apart
    assert 0.05 < np.mean(left > right) < 0.95


@pytest.mark.slow
def test_one_dimensional_dcgan_learns_a_tone(key):
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 2 * np.pi, size=(256, 1))
    waves = np.cos(2 * np.pi * 4 * np.arange(32) / 32 + phase)[..., None].astype(np.float32)
    gan = small(dcgan.waves_gan((28, 1)), 2e-3, **networks((28, 1), 9, 4, "none"))
    state, _ = jaxgan.fit(key, gan, waves[:, :28], 200, plan=jaxgan.Plan(batch_size=32, devices=1))
    samples = np.asarray(jax.jit(lambda s: jaxgan.sample(key, gan, s, 64))(state))
    # three and a half periods of 8 values in 28: energy where it should be, not at its double
    energy = np.abs(np.fft.rfft(samples[..., 0], axis=1)) ** 2
    share = energy[:, 3:5].sum(axis=1) / energy.sum(axis=1)
    assert np.median(share) > 0.5

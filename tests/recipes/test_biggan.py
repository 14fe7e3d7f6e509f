"""BigGAN and ReACGAN on one and on two devices, and where they attend."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import normal

import jaxgan
from jaxgan import parallel
from jaxgan.models import BigGANDiscriminator, BigGANGenerator
from jaxgan.recipes import biggan, recipe_gan


@pytest.fixture
def narrow(monkeypatch):
    """Networks of width 4."""

    def narrow(network):
        return lambda *given, **named: dataclasses.replace(network(*given, **named), features=4)

    for network in (BigGANGenerator, BigGANDiscriminator):
        monkeypatch.setattr(biggan, network.__name__, narrow(network))


@pytest.mark.slow
def test_pmap_step_equals_jit_step(narrow):
    sgd = optax.sgd(0.05)
    gan = recipe_gan("reacgan", (8, 8, 1), 3)
    gan = dataclasses.replace(gan, generator_optimizer=sgd, discriminator_optimizer=sgd)
    batch = jaxgan.Batch(normal(8, 8, 8, 1), jnp.arange(8) % 3)
    state = jax.jit(lambda key: jaxgan.init(key, gan, batch))(jax.random.key(0))
    steps = (
        jax.jit(jaxgan.make_train_step(gan)),
        parallel.pmap_step(jaxgan.make_train_step(gan, axis_name=parallel.AXIS), 2),
    )
    expected, got = (step(jax.random.key(1), state, batch) for step in steps)
    check = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    jax.tree.map(check, got, expected)


def test_attention_is_at_half_the_size_or_at_32():
    shapes = (8, 8, 1), (28, 28, 1), (32, 32, 3), (65, 40, 3)
    found = [biggan._attended(shape) for shape in shapes]
    assert found == [((), ()), ((14,), (14,)), ((16,), (16,)), ((17,), (16,))]


def test_reacgan_needs_labels_and_biggan_does_not():
    with pytest.raises(ValueError, match="reacgan needs labelled data"):
        recipe_gan("reacgan", (8, 8, 1))
    unconditional = recipe_gan("biggan", (8, 8, 1))
    latents = unconditional.latent(jax.random.key(0), jnp.arange(3))
    assert latents.shape == (3, 40)  # two levels

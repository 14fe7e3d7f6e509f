"""Standing statistics against the statistics of the batches themselves."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import latents, losses
from jaxgan.models import BatchNorm, MLPDiscriminator
from jaxgan.parallel.global_batch import sample_index
from jaxgan.players import generator_weights
from jaxgan.standing import batch_statistics
from jaxgan.training.standing import BATCH_SIZE, standing_statistics

KEY = jax.random.key(0)


class Generator(nn.Module):
    """Normalises scaled latents by two norms of different momenta, the second one Flax's own."""

    momentum: float = 0.7

    @nn.compact
    def __call__(self, z, labels=None, *, train, axis_name=None):
        x = 3.0 * z + 1.0 if labels is None else z + labels[:, None].astype(jnp.float32)
        x = jnp.exp(BatchNorm(momentum=self.momentum)(x, train, axis_name))
        return nn.BatchNorm(use_running_average=not train, axis_name=axis_name)(x)


def gan_of(generator):
    return jaxgan.GAN(
        generator=jaxgan.from_linen(generator),
        discriminator=jaxgan.without_condition(
            jaxgan.from_linen(MLPDiscriminator((2,), dropout=0.0))
        ),
        latent=latents.normal(2),
        loss=losses.hinge,
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
    )


GAN = gan_of(Generator())


@pytest.fixture(scope="module")
def state():
    return jax.jit(lambda key: jaxgan.init(key, GAN, jnp.zeros((4, 2))))(KEY)


def inputs_of_norms(key, first):
    """What the two norms of the generator see of a batch, in float64."""
    latent_key, _ = jax.random.split(key)
    x = 3.0 * np.asarray(GAN.latent(latent_key, first + sample_index(BATCH_SIZE)), np.float64) + 1
    return x, np.exp((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))


def test_statistics_of_a_batch_are_its_means_and_variances(state):
    statistics = jax.jit(
        lambda key, weights: batch_statistics(key, GAN, weights, sample_index(BATCH_SIZE))
    )(KEY, generator_weights(state))["batch_stats"]
    for name, x in zip(("BatchNorm_0", "BatchNorm_1"), inputs_of_norms(KEY, 0), strict=True):
        np.testing.assert_allclose(statistics[name]["mean"], x.mean(0), rtol=1e-4)
        np.testing.assert_allclose(statistics[name]["var"], x.var(0), rtol=1e-4)


def test_standing_statistics_are_means_over_batches(state):
    weights = generator_weights(state)
    found = standing_statistics(KEY, GAN, weights, batches=3)
    batches = [inputs_of_norms(KEY, BATCH_SIZE * i) for i in range(3)]
    for i, name in enumerate(("BatchNorm_0", "BatchNorm_1")):
        own = found.model_state["batch_stats"][name]
        np.testing.assert_allclose(
            own["mean"], np.mean([b[i].mean(0) for b in batches], 0), rtol=1e-4
        )
        np.testing.assert_allclose(
            own["var"], np.mean([b[i].var(0) for b in batches], 0), rtol=1e-4
        )
    assert found.params is weights.params


def test_samples_with_standing_statistics_are_normalised(state):
    found = standing_statistics(KEY, GAN, generator_weights(state), batches=4)
    draw = jax.jit(lambda state: jaxgan.sample(jax.random.key(5), GAN, state, 2000))
    before, after = draw(state), draw(state._replace(ema=found))
    np.testing.assert_allclose(after.mean(0), 0.0, atol=0.1)
    assert float(jnp.abs(before.mean(0)).max()) > 1.0


def test_labels_take_part(state):
    weights = generator_weights(state)
    labels = jnp.full(BATCH_SIZE, 7)
    found = standing_statistics(KEY, GAN, weights, 1, labels).model_state["batch_stats"]
    np.testing.assert_allclose(found["BatchNorm_0"]["mean"], 7.0, atol=0.5)


def test_statistics_that_training_does_not_change_stay(state):
    gan = gan_of(Generator(momentum=1.0))
    weights = generator_weights(state)
    before = weights.model_state["batch_stats"]["BatchNorm_0"]
    index = sample_index(BATCH_SIZE)
    after = jax.jit(lambda key: batch_statistics(key, gan, weights, index))(KEY)
    jax.tree.map(np.testing.assert_array_equal, after["batch_stats"]["BatchNorm_0"], before)


def test_what_cannot_be_averaged_is_named(state, make_gan, batch):
    weights = generator_weights(state)
    with pytest.raises(ValueError, match="condition must hold 128 rows for 2 batches of 64"):
        standing_statistics(KEY, GAN, weights, 2, jnp.zeros(64, int))
    with pytest.raises(ValueError, match="batches must be a positive int, got 0"):
        standing_statistics(KEY, GAN, weights, 0)
    plain = make_gan()
    weights = generator_weights(jaxgan.init(KEY, plain, batch))
    with pytest.raises(ValueError, match="the generator has no batch statistics"):
        standing_statistics(KEY, plain, weights)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import Dropout, MLPDiscriminator, MLPGenerator
from jaxgan.models.layers.dropout import random_words


@pytest.fixture(scope="module")
def words():
    return np.asarray(random_words(jax.random.split(jax.random.key(0), 2000), 512))


@pytest.mark.one_quick_case
def test_random_words_are_uniform(words):
    counts = np.bincount((words >> 24).ravel(), minlength=256)
    expected = words.size / 256
    chi_squared = np.sum((counts - expected) ** 2 / expected)
    assert chi_squared < 255 + 5 * np.sqrt(2 * 255)  # five standard deviations
    shares = [((words >> bit) & 1).mean() for bit in range(32)]
    np.testing.assert_allclose(shares, 0.5, atol=5 * 0.5 / np.sqrt(words.size))


def test_random_words_are_uncorrelated_along_and_across_samples(words):
    kept = (words > 0.3 * 2**32).astype(float)
    kept -= kept.mean()
    for lag in (1, 2, 3, 64, 256):
        along = np.mean(kept[:, lag:] * kept[:, :-lag]) / 0.21
        across = np.mean(kept[lag:] * kept[:-lag]) / 0.21
        assert max(abs(along), abs(across)) < 5 / np.sqrt(kept.size / 2)


@pytest.mark.slow
def test_random_words_of_a_key_do_not_depend_on_the_others():
    keys = jax.random.split(jax.random.key(1), 6)
    np.testing.assert_array_equal(random_words(keys, 9)[4:], random_words(keys[4:], 9))


@pytest.mark.slow
def test_dropout_drops_its_rate_and_keeps_the_mean():
    keys = jax.random.split(jax.random.key(0), 400)
    y = Dropout(0.3).apply({}, jnp.ones((400, 500)), keys, True)
    assert float(jnp.mean(y == 0)) == pytest.approx(0.3, abs=0.005)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)


def test_dropout_outside_training_changes_nothing():
    x = jnp.arange(12.0).reshape(3, 4)
    keys = jax.random.split(jax.random.key(0), 3)
    np.testing.assert_array_equal(Dropout(0.5).apply({}, x, keys, False), x)


@pytest.mark.slow
def test_layers_of_one_network_drop_different_values():
    network = MLPDiscriminator(hidden=(64, 64), dropout=0.5, activation=jnp.ones_like)
    keys = jax.random.split(jax.random.key(0), 8)
    x = jnp.ones((8, 3))
    params = network.init(jax.random.key(0), x, keys=keys, train=False)
    _, seen = network.apply(params, x, keys=keys, train=True, capture_intermediates=True)
    first, second = (seen["intermediates"][f"Dropout_{number}"]["__call__"][0] for number in (0, 1))
    assert 0.3 < float(jnp.mean((first == 0) == (second == 0))) < 0.7


def test_dropout_rate_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\), got 1.0"):
        Dropout(1.0).apply({}, jnp.ones((2, 2)), jax.random.split(jax.random.key(0), 2), True)


def test_textbook_networks_have_the_textbook_sizes():
    def count(params):
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    key = jax.random.key(0)
    generator = jax.eval_shape(lambda: MLPGenerator().init(key, jnp.ones((1, 100))))
    # 100-256-1024-784 with biases
    assert count(generator) == 100 * 256 + 256 + 256 * 1024 + 1024 + 1024 * 784 + 784
    x = jnp.ones((1, 28, 28, 1))
    discriminator = jax.eval_shape(
        lambda: MLPDiscriminator().init(key, x, keys=jax.random.split(key, 1), train=False)
    )
    assert count(discriminator) == 784 * 1024 + 1024 + 1024 * 512 + 512 + 512 + 1


@pytest.mark.one_quick_case
@pytest.mark.parametrize("shape", [(2,), (8, 8, 1), (5, 7, 3)])
def test_generator_gives_samples_of_any_shape_in_the_range_of_its_output(shape):
    network = MLPGenerator(shape, hidden=(6,))
    z = 10 * jax.random.normal(jax.random.key(0), (9, 4))
    x, _ = network.init_with_output(jax.random.key(1), z)
    assert x.shape == (9, *shape)
    assert float(x.min()) >= 0
    assert float(x.max()) <= 1

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal

import jaxgan
from jaxgan import penalty
from jaxgan.regularizers import (
    approximate_r1,
    approximate_r2,
    make_approximate_r1,
    make_approximate_r2,
    r1,
)

KEY = jax.random.key(0)
A = normal(3, 3, seed=1)


def quadratic(x):
    return 0.5 * jnp.sum((x @ A) ** 2, axis=1)  # gradient x A A'


@pytest.mark.slow
def test_approximate_r1_of_a_linear_critic_is_the_mean_of_its_squared_projections():
    g, x = jnp.array([3.0, 4.0]), normal(8, 2)
    got = approximate_r1(KEY, lambda x: x @ g, x)
    # (g . n)^2, with the same n at every epsilon
    other = make_approximate_r1(0.3)(KEY, lambda x: x @ g, x)
    np.testing.assert_allclose(got, other, rtol=1e-3)
    many = jax.vmap(lambda key: approximate_r1(key, lambda x: x @ g, x))
    values = np.asarray(many(jax.random.split(KEY, 4000)))
    # mean ||g||^2 = 25, standard deviation sqrt(2) 25 / sqrt(8)
    np.testing.assert_allclose(values.mean(), 25.0, atol=4 * 12.5 / np.sqrt(4000))
    np.testing.assert_allclose(values.std(), 12.5, rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("approximate", [approximate_r1, approximate_r2])
def test_approximate_penalties_have_the_mean_of_the_exact_ones(approximate):
    x = normal(8, 3)
    values = jax.vmap(lambda key: approximate(key, quadratic, x))(jax.random.split(KEY, 4000))
    error = float(np.std(values)) / np.sqrt(4000)
    np.testing.assert_allclose(np.mean(values), r1(quadratic, x), atol=4 * error)
    assert error < 0.02 * r1(quadratic, x)


@pytest.mark.slow
def test_the_critics_parameters_move_as_under_the_exact_penalty():
    x, w = normal(4, 3), normal(3, 3, seed=2)

    def critic(w):
        return lambda x: 0.5 * jnp.sum((x @ w) ** 2, axis=1)

    exact = jax.grad(lambda w: r1(critic(w), x))(w)
    one = jax.grad(lambda w, key: approximate_r1(key, critic(w), x))
    several = jax.vmap(one, in_axes=(None, 0))(w, jax.random.split(KEY, 4000))
    error = np.std(several, axis=0) / np.sqrt(4000)
    np.testing.assert_array_less(np.abs(np.mean(several, axis=0) - exact), 4.5 * error)


def test_the_noise_of_a_sample_follows_its_global_index():
    x, index = normal(8, 3), jnp.arange(8)
    whole = approximate_r1(KEY, quadratic, x, index)
    halves = [approximate_r1(KEY, quadratic, x[i], index[i]) for i in (slice(4), slice(4, 8))]
    np.testing.assert_allclose(np.mean(halves), whole, rtol=1e-5)


@pytest.mark.slow
def test_a_packed_critic_is_moved_as_a_whole():
    def critic(x):
        return jnp.sum(x.reshape(-1, 4), axis=1)

    values = jax.vmap(lambda key: approximate_r1(key, critic, normal(8, 2), pack=2))(
        jax.random.split(KEY, 2000)
    )
    np.testing.assert_allclose(np.mean(values), 4.0, rtol=0.1)  # ||(1, 1, 1, 1)||^2


def test_integers_among_samples_stay_as_they_are():
    x, which = normal(4, 2), jnp.array([0, 1, 1, 0])
    rows = normal(2, 2, seed=3)

    def critic(x):
        return jnp.sum(x["x"] * rows[x["which"]], axis=1)  # floats would be refused as indices

    assert approximate_r1(KEY, critic, {"x": x, "which": which}) > 0


@pytest.mark.parametrize("make", [make_approximate_r1, make_approximate_r2])
def test_an_epsilon_that_is_not_positive_is_named(make):
    with pytest.raises(ValueError, match="epsilon must be positive, got 0"):
        make(0.0)


@pytest.mark.slow
def test_approximate_penalties_train_a_discriminator_with_batch_norm(make_gan, batch):
    # Exact penalties refuse layers that look at other samples; no derivative is taken here.
    def apply(params, state, x, *, keys, train, axis_name=None):
        x = x.reshape(len(x), -1)
        return (x - jnp.mean(x, axis=0, keepdims=True)) @ params, state

    network = jaxgan.Network(lambda key, x: (jnp.ones(16), {}), apply)
    attach = functools.partial(make_gan, discriminator=network)
    gan = attach(penalties=(penalty(approximate_r1, gamma=1.0), penalty(approximate_r2, 0.5)))
    state = jaxgan.init(KEY, gan, batch)
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(KEY, state, batch)
    assert metrics["penalty_approximate_r1"] > 0
    assert metrics["penalty_approximate_r2"] > 0
    with pytest.raises(ValueError, match="depend on other samples too"):
        jaxgan.init(KEY, attach(penalties=(penalty(r1, gamma=1.0),)), batch)

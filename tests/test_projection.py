"""Projection of images into latents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.projection import (
    ProjectionOptions,
    halved,
    init_projection,
    make_projection_step,
    noise_correlation,
    noise_scale,
    project,
    projection_rate,
    spread,
    standardized,
)

RNG = np.random.default_rng(0)
A = jnp.asarray(RNG.normal(size=(6, 12)), jnp.float32)
TARGET = jnp.tanh(jnp.asarray(RNG.normal(size=(1, 6)), jnp.float32) @ A)
OPTIONS = ProjectionOptions(steps=60)


def distance(w, noise):
    """Of a generator of one layer."""
    shown = jnp.tanh(w @ A)
    return jnp.mean((shown - TARGET) ** 2) + sum(1e-3 * jnp.sum(n**3) for n in noise)


def start(noise=()):
    return init_projection(jax.random.key(1), jnp.zeros((1, 6)), noise)


STEP = jax.jit(make_projection_step(distance, 1.0, OPTIONS))


def projected(seed, step=STEP, steps=OPTIONS.steps):
    return project(jax.random.key(seed), step, start(), steps)


# ---- the whole ----


def test_the_image_of_a_known_latent_is_recovered():
    state, distances = projected(2)
    assert len(distances) == 60
    assert distance(state.w, ()) < distances[0] / 100


def test_a_key_determines_the_result():
    (first, _), (second, _), (other, _) = (projected(seed) for seed in (2, 2, 3))
    np.testing.assert_array_equal(first.w, second.w)
    assert (np.asarray(first.w) != np.asarray(other.w)).any()


def test_steps_without_noise_are_those_of_adam_with_the_official_ramps():
    options = OPTIONS._replace(noise=0.0, steps=40)
    state, _ = projected(0, jax.jit(make_projection_step(distance, 1.0, options)), 40)
    w, m, v = np.zeros((1, 6)), 0.0, 0.0
    a, target = np.asarray(A, float), np.asarray(TARGET, float)
    for i in range(40):
        t = i / 40
        ramp = 0.5 - 0.5 * np.cos(min(1.0, (1.0 - t) / 0.25) * np.pi)
        rate = 0.1 * ramp * min(1.0, t / 0.05)
        y = np.tanh(w @ a)
        g = (2 / y.size * (y - target) * (1 - y**2)) @ a.T
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - rate * (m / (1 - 0.9 ** (i + 1))) / (np.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8)
    np.testing.assert_allclose(state.w, w, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_step_follows_the_gradient_of_distance_and_regularization():
    noise = (jnp.zeros((16, 16)), jnp.zeros((4, 4)))
    options = OPTIONS._replace(regularization=10.0)
    with jax.enable_x64():
        state, key = start(noise), jax.random.key(5)
        state = state._replace(w=jnp.full((1, 6), 0.3), moments=state.moments)
        new, _ = jax.jit(make_projection_step(distance, 2.0, options))(key, state)
        added = jax.random.normal(key, (1, 6)) * 0.05 * 2.0

        @jax.jit
        def loss(w, maps):
            return distance(w + added, maps) + 10.0 * noise_correlation(maps)

        def slope(at):
            return (float(at(1e-3)) - float(at(-1e-3))) / 2e-3

        e, f = jnp.eye(6)[2][None], jnp.zeros((16, 16)).at[3, 5].set(1.0)
        by_w = slope(lambda h: loss(state.w + h * e, state.noise))
        by_map = slope(lambda h: loss(state.w, (state.noise[0] + h * f, state.noise[1])))
    to_w, to_maps = jax.tree.map(lambda m: np.asarray(m) / 0.1, new.moments.mu)  # Adam's first
    np.testing.assert_allclose(to_w[0, 2], by_w, rtol=1e-3)
    np.testing.assert_allclose(to_maps[0][3, 5], by_map, rtol=1e-3)


def test_noise_maps_are_standardized_after_each_step():
    state = start((jnp.zeros((16, 16)), jnp.zeros((4, 4))))
    new, metrics = STEP(jax.random.key(0), state)
    np.testing.assert_allclose(jnp.mean(new.noise[0]), 0, atol=1e-6)
    np.testing.assert_allclose(jnp.mean(new.noise[0] ** 2), 1, rtol=1e-5)
    assert metrics.regularization > 0


# ---- the parts ----


def test_the_ramps_have_their_official_values():
    t = np.array([0.0, 0.025, 0.05, 0.5, 0.75, 0.875, 1.0])
    rates = [float(projection_rate(x, OPTIONS)) for x in t]
    np.testing.assert_allclose(rates, [0, 0.05, 0.1, 0.1, 0.1, 0.05, 0], atol=1e-7)
    scales = [float(noise_scale(x, OPTIONS)) for x in (0.0, 0.375, 0.75, 0.9)]
    np.testing.assert_allclose(scales, [0.05, 0.0125, 0, 0], atol=1e-8)


def test_the_regularization_is_the_squared_correlation_of_neighbours_at_all_scales():
    n = RNG.normal(size=(32, 32))
    wanted, scaled = 0.0, n
    while True:
        wanted += np.mean(scaled * np.roll(scaled, 1, 1)) ** 2
        wanted += np.mean(scaled * np.roll(scaled, 1, 0)) ** 2
        if len(scaled) <= 8:
            break
        scaled = scaled.reshape(len(scaled) // 2, 2, -1, 2).mean((1, 3))
    assert len(scaled) == 8
    np.testing.assert_allclose(noise_correlation({"a": jnp.asarray(n)}), wanted, rtol=1e-4)


def test_halving_averages_pairs_and_drops_an_odd_end():
    x = jnp.arange(10.0).reshape(2, 5)
    np.testing.assert_array_equal(halved(x, (1,)), [[0.5, 2.5], [5.5, 7.5]])
    np.testing.assert_array_equal(halved(x, (0, 1)), [[3.0, 5.0]])


def test_the_spread_is_the_root_of_the_mean_squared_distance_from_the_mean():
    w = jnp.asarray([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, -3.0]])
    np.testing.assert_allclose(spread(w + 7), np.sqrt(5), rtol=1e-6)


def test_standardized_arrays_have_mean_0_and_mean_square_1():
    np.testing.assert_allclose(standardized(jnp.asarray([1.0, 3.0])), [-1, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "steps must be"),
        ({"ramp_up": 0.0}, "ramp_up must be positive, got 0.0"),
        ({"noise": -1.0}, "noise must be at least 0, got -1.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
    ],
)
def test_invalid_options_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        make_projection_step(distance, 1.0, OPTIONS._replace(**changed))

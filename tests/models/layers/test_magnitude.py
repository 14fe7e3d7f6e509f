"""EDM2's magnitude-preserving parts: the authors' formulas in NumPy, and magnitudes that stay."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import normal

from jaxgan import from_linen
from jaxgan.models import (
    Gain,
    MPConv,
    MPFourier,
    forced_weight_norm,
    mp_cat,
    mp_silu,
    mp_sum,
    unit_magnitude,
)

KEY = jax.random.key(0)


def magnitude(x):
    return float(jnp.sqrt(jnp.mean(jnp.square(x))))


def authors_normalize(x, axes):
    """The authors' norm: epsilon + |x| sqrt(number of norms / number of values)."""
    x = np.asarray(x, np.float64)
    norm = np.sqrt(np.sum(x**2, axes, keepdims=True))
    return x / (1e-4 + norm * np.sqrt(norm.size / x.size))


# ---- functions ----


@pytest.mark.parametrize("axis", [-1, (0, 1), (1, 2)])
def test_unit_magnitude_is_that_of_the_authors(axis):
    x = 3.0 * normal(4, 5, 6)
    axes = axis if isinstance(axis, tuple) else (axis,)
    np.testing.assert_allclose(unit_magnitude(x, axis), authors_normalize(x, axes), rtol=1e-5)


def test_zeros_stay_zeros_with_a_finite_gradient():
    value, gradient = jax.value_and_grad(lambda x: jnp.sum(unit_magnitude(x)))(jnp.zeros(3))
    assert value == 0.0
    assert jnp.all(jnp.isfinite(gradient))


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_sums_and_concatenations_are_those_of_the_authors_and_keep_magnitudes(t):
    a, b = normal(2000, 8), normal(2000, 8, seed=1)
    norm = np.sqrt((1 - t) ** 2 + t**2)
    np.testing.assert_allclose(mp_sum(a, b, t), (a + t * (b - a)) / norm, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(magnitude(mp_sum(a, b, t)), 1.0, atol=0.02)
    b = normal(2000, 2, seed=1)
    both, c = mp_cat(a, b, t), np.sqrt(10) / norm
    wanted = np.concatenate([a * (1 - t) * c / np.sqrt(8), b * t * c / np.sqrt(2)], axis=1)
    np.testing.assert_allclose(both, wanted, rtol=1e-5)
    np.testing.assert_allclose(magnitude(both), 1.0, atol=0.03)


def test_the_share_of_an_input_does_not_depend_on_its_channels():
    both = mp_cat(jnp.ones((1, 90)), jnp.ones((1, 10)), 0.5)
    np.testing.assert_allclose(jnp.sum(both[:, :90] ** 2), jnp.sum(both[:, 90:] ** 2), rtol=1e-5)


def test_silu_keeps_the_magnitude_of_normal_numbers():
    np.testing.assert_allclose(mp_silu(1.0), 1 / (1 + math.exp(-1)) / 0.596, rtol=1e-6)
    np.testing.assert_allclose(magnitude(mp_silu(normal(100_000))), 1.0, atol=0.01)


# ---- layers ----


def test_fourier_features_are_cosines_that_stay_as_drawn():
    x, network = normal(500), from_linen(MPFourier(64, bandwidth=2.0))
    params, model_state = network.init(KEY, x)
    assert params == {}
    f, p = (model_state["fourier"][name] for name in ("frequencies", "phases"))
    keys = jax.random.split(KEY, 500)
    got, after = network.apply(params, model_state, x, keys=keys, train=True)
    wanted = np.sqrt(2) * np.cos(2 * np.pi * (np.outer(x, f) + np.asarray(p)))
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    np.testing.assert_allclose(magnitude(got), 1.0, atol=0.05)
    np.testing.assert_array_equal(after["fourier"]["phases"], p)
    np.testing.assert_allclose(jnp.std(f), 2.0, rtol=0.3)


@pytest.mark.parametrize(("size", "shape"), [((), (50, 40)), ((1, 1), (4, 5, 5, 40))])
def test_maps_use_unit_weights_and_keep_magnitudes(size, shape):
    x, layer = normal(*shape), MPConv(64, size)
    w = 7.0 * normal(*size, 40, 64, seed=1)  # whatever the stored magnitude is
    got = jax.jit(lambda x, gain: layer.apply({"params": {"mp_kernel": w}}, x, gain))(x, 1.5)
    axes = tuple(range(w.ndim - 1))
    used = (authors_normalize(w, axes) * 1.5 / np.sqrt(40)).reshape(40, 64)
    np.testing.assert_allclose(got, np.asarray(x) @ used, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(magnitude(got), 1.5, rtol=0.05)


def test_a_convolution_keeps_magnitudes_away_from_the_border():
    x, layer = normal(2, 12, 12, 32), MPConv(32)
    got, _ = jax.jit(lambda x: layer.init_with_output(KEY, x))(x)
    assert got.shape == x.shape
    np.testing.assert_allclose(magnitude(got[:, 1:-1, 1:-1]), 1.0, rtol=0.05)


def test_a_gain_starts_at_its_value():
    assert Gain().init_with_output(KEY)[0] == 0.0
    value, variables = Gain(0.5).init_with_output(KEY)
    assert (value, variables["params"]["gain"].shape) == (0.5, ())


def test_forced_normalisation_keeps_directions_learning_and_norms_fixed():
    layer, x = MPConv(4, ()), normal(8, 6)
    params = {"layer": layer.init(KEY, x)["params"], "gain": jnp.float32(2.0)}
    start = params["layer"]["mp_kernel"]
    np.testing.assert_allclose(jnp.mean(start**2, 0), 1.0, rtol=1e-3)
    optimizer = optax.chain(optax.sgd(0.5), forced_weight_norm())
    gradient = {"layer": {"mp_kernel": normal(6, 4, seed=1)}, "gain": jnp.float32(1.0)}
    change, _ = optimizer.update(gradient, optimizer.init(params), params)
    new = optax.apply_updates(params, change)
    wanted = authors_normalize(start - 0.5 * gradient["layer"]["mp_kernel"], (0,))
    np.testing.assert_allclose(new["layer"]["mp_kernel"], wanted, rtol=1e-4, atol=1e-5)
    assert new["gain"] == 1.5
    with pytest.raises(ValueError, match="needs the parameters"):
        forced_weight_norm().update(change, optax.EmptyState())

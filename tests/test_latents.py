import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import latents
from jaxgan.parallel.global_batch import sample_index

KEY = jax.random.key(0)
DISTRIBUTIONS = {
    "normal": latents.normal,
    "uniform": latents.uniform,
    "truncated_normal": latents.truncated_normal,
}
every_distribution = pytest.mark.parametrize("make", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)


# ---- one and the same latent ----


@every_distribution
def test_latent_depends_on_key_and_global_index_only_bit_for_bit(make):
    latent = make((2, 3))
    whole = latent(KEY, jnp.arange(8))
    halves = [latent(KEY, index) for index in jnp.split(jnp.arange(8), 2)]
    np.testing.assert_array_equal(jnp.concatenate(halves), whole)
    index = np.array([7, 3, 7, 0])
    np.testing.assert_array_equal(latent(KEY, index), whole[index])
    both = jnp.concatenate([whole, latent(jax.random.key(1), jnp.arange(8))])
    assert len(np.unique(both)) == both.size  # samples differ, and keys


@pytest.mark.one_quick_case
@every_distribution
def test_latents_on_eight_devices_are_those_of_one(make):
    latent = make(5)

    def local(_):
        return latent(KEY, sample_index(2, "devices"))

    on_devices = jax.pmap(local, axis_name="devices")(jnp.zeros(8))
    on_one = jax.jit(latent)(KEY, jnp.arange(16))
    np.testing.assert_array_equal(on_devices.reshape(16, 5), on_one)


# ---- distributions ----


@pytest.mark.parametrize(
    ("latent", "low", "high", "mean", "variance"),
    [
        (latents.normal(50), -np.inf, np.inf, 0.0, 1.0),
        (latents.uniform(50), -1.0, 1.0, 0.0, 1 / 3),  # (b - a)^2 / 12
        (latents.uniform(50, 2.0, 5.0), 2.0, 5.0, 3.5, 9 / 12),
        # 1 - 2 c phi(c) / (2 Phi(c) - 1): at 2, 1 - 4 * .053991 / .954500;
        # at .5, 1 - .352065 / .382925
        (latents.truncated_normal(50), -2.0, 2.0, 0.0, 0.773741),
        (latents.truncated_normal(50, 0.5), -0.5, 0.5, 0.0, 0.080590),
        (latents.rademacher(50), -1.0, 1.0, 0.0, 1.0),
    ],
    ids=["normal", "uniform", "uniform_2_5", "truncated_2", "truncated_half", "rademacher"],
)
def test_latents_have_the_range_and_moments_of_their_distribution(
    latent, low, high, mean, variance
):
    z = np.asarray(latent(KEY, jnp.arange(2000)), np.float64)
    assert ((z >= low) & (z <= high)).all()
    if np.isfinite(high):  # and come near its ends
        np.testing.assert_allclose([z.min(), z.max()], [low, high], atol=1e-3 * (high - low))
    # 100,000 values: four standard errors
    np.testing.assert_allclose(z.mean(), mean, atol=4 * np.sqrt(variance / z.size))
    np.testing.assert_allclose(z.var(), variance, rtol=0.02)
    between = np.corrcoef(z, rowvar=False) - np.eye(50)  # components are independent
    assert np.abs(between).max() < 5 / np.sqrt(len(z))


def test_normal_latents_have_the_quantiles_of_the_normal_distribution():
    z = np.asarray(latents.normal(50)(KEY, jnp.arange(2000))).ravel()
    # Phi(-1.959964) = .025, Phi(-.674490) = .25
    got = np.quantile(z, [0.025, 0.25, 0.5, 0.75, 0.975])
    np.testing.assert_allclose(got, [-1.959964, -0.674490, 0, 0.674490, 1.959964], atol=0.03)


def test_coins_have_two_sides():
    z = latents.rademacher(50)(KEY, jnp.arange(20))
    assert z.dtype == jnp.float32
    assert set(np.unique(z).tolist()) == {-1.0, 1.0}


def test_joined_latents_are_parts_that_know_nothing_of_each_other():
    index = jnp.arange(2000)
    latent = latents.concatenate(latents.normal(2), latents.normal(2), latents.rademacher(3))
    z = np.asarray(latent(KEY, index), np.float64)
    keys = jax.random.split(KEY, 3)
    np.testing.assert_array_equal(z[:, 2:4], latents.normal(2)(keys[1], index))
    assert set(np.unique(z[:, 4:]).tolist()) == {-1.0, 1.0}
    between = np.corrcoef(z, rowvar=False) - np.eye(7)
    assert np.abs(between).max() < 5 / np.sqrt(len(z))
    np.testing.assert_array_equal(latent(KEY, index[7:9]), z[7:9])


@every_distribution
@pytest.mark.parametrize(
    ("shape", "expected"), [(3, (3,)), ((3,), (3,)), ((), ()), ((4, 2), (4, 2))]
)
def test_latents_are_float32_of_the_shape_given(make, shape, expected):
    z = jax.eval_shape(make(shape), KEY, jnp.arange(6))
    assert (z.shape, z.dtype) == ((6, *expected), jnp.float32)


# ---- errors ----


def test_nothing_to_join_is_refused():
    with pytest.raises(ValueError, match="needs at least one latent distribution"):
        latents.concatenate()


@pytest.mark.parametrize("shape", [0, (2.0,)])
def test_coins_of_no_size_are_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        latents.rademacher(shape)


@every_distribution
@pytest.mark.parametrize("shape", [0, -1, (3, 0), (2.0,)])
def test_size_that_is_not_a_positive_int_is_named(make, shape):
    with pytest.raises(ValueError, match="shape"):
        make(shape)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, -2.0), (0.0, float("nan"))])
def test_low_that_is_not_below_high_is_named(low, high):
    with pytest.raises(ValueError, match="low must be below high"):
        latents.uniform(3, low, high)


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan")])
def test_bound_that_is_not_positive_is_named(bound):
    with pytest.raises(ValueError, match="bound"):
        latents.truncated_normal(3, bound)


# --- From one latent to another


@pytest.mark.slow
def test_paths_begin_and_end_with_their_ends():
    start, end = jax.random.normal(jax.random.key(0), (2, 3, 5))
    for path in (latents.lerp, latents.slerp):
        way = path(start, end, 4)
        assert way.shape == (4, 3, 5)
        np.testing.assert_allclose(way[jnp.array([0, 3])], jnp.stack([start, end]), atol=1e-6)


def test_linear_path_takes_equal_steps():
    way = latents.lerp(jnp.array([0.0, 2.0]), jnp.array([3.0, -1.0]), 4)
    np.testing.assert_allclose(way, [[0, 2], [1, 1], [2, 0], [3, -1]], atol=1e-6)


def test_spherical_path_keeps_the_length_and_turns_evenly():
    way = latents.slerp(jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0]), 4)
    angles = np.deg2rad([0.0, 30.0, 60.0, 90.0])
    np.testing.assert_allclose(way, 2 * np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6)


@pytest.mark.parametrize("factor", [3.0, -3.0, 0.0])
def test_spherical_path_without_a_great_circle_is_straight(factor):
    way = latents.slerp(jnp.ones(3), factor * jnp.ones(3), 3)
    expected = np.outer([1.0, (1 + factor) / 2, factor], np.ones(3))
    np.testing.assert_allclose(way, expected, atol=1e-6)


@pytest.mark.parametrize("path", [latents.lerp, latents.slerp])
def test_paths_refuse_ends_that_do_not_fit(path):
    with pytest.raises(ValueError, match="the same shape"):
        path(jnp.ones(2), jnp.ones(3), 4)
    with pytest.raises(ValueError, match="num must be at least 2"):
        path(jnp.ones(2), jnp.ones(2), 1)

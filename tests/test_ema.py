import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.ema import (
    Profile,
    ema_warmup,
    moving_average,
    power_decay,
    power_exponent,
    reconstruct,
    reconstruction_weights,
)

# ---- the decay ----


@pytest.mark.parametrize(
    ("step", "expected"),
    # 1/10, 2/11, 91/100; (1 + t) / (10 + t) reaches .999 at t = 8990
    [(0, 0.1), (1, 2 / 11), (90, 0.91), (8000, 8001 / 8010), (8990, 0.999), (2**31 - 1, 0.999)],
)
def test_decay_warms_up_to_the_one_wanted(step, expected):
    got = ema_warmup(0.999, jnp.int32(step))
    assert (got.dtype, got.shape) == (jnp.float32, ())
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_decay_never_falls_nor_exceeds_the_one_wanted():
    got = jax.vmap(lambda step: ema_warmup(0.99, step))(jnp.arange(2000))
    assert (jnp.diff(got) >= 0).all()
    assert got.max() == jnp.float32(0.99)
    assert ema_warmup(0.0, 5) == 0.0


# ---- the average ----


def test_moving_average_by_hand():
    # .9 * 2 + .1 * 7 = 2.5; .9 * -1 + .1 * 9 = 0
    got = moving_average({"a": jnp.array([2.0, -1.0])}, {"a": jnp.array([7.0, 9.0])}, 0.9)
    np.testing.assert_allclose(got["a"], [2.5, 0.0], atol=1e-6)


def test_moving_average_of_a_constant_approaches_it_geometrically():
    start, new = jnp.array([5.0, -2.0]), jnp.array([1.0, 1.0])
    got, _ = jax.lax.scan(lambda a, _: (moving_average(a, new, 0.8), None), start, length=20)
    # new + decay^n (start - new)
    np.testing.assert_allclose(got, [1 + 4 * 0.8**20, 1 - 3 * 0.8**20], rtol=1e-6)


def test_moving_average_weighs_the_past_geometrically():
    x = np.random.default_rng(0).normal(size=30)
    got, _ = jax.lax.scan(
        lambda a, new: (moving_average(a, new, 0.7), None), jnp.zeros(()), jnp.float32(x)
    )
    # sum_k (1 - decay) decay^(n - 1 - k) x_k
    np.testing.assert_allclose(got, np.sum(0.3 * 0.7 ** np.arange(29, -1, -1) * x), rtol=1e-5)


def test_decays_of_zero_and_one_give_the_new_and_the_old():
    old, new = jnp.array([1.0, 2.0]), jnp.array([3.0, -4.0])
    np.testing.assert_array_equal(moving_average(old, new, 0.0), new)
    np.testing.assert_array_equal(moving_average(old, new, 1.0), old)


def test_values_that_stay_keep_every_bit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000) * 10.0 ** rng.uniform(-37, 37, size=1000)
    x = jnp.float32(np.append(x, np.finfo(np.float32).max))
    for decay in (0.1, 0.9, 0.999, jnp.float32(1 / 3)):
        np.testing.assert_array_equal(jax.jit(moving_average)(x, x, decay), x)


def test_leaves_that_are_not_floats_are_copied():
    old = {"count": jnp.int32(3), "flag": jnp.array(True), "w": jnp.ones(2)}
    new = {"count": jnp.int32(8), "flag": jnp.array(False), "w": jnp.zeros(2)}
    got = moving_average(old, new, 0.5)
    assert (got["count"], got["flag"]) == (8, False)
    assert (got["count"].dtype, got["flag"].dtype) == (jnp.int32, jnp.bool_)
    np.testing.assert_array_equal(got["w"], [0.5, 0.5])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_leaves_keep_their_dtype_under_a_traced_decay(dtype):
    x = jnp.ones(3, dtype)
    got = moving_average(x, 3 * x, ema_warmup(0.5, jnp.int32(10_000)))
    assert got.dtype == dtype
    np.testing.assert_array_equal(got.astype(jnp.float32), 2.0)


def test_trees_of_different_structure_are_refused():
    with pytest.raises(ValueError, match="b"):
        moving_average({"a": jnp.ones(1)}, {"b": jnp.ones(1)}, 0.9)


# ---- power-function averages ----


def width(gamma):
    """The standard deviation of s with density (gamma + 1) s^gamma on [0, 1], in closed form."""
    return np.sqrt((gamma + 1) / (gamma + 3) - ((gamma + 1) / (gamma + 2)) ** 2)


def averaged(values, sigma_rel):
    """The averages of a sequence of numbers after each update."""
    decay = power_decay(sigma_rel)

    def update(average, item):
        step, new = item
        average = moving_average(average, new, decay(step))
        return average, average

    start = jnp.full((), 8.0, jnp.float32)  # which must leave no trace
    return jax.lax.scan(update, start, (jnp.arange(len(values)), jnp.float32(values)))[1]


@pytest.mark.parametrize("gamma", [0.0, 1.0, 6.94, 16.97, 100.0])
def test_the_exponent_gives_the_wanted_width(gamma):
    np.testing.assert_allclose(power_exponent(width(gamma)), gamma, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sigma_rel", [0.0, -0.1, 0.3, float("nan")])
def test_widths_that_no_exponent_has_are_refused(sigma_rel):
    with pytest.raises(ValueError, match="sigma_rel must be above 0"):
        power_exponent(sigma_rel)


def test_a_power_average_with_exponent_zero_is_the_mean():
    x = np.random.default_rng(0).normal(size=50)
    got = averaged(x, 12**-0.5)
    np.testing.assert_allclose(got, np.cumsum(x) / np.arange(1, 51), rtol=1e-4, atol=1e-5)


def test_a_power_average_weighs_updates_by_their_power():
    # decay_t = ((t - 1) / t)^(gamma + 1): the weights are differences of (s / t)^(gamma + 1)
    x, s = np.random.default_rng(0).normal(size=400), np.arange(401) / 400
    weights = np.diff(s ** (power_exponent(0.1) + 1))
    got = averaged(x, 0.1)[-1]
    np.testing.assert_allclose(got, weights @ x, rtol=1e-4)
    mean = weights @ s[1:]
    np.testing.assert_allclose(np.sqrt(weights @ (s[1:] - mean) ** 2), 0.1, rtol=1e-2)


def test_the_decay_of_a_million_updates_keeps_its_digits():
    for step in (999, 999_999):
        wanted = -(power_exponent(0.05) + 1) * np.log1p(-1 / (step + 1))
        np.testing.assert_allclose(1 - np.float64(power_decay(0.05)(step)), wanted, rtol=0.02)


def test_weights_are_those_of_least_squares_on_a_fine_grid():
    stored = [Profile(t, sigma) for t in (300, 700, 1000) for sigma in (0.05, 0.10)]
    wanted = Profile(900, 0.075)

    def density(profile, s):
        gamma = power_exponent(profile.sigma_rel)
        inside = (gamma + 1) / profile.step * (s / profile.step) ** gamma
        return np.where(s <= profile.step, inside, 0.0)

    s = (np.arange(200_000) + 0.5) / 200
    columns = np.stack([density(profile, s) for profile in stored], axis=1)
    best = np.linalg.lstsq(columns, density(wanted, s), rcond=None)[0]
    got = reconstruction_weights(stored, wanted)
    np.testing.assert_allclose(got, best / best.sum(), atol=2e-3)
    np.testing.assert_allclose(got.sum(), 1.0, rtol=1e-12)


def test_a_stored_average_is_its_own_reconstruction():
    stored = [Profile(500, 0.05), Profile(500, 0.1), Profile(1000, 0.05), Profile(1000, 0.1)]
    got = reconstruction_weights(stored, stored[2])
    np.testing.assert_allclose(got, [0, 0, 1, 0], atol=1e-9)


def test_a_width_is_reconstructed_from_two_others():
    x = np.sin(np.arange(2000) / 150) + np.arange(2000) / 1000
    stored = [Profile(t, sigma) for sigma in (0.05, 0.10) for t in range(200, 2001, 200)]
    runs = {sigma: averaged(x, sigma) for sigma in (0.05, 0.10)}
    trees = [
        {"w": runs[each.sigma_rel][each.step - 1], "n": jnp.int32(each.step)} for each in stored
    ]
    for sigma in (0.04, 0.075, 0.15):
        got = reconstruct(trees, stored, Profile(2000, sigma))
        # The nearest stored width is off by more than ten times as much.
        np.testing.assert_allclose(got["w"], averaged(x, sigma)[-1], atol=5e-3)
        assert (got["w"].dtype, got["n"]) == (jnp.float32, 2000)


def test_impossible_reconstructions_are_refused():
    one = Profile(10, 0.1)
    with pytest.raises(ValueError, match="different profiles"):
        reconstruction_weights([one, one], one)
    with pytest.raises(ValueError, match="different profiles"):
        reconstruction_weights([], one)
    with pytest.raises(ValueError, match="comes after all stored"):
        reconstruction_weights([one], Profile(11, 0.1))
    with pytest.raises(ValueError, match="must be positive"):
        reconstruction_weights([Profile(0, 0.1)], Profile(0, 0.1))
    with pytest.raises(ValueError, match="got 1 averages for 2"):
        reconstruct([0.0], [one, Profile(20, 0.1)], one)


def test_snapshots_of_one_average_reconstruct_a_wider_one():
    x = np.sin(np.arange(1000) / 150)
    run, steps = averaged(x, 0.05), range(25, 1001, 25)
    stored = [Profile(step, 0.05) for step in steps]
    got = reconstruct([run[step - 1] for step in steps], stored, Profile(1000, 0.10))
    np.testing.assert_allclose(got, averaged(x, 0.10)[-1], atol=5e-3)
    assert abs(run[-1] - averaged(x, 0.10)[-1]) > 5e-2

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.ema import ema_warmup, moving_average

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

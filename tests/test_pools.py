"""Pools of earlier generated samples: one sample at a time, alike on any number of devices."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import parallel
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.pools import exchange, init_pool

SIZE = 5


def numbered(first, count):
    """Samples that tell their number, as a tree."""
    x = jnp.arange(first, first + count, dtype=jnp.float32)
    return {"image": x[:, None, None] * jnp.ones((1, 2, 2)), "number": x}


@functools.partial(jax.jit, static_argnums=3)
def exchanged(key, pool, x, count):
    return exchange(key, pool, x, jnp.arange(count))


def test_samples_fill_the_pool_first_and_half_of_them_change_places_then(key):
    pool, in_pool, shown = init_pool(SIZE, numbered(0, 1)), [], []
    for update in range(40):
        own = jax.random.fold_in(key, update)
        x, pool = exchanged(own, pool, numbered(4 * update, 4), 4)
        shown.extend(int(number) for number in x["number"])
        # the same, by a list
        keys = sample_keys(own, jnp.arange(4))
        for row, number in enumerate(range(4 * update, 4 * update + 4)):
            coin, place = jax.random.split(keys[row])
            if len(in_pool) < SIZE:
                in_pool.append(number)
                wanted = number
            elif jax.random.bernoulli(coin):
                chosen = int(jax.random.randint(place, (), 0, SIZE))
                wanted, in_pool[chosen] = in_pool[chosen], number
            else:
                wanted = number
            assert shown[4 * update + row] == wanted
        np.testing.assert_array_equal(x["image"][:, 0, 0], x["number"])  # trees stay together
    np.testing.assert_array_equal(np.sort(pool.samples["number"]), np.sort(in_pool))
    assert shown[:SIZE] == list(range(SIZE))
    earlier = np.mean([number != place for place, number in enumerate(shown)][SIZE:])
    assert abs(earlier - 0.5) < 0.13  # 155 coins: three standard errors
    assert len(set(shown)) > 0.9 * len(shown)  # none is shown twice, but where it stays in the pool


def test_no_pool_shows_what_is_new(key):
    x = numbered(0, 3)
    assert init_pool(0, x) is None
    assert exchange(key, None, x, jnp.arange(3)) == (x, None)


@pytest.mark.slow
def test_a_pool_is_the_same_on_any_number_of_devices(key):
    pool, x = init_pool(SIZE, numbered(0, 1)), numbered(0, 16)
    index = jnp.arange(16)
    wanted = exchanged(key, pool, x, 16)
    devices = jax.devices()[:4]
    mapped = jax.pmap(
        lambda x, index: exchange(key, pool, x, index, "devices"), "devices", devices=devices
    )
    parts = jax.tree.map(lambda leaf: leaf.reshape(4, 4, *leaf.shape[1:]), (x, index))
    shown, pools = mapped(*parts)
    joined = jax.tree.map(lambda leaf: leaf.reshape(16, *leaf.shape[2:]), shown)
    jax.tree.map(np.testing.assert_array_equal, joined, wanted[0])
    for device in range(4):
        own = jax.tree.map(lambda leaf, device=device: leaf[device], pools)
        jax.tree.map(np.testing.assert_array_equal, own, wanted[1])


# --- In training


def with_pool(make_gan, **parts):
    return make_gan(pool_size=6, **parts)


@pytest.mark.slow
def test_the_discriminator_learns_from_the_pool_and_the_generator_does_not(make_gan, batch, key):
    gan = with_pool(make_gan)
    state = jaxgan.init(key, gan, batch[:8])
    assert state.pool.samples.shape == (6, 4, 4, 1)
    step = jax.jit(jaxgan.make_discriminator_step(gan))
    state, _ = step(jax.random.fold_in(key, 1), state, batch[:8])  # fills the pool
    assert int(state.pool.filled) == 6
    plain = dataclasses.replace(gan, pool_size=0)
    other = state._replace(pool=state.pool._replace(samples=state.pool.samples + 3.0))
    moved, metrics = step(key, state, batch[:8])
    _, shown_others = step(key, other, batch[:8])
    _, without = jax.jit(jaxgan.make_discriminator_step(plain))(
        key, state._replace(pool=None), batch[:8]
    )
    assert len({float(each["logit_fake"]) for each in (metrics, shown_others, without)}) == 3
    assert metrics["logit_real"] == without["logit_real"]  # the other draws are as they were
    assert int(moved.pool.filled) == 6

    learn = jax.jit(jaxgan.make_generator_step(gan))
    after, metrics = learn(key, state, batch[:8])
    assert metrics["generator_loss"] == learn(key, other, batch[:8])[1]["generator_loss"]
    np.testing.assert_array_equal(after.pool.samples, state.pool.samples)


def test_a_gan_without_a_pool_has_the_state_that_it_had(make_gan, batch, key):
    assert jaxgan.init(key, make_gan(), batch).pool is None


@pytest.mark.slow
def test_training_with_a_pool_is_the_same_on_eight_devices_in_micro_batches(
    make_gan, batch, key, largest_difference
):
    gan = with_pool(make_gan)
    results = []
    for way in ("jit", "pmap", "one"):
        axis = parallel.AXIS if way == "pmap" else None
        step = jaxgan.make_train_step(gan, axis_name=axis, accumulate=2)
        if way == "pmap":
            run = parallel.pmap_step(step, 8)
        else:
            run = parallel.jit_step(step, parallel.make_mesh(8 if way == "jit" else 1))
        state = jaxgan.init(key, gan, batch)
        for number in range(3):
            state, _ = run(jax.random.fold_in(key, number), state, batch)
        results.append(jax.device_get(state))
    assert largest_difference(results[0], results[2]) < 1e-5
    assert largest_difference(results[1], results[2]) < 1e-5


def test_a_negative_size_is_refused(make_gan):
    with pytest.raises(ValueError, match="pool_size must be an int, 0 or more, got -1"):
        make_gan(pool_size=-1)

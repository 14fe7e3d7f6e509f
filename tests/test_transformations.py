import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import transformations
from jaxgan.transformations import historical_averaging, weight_clipping

# ---- weight clipping ----


def test_weight_clipping_keeps_parameters_within_the_limit():
    params = {"w": jnp.array([0.5, -0.5, 0.05]), "b": jnp.array([0.0, 0.3])}
    gradient = {"w": jnp.array([1.0, -1.0, 0.2]), "b": jnp.array([-9.0, 0.0])}
    optimizer = optax.chain(optax.sgd(0.1), weight_clipping(0.1))
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    new = optax.apply_updates(params, updates)
    # .4, -.4, .03 and .9, .3 are clipped to +-.1
    np.testing.assert_allclose(new["w"], [0.1, -0.1, 0.03], rtol=1e-6)
    np.testing.assert_allclose(new["b"], [0.1, 0.1], rtol=1e-6)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_limit_that_is_not_positive_is_named(limit):
    with pytest.raises(ValueError, match="limit"):
        weight_clipping(limit)


def test_weight_clipping_without_params_is_named():
    clip = weight_clipping(0.1)
    with pytest.raises(ValueError, match="params"):
        clip.update(jnp.ones(1), clip.init(jnp.ones(1)))


# ---- historical averaging ----


def test_historical_averaging_follows_its_formula():
    # gradient of weight |theta - mean|^2 with the mean of theta_1 ... theta_t, in NumPy
    rng = np.random.default_rng(0)
    history, gradients = rng.normal(size=(2, 6, 3))
    transformation = historical_averaging(0.3)
    state = transformation.init({"w": jnp.zeros(3)})
    for t in range(6):
        given, params = ({"w": jnp.float32(v[t])} for v in (gradients, history))
        got, state = transformation.update(given, state, params)
        expected = gradients[t] + 2 * 0.3 * (history[t] - history[: t + 1].mean(axis=0))
        np.testing.assert_allclose(got["w"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state.mean["w"], history.mean(axis=0), rtol=1e-5)


def test_historical_averaging_keeps_its_mean_in_float32():
    # steps of 1/512 are lost in bfloat16, and so would be a mean of them
    params = 1 + jnp.arange(5) / 128
    transformation = historical_averaging(1.0)
    state = transformation.init(jnp.zeros(1, jnp.bfloat16))
    for p in params.astype(jnp.bfloat16):
        updates, state = transformation.update(jnp.zeros(1, jnp.bfloat16), state, p[None])
    assert updates.dtype == jnp.bfloat16
    assert state.mean.dtype == jnp.float32
    np.testing.assert_allclose(state.mean, 1 + 2 / 128, rtol=1e-6)


def radii_of_the_bilinear_game(weight, steps):
    """Distances from the equilibrium of x minimising xy and y maximising it, both at once."""
    optimizer = optax.chain(historical_averaging(weight), optax.sgd(0.1))

    def step(players, _):
        (x, y), states = zip(*players, strict=True)
        updated = []
        for player, state, gradient in zip((x, y), states, (y, -x), strict=True):
            update, state = optimizer.update(gradient, state, player)
            updated.append((player + update, state))
        return tuple(updated), jnp.hypot(updated[0][0], updated[1][0])

    one = jnp.ones(())
    start = (one, optimizer.init(one)), (one, optimizer.init(one))
    return jax.jit(lambda: jax.lax.scan(step, start, length=steps)[1])()


def test_gradient_descent_spirals_out_of_the_bilinear_game():
    # each step multiplies the distance by sqrt(1 + .1^2)
    radii = radii_of_the_bilinear_game(0.0, 1000)
    np.testing.assert_allclose(radii[-1], np.sqrt(2) * 1.01**500, rtol=1e-3)


def test_historical_averaging_lets_the_bilinear_game_converge():
    # Late, the players rest at z = 2 w m / (2 w - i) of their mean m (as complex numbers x + iy),
    # which then changes by (z - m)/t a step: |z| falls as t^(-1 / (1 + 4 w^2)).
    for weight in (0.2, 0.5):
        radii = radii_of_the_bilinear_game(weight, 2000)
        assert radii[-1] < 0.12
        power = np.log(radii[999] / radii[1999]) / np.log(2)
        assert abs(power - 1 / (1 + 4 * weight**2)) < 0.03


@pytest.mark.parametrize("weight", [-0.1, float("nan")])
def test_weight_that_is_negative_is_named(weight):
    with pytest.raises(ValueError, match="weight"):
        historical_averaging(weight)


def test_historical_averaging_without_params_is_named():
    transformation = historical_averaging(0.1)
    with pytest.raises(ValueError, match="historical_averaging needs params"):
        transformation.update(jnp.ones(1), transformation.init(jnp.ones(1)))


# --- Frozen layers

PARAMS = {
    "Conv_0": {"kernel": jnp.ones(3), "bias": jnp.ones(1)},
    "Conv_01": {"kernel": jnp.ones(2)},
    "Dense_0": {"kernel": jnp.full(4, 2.0)},
}


def test_frozen_layers_stay_and_the_others_move_as_without():
    gradients = jax.tree.map(lambda p: 0.3 * p, PARAMS)
    adam = optax.adam(0.1)
    optimizer = transformations.frozen(adam, ["Conv_0", "Dense_0/kernel"])
    updates, _ = jax.jit(optimizer.update)(gradients, optimizer.init(PARAMS), PARAMS)
    expected, _ = jax.jit(adam.update)(gradients, adam.init(PARAMS), PARAMS)
    assert not np.any(jax.tree.leaves([updates["Conv_0"], updates["Dense_0"]])[0])
    np.testing.assert_array_equal(updates["Dense_0"]["kernel"], 0.0)
    np.testing.assert_array_equal(updates["Conv_01"]["kernel"], expected["Conv_01"]["kernel"])


def test_frozen_layers_have_no_state_of_the_optimizer():
    optimizer = transformations.frozen(optax.adam(0.1), ["Conv_0"])
    sizes = [leaf.size for leaf in jax.tree.leaves(optimizer.init(PARAMS))]
    assert sum(sizes) == 1 + 2 * (2 + 4)  # Adam's count, and two moments


def test_a_gan_trains_with_frozen_layers(key, batch, make_gan):
    optimizer = transformations.frozen(optax.sgd(0.1), ["Dense_0"])
    gan = make_gan(discriminator_optimizer=optimizer)
    state = jaxgan.init(key, gan, batch)
    new, _ = jax.jit(jaxgan.make_discriminator_step(gan))(key, state, batch)
    before, after = state.discriminator.params, new.discriminator.params
    np.testing.assert_array_equal(before["Dense_0"]["kernel"], after["Dense_0"]["kernel"])
    assert np.any(before["Dense_1"]["kernel"] != after["Dense_1"]["kernel"])


def test_names_that_are_not_among_the_parameters_are_refused():
    with pytest.raises(ValueError, match="names has 'Conv_1', but the parameters are Conv_0/bias"):
        transformations.frozen(optax.sgd(0.1), ["Conv_1"]).init(PARAMS)
    with pytest.raises(ValueError, match=r"names must be a sequence .* got 'Conv_0'"):
        transformations.frozen(optax.sgd(0.1), "Conv_0")

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal

from jaxgan import from_linen
from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.labels import ConditionalBatchNorm
from jaxgan.models.layers.minibatch import MinibatchDiscrimination, MinibatchStd
from jaxgan.models.layers.normalization import BatchNorm, PixelNorm
from jaxgan.regularizers import r1

KEY = jax.random.key(0)


def double(x):
    return np.asarray(x, np.float64)


# ---- pixel norm ----


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (2, 3, 2, 4)])
def test_pixel_norm_gives_each_place_a_mean_square_of_one(shape):
    x = 7.0 * normal(*shape)
    y = PixelNorm().apply({}, x)
    np.testing.assert_allclose(np.mean(double(y) ** 2, axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.sign(y), np.sign(x))


def test_pixel_norm_by_hand():
    y = PixelNorm(epsilon=3.5).apply({}, jnp.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(y, [[0.75, 1.0], [0.0, 0.0]], rtol=1e-6)  # sqrt(25/2 + 3.5) = 4


# ---- self-attention ----


def attention_in_numpy(params, x, pool):
    """One image at a time, one place at a time."""
    w_q, w_k, w_v, w_o = (double(params[f"Dense_{i}"]["kernel"]) for i in range(4))
    y = np.empty(x.shape)
    for n, image in enumerate(double(x)):
        height, width, _ = image.shape
        k, v = image @ w_k, image @ w_v
        if pool:
            k, v = (
                np.array(
                    [
                        [part[i : i + 2, j : j + 2].max(axis=(0, 1)) for j in range(0, width, 2)]
                        for i in range(0, height, 2)
                    ]
                )
                for part in (k, v)
            )
        k, v = k.reshape(-1, k.shape[-1]), v.reshape(-1, v.shape[-1])
        for i in range(height):
            for j in range(width):
                weight = np.exp(k @ (image[i, j] @ w_q))
                y[n, i, j] = image[i, j] + params["gamma"] * (weight / weight.sum() @ v @ w_o)
    return y


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("shape", "pool", "pooled"),
    [((4, 2), True, True), ((4, 2), False, False), ((4, 3), True, False)],
)
def test_self_attention_is_that_of_numpy(shape, pool, pooled):
    x = normal(2, *shape, 16)
    layer = SelfAttention(pool=pool)
    params = jax.jit(layer.init)(KEY, x)["params"]
    assert params["Dense_0"]["kernel"].shape == (16, 2)
    assert params["Dense_2"]["kernel"].shape == (16, 8)
    params = {**params, "gamma": jnp.float32(0.7)}
    y = jax.jit(lambda x: layer.apply({"params": params}, x))(x)
    np.testing.assert_allclose(y, attention_in_numpy(params, x, pooled), rtol=1e-4, atol=1e-5)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 3, 3, 8), (2, 2, 2, 2, 8)])
def test_self_attention_starts_as_the_identity_with_a_gradient(shape):
    x = normal(*shape)
    layer = SelfAttention()
    params = jax.jit(layer.init)(KEY, x)["params"]

    @jax.jit
    def run(params):
        y = layer.apply({"params": params}, x)
        return jnp.sum(jnp.sin(y)), y

    gradient, y = jax.grad(run, has_aux=True)(params)
    np.testing.assert_array_equal(y, x)
    assert abs(gradient["gamma"]) > 1e-4


@pytest.mark.slow
def test_self_attention_with_spectral_norm_uses_weights_of_norm_one():
    x = normal(2, 2, 2, 8)
    layer = SelfAttention(spectral_norm=True)
    variables = jax.jit(lambda: layer.init(KEY, x, train=False))()
    params = variables["params"]
    plain = jax.eval_shape(lambda: SelfAttention().init(KEY, x))["params"]
    assert jax.tree.structure(plain) == jax.tree.structure(params)
    params["gamma"] = jnp.float32(1.0)
    normalised = {
        name: {"kernel": jnp.asarray(double(p["kernel"]) / np.linalg.norm(double(p["kernel"]), 2))}
        for name, p in params.items()
        if name != "gamma"
    }
    expected = jax.jit(SelfAttention().apply)(
        {"params": {**normalised, "gamma": params["gamma"]}}, x
    )
    # The product of two matrices of norm one, each by power iteration: close, not exact.
    y = jax.jit(lambda v: layer.apply(v, x, train=False))(variables)
    np.testing.assert_allclose(y, expected, rtol=0.03, atol=0.03)
    with pytest.raises(ValueError, match="train must be True or False for spectral norm, got None"):
        layer.apply(variables, x)


def test_self_attention_without_places_is_an_error():
    with pytest.raises(ValueError, match=r"with a spatial axis, got shape \(2, 8\)"):
        SelfAttention().init(KEY, jnp.ones((2, 8)))


# ---- across samples ----


@pytest.mark.one_quick_case
@pytest.mark.parametrize("shape", [(6, 5), (6, 2, 3), (6, 3, 2, 4)])
@pytest.mark.parametrize("group_size", [None, 2])
def test_minibatch_deviation_is_that_of_numpy(shape, group_size):
    x = normal(*shape)
    y = MinibatchStd(group_size).apply({}, x)
    assert y.shape == (*shape[:-1], shape[-1] + 1)
    np.testing.assert_array_equal(y[..., :-1], x)
    size = group_size or 6
    for start in range(0, 6, size):
        expected = np.std(double(x[start : start + size]), axis=0).mean()
        np.testing.assert_allclose(y[start : start + size, ..., -1], expected, rtol=1e-5)


@pytest.mark.slow
def test_minibatch_deviation_of_equal_samples_has_finite_derivatives():
    @jax.jit
    def derivatives(x):
        def value(x):
            return jnp.sum(jnp.sin(MinibatchStd().apply({}, x)))

        return value(x), jax.grad(value)(x), jax.hessian(value)(x)

    for x in (jnp.zeros((3, 2)), jnp.ones((3, 2)), normal(3, 2)):
        assert all(np.isfinite(leaf).all() for leaf in derivatives(x))
    y = MinibatchStd().apply({}, jnp.ones((3, 2)))
    np.testing.assert_allclose(y[:, -1], 1e-4, rtol=1e-5)  # the root of epsilon


@pytest.mark.parametrize("group_size", [0, 4])
def test_group_size_that_does_not_divide_is_an_error(group_size):
    with pytest.raises(ValueError, match=f"group_size={group_size} must divide .* 6"):
        MinibatchStd(group_size).apply({}, jnp.ones((6, 2)))


def test_minibatch_discrimination_is_that_of_numpy():
    x = normal(5, 3)
    layer = MinibatchDiscrimination(num_kernels=4, kernel_dim=2)
    variables = layer.init(KEY, x)
    y = jax.jit(lambda x: layer.apply(variables, x))(x)
    np.testing.assert_array_equal(y[:, :3], x)
    m = (double(x) @ double(variables["params"]["T"]["kernel"])).reshape(5, 4, 2)
    for i in range(5):
        for b in range(4):
            o = sum(np.exp(-np.abs(m[i, b] - m[j, b]).sum()) for j in range(5) if j != i)
            np.testing.assert_allclose(y[i, 3 + b], o, rtol=1e-4)


def test_minibatch_discrimination_counts_equal_samples():
    layer = MinibatchDiscrimination(num_kernels=2, kernel_dim=3)
    x = jnp.ones((5, 3))
    y, _ = layer.init_with_output(KEY, x)
    np.testing.assert_allclose(y[:, 3:], 4.0)  # exp(0) for each of the four others
    with pytest.raises(ValueError, match=r"x must be \[batch, features\], got shape \(5, 2, 2\)"):
        layer.init(KEY, jnp.ones((5, 2, 2)))


ACROSS_SAMPLES = {
    "BatchNorm": (BatchNorm(), ()),
    "ConditionalBatchNorm": (ConditionalBatchNorm(3), (jnp.arange(16) % 3,)),
    "MinibatchStd": (MinibatchStd(), ()),
    "MinibatchStd groups": (MinibatchStd(2), ()),
    "MinibatchDiscrimination": (MinibatchDiscrimination(3, 2), ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ACROSS_SAMPLES)
def test_layers_across_samples_agree_on_one_device_and_on_eight(name):
    layer, condition = ACROSS_SAMPLES[name]
    network = from_linen(layer)
    x = (1.0 + 2.0 * normal(16, 4)) * (1.0 + jnp.arange(16.0)[:, None] / 8)
    x = x if name == "MinibatchDiscrimination" else x.reshape(16, 2, 2)
    params, state = network.init(KEY, x, *condition)
    keys = jax.random.split(KEY, 16)

    def run(axis_name, params, x, keys, *condition):
        def loss(params, x):
            y, changed = network.apply(
                params, state, x, *condition, keys=keys, train=True, axis_name=axis_name
            )
            return jnp.mean(jnp.sin(2.0 * y + x[..., :1])), (y, changed)

        (to_params, to_x), (y, changed) = jax.grad(loss, (0, 1), has_aux=True)(params, x)
        if axis_name is not None:
            to_params = jax.lax.pmean(to_params, axis_name)
        return to_params, changed, y, to_x

    expected = jax.jit(functools.partial(run, None))(params, x, keys, *condition)
    shards = jax.tree.map(lambda a: a.reshape(8, 2, *a.shape[1:]), (x, keys, *condition))
    mapped = jax.pmap(
        functools.partial(run, "batch"),
        axis_name="batch",
        in_axes=(None, *[0] * len(shards)),
        out_axes=(None, None, 0, 0),
    )
    to_params, changed, y, to_x = mapped(params, *shards)
    # Each device's loss is a mean over an eighth of the batch.
    got = (to_params, changed, y.reshape(16, *y.shape[2:]), to_x.reshape(x.shape) / 8)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=2e-6), got, expected)


class Critic(nn.Module):
    """Every layer that a penalised discriminator may have, on images."""

    @nn.compact
    def __call__(self, x, train):
        x = SelfAttention(spectral_norm=True)(PixelNorm()(nn.Dense(8)(x)), train)
        x = MinibatchStd(2)(x).reshape(len(x), -1)
        return nn.Dense(1)(MinibatchDiscrimination(3, 2)(x))[:, 0]


@pytest.mark.slow
def test_gradient_penalty_through_the_layers_has_the_slope_of_finite_differences():
    x = normal(4, 2, 2, 3)
    variables = jax.jit(lambda: Critic().init(KEY, x, False))()
    params = variables["params"]
    params["SelfAttention_0"]["gamma"] = jnp.float32(0.8)
    step = jax.tree.map(lambda w: 3e-3 * normal(*w.shape, seed=2), params)

    @jax.jit
    def slope(params):
        def penalty(params):
            return r1(lambda x: Critic().apply({**variables, "params": params}, x, False), x)

        value, gradient = jax.value_and_grad(penalty)(params)
        return value, sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, step)))

    (_, exact), (after, _), (before, _) = (
        slope(jax.tree.map(lambda w, s, by=by: w + by * s, params, step)) for by in (0, 1, -1)
    )
    assert abs(exact) > 1e-3
    np.testing.assert_allclose(exact, (after - before) / 2, rtol=2e-2)

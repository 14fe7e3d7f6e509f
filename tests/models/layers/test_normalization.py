import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal

from jaxgan import from_linen
from jaxgan.models.layers import normalization
from jaxgan.models.layers.dropout import Dropout
from jaxgan.models.layers.normalization import (
    BatchNorm,
    VirtualBatchNorm,
    around_one,
    with_reference,
)
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.regularizers import r1
from jaxgan.types import DiscriminatorOutput

KEY = jax.random.key(0)


def largest_singular_value(weight):
    return np.linalg.norm(np.asarray(weight, np.float64).reshape(-1, weight.shape[-1]), 2)


def used_kernel(variables):
    """The kernel that SpectralNorm(nn.Dense(..., use_bias=False)) multiplies with."""
    kernel = variables["params"]["layer"]["kernel"]
    layer = SpectralNorm(nn.Dense(kernel.shape[1], use_bias=False))
    return layer.apply(variables, jnp.eye(len(kernel)), train=False)


@pytest.fixture(scope="module")
def dense():
    layer = SpectralNorm(nn.Dense(5, use_bias=False))
    return layer, layer.init(KEY, jnp.ones((1, 8)), train=False)


# ---- batch and instance normalisation ----


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2)])
def test_derivatives_of_standardised_arrays_equal_those_of_the_operations_one_by_one(axes):
    x, direction = 2.0 * normal(6, 3, 3, 4) + 1.0, normal(6, 3, 3, 4, seed=1)

    def one_by_one(x):
        mean, var = normalization._moments(x, axes)
        return normalization._standardised(x, mean, var, 1e-2), mean, var

    def derivatives(function):
        def value(x):
            return sum(jnp.sum(jnp.sin(1.3 * y + i)) for i, y in enumerate(function(x)))

        second = jax.grad(lambda x: jnp.vdot(jax.grad(value)(x), direction))
        return jax.grad(value)(x), second(x), jax.jvp(jax.grad(value), (x,), (direction,))[1]

    ours = derivatives(lambda x: normalization._standardised_by_own(x, axes, 1e-2))
    for mine, plain in zip(ours, derivatives(one_by_one), strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-4, atol=1e-5)


# ---- spectral normalisation ----


LINEAR_LAYERS = [
    (nn.Dense(5, use_bias=False), normal(4, 7)),
    (nn.Conv(6, (3, 3), use_bias=False), normal(2, 5, 5, 3)),
    (nn.ConvTranspose(3, (4,), strides=(2,), use_bias=False), normal(2, 4, 2)),
    (nn.Embed(6, 4), jnp.arange(6)),
]


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("layer", "x"), LINEAR_LAYERS, ids=["Dense", "Conv", "ConvTranspose", "Embed"]
)
def test_weights_are_divided_by_their_largest_singular_value(layer, x):
    variables = SpectralNorm(layer).init(KEY, x, train=False)
    weights = variables["params"]["layer"]
    sigma = largest_singular_value(*weights.values())
    plain = layer.apply({"params": weights}, x)

    def ratio(variables):
        y = jax.jit(lambda v: SpectralNorm(layer).apply(v, x, train=False))(variables)
        return np.sum(np.asarray(plain * y, np.float64)) / np.sum(np.asarray(y, np.float64) ** 2)

    # Close already as it starts, and never above; exact after enough iterations.
    assert 0.97 * sigma < ratio(variables) < 1.0001 * sigma
    many = SpectralNorm(layer, iterations=200)
    trained = jax.jit(lambda v: many.apply(v, x, train=True, mutable=["spectral_norm"])[1])
    np.testing.assert_allclose(ratio({**variables, **trained(variables)}), sigma, rtol=1e-5)


@pytest.mark.one_quick_case
def test_spectral_norm_leaves_stored_weights_alone(dense):
    layer, variables = dense
    plain = nn.Dense(5, use_bias=False).init(KEY, jnp.ones((1, 8)))["params"]["kernel"]
    step = jax.jit(lambda v: layer.apply(v, jnp.ones((1, 8)), train=True, mutable=True)[1])
    after = variables
    for _ in range(20):
        after = step(after)
    # CallInputs as an unwrapped layer draws them: not normalised at the start either.
    assert largest_singular_value(plain) > 1.2
    assert largest_singular_value(variables["params"]["layer"]["kernel"]) > 1.2
    np.testing.assert_array_equal(*(v["params"]["layer"]["kernel"] for v in (variables, after)))
    np.testing.assert_allclose(largest_singular_value(used_kernel(after)), 1.0, rtol=1e-5)


def test_spectral_norm_in_evaluation_changes_nothing(dense):
    layer, variables = dense
    _, changed = layer.apply(variables, jnp.ones((1, 8)), train=False, mutable=True)
    jax.tree.map(np.testing.assert_array_equal, changed, variables)
    # As the adapter evaluates: with nothing mutable.
    y, changed = layer.apply(variables, jnp.ones((1, 8)), train=False, mutable=[])
    assert not changed
    np.testing.assert_array_equal(y, layer.apply(variables, jnp.ones((1, 8)), train=False))


def test_spectral_norm_trains_and_evaluates_by_one_sigma(dense):
    layer, variables = dense
    x = normal(3, 8)
    y, changed = layer.apply(variables, x, train=True, mutable=["spectral_norm"])
    np.testing.assert_allclose(layer.apply({**variables, **changed}, x, train=False), y, rtol=1e-6)


def test_sigma_follows_the_weights_of_the_moment(dense):
    layer, variables = dense
    x = normal(3, 8)
    tripled = {**variables, "params": jax.tree.map(lambda w: 3.0 * w, variables["params"])}
    expected = layer.apply(variables, x, train=False)
    np.testing.assert_allclose(layer.apply(tripled, x, train=False), expected, rtol=1e-5)


def test_averaged_vectors_shorter_than_one_give_the_same_sigma(dense):
    layer, variables = dense
    x = normal(3, 8)
    shorter = jax.tree.map(lambda u: 0.4 * u, variables["spectral_norm"])
    y = layer.apply({**variables, "spectral_norm": shorter}, x, train=False)
    np.testing.assert_allclose(y, layer.apply(variables, x, train=False), rtol=1e-5)


@pytest.mark.slow
def test_spectral_norm_gradient_has_its_closed_form():
    layer = SpectralNorm(nn.Dense(4, use_bias=False))
    x, g = normal(3, 6), normal(3, 4, seed=1)
    params = layer.init(KEY, x, train=False)["params"]
    vectors = {"kernel": normal(4, seed=2)}  # far from where power iteration leads

    @jax.jit
    @jax.grad
    def gradient(params):
        variables = {"params": params, "spectral_norm": vectors}
        return jnp.sum(g * layer.apply(variables, x, train=True, mutable=True)[0])

    w, u = (np.asarray(a, np.float64) for a in (params["layer"]["kernel"], vectors["kernel"]))
    u = w.T @ w @ u / np.linalg.norm(w.T @ w @ u)
    v = w @ u / np.linalg.norm(w @ u)
    sigma = v @ w @ u
    # (x'g - <x'g, W / sigma> v u') / sigma, equation 12 of Miyato et al. 2018
    direct = np.asarray(x, np.float64).T @ np.asarray(g, np.float64)
    expected = (direct - np.sum(direct * w / sigma) * np.outer(v, u)) / sigma
    got = gradient(params)["layer"]["kernel"]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


class Critic(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        x = jnp.tanh(SpectralNorm(nn.Dense(6))(x, train=train))
        return SpectralNorm(nn.Dense(1))(x, train=train)[:, 0]


@pytest.mark.slow
def test_gradient_penalty_through_spectral_norm_has_the_slope_of_finite_differences():
    x = normal(4, 3)
    variables = Critic().init(KEY, x, train=False)
    step = jax.tree.map(lambda w: 1e-2 * normal(*w.shape, seed=2), variables["params"])

    @jax.jit
    def penalty(params):
        return r1(lambda x: Critic().apply({**variables, "params": params}, x, train=False), x)

    def moved(by):
        return penalty(jax.tree.map(lambda w, s: w + by * s, variables["params"], step))

    _, slope = jax.jvp(penalty, (variables["params"],), (step,))
    gradient = jax.jit(jax.grad(penalty))(variables["params"])
    reverse = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, step)))
    assert abs(slope) > 1e-4
    np.testing.assert_allclose(slope, (moved(1.0) - moved(-1.0)) / 2, rtol=1e-2)
    np.testing.assert_allclose(reverse, slope, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_weights_of_any_size_are_normalised(dense, scale):
    _, variables = dense
    scaled = jax.tree.map(lambda w: w * scale, variables["params"])
    sigma = largest_singular_value(used_kernel({**variables, "params": scaled}))
    np.testing.assert_allclose(sigma, 1.0, rtol=0.03)


def test_zero_weights_stay_zero_and_keep_a_direction(dense):
    layer, variables = dense
    zero = {**variables, "params": jax.tree.map(jnp.zeros_like, variables["params"])}

    def value(params):
        x = jnp.ones((1, 8))
        y, changed = layer.apply({**zero, "params": params}, x, train=True, mutable=True)
        return jnp.sum(y), (y, changed)

    gradient, (y, changed) = jax.jit(jax.grad(value, has_aux=True))(zero["params"])
    np.testing.assert_array_equal(y, 0.0)
    assert np.isfinite(gradient["layer"]["kernel"]).all()
    vectors = jax.tree.leaves(changed["spectral_norm"])
    np.testing.assert_allclose(np.linalg.norm(vectors[0]), 1.0, rtol=1e-5)


def test_spectral_norm_keeps_the_type_of_the_weights():
    layer = SpectralNorm(nn.Dense(4, param_dtype=jnp.bfloat16))
    y, variables = layer.init_with_output(KEY, jnp.ones((2, 3), jnp.bfloat16), train=False)
    assert y.dtype == variables["params"]["layer"]["kernel"].dtype == jnp.bfloat16
    assert variables["spectral_norm"]["kernel"].dtype == jnp.float32


class Wrapped(nn.Module):
    layer: str

    @nn.compact
    def __call__(self, x):
        layer = nn.LayerNorm() if self.layer == "LayerNorm" else nn.Sequential([nn.Dense(3)])
        return SpectralNorm(layer)(x, train=False)


@pytest.mark.parametrize("name", ["LayerNorm", "Sequential"])
def test_layer_without_a_matrix_of_its_own_is_named(name):
    with pytest.raises(ValueError, match=f"{name} has no weight matrix"):
        Wrapped(name).init(KEY, jnp.ones((2, 3)))


def test_spectral_norm_names_wrong_arguments(dense):
    layer, variables = dense
    with pytest.raises(ValueError, match="train must be True or False for spectral norm, got None"):
        layer.apply(variables, jnp.ones((1, 8)), train=None)
    with pytest.raises(ValueError, match="iterations must be positive, got 0"):
        SpectralNorm(nn.Dense(1), 0).init(KEY, jnp.ones((1, 8)), train=False)


# ---- batch normalisation ----


@pytest.mark.one_quick_case
@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 3), (3, 4, 2, 3)])
def test_batch_norm_is_that_of_flax(shape):
    x, g = 2.0 + 3.0 * normal(*shape), normal(*shape, seed=1)
    ours = BatchNorm(momentum=0.8, scale_init=around_one(0.5))
    theirs = nn.BatchNorm(momentum=0.8, use_fast_variance=False)
    variables = ours.init(KEY, x, True)
    np.testing.assert_array_equal(variables["batch_stats"]["mean"], 0.0)
    np.testing.assert_array_equal(variables["batch_stats"]["var"], 1.0)

    @functools.partial(jax.jit, static_argnums=0)
    def run(train, x):
        def value(apply, x):
            y, changed = apply(variables, x, mutable=["batch_stats"])
            return jnp.sum(g * y), (y, changed)

        options = (
            lambda *a, **k: ours.apply(*a, train, **k),
            lambda *a, **k: theirs.apply(*a, use_running_average=not train, **k),
        )
        return [jax.grad(functools.partial(value, apply), has_aux=True)(x) for apply in options]

    for train in (True, False):
        got, expected = run(train, x)
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5), got, expected
        )


def test_batch_norm_by_hand():
    x = jnp.array([[0.0], [2.0], [4.0]])  # mean 2, variance 8/3
    layer = BatchNorm(use_bias=False, use_scale=False, epsilon=1 / 3)
    variables = layer.init(KEY, x, False)
    assert "params" not in variables
    y, changed = layer.apply(variables, x, True, mutable=["batch_stats"])
    np.testing.assert_allclose(y[:, 0], np.array([-2, 0, 2]) / np.sqrt(3), rtol=1e-6)
    np.testing.assert_allclose(changed["batch_stats"]["mean"], [0.2], rtol=1e-6)
    np.testing.assert_allclose(changed["batch_stats"]["var"], [0.9 + 0.1 * 8 / 3], rtol=1e-6)


def test_batch_norm_is_exact_far_from_zero():
    x = normal(64, 2)
    layer = BatchNorm()
    variables = layer.init(KEY, x, False)
    run = jax.jit(lambda x: layer.apply(variables, x, True, mutable=["batch_stats"])[0])
    # 4096 + x is rounded to 1/4096; E x^2 - mean^2 would be wrong by 1.
    np.testing.assert_allclose(run(4096.0 + x), run(x), atol=2e-3)
    np.testing.assert_allclose(jnp.std(run(x), axis=0), 1.0, rtol=1e-4)


def test_batch_norm_of_half_precision_has_its_statistics_in_float32():
    x = (100.0 + normal(64, 2)).astype(jnp.bfloat16)
    layer = BatchNorm()
    y, changed = layer.apply(layer.init(KEY, x, False), x, True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(changed["batch_stats"]["mean"], 0.1 * exact.mean(0), rtol=1e-5)
    np.testing.assert_allclose(changed["batch_stats"]["var"], 0.9 + 0.1 * exact.var(0), rtol=1e-5)


def test_scales_around_one_are_normal():
    scales = BatchNorm(scale_init=around_one()).init(KEY, jnp.ones((1, 10_000)), False)
    scales = scales["params"]["scale"]
    assert float(scales.mean()) == pytest.approx(1.0, abs=1e-3)
    assert float(scales.std()) == pytest.approx(0.02, rel=0.05)


# ---- virtual batch normalisation ----


@pytest.mark.parametrize("shape", [(3,), (4, 2, 3)])
def test_virtual_batch_norm_joins_the_reference_and_the_sample_itself(shape):
    x = 3.0 * normal(9, *shape) + 1.0
    layer = VirtualBatchNorm(5)
    y = jax.jit(lambda x: layer.apply(layer.init(KEY, x[:6]), x))(x)
    reference = np.asarray(x[:5], np.float64)
    axes = tuple(range(x.ndim - 1))

    def standardised(x, of):
        return (x - of.mean(axes)) / np.sqrt(of.var(axes) + 1e-5)

    np.testing.assert_allclose(y[:5], standardised(reference, reference), rtol=1e-4, atol=1e-5)
    for i in range(5, 9):
        joint = np.concatenate([reference, np.asarray(x[i : i + 1], np.float64)])
        expected = standardised(joint, joint)[5]
        np.testing.assert_allclose(y[i], expected, rtol=1e-4, atol=1e-5)


class VirtualCritic(nn.Module):
    num_reference: int

    @nn.compact
    def __call__(self, x, *, keys, train):
        h = Dropout(0.3)(nn.Dense(4, use_bias=False)(x), keys, train)
        h = VirtualBatchNorm(self.num_reference)(h)
        return DiscriminatorOutput(nn.Dense(1)(jnp.tanh(h))[:, 0], features=h)


@pytest.fixture(scope="module")
def virtual():
    network = with_reference(
        from_linen(VirtualCritic(6)), lambda key: jax.random.normal(key, (6, 3))
    )
    return network, *network.init(KEY, normal(16, 3))


@pytest.mark.slow
def test_virtual_batch_norm_keeps_samples_apart(virtual):
    network, params, state = virtual
    x, keys = normal(16, 3), jax.random.split(KEY, 16)

    def run(x, keys):
        return network.apply(params, state, x, keys=keys, train=True)[0]

    whole = jax.jit(run)(x, keys)
    assert whole.logits.shape == (16,)
    assert whole.features.shape == (16, 4)
    others = jax.jit(run)(x.at[1:].multiply(-50.0), keys)
    np.testing.assert_allclose(others.features[0], whole.features[0], rtol=1e-5)
    part = jax.jit(run)(x[5:8], keys[5:8])
    shards = jax.pmap(run, axis_name="batch")(x.reshape(8, 2, 3), keys.reshape(8, 2))
    shards = jax.tree.map(lambda y: y.reshape(16, *y.shape[2:]), shards)
    for whole_leaf, part_leaf, shard_leaf in zip(
        *map(jax.tree.leaves, (whole, part, shards)), strict=True
    ):
        np.testing.assert_allclose(part_leaf, whole_leaf[5:8], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(shard_leaf, whole_leaf, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_reference_batch_is_drawn_at_the_start_and_kept(virtual):
    network, params, state = virtual
    x, keys = normal(4, 3), jax.random.split(KEY, 4)
    (reference,) = state["reference"]
    assert reference.shape == (6, 3)
    _, after = network.apply(params, state, x, keys=keys, train=True)
    jax.tree.map(np.testing.assert_array_equal, after, state)
    _, other = network.init(jax.random.key(1), x)
    assert float(jnp.max(jnp.abs(other["reference"][0] - reference))) > 0.1


@pytest.mark.slow
def test_gradient_penalty_through_virtual_batch_norm_is_that_of_single_samples(virtual):
    network, params, state = virtual
    x, keys = normal(4, 3), jax.random.split(KEY, 4)

    @jax.jit
    @jax.value_and_grad
    def penalty(params, x, keys):
        def critic(x):
            return network.apply(params, state, x, keys=keys, train=True)[0].logits

        return r1(critic, x)

    whole = penalty(params, x, keys)
    single = [penalty(params, x[i : i + 1], keys[i : i + 1]) for i in range(4)]
    mean = jax.tree.map(lambda *each: np.mean(each, axis=0), *single)
    assert whole[0] > 1e-3
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), whole, mean)


def test_reference_of_a_conditional_network_has_both_inputs():
    class Conditional(nn.Module):
        @nn.compact
        def __call__(self, x, labels):
            return VirtualBatchNorm(2)(x + labels[:, None])

    def reference(key):
        return jnp.array([[0.0], [2.0]]), jnp.array([0, 2])  # sums 0 and 4

    network = with_reference(from_linen(Conditional()), reference)
    x, labels = jnp.array([[1.0]]), jnp.array([1])
    params, state = network.init(KEY, x, labels)
    y, _ = network.apply(params, state, x, labels, keys=jax.random.split(KEY, 1), train=False)
    # Of 0, 4 and 2 the last is the mean.
    np.testing.assert_allclose(y, [[0.0]], atol=1e-6)
    with pytest.raises(ValueError, match="reference returned samples of shapes"):
        network.init(KEY, x)


@pytest.mark.parametrize("number", [5, 7])
def test_reference_batch_of_another_size_is_named(number):
    network = with_reference(from_linen(VirtualCritic(6)), lambda key: jnp.ones((number, 3)))
    with pytest.raises(ValueError, match=r"num_reference=6\) got a batch of"):
        network.init(KEY, normal(16, 3))


def test_virtual_batch_norm_without_a_reference_is_named():
    with pytest.raises(ValueError, match="wrap the network in with_reference"):
        from_linen(VirtualCritic(6)).init(KEY, normal(16, 3))

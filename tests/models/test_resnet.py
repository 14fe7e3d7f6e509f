"""SN-GAN's residual networks against the authors' order of operations and published sizes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import count, normal
from networks import shapes
from residual import convolved, doubled, drawn, pooled, relu, standardised, with_exact_vectors

from jaxgan.models import ResNetDiscriminator, ResNetGenerator, published_sngan
from jaxgan.models.resnet import DownBlock, UpBlock, mean_pool, repeat

KEY = jax.random.key(0)


# ---- resampling ----


def test_repeating_and_pooling_by_hand():
    x = jnp.array([[1.0, 2.0, 9.0], [3.0, 4.0, 9.0], [9.0, 9.0, 9.0]]).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(mean_pool(x)[0, :, :, 0], [[2.5]])  # the odd ones are cut
    rows = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(repeat(x[:, :2, :2])[0, :, :, 0], rows)
    line = jnp.array([1.0, 3.0, 5.0, 6.0]).reshape(1, 4, 1)
    np.testing.assert_array_equal(mean_pool(line)[0, :, 0], [2.0, 5.5])


def test_pooling_undoes_repeating():
    x = normal(2, 3, 5, 2)
    np.testing.assert_array_equal(mean_pool(repeat(x)), x)


# ---- blocks, in numpy and in the authors' order ----


@jax.jit
def up(variables, x):
    return UpBlock(6).apply(variables, x, None, True, mutable=["batch_stats"])[0]


def test_up_block_is_the_authors_which_enlarges_before_its_linear_map():
    x = normal(2, 3, 4, 5)
    variables = drawn(UpBlock(6), x, None, True)
    y = up(variables, x)
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables["params"])
    x = np.asarray(x, np.float64)
    h = doubled(relu(standardised(x, **p["BatchNorm_0"])))
    h = convolved(h, **p["Conv_0"])
    h = convolved(relu(standardised(h, **p["BatchNorm_1"])), **p["Conv_1"])
    np.testing.assert_allclose(y, h + doubled(x) @ p["Dense_0"]["kernel"], atol=1e-4)


def test_biases_before_batch_norms_would_change_nothing():
    # as published there are three a block: constants a channel, which run through to the end
    x, shift = normal(2, 3, 4, 5), jnp.array([3.0, -1.0, 0.5, 2.0, -4.0])
    variables = drawn(UpBlock(6), x, None, True)
    difference = np.asarray(up(variables, x + shift.reshape(1, 1, 1, 5)) - up(variables, x))
    constant = np.broadcast_to(difference[:1, :1, :1], difference.shape)
    np.testing.assert_allclose(difference, constant, atol=1e-3)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("first", [True, False])
def test_down_block_is_the_authors_which_pools_after_its_linear_map(first):
    x = normal(2, 4, 6, 5)
    block = DownBlock(7, halve=True, first=first)
    variables, w = with_exact_vectors(drawn(block, x, False))
    assert w["Conv_0"]["kernel"].shape[-1] == (7 if first else 5)
    y = jax.jit(lambda variables, x: block.apply(variables, x, False))(variables, x)
    x = np.asarray(x, np.float64)
    h = convolved(x if first else relu(x), **w["Conv_0"])
    h = pooled(convolved(relu(h), **w["Conv_1"]))
    beside = pooled(x @ w["Dense_0"]["kernel"] + w["Dense_0"]["bias"])
    np.testing.assert_allclose(y, h + beside, atol=1e-4)


def test_a_block_that_changes_no_shape_has_the_input_itself_beside_it():
    x = normal(2, 4, 4, 5)
    block = DownBlock(5, halve=False)
    variables, w = with_exact_vectors(drawn(block, x, False))
    assert set(w) == {"Conv_0", "Conv_1"}
    y = jax.jit(lambda variables, x: block.apply(variables, x, False))(variables, x)
    h = convolved(relu(convolved(relu(np.asarray(x)), **w["Conv_0"])), **w["Conv_1"])
    np.testing.assert_allclose(y, np.asarray(x) + h, atol=1e-4)
    assert "Dense_0" in drawn(DownBlock(6, halve=False), x, False)["params"]


# ---- the start ----


@pytest.mark.slow
def test_kernels_start_as_published():
    x = normal(1, 4, 4, 32)
    up_block, down_block = jax.jit(
        lambda key: (UpBlock(48).init(key, x, None, True), DownBlock(48).init(key, x, True))
    )(KEY)
    # uniform, Glorot's variance 2 / (fan in + fan out); twice that in the two convolutions
    for variables, first in ((up_block, 48), (down_block, 32)):
        for name, fans, factor in (
            ("Conv_0", 9 * (32 + first), 2),
            ("Conv_1", 9 * (first + 48), 2),
            ("Dense_0", 32 + 48, 1),
        ):
            kernel = variables["params"][name]["kernel"]
            deviation = math.sqrt(factor * 2 / fans)
            assert float(jnp.std(kernel)) == pytest.approx(deviation, rel=0.05)
            assert float(jnp.max(jnp.abs(kernel))) <= math.sqrt(3) * deviation


# ---- sizes ----


def test_generator_for_cifar_10_has_the_published_size():
    x, params = shapes(published_sngan()[0], jnp.ones((2, 128)))
    assert x.shape == (2, 32, 32, 3)
    # From the authors' code: a linear layer to 4 x 4 x 256, three blocks, batch norm, convolution
    block = 2 * 2 * 256 + 2 * (9 * 256 * 256 + 256) + (256 * 256 + 256)
    published = (128 + 1) * 16 * 256 + 3 * block + 2 * 256 + 9 * 256 * 3 + 3
    assert published == 4_276_739
    assert count(params) == published - 3 * 3 * 256  # the biases before batch norms


def test_discriminator_for_cifar_10_has_the_published_size():
    output, params = shapes(published_sngan()[1], jnp.ones((2, 32, 32, 3)))
    assert (output.logits.shape, output.features.shape) == ((2,), (2, 128))
    plain = 2 * (9 * 128 * 128 + 128)
    first = 9 * 3 * 128 + 128 + plain // 2 + 3 * 128 + 128
    published = first + (plain + 128 * 128 + 128) + 2 * plain + 128
    assert published == 1_053_824
    assert count(params) == published + 1  # the bias of the last layer


@pytest.mark.one_quick_case
@pytest.mark.parametrize("shape", [(33, 20, 2), (9, 9, 3), (50, 3)])
def test_images_and_signals_of_any_size_fit(shape):
    labels = jnp.zeros(2, jnp.int32)
    x, _ = shapes(ResNetGenerator(shape, 8, num_classes=3), jnp.ones((2, 5)), labels)
    output, _ = shapes(ResNetDiscriminator(8, num_classes=3), x, labels)
    assert x.shape == (2, *shape)
    assert output.logits.shape == (2,)


# ---- as networks ----


@pytest.mark.slow
def test_the_logit_is_a_linear_function_of_sums_over_all_places():
    x = normal(2, 8, 8, 1)
    d = ResNetDiscriminator(4, flat_blocks=0)

    @jax.jit
    def run(key):
        variables = d.init(key, x, train=False)
        own = {name: variables[name]["DownBlock_0"] for name in ("params", "spectral_norm")}
        y = DownBlock(4, first=True).apply(own, x, False)
        return d.apply(variables, x, train=False), y, variables["params"]["Dense_0"]

    output, y, layer = run(KEY)
    np.testing.assert_allclose(output.features, relu(np.asarray(y)).sum((1, 2)), rtol=1e-5)
    weight = layer["kernel"][:, 0] / jnp.linalg.norm(layer["kernel"])
    np.testing.assert_allclose(output.logits, output.features @ weight + layer["bias"], rtol=1e-4)


def test_labels_choose_scales_and_vectors():
    labels = jnp.array([0, 1])
    g = ResNetGenerator((8, 8, 1), 4, num_classes=2)
    d = ResNetDiscriminator(4, flat_blocks=0, num_classes=2)
    _, g_params = shapes(g, jnp.ones((2, 3)), labels)
    _, d_params = shapes(d, jnp.ones((2, 8, 8, 1)), labels)
    tables = [
        leaf.shape
        for params in (g_params, d_params)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if path[-1].key == "embedding"
    ]
    assert tables == [(2, 4)] * 5  # scale and bias of two norms, and the projection


# ---- refusals ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": (8, 8)}, "features must be an int or 3"),
        ({"features": (8, 8, 8, -1)}, "features must be"),
        ({"features": 0}, "features must be a positive int"),
        ({"num_classes": 3}, "labels are missing"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        shapes(ResNetGenerator((28, 28, 1), **options), jnp.ones((2, 4)))
    with pytest.raises(ValueError, match=message.replace("int or 3", "int or 4")):
        shapes(ResNetDiscriminator(**options), jnp.ones((2, 28, 28, 1)))


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"down_blocks": 3}, (7, 9, 1), "down_blocks=3 needs samples"),
        ({"down_blocks": -1}, (8, 8, 1), "down_blocks=-1 and flat_blocks=2 must not be negative"),
        ({"flat_blocks": -1}, (8, 8, 1), "flat_blocks=-1 must not be negative"),
        ({}, (1, 1), "needs samples"),
        ({}, (5,), r"x must be \[batch, height, width, channels\] or"),
    ],
)
def test_samples_that_do_not_fit_the_blocks_are_refused(options, shape, message):
    with pytest.raises(ValueError, match=message):
        shapes(ResNetDiscriminator(8, **options), jnp.ones((2, *shape)))

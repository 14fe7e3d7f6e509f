"""R3GAN's networks against the paper's formulas, sizes and start."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import count, normal
from networks import shapes

from jaxgan.models import R3GANDiscriminator, R3GANGenerator, published_r3gan
from jaxgan.models.r3gan import (
    DiscriminativeBasis,
    GenerativeBasis,
    R3GANBlock,
    downsample,
    scaled_normal,
    upsample,
)
from jaxgan.recipes.resnet import r3gan_gan

KEY = jax.random.key(0)


# ---- resampling ----

FILTER = np.convolve([1, 2, 1], [1, 1])  # of StyleGAN2 and R3GAN: 1 3 3 1


def filtered(x, kernel):
    """Images [height, width] filtered along both axes, in full; all else is zero."""
    for axis in (0, 1):
        x = np.apply_along_axis(np.convolve, axis, x, kernel)
    return x


@pytest.mark.parametrize("size", [(4, 3), (1, 2)])
def test_upsampling_is_zeros_between_and_the_filter(size):
    x = normal(2, *size, 3)
    height, width = size
    spread = np.zeros((2, 2 * height, 2 * width, 3))
    spread[:, ::2, ::2] = x
    y = jax.jit(upsample)(x)
    for n, c in np.ndindex(2, 3):
        whole = filtered(spread[n, :, :, c], FILTER / FILTER.sum() * 2)
        expected = whole[1 : 1 + 2 * height, 1 : 1 + 2 * width]
        np.testing.assert_allclose(y[n, :, :, c], expected, atol=1e-6)


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 2)])
def test_downsampling_is_the_filter_and_every_other_place(size):
    x = normal(2, *size, 3)
    y = jax.jit(downsample)(x)
    assert y.shape == (2, -(-size[0] // 2), -(-size[1] // 2), 3)
    for n, c in np.ndindex(2, 3):
        whole = filtered(np.asarray(x[n, :, :, c], np.float64), FILTER / FILTER.sum())
        expected = whole[2::2, 2::2][: y.shape[1], : y.shape[2]]
        np.testing.assert_allclose(y[n, :, :, c], expected, atol=1e-6)


def test_resampling_keeps_constants_inside():
    for resample in (upsample, downsample):
        np.testing.assert_allclose(jax.jit(resample)(jnp.ones((1, 9, 2)))[0, 1:-1], 1.0)


# ---- the start ----


@pytest.fixture(scope="module")
def block():
    """A wide block of 16, and what is inside it at the start for x from N(0, 1)."""
    x = normal(4, 8, 8, 64)
    module = R3GANBlock(cardinality=8, expansion=2, num_blocks=16)
    y, variables = jax.jit(module.init_with_output)(KEY, x)
    return x, y, variables["params"]


def test_a_block_starts_as_the_identity(block):
    x, y, _ = block
    np.testing.assert_array_equal(y, x)


def test_a_blocks_kernels_start_with_fixups_variance(block):
    _, _, params = block
    # std = gain L^(-1 / (2 m - 2)) / sqrt(fan in), m = 3 linear maps, gain^2 = 2 / (1 + .2^2)
    gain = math.sqrt(2 / 1.04) * 16 ** (-1 / 4)
    first, last = params["Dense_0"]["kernel"], params["Dense_1"]["kernel"]
    grouped = params["GroupedConv_0"]["kernel"]
    assert (first.shape, grouped.shape, last.shape) == ((64, 128), (3, 3, 16, 128), (128, 64))
    assert float(jnp.std(first)) == pytest.approx(gain / math.sqrt(64), rel=0.03)
    assert float(jnp.std(grouped)) == pytest.approx(gain / math.sqrt(9 * 16), rel=0.03)
    assert not last.any()
    assert set(params["Dense_1"]) == {"kernel"}  # the others have biases, which start at 0
    assert not params["Dense_0"]["bias"].any()
    assert not params["GroupedConv_0"]["bias"].any()


def test_a_block_computes_the_papers_formula(block):
    x, _, params = block
    x = np.asarray(x[:1], np.float64)
    params = jax.tree.map(lambda leaf: 0.3 * normal(*leaf.shape, seed=leaf.size), params)
    got = jax.jit(R3GANBlock(cardinality=8).apply)({"params": params}, jnp.float32(x))
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    h = x @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]
    h = np.pad(np.maximum(h, 0.2 * h), [(0, 0), (1, 1), (1, 1), (0, 0)])
    inner = np.zeros((1, 8, 8, 128)) + p["GroupedConv_0"]["bias"]
    kernel = p["GroupedConv_0"]["kernel"]
    for i, j, g in np.ndindex(3, 3, 8):
        group = slice(16 * g, 16 * g + 16)
        inner[..., group] += h[:, i : i + 8, j : j + 8, group] @ kernel[i, j, :, group]
    expected = x + np.maximum(inner, 0.2 * inner) @ p["Dense_1"]["kernel"]
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


def test_inside_a_block_the_mean_square_falls_with_the_number_of_blocks(block):
    x, _, params = block
    h = x @ params["Dense_0"]["kernel"]
    h = jnp.where(h > 0, h, 0.2 * h)
    assert float(jnp.mean(h**2)) == pytest.approx(16**-0.5, rel=0.1)


def test_bases_start_with_variance_one():
    z = normal(64, 32)
    y, variables = jax.jit(GenerativeBasis((4, 4), 64).init_with_output)(KEY, z)
    assert y.shape == (64, 4, 4, 64)
    assert float(jnp.mean(y**2)) == pytest.approx(1.0, rel=0.1)
    p = variables["params"]
    weights = z @ p["Dense_0"]["kernel"]
    np.testing.assert_allclose(y, jnp.einsum("bc,hwc->bhwc", weights, p["basis"]), atol=1e-5)

    x = normal(64, 4, 3, 64)
    y, variables = jax.jit(DiscriminativeBasis().init_with_output)(KEY, x)
    assert float(jnp.mean(y**2)) == pytest.approx(1.0, rel=0.1)
    basis = variables["params"]["basis"]
    np.testing.assert_allclose(y, jnp.einsum("bhwc,hwc->bc", x, basis), atol=1e-5)


def test_scaled_normal_is_hes_and_not_truncated():
    kernel = scaled_normal(3.0)(KEY, (3, 3, 10, 1000))
    assert float(jnp.std(kernel)) == pytest.approx(3 / math.sqrt(90), rel=0.02)
    assert float(jnp.max(jnp.abs(kernel))) > 3 * 3 / math.sqrt(90)


# ---- sizes ----


def block_size(width, cardinality):
    inner = 2 * width
    return 2 * width * inner + 9 * inner * inner // cardinality + 2 * inner


@pytest.mark.parametrize("num_classes", [None, 10])
def test_networks_for_cifar_10_have_the_published_sizes(num_classes):
    labels = () if num_classes is None else (jnp.zeros(2, jnp.int32),)
    g, d = published_r3gan("cifar10", num_classes)
    x, g_params = shapes(g, jnp.ones((2, 64)), *labels)
    output, d_params = shapes(d, jnp.ones((2, 32, 32, 3)), *labels)
    assert x.shape == (2, 32, 32, 3)
    assert output.logits.shape == (2,)
    # From the code's preset: 4 stages of 2 blocks at 4, 8, 16 and 32 places, no layers between;
    # a basis of 4 x 4; a label has 64 further latents, and 768 numbers for the discriminator.
    blocks = 8 * block_size(768, 96)
    latents, embedding, last = (64, 0, 768) if num_classes is None else (128, 640, 768 * 778)
    assert count(g_params) == blocks + 768 * (16 + latents) + embedding + 768 * 3
    assert count(d_params) == blocks + 3 * 768 + 768 * 16 + last


@pytest.mark.parametrize(
    ("data", "widths", "cardinality"),
    [
        ("ffhq64", [768] * 4 + [384], [96] * 4 + [48]),
        ("ffhq256", [768] * 4 + [384, 192, 96], [96] * 4 + [48, 24, 12]),
        ("imagenet64", [1536] * 5, [96] * 5),
    ],
)
def test_networks_for_larger_images_have_the_sizes_of_the_presets(data, widths, cardinality):
    g, d = published_r3gan(data)
    x, g_params = shapes(g, jnp.ones((1, 64)))
    _, d_params = shapes(d, x)
    blocks = 2 * sum(map(block_size, widths, cardinality))
    between = sum(m * n for m, n in itertools.pairwise(widths) if m != n)
    assert count(g_params) == blocks + between + widths[0] * (16 + 64) + widths[-1] * 3
    assert count(d_params) == blocks + between + widths[-1] * 3 + widths[0] * 17


def test_stages_have_widths_of_their_own_which_lie_as_published():
    # FFHQ-64 at a 16th: its widths halve in the last stage, and a linear map lies before it
    features, cardinality = (48, 48, 24, 12), (6, 6, 3, 3)
    g = R3GANGenerator((32, 32, 1), features, 1, cardinality)
    d = R3GANDiscriminator(features[::-1], 1, cardinality[::-1])
    x, g_params = shapes(g, jnp.ones((2, 8)))
    _, d_params = shapes(d, x)
    blocks = sum(map(block_size, features, cardinality))
    between = 48 * 24 + 24 * 12
    assert count(g_params) == blocks + between + 48 * (16 + 8) + 12
    assert count(d_params) == blocks + between + 12 + 48 * 16 + 48


@pytest.mark.parametrize("shape", [(28, 28, 1), (33, 20, 2), (50, 3)])
def test_images_and_signals_of_any_size_fit(shape):
    labels = jnp.zeros(2, jnp.int32)
    x, _ = shapes(R3GANGenerator(shape, 16, num_classes=3), jnp.ones((2, 5)), labels)
    output, _ = shapes(R3GANDiscriminator(16, num_classes=3), x, labels)
    assert x.shape == (2, *shape)
    assert (output.logits.shape, output.features.shape) == ((2,), (2, 16))


# ---- as networks ----


@pytest.mark.slow
def test_the_logit_is_the_product_of_the_labels_vector_with_a_map_of_the_features():
    x, labels = normal(3, 8, 1), jnp.array([1, 0, 1])
    d = R3GANDiscriminator(8, 1, 1, num_classes=2, embedding=6)
    output, variables = jax.jit(lambda key: d.init_with_output(key, x, labels, train=True))(KEY)
    p = variables["params"]
    # the first linear map is that of the pixels, the second follows the features
    rows = p["LabelEmbedding_0"]["embedding"][labels]
    expected = jnp.sum(output.features @ p["Dense_1"]["kernel"] * rows, axis=1)
    np.testing.assert_allclose(output.logits, expected, atol=1e-5)


@pytest.mark.slow
def test_the_recipes_networks_start_with_samples_and_logits_of_variance_one():
    gan = r3gan_gan((28, 28, 1))
    z = normal(16, 64)

    def run(key):
        params, state = gan.generator.init(key, z)
        keys = jax.random.split(key, 16)
        x, _ = gan.generator.apply(params, state, z, keys=keys, train=True)
        params, state = gan.discriminator.init(key, x)
        noise = jax.random.normal(key, x.shape)
        output, _ = gan.discriminator.apply(params, state, noise, keys=keys, train=True)
        return x, output.logits

    x, logits = jax.jit(jax.vmap(run))(jax.random.split(KEY, 8))
    # bilinear interpolation takes some away, and the discriminator's averages most of white noise
    assert 0.3 < float(jnp.mean(x**2)) < 1.2
    assert 1e-3 < float(jnp.mean(logits**2)) < 1.2


# ---- refusals ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": (8, 8)}, "features must be an int or 3"),
        ({"features": 0}, "features must be a positive int"),
        ({"blocks": (1, 1, 1, 1)}, "blocks must be an int or 3"),
        ({"blocks": 0}, "blocks must be a positive int"),
        ({"cardinality": 3}, r"cardinality=3 must divide expansion \* features = 2 \* 8"),
        ({"cardinality": 32}, "cardinality=32 must divide"),
        ({"cardinality": 0}, "cardinality must be a positive int"),
        ({"expansion": 0}, "must divide expansion"),
        ({"num_classes": 3}, "labels are missing"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(options, message):
    options = {"features": 8, **options}
    for module, x in (
        (R3GANGenerator((28, 28, 1), **options), jnp.ones((2, 4))),
        (R3GANDiscriminator(**options), jnp.ones((2, 28, 28, 1))),
    ):
        with pytest.raises(ValueError, match=message):
            shapes(module, x)


def test_samples_without_levels_are_refused():
    with pytest.raises(ValueError, match="samples must have more than 7"):
        shapes(R3GANDiscriminator(8), jnp.ones((2, 7, 7, 1)))

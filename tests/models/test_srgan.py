import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import count, normal

from jaxgan.images.resampling import nearest
from jaxgan.models import PReLU, SRGANDiscriminator, SRResNet, SubPixelConv, depth_to_space


def made(module, x):
    """Shapes of a module's output and variables; nothing is computed."""
    return jax.eval_shape(
        lambda key: module.init_with_output(key, x, train=True), jax.random.key(0)
    )


# ---- layers ----


def test_depth_to_space_by_hand():
    # channels (i, j, c) of one pixel: rows i, columns j of a block
    x = jnp.arange(16).reshape(1, 1, 2, 8)
    expected = [
        [[0, 1], [2, 3], [8, 9], [10, 11]],
        [[4, 5], [6, 7], [12, 13], [14, 15]],
    ]
    np.testing.assert_array_equal(depth_to_space(x)[0], expected)


def test_depth_to_space_by_three_sends_each_channel_to_its_place():
    x = np.asarray(normal(2, 3, 4, 18))
    y = np.asarray(depth_to_space(jnp.asarray(x), 3))
    assert y.shape == (2, 9, 12, 2)
    for i, j, c in np.ndindex(3, 3, 2):
        np.testing.assert_array_equal(y[:, i::3, j::3, c], x[..., (3 * i + j) * 2 + c])


def test_depth_to_space_of_channels_that_make_no_blocks_is_refused():
    with pytest.raises(ValueError, match=r"divisible by factor\^2 = 4, got 6"):
        depth_to_space(jnp.ones((1, 2, 2, 6)))


@pytest.mark.one_quick_case
@pytest.mark.parametrize("factor", [2, 3])
def test_sub_pixel_convolution_starts_as_nearest_neighbour_enlargement(key, factor):
    y, variables = SubPixelConv(5, factor).init_with_output(key, normal(2, 4, 6, 3))
    assert y.shape == (2, 4 * factor, 6 * factor, 5)
    np.testing.assert_array_equal(y, nearest(y[:, ::factor, ::factor], y.shape[1:3]))
    # the kernel of a single pixel is drawn as that of a convolution to as many channels
    kernel = variables["params"]["conv"]["kernel"]
    assert kernel.shape == (3, 3, 3, 5 * factor**2)
    assert len(np.unique(kernel)) == 3 * 3 * 3 * 5
    assert float(jnp.std(kernel)) == pytest.approx((1 / 27) ** 0.5, rel=0.15)


def test_prelu_has_a_slope_for_each_channel():
    x = jnp.array([[-2.0, -2.0], [3.0, 3.0]])
    slope = {"params": {"slope": jnp.array([0.5, -1.0])}}
    np.testing.assert_array_equal(PReLU().apply(slope, x), [[-1.0, 2.0], [3.0, 3.0]])
    gradient = jax.grad(lambda v: jnp.sum(PReLU().apply(v, x)))(slope)["params"]["slope"]
    np.testing.assert_array_equal(gradient, [-2.0, -2.0])  # sum of the negative values
    start = PReLU().init(jax.random.key(0), x)["params"]["slope"]
    np.testing.assert_array_equal(start, [0.25, 0.25])


def test_prelu_in_bfloat16_sums_its_gradient_in_float32():
    x = jnp.full((50_000, 1), -0.5, jnp.bfloat16)
    slope = {"params": {"slope": jnp.array([0.25], jnp.bfloat16)}}
    assert PReLU().apply(slope, x).dtype == jnp.bfloat16
    loss = jax.grad(lambda v: jnp.sum(PReLU().apply(v, x).astype(jnp.float32)))
    np.testing.assert_allclose(loss(slope)["params"]["slope"], -25_000.0, rtol=0.01)


# ---- SRResNet ----


def test_default_generator_has_the_papers_parameters():
    image = jnp.ones((2, 24, 24, 3))
    y, variables = made(SRResNet(), image)
    assert y.shape == (2, 96, 96, 3)
    first, last = 81 * 3 * 64 + 64, 81 * 64 * 3 + 3
    normed = 9 * 64 * 64 + 2 * 64  # a convolution with scale and bias of its batch norm
    up = 9 * 64 * 256 + 256
    slopes = (1 + 16 + 2) * 64
    assert count(variables["params"]) == first + (2 * 16 + 1) * normed + 2 * up + last + slopes
    assert count(variables["params"]) == 1_548_547
    assert count(variables["batch_stats"]) == 33 * 2 * 64


@pytest.mark.one_quick_case
@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 16)])
def test_images_of_any_size_and_channels_are_enlarged(scale, size):
    for channels, output in ((1, None), (3, 1)):
        module = SRResNet(scale, 8, 2, "none", channels=output)
        y, variables = made(module, jnp.ones((2, *size, channels)))
        assert y.shape == (2, scale * size[0], scale * size[1], output or channels)
        assert set(variables) == {"params"}
        biases = {leaf.shape for leaf in jax.tree.leaves(variables["params"]) if leaf.ndim == 1}
        assert biases == {(8,), (32,), (output or channels,)}


@pytest.mark.slow
def test_without_a_norm_it_starts_near_its_shortest_path(key):
    x = normal(2, 6, 6, 3)
    module = SRResNet(2, 16, 2, "none")
    params = jax.jit(functools.partial(module.init, train=True))(key, x)["params"]
    # the last convolution of each block, and the one before the long skip
    branches = {
        name: jax.tree.map(jnp.zeros_like, params[name]) for name in ("Conv_2", "Conv_4", "Conv_5")
    }
    run = jax.jit(lambda params: module.apply({"params": params}, x, train=True))
    whole, short = run(params), run({**params, **branches})
    assert 0.0 < float(jnp.std(whole - short)) < 0.25 * float(jnp.std(short))


@pytest.mark.slow
def test_batch_norm_looks_at_the_batch_in_training_only(key):
    x = normal(4, 3, 3, 2)
    module = SRResNet(2, 4, 1)
    variables = jax.jit(functools.partial(module.init, train=False))(key, x)

    @functools.partial(jax.jit, static_argnums=1)
    def run(x, train):
        return module.apply(variables, x, train=train, mutable=["batch_stats"])

    (alone, same), (together, _) = run(x[:1], False), run(x, False)
    np.testing.assert_allclose(alone, together[:1], rtol=1e-5, atol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, same["batch_stats"], variables["batch_stats"])
    (alone, moved), (together, _) = run(x[:1], True), run(x, True)
    assert float(jnp.max(jnp.abs(alone - together[:1]))) > 1e-3
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(moved))


@pytest.mark.parametrize(
    ("options", "image", "message"),
    [
        ({"scale": 3}, jnp.ones((1, 4, 4, 3)), "scale must be a power of 2"),
        ({"scale": 1}, jnp.ones((1, 4, 4, 3)), "scale must be"),
        ({"norm": "layer"}, jnp.ones((1, 4, 4, 3)), "norm must be one of batch, none, got 'layer'"),
        ({}, jnp.ones((4, 4, 3)), r"image must be float .* got float32 \(4, 4, 3\)"),
        ({}, jnp.ones((1, 4, 4, 3), jnp.uint8), "image must be float .* got uint8"),
    ],
)
def test_generators_that_cannot_be_are_named(options, image, message):
    with pytest.raises(ValueError, match=message):
        made(SRResNet(**options), image)


# ---- discriminator ----


def test_default_discriminator_has_the_papers_parameters():
    output, variables = made(SRGANDiscriminator(), jnp.ones((2, 96, 96, 3)))
    assert output.logits.shape == (2,)
    assert output.features.shape == (2, 1024)
    widths = [3, 64, 64, 128, 128, 256, 256, 512, 512]
    kernels = sum(9 * m * n for m, n in itertools.pairwise(widths))
    norms = 64 + 2 * sum(widths[2:])  # a bias in the first, scale and bias in the others
    dense = 6 * 6 * 512 * 1024 + 1024 + 1024 + 1
    assert count(variables["params"]) == kernels + norms + dense


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
@pytest.mark.parametrize("size", [(16, 16), (17, 40), (64, 64)])
def test_patches_of_any_size_are_judged(norm, size):
    output, variables = made(SRGANDiscriminator(4, 8, norm), jnp.ones((2, *size, 1)))
    assert output.logits.shape == (2,)
    places = -(-size[0] // 16) * -(-size[1] // 16)
    dense = [leaf.shape for leaf in jax.tree.leaves(variables["params"]) if leaf.ndim == 2]
    assert sorted(dense) == sorted([(32 * places, 8), (8, 1)])
    state = {"batch": {"batch_stats"}, "spectral": {"spectral_norm"}, "none": set()}[norm]
    assert set(variables) - {"params"} == state


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({}, (2, 15, 16, 3), r"of at least 16 pixels per side, got shape \(2, 15, 16, 3\)"),
        ({}, (2, 256), "of at least 16 pixels per side"),
        (
            {"norm": "layer"},
            (2, 16, 16, 3),
            "norm must be one of batch, spectral, none, got 'layer'",
        ),
    ],
)
def test_discriminators_that_cannot_be_are_named(options, shape, message):
    with pytest.raises(ValueError, match=message):
        made(SRGANDiscriminator(**options), jnp.ones(shape))

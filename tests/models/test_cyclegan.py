"""The networks of CycleGAN against the published sizes and a reference in NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import count, normal

from jaxgan.models import CycleGANGenerator, cyclegan_discriminator, published_cyclegan

KEY = jax.random.key(0)


def shapes(module, side, **options):
    image = jnp.ones((1, side, side, 3))
    return jax.eval_shape(lambda: module.init_with_output(KEY, image, **options))


def test_published_networks_have_the_parameters_of_the_authors_code():
    # printed by that code for resnet_9blocks and the basic discriminator: 11.378 M and 2.765 M
    generator, discriminator = published_cyclegan()
    y, variables = shapes(generator, 256)
    assert (y.shape, count(variables)) == ((1, 256, 256, 3), 11_378_179)
    output, variables = shapes(discriminator, 256, train=True)
    assert (output.logits.shape, count(variables)) == ((1, 30, 30), 2_764_737)


def test_defaults_leave_out_the_biases_that_a_norm_cancels_and_nothing_else():
    cancelled = 64 + 128 + 256 + 9 * 2 * 256 + 128 + 64
    assert count(shapes(CycleGANGenerator(), 256)[1]) == 11_378_179 - cancelled
    cancelled = 128 + 256 + 512
    assert count(shapes(cyclegan_discriminator(), 256, train=True)[1]) == 2_764_737 - cancelled


# --- An independent implementation


def reflected(x, border):
    return np.pad(x, ((border, border), (border, border), (0, 0)), mode="reflect")


def convolved(x, kernel, stride=1):
    """Convolution of x [h, w, in] without padding, sum by sum, in float64."""
    window = kernel.shape[0]
    rows, columns = ((side - window) // stride + 1 for side in x.shape[:2])
    y = np.empty((rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            patch = x[i * stride : i * stride + window, j * stride : j * stride + window]
            y[i, j] = np.einsum("hwc,hwco->o", patch, kernel)
    return y


def spread(x, kernel):
    """Transposed convolution of stride 2: each pixel adds its kernel to an output twice as large.

    The output is cropped by 1 at the top and left, as PyTorch's with padding and output padding 1.
    """
    height, width, _ = x.shape
    y = np.zeros((2 * height + 1, 2 * width + 1, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            own = np.einsum("c,hwco->hwo", x[i, j], kernel[::-1, ::-1])  # flipped, as in Flax
            y[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += own
    return y[1:, 1:]


def normed(x):
    return (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-5)


def reference(x, kernels, bias):
    """c7s1, d, R, u, c7s1 with one level and one block, by the paper's appendix."""
    first, down, one, two, up, last = kernels
    x = np.maximum(normed(convolved(reflected(x, 3), first)), 0)
    x = np.maximum(normed(convolved(np.pad(x, ((1, 1), (1, 1), (0, 0))), down, 2)), 0)
    y = np.maximum(normed(convolved(reflected(x, 1), one)), 0)
    x = x + normed(convolved(reflected(y, 1), two))
    x = np.maximum(normed(spread(x, up)), 0)
    return np.tanh(convolved(reflected(x, 3), last) + bias)


def test_the_generator_equals_a_reference_in_numpy():
    module = CycleGANGenerator(3, 2, blocks=1, levels=1)
    image = normal(1, 8, 12, 2)
    like = jax.eval_shape(lambda: module.init(KEY, image))["params"]
    params = jax.tree.map(lambda p: 0.3 * normal(*p.shape, seed=p.size), like)
    y = jax.jit(module.apply)({"params": params}, image)
    assert y.shape == (1, 8, 12, 2)
    names = ["Conv_0", "Conv_1", "Conv_2", "Conv_3", "ConvTranspose_0", "Conv_4"]
    kernels = [np.asarray(params[name]["kernel"], np.float64) for name in names]
    wanted = reference(
        np.asarray(image[0], np.float64), kernels, np.asarray(params[names[-1]]["bias"])
    )
    np.testing.assert_allclose(y[0], wanted, atol=1e-5)


@pytest.mark.slow
def test_cancelled_biases_change_nothing():
    image = normal(1, 8, 8, 3)
    for plain, biased, options in (
        (CycleGANGenerator(2, 3, 1), CycleGANGenerator(2, 3, 1, cancelled_biases=True), {}),
        (
            cyclegan_discriminator(2, 1),
            cyclegan_discriminator(2, 1, cancelled_biases=True),
            {"train": True},
        ),
    ):
        like = jax.eval_shape(lambda m=biased, o=options: m.init(KEY, image, **o))["params"]
        params = jax.tree.map(lambda p: 0.3 * normal(*p.shape, seed=p.size), like)
        bare = jax.eval_shape(lambda m=plain, o=options: m.init(KEY, image, **o))["params"]
        kept = {name: {part: params[name][part] for part in bare[name]} for name in bare}
        assert count(kept) < count(params)
        outputs = (
            jax.jit(functools.partial(module.apply, **options))({"params": given}, image)
            for module, given in ((biased, params), (plain, kept))
        )
        for with_bias, without in zip(*map(jax.tree.leaves, outputs), strict=True):
            np.testing.assert_allclose(with_bias, without, atol=1e-5)


@pytest.mark.parametrize(("levels", "shape"), [(2, (4, 8)), (2, (8, 10)), (1, (8, 7)), (0, (3, 8))])
def test_images_that_cannot_be_halved_are_named(levels, shape):
    module = CycleGANGenerator(2, 3, 1, levels)
    with pytest.raises(ValueError, match=rf"divisible by {2**levels}, for {levels} halvings, got"):
        module.init(KEY, jnp.ones((1, *shape, 3)))

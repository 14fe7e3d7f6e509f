import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import count

import jaxgan
from jaxgan.models import DCGANDiscriminator, DCGANGenerator, published_dcgan
from jaxgan.recipes.dcgan import conditional_dcgan_gan, dcgan_gan, waves_gan


def made(generator, discriminator, shape, labels=None):
    """Shapes of samples, the discriminator's output, and both players' parameters."""
    condition = () if labels is None else (labels,)

    def run(key):
        z = jnp.ones((2, 100))
        x, variables = generator.init_with_output(key, z, *condition, train=True)
        output, others = discriminator.init_with_output(key, x, *condition, train=True)
        return x, output, variables["params"], others["params"]

    x, *rest = jax.eval_shape(run, jax.random.key(0))
    assert x.shape == (2, *shape)
    return rest


@pytest.mark.one_quick_case
@pytest.mark.parametrize("size", [8, 9, 15, 16, 20, 28, 32, 33, 64, 100, 127, 128])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_square_size_and_channel_count_fits(size, channels):
    shape = (size, size, channels)
    output, *_ = made(DCGANGenerator(shape), DCGANDiscriminator(), shape)
    assert output.logits.shape == (2,)


@pytest.mark.slow
def test_defaults_at_64_pixels_are_the_papers_networks_at_half_width():
    shape = (64, 64, 3)
    output, g, d = made(
        DCGANGenerator(shape, kernel_size=5), DCGANDiscriminator(kernel_size=5), shape
    )
    # 100 -> 4 4 512 -> 256 -> 128 -> 64 -> 3, 5x5; scale and bias of the batch norms, a last bias
    widths = [512, 256, 128, 64, 3]
    kernels = sum(25 * m * n for m, n in itertools.pairwise(widths))
    assert count(g) == 100 * 16 * 512 + kernels + 2 * (512 + 256 + 128 + 64) + 3
    # 3 -> 64 -> 128 -> 256 -> 512 -> 1; no batch norm, but a bias, in the first
    norms = 64 + 2 * (128 + 256 + 512)
    assert count(d) == kernels + norms + 4 * 4 * 512 + 1
    assert output.features.shape == (2, 4 * 4 * 512)


def test_published_networks_have_the_parameters_of_the_authors_code_but_for_named_ones():
    output, g, d = made(*published_dcgan(), (64, 64, 3))
    widths = [1024, 512, 256, 128, 3]
    kernels = sum(25 * m * n for m, n in itertools.pairwise(widths))
    norms = 2 * (512 + 256 + 128)
    theirs = 100 * 16 * 1024 + 2 * 16 * 1024 + kernels + norms
    assert theirs == 18_885_760
    # a first batch norm per channel, and a bias in the last layer
    assert count(g) == theirs - 2 * 15 * 1024 + 3
    theirs = kernels + norms - 2 * 128 + 2 * 1024 + 16 * 1024
    assert theirs == 17_232_768
    assert count(d) == theirs + 128 + 1
    assert output.logits.shape == (2,)


def test_one_more_width_gives_a_convolution_at_full_size():
    shape = (28, 28, 1)
    _, g, d = made(DCGANGenerator(shape, features=(128, 128, 64)), DCGANDiscriminator(), shape)
    convolutions = 16 * 128 * 128 + 16 * 128 * 64 + 25 * 64
    assert count(g) == 100 * 49 * 128 + convolutions + 2 * (128 + 128 + 64) + 1
    assert count(d) == 16 * 64 + 64 + 16 * 64 * 128 + 2 * 128 + 49 * 128 + 1


@pytest.mark.slow
def test_networks_start_as_published():
    shape = (32, 32, 3)
    g, _ = jax.jit(lambda k: dcgan_gan(shape).generator.init(k, jnp.ones((2, 100))))(
        jax.random.key(0)
    )
    d, _ = jax.jit(lambda k: dcgan_gan(shape).discriminator.init(k, jnp.ones((2, *shape))))(
        jax.random.key(0)
    )
    for params in (g, d):
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            name = path[-1].key
            if name == "bias":
                assert not leaf.any()
            elif leaf.size > 5000:
                assert name == "kernel"
                assert float(jnp.std(leaf)) == pytest.approx(0.02, rel=0.05)
                assert abs(float(jnp.mean(leaf))) < 0.001
            elif name == "scale":
                assert float(jnp.mean(leaf)) == pytest.approx(1.0, abs=0.02)


def test_samples_lie_within_tanh():
    network = dcgan_gan((8, 8, 1)).generator
    key = jax.random.key(0)

    @jax.jit
    def run(key):
        z = 100.0 * jax.random.normal(key, (4, 100))
        keys = jax.random.split(key, 4)
        return network.apply(*network.init(key, z), z, keys=keys, train=True)[0]

    x = run(key)
    assert float(jnp.max(jnp.abs(x))) <= 1.0
    assert float(jnp.std(x)) > 0.001


@pytest.mark.slow
def test_spectral_norm_leaves_a_one_lipschitz_discriminator():
    network = jaxgan.from_linen(
        DCGANDiscriminator(norm="spectral", num_classes=3, condition_by="projection")
    )
    x = jax.random.normal(jax.random.key(1), (6, 8, 8, 1))
    labels = jnp.array([0, 1, 2, 0, 1, 2])

    @jax.jit
    def slopes(key):
        params, state = network.init(key, x, labels)
        params = jax.tree.map(lambda w: 50.0 * w, params)  # sigma takes it away again

        def logits(x):
            keys = jax.random.split(key, 6)
            return network.apply(params, state, x, labels, keys=keys, train=True)[0].logits

        gradient = jax.grad(lambda x: jnp.sum(logits(x)))(x)
        return jnp.sqrt(jnp.sum(gradient**2, axis=(1, 2, 3)))

    # A 4x4 kernel that moves on by 2 has each pixel in 4 windows, so its map may stretch by
    # sqrt(4); so may each of the sum of the two logits, w h and e h
    assert float(jnp.max(slopes(jax.random.key(0)))) <= 2.0 * 2.0 * 1.05


def by_batch_norm(shape, num_classes):
    """The other ways: conditional batch norm, and spectral norm with labels as channels."""
    generator = DCGANGenerator(shape, num_classes=num_classes, condition_by="batch_norm")
    discriminator = DCGANDiscriminator(norm="spectral", num_classes=num_classes)
    return dataclasses.replace(
        dcgan_gan(shape),
        generator=jaxgan.from_linen(generator),
        discriminator=jaxgan.from_linen(discriminator),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gan", "shape", "labels"),
    [
        pytest.param(dcgan_gan, (8, 8, 1), None, marks=pytest.mark.slow),
        (conditional_dcgan_gan, (8, 8, 2), 3),
        pytest.param(by_batch_norm, (9, 9, 1), 3, marks=pytest.mark.slow),
        pytest.param(waves_gan, (32, 1), None, marks=pytest.mark.slow),
    ],
)
def test_pmap_step_equals_jit_step(gan, shape, labels, key, largest_difference):
    gan = dataclasses.replace(
        gan(shape, labels),
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
    )
    condition = None if labels is None else jnp.arange(8) % labels
    batch = jaxgan.Batch(jax.random.uniform(key, (8, *shape), minval=-1.0), condition)
    state = jax.jit(lambda: jaxgan.init(key, gan, batch))()
    one = jaxgan.parallel.jit_step(jaxgan.make_train_step(gan), jaxgan.parallel.make_mesh(1))
    axis = jaxgan.parallel.AXIS
    two = jaxgan.parallel.pmap_step(jaxgan.make_train_step(gan, axis_name=axis), 2)
    (a, metrics), (b, others) = one(key, state, batch), two(key, state, batch)
    assert largest_difference(a, b) < 2e-5
    np.testing.assert_allclose(metrics["generator_loss"], others["generator_loss"], rtol=1e-4)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: DCGANGenerator((7, 7, 1)), "more than 7 positions along an axis, got shape"),
        (lambda: DCGANGenerator((2,)), r"\[height, width, channels\] or \[length, channels\]"),
        (lambda: DCGANGenerator((28, 28, 0)), r"got shape \(28, 28, 0\)"),
        (
            lambda: DCGANGenerator((28, 28, 1), features=(8,)),
            "features must have 2 or 3 entries for levels",
        ),
        (lambda: DCGANGenerator(stride=1), "stride must be at least 2, got 1"),
        (lambda: DCGANGenerator(condition_by="film"), "condition_by must be one of concatenate"),
        (lambda: DCGANGenerator(num_classes=3), "labels are missing"),
    ],
)
def test_what_does_not_fit_is_an_error(network, message):
    with pytest.raises(ValueError, match=message):
        network().init(jax.random.key(0), jnp.ones((2, 100)), train=True)


def test_unknown_norms_are_an_error():
    with pytest.raises(ValueError, match="norm must be one of batch, spectral, none, got 'layer'"):
        DCGANDiscriminator(norm="layer").init(jax.random.key(0), jnp.ones((2, 8, 8, 1)), train=True)

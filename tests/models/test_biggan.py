"""BigGAN's networks against the author's order of operations and published sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import count, normal
from networks import shapes
from residual import convolved, doubled, drawn, pooled, relu, standardised, with_exact_vectors

from jaxgan.models import BigGANDiscriminator, BigGANGenerator, published_biggan
from jaxgan.models.biggan import BigGANBlock
from jaxgan.models.layers.labels import CosineHead, ModulatedBatchNorm, unit_vectors
from jaxgan.models.resnet import DownBlock

KEY = jax.random.key(0)
LABELS = jnp.array([1, 0])


# ---- sizes ----


def sizes_of(generator, discriminator, dim):
    x, params = shapes(generator, jnp.ones((2, dim)), LABELS)
    output, other = shapes(discriminator, x, LABELS)
    assert x.shape == (2, *generator.shape)
    assert output.logits.shape == (2,)
    return count(params), count(other)


def test_networks_for_cifar_10_have_the_published_sizes():
    # As StudioGAN's log of BigGAN on CIFAR-10 says (BigGAN-train-2021_01_15_14_48_48.log in its
    # repository); ajbrock's Generator with G_ch=96, dim_z=80, hier, shared_dim=128 and G_attn='16'
    # has as many. The generator here lacks eight biases per channel that batch norms cancel.
    sizes = sizes_of(*published_biggan("cifar10"), 80)
    assert sizes == (9_416_196 - 8 * 384, 2_415_170)


@pytest.mark.slow
def test_networks_for_imagenet_have_the_published_sizes():
    # 70.43 and 87.98 million in table 4 of the paper; exactly these in ajbrock's networks with the
    # options of launch_BigGAN_bs256x8.sh. The missing biases: three per channel and block, but two
    # in the block before attention, which has 192 channels.
    missing = 3 * (1536 + 768 + 384 + 192 + 96) - 192
    sizes = sizes_of(*published_biggan("imagenet128"), 120)
    assert sizes == (70_433_988 - missing, 87_982_370)


def test_discriminator_of_contragan_has_the_published_size():
    # StudioGAN's log ContraGAN-train-2020_10_04_21_50_14.log
    d = BigGANDiscriminator(192, auxiliary_classes=10, embedding=512, attention=(16,))
    output, params = shapes(d, jnp.ones((2, 32, 32, 3)))
    assert count(params) == 2_517_186
    assert (output.features.shape, output.class_logits.shape) == ((2, 512), (2, 10))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(33, 20, 2), (28, 28, 1), (50, 3)])
def test_images_and_signals_of_any_size_fit(shape):
    largest = max(shape[:-1])
    g = BigGANGenerator(shape, 8, 3, attention=(-(-largest // 2),))
    d = BigGANDiscriminator(8, num_classes=3, attention=(largest // 2,))
    assert sizes_of(g, d, 12)[0] > 0


# ---- blocks, in numpy and in the author's order ----


def modulated(x, c, variables, p):
    _, weights = with_exact_vectors({"params": p, "spectral_norm": variables})
    scale, bias = (c @ weights[name]["kernel"] for name in ("scale", "bias"))
    plain = standardised(x, 1.0, 0.0)
    return (1 + scale[:, None, None]) * plain + bias[:, None, None]


def with_all_exact_vectors(variables):
    """The same for the layers of inner modules too."""
    exact, _ = with_exact_vectors(variables)
    for name, own in variables["spectral_norm"].items():
        if not name.startswith("SpectralNorm"):
            inner = {"params": variables["params"][name], "spectral_norm": own}
            exact["spectral_norm"][name] = with_exact_vectors(inner)[0]["spectral_norm"]
    return exact


def test_generators_block_is_the_authors_with_batch_norms_of_a_vector():
    x, c = normal(3, 3, 4, 5), normal(3, 4, seed=2)
    block = BigGANBlock(6, use_bias=True)
    variables = with_all_exact_vectors(drawn(block, x, c, True))

    @jax.jit
    def run(variables):
        return block.apply(variables, x, c, True, mutable=["batch_stats", "spectral_norm"])

    y, changed = run(variables)
    _, w = with_exact_vectors(variables)
    norms = [
        (variables["spectral_norm"][name], variables["params"][name])
        for name in ("ModulatedBatchNorm_0", "ModulatedBatchNorm_1")
    ]
    x, c = np.asarray(x, np.float64), np.asarray(c, np.float64)
    h = convolved(doubled(relu(modulated(x, c, *norms[0]))), w["Conv_0"]["kernel"])
    h = convolved(relu(modulated(h, c, *norms[1])), **w["Conv_1"])
    np.testing.assert_allclose(y, h + doubled(x) @ w["Dense_0"]["kernel"], atol=1e-4)
    mean = changed["batch_stats"]["ModulatedBatchNorm_0"]["BatchNorm_0"]["mean"]
    old = variables["batch_stats"]["ModulatedBatchNorm_0"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, 0.9 * old + 0.1 * x.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)


def test_wide_down_block_has_the_width_of_its_output_inside():
    x = normal(2, 4, 6, 5)
    block = DownBlock(7, wide=True)
    variables, w = with_exact_vectors(drawn(block, x, False))
    assert w["Conv_0"]["kernel"].shape == (3, 3, 5, 7)
    y = jax.jit(lambda variables: block.apply(variables, x, False))(variables)
    x = np.asarray(x, np.float64)
    h = pooled(convolved(relu(convolved(relu(x), **w["Conv_0"])), **w["Conv_1"]))
    beside = pooled(x @ w["Dense_0"]["kernel"] + w["Dense_0"]["bias"])
    np.testing.assert_allclose(y, h + beside, atol=1e-4)


def test_modulation_by_nothing_is_plain_batch_norm():
    x = 2.0 + 3.0 * normal(4, 6, 3)
    y, _ = ModulatedBatchNorm().init_with_output(KEY, x, jnp.zeros((4, 2)), True)
    plain = (x - x.mean((0, 1), keepdims=True)) / x.std((0, 1), keepdims=True)
    np.testing.assert_allclose(y, plain, atol=1e-4)


@pytest.mark.slow
def test_cosines_are_those_of_the_embedding_and_the_proxies():
    features = normal(4, 3)
    (h, cosines), variables = CosineHead(5, 2).init_with_output(KEY, features)
    layer, proxies = variables["params"]["Dense_0"], variables["params"]["proxies"]
    plain = features @ layer["kernel"] + layer["bias"].reshape(1, 2)
    np.testing.assert_allclose(h, plain / jnp.linalg.norm(plain, axis=1, keepdims=True), rtol=1e-5)
    directions = proxies / jnp.linalg.norm(proxies, axis=0, keepdims=True)
    np.testing.assert_allclose(cosines, h @ directions, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(unit_vectors(jnp.zeros((1, 3))), jnp.zeros((1, 3)))


# ---- networks ----


@pytest.fixture(scope="module")
def small():
    """A generator of one block."""
    g = BigGANGenerator((8, 8, 1), 4, 3, embedding=3, attention=(8,))
    z = normal(2, 4)
    variables = jax.jit(lambda key: g.init(key, z, LABELS, train=False))(KEY)
    return g, variables, z


@pytest.mark.slow
def test_weights_start_orthogonal(small):
    _, variables, _ = small
    kernels = {
        jax.tree_util.keystr(path): leaf.reshape(-1, leaf.shape[-1])
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"])
        if leaf.ndim > 1
    }
    assert len(kernels) == 1 + 1 + 7 + 4 + 1  # embedding, dense, block, attention, last
    for name, w in kernels.items():
        w = w if w.shape[0] >= w.shape[1] else w.T
        np.testing.assert_allclose(w.T @ w, np.eye(w.shape[1]), atol=1e-5, err_msg=name)


def test_each_level_has_its_own_chunk_and_all_share_the_label(small):
    g, variables, z = small

    @jax.jit
    def run(z, labels):
        return g.apply(variables, z, labels, train=False)

    plain = run(z, LABELS)
    for first in (0, 2):
        assert not np.allclose(run(z.at[:, first].add(1.0), LABELS), plain, atol=1e-4)
    # The label of the second sample changes it alone.
    other = run(z, LABELS.at[1].set(2))
    np.testing.assert_array_equal(other[0], plain[0])
    assert not np.allclose(other[1], plain[1], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "logits"), [({"auxiliary_classes": 6}, 6), ({"num_classes": 3}, None), ({}, None)]
)
def test_discriminator_has_the_last_layer_asked_for(options, logits):
    output, params = shapes(
        BigGANDiscriminator(4, **options),
        jnp.ones((2, 8, 8, 1)),
        *([] if not options else [LABELS]),
    )
    assert output.features.shape == (2, 4)
    assert (None if output.class_logits is None else output.class_logits.shape[1]) == logits
    assert ("ProjectionHead_0" in params) == ("num_classes" in options)


# ---- refusals ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": (9,)}, r"attention must be sizes after blocks, from \[14, 28\], got \(9,\)"),
        ({"features": (8, 8)}, "features must be an int or 3 ints"),
        ({"num_classes": 3}, "labels are missing"),
    ],
)
def test_generators_options_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        shapes(BigGANGenerator((28, 28, 1), **options), jnp.ones((2, 6)))


def test_latents_that_cannot_be_split_are_named():
    with pytest.raises(ValueError, match=r"a multiple of 3 as dim, .*got shape \(2, 7\)"):
        shapes(BigGANGenerator((28, 28, 1)), jnp.ones((2, 7)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": (28,)}, r"attention must be sizes after blocks, from \[14, 7\]"),
        ({"embedding": 3}, "embedding=3 needs auxiliary_classes"),
        ({"num_classes": 3, "auxiliary_classes": 3}, "exclude each other, got 3 and 3"),
        ({"num_classes": 3}, "labels are missing"),
        ({"down_blocks": 5}, "needs samples of at least 32"),
    ],
)
def test_discriminators_options_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        shapes(BigGANDiscriminator(8, **options), jnp.ones((2, 28, 28, 1)))
    with pytest.raises(ValueError, match="data must be one of"):
        published_biggan("mnist")

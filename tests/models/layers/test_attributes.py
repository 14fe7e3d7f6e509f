"""Attributes: rows of numbers that networks take in place of labels."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal

from jaxgan.adapters import from_linen
from jaxgan.models import (
    BigGANDiscriminator,
    BigGANGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    LAPGANGenerator,
    MLPGenerator,
    R3GANDiscriminator,
    R3GANGenerator,
    ResNetGenerator,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)
from jaxgan.models.layers.labels import (
    ConditionalBatchNorm,
    LabelEmbedding,
    ProjectionHead,
    concatenate_labels,
    one_hot,
)
from jaxgan.terms import class_cross_entropy

KEY = jax.random.key(0)
LABELS = jnp.array([2, 0, 1, 2])
ROWS = jnp.eye(3)[LABELS]
IMAGES = (8, 8, 1)


def test_attributes_are_further_channels_as_they_are():
    rows = normal(4, 3)
    np.testing.assert_array_equal(one_hot(rows, 3), rows)
    y = concatenate_labels(normal(4, 2, 2, 1), rows, 3)
    np.testing.assert_array_equal(y[:, 1, 0, 1:], rows)


def test_embedding_of_attributes_is_a_sum_of_vectors_weighted_by_them():
    rows, layer = normal(4, 3), LabelEmbedding(3, 5)
    variables = layer.init(KEY, rows)
    table = np.asarray(variables["params"]["embedding"], np.float64)
    expected = np.asarray(rows, np.float64) @ table
    np.testing.assert_allclose(layer.apply(variables, rows), expected, rtol=1e-5, atol=1e-6)


def test_projection_of_attributes_is_bilinear():
    rows, h, layer = normal(4, 3), normal(4, 5, seed=1), ProjectionHead(3)
    variables = layer.init(KEY, h, rows)

    def projected(rows):
        return layer.apply(variables, h, rows) - layer.apply(variables, h, jnp.zeros((4, 3)))

    np.testing.assert_allclose(projected(-2 * rows), -2 * projected(rows), rtol=1e-4, atol=1e-5)
    table = variables["params"]["LabelEmbedding_0"]["embedding"]
    expected = np.einsum("bk,kd,bd->b", rows, table, h)
    np.testing.assert_allclose(projected(rows), expected, rtol=1e-4, atol=1e-5)


NETWORKS = {
    "mlp": (MLPGenerator((2,), (6,), num_classes=3), (4, 5)),
    "dcgan": (DCGANGenerator(IMAGES, (8, 4), num_classes=3), (4, 5)),
    "dcgan by batch norm": (
        DCGANGenerator(IMAGES, (8, 4), num_classes=3, condition_by="batch_norm"),
        (4, 5),
    ),
    "resnet": (ResNetGenerator(IMAGES, 4, 3), (4, 5)),
    "biggan": (BigGANGenerator(IMAGES, 4, 3), (4, 20)),
    "r3gan": (R3GANGenerator(IMAGES, (8, 8), num_classes=3), (4, 5)),
    "stylegan2": (StyleGAN2Generator(IMAGES, 32, 8, 8, num_classes=3), (4, 8)),
    "dcgan's discriminator": (
        DCGANDiscriminator((4, 8), num_classes=3, condition_by="projection"),
        (4, *IMAGES),
    ),
    "biggan's discriminator": (BigGANDiscriminator(4, num_classes=3), (4, *IMAGES)),
    "r3gan's discriminator": (R3GANDiscriminator((8, 8), num_classes=3), (4, *IMAGES)),
    "stylegan2's discriminator": (StyleGAN2Discriminator(32, 8, num_classes=3), (4, *IMAGES)),
}


@pytest.mark.one_quick_case
@pytest.mark.parametrize("name", NETWORKS)
def test_one_hot_row_gives_the_output_and_the_gradients_of_its_label(name):
    module, shape = NETWORKS[name]
    network, x, keys = from_linen(module), normal(*shape), jax.random.split(KEY, 4)
    params, state = jax.jit(network.init)(KEY, x, LABELS)

    @jax.jit
    def both(params, state, condition):
        def loss(params):
            y = network.apply(params, state, x, condition, keys=keys, train=False)[0]
            y = getattr(y, "logits", y)
            return jnp.sum(y**2), y

        return jax.value_and_grad(loss, has_aux=True)(params)

    (_, wanted), wanted_gradient = both(params, state, LABELS)
    if name == "stylegan2":  # attributes have one average style, which truncation alone sees
        state = state | {"averages": {"w_avg": jnp.zeros(8)}}
    (_, got), gradient = both(params, state, ROWS)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(wanted_gradient), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_laplacian_level_takes_a_one_hot_row_for_its_label():
    low, noise = normal(4, 4, 4, 1), normal(4, 4, 4, 1, seed=1)
    module = LAPGANGenerator((4,), (3, 3), num_classes=3)
    variables = module.init(KEY, noise, (low, LABELS))
    wanted = module.apply(variables, noise, (low, LABELS))
    np.testing.assert_allclose(module.apply(variables, noise, (low, ROWS)), wanted, rtol=1e-5)


def test_styles_of_attributes_have_one_average():
    z, module = normal(4, 8), StyleGAN2Generator(IMAGES, 32, 8, 8, num_classes=3)
    keys = jax.random.split(KEY, 4)
    variables = jax.jit(lambda: module.init(KEY, z, ROWS, train=False))()
    assert variables["averages"]["w_avg"].shape == (8,)
    update = jax.jit(partial(module.apply, train=True, keys=keys, mutable=["averages"]))
    _, changed = update(variables, z, ROWS)
    assert np.abs(changed["averages"]["w_avg"]).max() > 0


@pytest.mark.parametrize("shape", [(4, 2), (4, 4)])
def test_attributes_of_a_wrong_width_are_named(shape):
    for use in (
        lambda rows: one_hot(rows, 3),
        lambda rows: LabelEmbedding(3, 2).init(KEY, rows),
        lambda rows: ConditionalBatchNorm(3).init(KEY, jnp.ones((4, 2)), rows, False),
    ):
        with pytest.raises(ValueError, match=r"float \[batch, 3\], as wide as .* \[4, [24]\]"):
            use(jnp.ones(shape))


def test_classifier_says_that_attributes_have_no_classes():
    with pytest.raises(ValueError, match=r"attributes have no classes .* such as that of cgan"):
        class_cross_entropy(jnp.zeros((4, 3)), ROWS)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import normal

import jaxgan
from jaxgan import losses
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.models.layers.labels import (
    ConditionalBatchNorm,
    LabelEmbedding,
    ProjectionHead,
    concatenate_labels,
    one_hot,
)
from jaxgan.regularizers import r1

KEY = jax.random.key(0)
LABELS = jnp.array([2, 0, 1, 2])


# ---- as inputs ----


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32])
def test_one_hot_is_a_row_of_the_identity(kind):
    rows = one_hot(np.asarray(LABELS).astype(kind), 300)
    assert rows.dtype == jnp.float32
    np.testing.assert_array_equal(rows, np.eye(300)[[2, 0, 1, 2]])


def test_labels_are_further_entries_of_vectors():
    x = normal(2, 2)
    got = concatenate_labels(x, jnp.array([1, 0]), 3)
    np.testing.assert_array_equal(got, [[*x[0], 0, 1, 0], [*x[1], 1, 0, 0]])


@pytest.mark.parametrize("shape", [(4, 5, 2), (4, 3, 2, 1)])
def test_labels_are_constant_maps_behind_images(shape):
    x = normal(*shape).astype(jnp.bfloat16)
    y = jax.jit(lambda labels: concatenate_labels(x, labels, 3))(LABELS)
    assert y.dtype == x.dtype
    assert y.shape == (*shape[:-1], shape[-1] + 3)
    np.testing.assert_array_equal(y[..., : shape[-1]], x)
    maps = np.asarray(y[..., shape[-1] :], np.float32).reshape(4, -1, 3)
    for label, image in zip(LABELS, maps, strict=True):
        np.testing.assert_array_equal(image, np.tile(np.eye(3)[label], (len(image), 1)))


# ---- labels that are wrong ----


def embedding(labels):
    return LabelEmbedding(3, 2).init_with_output(KEY, labels)[0]


USERS = {
    "one_hot": lambda labels: one_hot(labels, 3),
    "concatenate": lambda labels: concatenate_labels(jnp.ones((2, 4)), labels, 3)[:, 4:],
    "embedding": embedding,
    "batch norm": lambda labels: ConditionalBatchNorm(3).init_with_output(
        KEY, jnp.ones((2, 4)), labels, False
    )[0],
    "projection": lambda labels: ProjectionHead(3).init_with_output(KEY, jnp.ones((2, 4)), labels)[
        0
    ],
    "projection with spectral norm": lambda labels: ProjectionHead(3, True).init_with_output(
        KEY, jnp.ones((2, 4)), labels, False
    )[0],
    "generator": lambda labels: MLPGenerator((2,), (3,), num_classes=3).init_with_output(
        KEY, jnp.ones((2, 4)), labels
    )[0],
}
every_user = pytest.mark.parametrize("use", USERS.values(), ids=USERS)


@pytest.mark.one_quick_case
@every_user
@pytest.mark.parametrize("wrong", [-1, 3, 2**31 - 1, -(2**31)])
def test_label_out_of_range_is_an_error_or_nan(use, wrong):
    labels = jnp.array([0, wrong])
    with pytest.raises(ValueError, match=rf"labels must be from 0 to 2, got {wrong}"):
        use(labels)
    first, second = jax.jit(use)(labels)
    assert np.isfinite(first).all()
    assert np.isnan(second).all()


def test_negative_label_of_a_small_type_is_not_counted_round():
    labels = jnp.array([-1, 2], jnp.int8)  # 300 is 44 in eight bits
    rows = jax.jit(lambda labels: one_hot(labels, 300))(labels)
    assert np.isnan(rows[0]).all()
    np.testing.assert_array_equal(rows[1], np.eye(300)[2])


@pytest.mark.one_quick_case
@every_user
def test_labels_of_a_wrong_kind_are_named(use):
    for labels in (jnp.zeros(2), jnp.zeros((2, 3), int), jnp.zeros(2, bool)):
        with pytest.raises(ValueError, match=r"labels must be int \[batch\], got"):
            use(labels)


@pytest.mark.parametrize("name", sorted(USERS.keys() - {"one_hot", "embedding"}))
def test_label_for_each_sample_is_wanted(name):
    with pytest.raises(ValueError, match=r"one per sample, got \(1,\) labels for \(2,\) samples"):
        USERS[name](jnp.zeros(1, int))


# ---- inside networks ----


def test_conditional_batch_norm_has_a_scale_and_a_bias_for_each_class():
    x = 3.0 + 2.0 * normal(4, 2, 3)
    layer = ConditionalBatchNorm(3, momentum=0.8)
    variables = layer.init(KEY, x, LABELS, True)
    y, changed = layer.apply(variables, x, LABELS, True, mutable=["batch_stats"])
    plain = np.asarray((x - x.mean((0, 1), keepdims=True)) / x.std((0, 1), keepdims=True))
    np.testing.assert_allclose(y, plain, rtol=1e-4, atol=1e-5)  # scales start at 1, biases at 0
    scale, bias = normal(3, 3, seed=1), normal(3, 3, seed=2)
    variables = {
        "params": {"scale": {"embedding": scale}, "bias": {"embedding": bias}},
        "batch_stats": changed["batch_stats"],
    }
    y = layer.apply(variables, x, LABELS, True, mutable=["batch_stats"])[0]
    expected = plain * scale[LABELS][:, None] + bias[LABELS][:, None]
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    (stats,) = changed["batch_stats"].values()
    np.testing.assert_allclose(stats["mean"], 0.2 * x.mean((0, 1)), rtol=1e-5)
    y = layer.apply(variables, x, LABELS, False)
    running = (x - stats["mean"].reshape(1, 1, 3)) / np.sqrt(stats["var"] + 1e-5).reshape(1, 1, 3)
    expected = running * scale[LABELS][:, None] + bias[LABELS][:, None]
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_projection_head_is_a_scalar_product_for_each_class(spectral_norm):
    h = normal(4, 5)
    layer = ProjectionHead(3, spectral_norm)
    variables = jax.jit(lambda: layer.init(KEY, h, LABELS, False))()
    variables["params"]["Dense_0"]["bias"] = jnp.array([0.3])
    w = np.asarray(variables["params"]["Dense_0"]["kernel"], np.float64)[:, 0]
    e = np.asarray(variables["params"]["LabelEmbedding_0"]["embedding"], np.float64)
    if spectral_norm:
        w, e = w / np.linalg.norm(w), e / np.linalg.norm(e, 2)
    logits = layer.apply(variables, h, LABELS, False)
    expected = [hi @ w + 0.3 + e[y] @ hi for hi, y in zip(np.asarray(h), LABELS, strict=True)]
    np.testing.assert_allclose(logits, expected, rtol=1e-2 if spectral_norm else 1e-5, atol=1e-3)


@pytest.mark.slow
def test_gradient_penalty_of_a_projection_head_has_its_closed_form():
    h = normal(4, 5)
    params = ProjectionHead(3).init(KEY, h, LABELS)["params"]

    @jax.jit
    @jax.value_and_grad
    def penalty(params):
        return r1(lambda h: ProjectionHead(3).apply({"params": params}, h, LABELS), h)

    value, gradient = penalty(params)
    # D = (w + e_y) h + b, so R1 = mean |w + e_y|^2
    slope = params["Dense_0"]["kernel"].T + params["LabelEmbedding_0"]["embedding"][LABELS]
    np.testing.assert_allclose(value, np.mean(np.sum(slope**2, axis=1)), rtol=1e-5)
    np.testing.assert_allclose(
        gradient["Dense_0"]["kernel"][:, 0], 2 * np.mean(slope, axis=0), rtol=1e-4, atol=1e-6
    )
    rows = np.array([slope[y == LABELS].sum(axis=0) for y in range(3)])
    np.testing.assert_allclose(
        gradient["LabelEmbedding_0"]["embedding"], 2 * rows / 4, rtol=1e-4, atol=1e-6
    )


def test_label_embeddings_have_a_length_of_about_one():
    table = LabelEmbedding(50, 200).init(KEY, LABELS)["params"]["embedding"]
    lengths = np.linalg.norm(table, axis=1)
    assert lengths.mean() == pytest.approx(1.0, abs=0.03)


def test_projection_head_names_wrong_arguments():
    with pytest.raises(ValueError, match=r"features must be \[batch, dim\], got shape \(4, 2, 2\)"):
        ProjectionHead(3).init(KEY, normal(4, 2, 2), LABELS)
    with pytest.raises(ValueError, match="train must be True or False for spectral norm, got None"):
        ProjectionHead(3, True).init(KEY, normal(4, 5), LABELS)


# ---- fully connected players ----


@pytest.mark.slow
def test_conditional_generator_sees_the_label_as_further_latents():
    z = normal(4, 5)
    network = MLPGenerator((2,), (6,), output=None, num_classes=3)
    params = network.init(KEY, z, LABELS)
    plain = MLPGenerator((2,), (6,), output=None)
    expected = plain.apply(params, jnp.concatenate([z, jnp.eye(3)[LABELS]], axis=1))
    np.testing.assert_array_equal(network.apply(params, z, LABELS), expected)


@pytest.mark.slow
def test_conditional_discriminator_sees_the_label_as_further_values():
    x, keys = normal(4, 2, 2, 1), jax.random.split(KEY, 4)
    network = MLPDiscriminator((6, 5), num_classes=3)
    params = network.init(KEY, x, LABELS, keys=keys, train=False)
    joined = jnp.concatenate([x.reshape(4, 4), jnp.eye(3)[LABELS]], axis=1)
    expected = MLPDiscriminator((6, 5)).apply(params, joined, keys=keys, train=True)
    got = network.apply(params, x, LABELS, keys=keys, train=True)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.slow
def test_auxiliary_discriminator_tells_classes_and_takes_no_heed_of_labels():
    x, keys = normal(4, 2, 2, 1), jax.random.split(KEY, 4)
    plain, network = MLPDiscriminator((6, 5)), MLPDiscriminator((6, 5), auxiliary_classes=3)
    params = network.init(KEY, x, keys=keys, train=False)["params"]
    shared = plain.init(KEY, x, keys=keys, train=False)["params"]
    assert set(params) - set(shared) == {"Dense_3"}
    for name in shared:
        jax.tree.map(np.testing.assert_array_equal, params[name], shared[name])
    got = network.apply({"params": params}, x, LABELS, keys=keys, train=True)
    expected = plain.apply({"params": shared}, x, keys=keys, train=True)
    np.testing.assert_array_equal(got.logits, expected)
    assert got.features.shape == (4, 5)
    last = params["Dense_2"]
    logits = (got.features @ last["kernel"])[:, 0] + last["bias"]
    np.testing.assert_allclose(got.logits, logits, rtol=1e-5, atol=1e-6)
    last = params["Dense_3"]
    logits = got.features @ last["kernel"] + last["bias"].reshape(1, 3)
    np.testing.assert_allclose(got.class_logits, logits, rtol=1e-5, atol=1e-6)
    without = network.apply({"params": params}, x, keys=keys, train=True)
    jax.tree.map(np.testing.assert_array_equal, got, without)


def test_players_name_labels_that_are_missing_or_not_wanted():
    keys = jax.random.split(KEY, 4)
    for network, options in (
        (MLPGenerator, {}),
        (MLPDiscriminator, {"keys": keys, "train": False}),
    ):
        with pytest.raises(ValueError, match="labels are missing: the network has num_classes=3"):
            network(num_classes=3).init(KEY, normal(4, 5), **options)
        with pytest.raises(ValueError, match="the network received labels but has no classes"):
            network().init(KEY, normal(4, 5), LABELS, **options)
    with pytest.raises(ValueError, match="exclude each other, got 3 and 2"):
        MLPDiscriminator(num_classes=3, auxiliary_classes=2).init(
            KEY, normal(4, 5), LABELS, keys=keys, train=False
        )


@pytest.mark.slow
def test_conditional_gan_learns_which_label_has_which_mean(make_gan):
    def network(module):
        return jaxgan.from_linen(module)

    gan = make_gan(
        generator=network(MLPGenerator((1,), (), output=None, num_classes=2)),
        discriminator=network(MLPDiscriminator((8,), dropout=0.0, num_classes=2)),
        loss=losses.least_squares,
    )
    labels = jnp.arange(32) % 2
    x = jnp.where(labels == 1, 1.0, -1.0)[:, None] + 0.1 * normal(32, 1)
    batch = jaxgan.Batch(x, labels)

    @jax.jit
    def train(key):
        state = jaxgan.init(key, gan, batch)
        step = jaxgan.make_train_step(gan)
        state, _ = jax.lax.scan(
            lambda s, k: (step(k, s, batch)[0], None), state, jax.random.split(key, 400)
        )
        z = jax.random.normal(key, (64, 5))
        labels = jnp.repeat(jnp.arange(2), 32)
        keys = jax.random.split(key, 64)
        player = state.generator
        fake, _ = gan.generator.apply(player.params, {}, z, labels, keys=keys, train=False)
        return fake.reshape(2, 32).mean(axis=1)

    minus, plus = train(KEY)
    assert minus < -0.5
    assert plus > 0.5

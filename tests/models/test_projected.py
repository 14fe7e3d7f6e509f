"""Projected GAN's discriminator against NumPy and the published sizes, on a tiny fake extractor."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import bits, count, normal
from networks import shapes, start

import jaxgan
from jaxgan import from_linen, latents, losses, parallel, penalty, regularizers
from jaxgan.models import FrozenMixing, MLPGenerator, ProjectedDiscriminator, published_projected
from jaxgan.models.projected import ProjectedHead, enlarged, resized
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.settings.options import Keep

KEY = jax.random.key(0)
WEIGHTS = normal(1, 3)  # of the fake extractor, which no state may hold


def extractor(x):
    """Maps of strides 1 and 2."""
    fine = jnp.tanh(x @ WEIGHTS)
    n = fine.shape[1] // 2
    return fine, fine.reshape(len(x), n, 2, n, 2, 3).mean((2, 4))


def network(**changes):
    return ProjectedDiscriminator(extractor, channels=2, features=1, **changes)


def tiny_gan(**changes):
    sgd = optax.sgd(0.05)
    return jaxgan.GAN(
        generator=from_linen(MLPGenerator((4, 4, 1), hidden=(4,))),
        discriminator=from_linen(network(**changes)),
        latent=latents.normal(2),
        loss=losses.hinge,
        generator_optimizer=sgd,
        discriminator_optimizer=sgd,
        ema_decay=None,
    )


# ---- NumPy ----


def resampled(x, size):
    """Bilinear with corners kept, one line after the other."""
    for axis, n in ((1, size[0]), (2, size[1])):
        places, old = np.linspace(0, x.shape[axis] - 1, n), np.arange(x.shape[axis])
        x = np.apply_along_axis(lambda line, p=places, o=old: np.interp(p, o, line), axis, x)
    return x


def convolved(x, kernel, stride=1, padding=0):
    side = kernel.shape[0]
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    height, width = ((n - side) // stride + 1 for n in x.shape[1:3])
    parts = (
        x[:, i : i + stride * height : stride, j : j + stride * width : stride] @ kernel[i, j]
        for i in range(side)
        for j in range(side)
    )
    # A slice may be one longer than there are positions.
    return sum(part[:, :height, :width] for part in parts)


def normed(kernel, u):
    matrix = kernel.reshape(-1, kernel.shape[-1])
    v = matrix @ (u / np.linalg.norm(u))
    return kernel / np.linalg.norm(v)


def float64(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


# ---- resampling and mixing ----


def test_enlarging_keeps_the_corners():
    x = normal(2, 3, 4, 2)
    got = jax.jit(lambda x: enlarged(x, (7, 8)))(x)
    np.testing.assert_allclose(got, resampled(np.asarray(x), (7, 8)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got[:, ::6, ::7], x[:, ::2, ::3])


def test_resizing_by_hand():
    # Pixels of the result lie at -1/4, 1/4, 3/4, 5/4 of the old ones.
    got = resized(jnp.array([[0.0, 4.0], [0.0, 4.0]]).reshape(1, 2, 2, 1), 4)
    np.testing.assert_allclose(got[0, :, :, 0], [[0, 1, 3, 4]] * 4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("side", [1, 3])
def test_mixing_is_that_of_numpy_from_the_coarsest_map_up(side):
    maps = [normal(2, n, n, c, seed=n) for n, c in ((7, 3), (3, 4), (1, 5))]  # sizes of max pooling
    module = FrozenMixing(2, side)
    got, variables = jax.jit(lambda maps: module.init_with_output(KEY, maps))(maps)
    p, below = float64(variables["projection"]), 0.0
    for i, size in ((2, (3, 3)), (1, (7, 7)), (0, (14, 14))):
        c, s = p[f"channels_{i}"], p[f"scales_{i}"]
        u = convolved(np.asarray(maps[i], np.float64), c["kernel"]) + c["bias"] + below
        below = convolved(resampled(u, size), s["kernel"], padding=side // 2) + s["bias"]
        np.testing.assert_allclose(got[i], below, rtol=1e-4, atol=1e-5)
    assert [m.shape[-1] for m in got] == [2, 2, 4]


def test_random_weights_have_the_spread_of_pytorch():
    maps = [jnp.zeros((1, 2, 2, 48))]
    p = FrozenMixing(64).init(KEY, maps)["projection"]["channels_0"]
    # U(-b, b) has the variance b^2 / 3, with b^2 = 1 / 48.
    np.testing.assert_allclose(jnp.var(p["kernel"]), 1 / 144, rtol=0.05)
    assert jnp.abs(p["kernel"]).max() <= 48**-0.5
    assert jnp.abs(p["bias"]).max() > 0


# ---- heads ----


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_logits_of_a_scale_are_those_of_numpy(norm):
    x, head = normal(3, 11, 9, 2), ProjectedHead(1, 4, norm)
    (got, last), variables = jax.jit(
        lambda x: head.init_with_output(KEY, x, None, train=False)
    )(x)  # fmt: skip
    p, u = float64((variables["params"], variables["spectral_norm"]))
    y = np.asarray(x, np.float64)
    kernel = normed(p["Conv_0"]["kernel"], u["SpectralNorm_0"]["kernel"])
    y = convolved(y, kernel, 2, 1)  # once only, for 4 positions are left
    y = y + p["Conv_0"]["bias"] if norm == "none" else y / np.sqrt(1 + 1e-5)
    y = np.maximum(y, 0.2 * y)
    np.testing.assert_allclose(last, y, rtol=1e-4, atol=1e-5)
    kernel = normed(p["Conv_1"]["kernel"], u["SpectralNorm_1"]["kernel"])
    np.testing.assert_allclose(got, convolved(y, kernel)[..., 0], rtol=1e-4, atol=1e-5)


def test_a_label_weighs_the_channels_of_the_patches():
    x, labels = normal(2, 4, 4, 2), jnp.array([0, 2])
    head = ProjectedHead(1, 1, "none", num_classes=3)
    (got, _), variables = jax.jit(
        lambda x: head.init_with_output(KEY, x, labels, train=False)
    )(x)  # fmt: skip
    p, u = float64((variables["params"], variables["spectral_norm"]))
    kernel = normed(p["Conv_0"]["kernel"], u["SpectralNorm_0"]["kernel"])
    rows = p["LabelEmbedding_0"]["embedding"][np.asarray(labels)] @ p["Dense_0"]["kernel"]
    rows = np.maximum(rows, 0.2 * rows)  # the bias starts at 0
    wanted = np.sum(convolved(np.asarray(x, np.float64), kernel)[:, 0, 0] * rows, 1) / 8
    np.testing.assert_allclose(got[:, 0, 0], wanted, rtol=1e-4)


def test_the_published_heads_have_the_official_sizes():
    # The authors' MultiScaleD has 10,331,328 parameters and 12,940,736 with 1,000 classes, of which
    # 3,136 are biases that batch norm cancels.
    def features(x):
        sizes = zip((24, 40, 112, 320), (56, 28, 14, 7), strict=True)
        return tuple(jnp.zeros((len(x), n, n, channels)) for channels, n in sizes)

    x, labels = jnp.zeros((2, 32, 32, 3)), jnp.zeros(2, jnp.int32)
    output, params = shapes(published_projected(features), x)
    assert output.logits.shape == (2, 64)
    assert count(params) == 10_331_328 - 3_136
    _, params = shapes(published_projected(features, 1000), x, labels)
    assert count(params) == 12_940_736 - 3_136


def test_small_images_are_enlarged_and_large_ones_are_not():
    for side, judged in ((6, 8), (12, 12)):
        output, _ = shapes(network(resize=8), jnp.zeros((2, side, side, 1)))
        assert output.features[1].shape[1] == judged // 2


def test_maps_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="at least 4 x 4 positions, got 2 x 2: set resize"):
        shapes(network(), jnp.zeros((2, 2, 2, 1)))
    with pytest.raises(ValueError, match="norm"):
        shapes(network(norm="layer"), jnp.zeros((2, 8, 8, 1)))


# ---- training ----


@pytest.fixture(scope="module")
def played():
    """The state before and after a round."""
    gan, batch = tiny_gan(), normal(8, 4, 4, 1)
    state = start(KEY, gan, batch)
    new, _ = jax.jit(jaxgan.make_train_step(gan))(KEY, state, batch)
    return gan, batch, state, new


def test_frozen_parts_stay_while_heads_and_generator_learn(played):
    _, _, state, new = played
    before, after = state.discriminator, new.discriminator
    assert set(before.params) == {"ProjectedHead_0", "ProjectedHead_1"}
    assert bits(before.model_state["projection"]) == bits(after.model_state["projection"])
    for old, changed in ((before.params, after.params), (state.generator, new.generator)):
        old, changed = jax.tree.leaves(old), jax.tree.leaves(changed)
        assert any(jnp.any(a != b) for a, b in zip(old, changed, strict=True))


def test_no_state_holds_the_weights_of_the_extractor(played):
    assert all(leaf.shape != WEIGHTS.shape for leaf in jax.tree.leaves(played[-1]))


def test_the_gradient_reaches_the_samples_through_the_frozen_parts(played):
    gan, batch, state, _ = played
    keys = jax.random.split(KEY, len(batch))
    d = state.discriminator

    def judged(x):
        output, _ = gan.discriminator.apply(d.params, d.model_state, x, keys=keys, train=False)
        return output.logits.sum()

    run, direction = jax.jit(judged), normal(*batch.shape, seed=1)
    slope = (run(batch + 0.01 * direction) - run(batch - 0.01 * direction)) / 0.02
    gradient = jax.jit(jax.grad(judged))(batch)
    np.testing.assert_allclose(jnp.vdot(gradient, direction), slope, rtol=0.02)
    assert jnp.all(jnp.any(gradient != 0, axis=(1, 2, 3)))


def test_a_checkpoint_keeps_the_random_mixing(played, tmp_path):
    *_, new = played
    with checkpoint.open_manager(tmp_path / "checkpoints", Keep(last=1)) as manager:
        checkpoint.save(manager, 1, new, {})
    found = checkpoint.restore(tmp_path / "checkpoints", 1, jax.eval_shape(lambda: new))
    assert bits(found) == bits(new)


@pytest.mark.slow
def test_penalties_need_heads_without_batch_norm():
    batch, r1 = normal(4, 4, 4, 1), penalty(regularizers.r1, gamma=1.0)
    for norm in ("batch", "none"):
        gan = dataclasses.replace(tiny_gan(norm=norm), penalties=(r1,))
        begin = lambda gan=gan: jaxgan.init(KEY, gan, batch)  # noqa: E731
        if norm == "none":
            jax.eval_shape(begin)
            continue
        with pytest.raises(ValueError, match="batch"):
            jax.eval_shape(begin)


@pytest.mark.slow
def test_a_round_is_the_same_on_one_device_and_on_eight(played):
    gan, _, state, _ = played
    batch = normal(16, 4, 4, 1)
    one, metrics = jax.jit(jaxgan.make_train_step(gan))(KEY, state, batch)
    step = jaxgan.make_train_step(gan, axis_name=parallel.AXIS)
    eight, same = parallel.pmap_step(step, 8)(KEY, state, batch)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        (one, metrics),
        (eight, same),
    )

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import count

import jaxgan
from jaxgan import latents, losses, parallel, regularizers
from jaxgan.images.pyramid import sample_pyramid, split_band
from jaxgan.models import LAPGANDiscriminator, LAPGANGenerator, published_lapgan

KEY = jax.random.key(0)
BATCH, SIZE, CLASSES = 8, 4, 3
LABELS = np.arange(BATCH, dtype=np.int32) % CLASSES


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def networks(num_classes=None):
    generator = LAPGANGenerator((3,), (3, 1), num_classes)
    return generator, LAPGANDiscriminator((2, 3), kernel_size=2, num_classes=num_classes)


def level_gan(num_classes=None, **parts):
    """One level of 4 x 4 x 2, of a convolution a player, trained by SGD."""
    generator = LAPGANGenerator((), (3,), num_classes)
    discriminator = LAPGANDiscriminator((3,), (2,), 2, num_classes=num_classes)
    return jaxgan.GAN(
        generator=jaxgan.from_linen(generator),
        discriminator=jaxgan.from_linen(discriminator),
        latent=latents.uniform((SIZE, SIZE, 1)),
        loss=losses.non_saturating,
        generator_optimizer=optax.sgd(0.1),
        discriminator_optimizer=optax.sgd(0.1),
        **parts,
    )


@functools.cache
def level_images():
    return jax.device_get(jax.jit(split_band)(normal(BATCH, SIZE, SIZE, 2)))


def level_batch(num_classes=None):
    h, low = level_images()
    return jaxgan.Batch(h, low if num_classes is None else (low, LABELS))


BOTH = pytest.mark.parametrize("num_classes", [None, CLASSES], ids=["image", "image and labels"])


# --- The generator


@functools.cache
def generated(num_classes):
    """A generator compiled, and its parameters."""
    generator, _ = networks(num_classes)
    noise, condition = normal(BATCH, SIZE * SIZE, seed=1), level_batch(num_classes).condition
    return jax.jit(generator.apply), jax.jit(generator.init)(KEY, noise, condition)


@pytest.mark.one_quick_case
@BOTH
def test_band_has_the_shape_of_the_low_pass_image_and_follows_the_noise(num_classes):
    apply, params = generated(num_classes)
    condition = level_batch(num_classes).condition
    noise = normal(BATCH, SIZE * SIZE, seed=1)
    band = apply(params, noise, condition)
    assert band.shape == (BATCH, SIZE, SIZE, 2)
    assert band.dtype == jnp.float32
    other = apply(params, -noise, condition)
    assert float(np.min(np.max(np.abs(band - other), axis=(1, 2, 3)))) > 1e-3


def test_latents_may_be_planes_or_vectors():
    apply, params = generated(None)
    noise, low = normal(BATCH, SIZE * SIZE), level_batch().condition
    planes = noise.reshape(BATCH, SIZE, SIZE, 1)
    np.testing.assert_array_equal(apply(params, noise, low), apply(params, planes, low))


def test_generator_without_hidden_layers_is_one_convolution_of_all_planes():
    # Noise, low-pass image and the label's plane, in this order, through one kernel.
    generator = LAPGANGenerator((), (1,), CLASSES)
    noise, (low, labels) = normal(BATCH, SIZE * SIZE, seed=1), level_batch(CLASSES).condition
    params = jax.jit(generator.init)(KEY, noise, (low, labels))
    weights, label = params["params"]["Conv_0"]["kernel"][0, 0], params["params"]["label"]
    plane = np.maximum(np.asarray(label["kernel"])[labels] + np.asarray(label["bias"]), 0)
    planes = [noise.reshape(BATCH, SIZE, SIZE, 1), low, plane.reshape(BATCH, SIZE, SIZE, 1)]
    wanted = np.concatenate(planes, axis=-1) @ np.asarray(weights)
    got = jax.jit(generator.apply)(params, noise, (low, labels))
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_wrong_label_makes_nan_inside_a_compiled_step():
    apply, params = generated(CLASSES)
    low, labels = level_batch(CLASSES).condition
    band = apply(params, normal(BATCH, SIZE * SIZE), (low, labels + CLASSES * (labels == 1)))
    np.testing.assert_array_equal(np.isnan(band).all(axis=(1, 2, 3)), labels == 1)
    np.testing.assert_array_equal(np.isfinite(band).all(axis=(1, 2, 3)), labels != 1)


# --- The discriminator


@functools.cache
def discriminated(num_classes):
    """A discriminator compiled, and its parameters."""
    _, discriminator = networks(num_classes)
    keys, (x, condition) = jax.random.split(KEY, BATCH), level_batch(num_classes)
    init = functools.partial(discriminator.init, train=False)
    params = jax.jit(init)(KEY, x, condition, keys=keys)

    @functools.partial(jax.jit, static_argnames="train")
    def apply(x, condition, train=False):
        return discriminator.apply(params, x, condition, keys=keys, train=train)

    return apply


def test_discriminator_sees_only_the_sum_of_band_and_low_pass_image():
    apply, (h, low) = discriminated(None), level_batch()
    d = normal(*h.shape, seed=2)
    output = apply(h, low)
    assert output.logits.shape == (BATCH,)
    assert output.features.shape == (BATCH, 2 * 2 * 3)
    np.testing.assert_allclose(output.logits, apply(h - d, low + d).logits, atol=1e-5)
    assert float(np.max(np.abs(output.logits - apply(h - d, low).logits))) > 1e-2


def test_discriminator_sees_the_label():
    apply, (h, (low, labels)) = discriminated(CLASSES), level_batch(CLASSES)
    d = normal(*h.shape, seed=2)
    logits = apply(h, (low, labels)).logits
    np.testing.assert_allclose(logits, apply(h - d, (low + d, labels)).logits, atol=1e-5)
    other = apply(h, (low, (labels + 1) % CLASSES)).logits
    assert float(np.min(np.abs(logits - other))) > 1e-5


def test_dropout_is_for_training_and_by_sample_key():
    apply, (h, low) = discriminated(None), level_batch()
    logits = apply(h, low).logits
    dropped = apply(h[[0] * BATCH], low[[0] * BATCH], train=True).logits
    assert len(np.unique(dropped)) > 2
    assert not np.array_equal(logits, apply(h, low, train=True).logits)


# --- In training


@functools.cache
def started(num_classes):
    """The state before the first step, which no option of the step changes."""
    gan, batch = level_gan(num_classes), level_batch(num_classes)
    return jax.jit(lambda: jaxgan.init(KEY, gan, batch))()


def difference(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(np.max(np.abs(np.asarray(x) - np.asarray(y))) for x, y in pairs)


PENALTIES = tuple(
    jaxgan.penalty(penalty, 0.1)
    for penalty in (regularizers.r1, regularizers.gradient_penalty, regularizers.dragan)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_classes", "penalties", "joint_pass", "accumulate"),
    [
        (CLASSES, (), True, 1),
        pytest.param(None, PENALTIES, False, 1, marks=pytest.mark.slow),
        # DRAGAN looks across the samples of a micro-batch, so it is left out.
        pytest.param(CLASSES, PENALTIES[:2], True, 2, marks=pytest.mark.slow),
    ],
)
def test_pmap_step_equals_jit_step(num_classes, penalties, joint_pass, accumulate):
    gan = level_gan(num_classes, penalties=penalties)
    state, batch = started(num_classes), level_batch(num_classes)
    one = parallel.jit_step(jaxgan.make_train_step(gan), parallel.make_mesh(1))
    other = dataclasses.replace(gan, joint_pass=joint_pass)
    step = jaxgan.make_train_step(other, axis_name=parallel.AXIS, accumulate=accumulate)
    (a, metrics), (b, others) = (
        run(KEY, state, batch) for run in (one, parallel.pmap_step(step, 2))
    )
    assert difference(a, b) < 2e-5
    for name in ("discriminator_loss", "generator_loss", *(f"penalty_{p.name}" for p in penalties)):
        np.testing.assert_allclose(metrics[name], others[name], rtol=1e-4)
    assert difference(a.discriminator.params, state.discriminator.params) > 1e-3
    assert difference(a.generator.params, state.generator.params) > 1e-4


@pytest.mark.slow
def test_gradient_penalties_are_of_the_band_for_a_given_condition():
    # Without convolutions D = w (h + l, label) + b, and its gradient by h is a part of w.
    linear = LAPGANDiscriminator((), (), dropout=0.0, num_classes=CLASSES)
    gan = level_gan(CLASSES, penalties=PENALTIES)
    gan = dataclasses.replace(gan, discriminator=jaxgan.from_linen(linear))
    batch = level_batch(CLASSES)
    state = jax.jit(lambda: jaxgan.init(KEY, gan, batch))()
    _, metrics = jax.jit(jaxgan.make_discriminator_step(gan))(KEY, state, batch)
    kernel = state.discriminator.params["Dense_0"]["kernel"]
    w = np.asarray(kernel).reshape(SIZE, SIZE, -1)[..., :2]  # the plane of the label is behind
    norm = np.linalg.norm(w)
    np.testing.assert_allclose(metrics["penalty_r1"], norm**2, rtol=1e-5)
    np.testing.assert_allclose(metrics["penalty_gradient_penalty"], (norm - 1) ** 2, rtol=1e-3)
    np.testing.assert_allclose(metrics["penalty_dragan"], (norm - 1) ** 2, rtol=1e-3)


def test_bfloat16_networks_keep_whole_labels():
    classes, labels = 300, jnp.array([257, 256, 299, 0])  # bfloat16 has no 257
    generator = jaxgan.from_linen(LAPGANGenerator((), (1,), classes))
    rounded = jaxgan.with_compute_dtype(generator, "bfloat16")
    low, noise, keys = normal(4, 2, 2, 1), normal(4, 4), jax.random.split(KEY, 4)
    params, _ = jax.jit(generator.init)(KEY, noise, (low, labels))
    params["label"] = {"kernel": normal(classes, 4), "bias": jnp.zeros(4)}
    bands = jax.jit(
        lambda labels: [
            network.apply(params, {}, noise, (low, labels), keys=keys, train=False)[0]
            for network in (generator, rounded)
        ]
    )(labels)
    assert bands[1].dtype == jnp.float32
    np.testing.assert_allclose(*bands, atol=0.05)


@pytest.mark.slow
def test_sampling_coarse_to_fine_draws_each_sample_by_its_index():
    gan, state = level_gan(CLASSES), started(CLASSES)

    @jax.jit
    def images(key, index, labels):
        def coarsest(key, condition, index):
            return latents.normal((2, 2, 2))(key, index)

        def level(key, low, index):
            first = index[0]
            return jaxgan.sample(key, gan, state, first + jnp.arange(len(index)), (low, labels))

        return sample_pyramid(key, [coarsest, level], index)

    index = jnp.arange(BATCH)
    small, large = images(KEY, index, LABELS)
    assert (small.shape, large.shape) == ((BATCH, 2, 2, 2), (BATCH, SIZE, SIZE, 2))
    parts = [images(KEY, part, LABELS[part]) for part in (index[:4], index[4:])]
    for whole, halves in zip((small, large), zip(*parts, strict=True), strict=True):
        np.testing.assert_allclose(whole, np.concatenate(halves), atol=1e-6)


# --- Mistakes


def test_mistakes_are_named():
    low, noise, keys = jnp.zeros((2, 4, 4, 1)), jnp.zeros((2, 16)), jax.random.split(KEY, 2)
    generator, discriminator = LAPGANGenerator(), LAPGANDiscriminator()
    judge = functools.partial(discriminator.init, KEY, keys=keys, train=False)
    for message, call in {
        r"noise for every pixel, \[2, 4, 4, n\]": lambda: generator.init(KEY, noise[:, :9], low),
        "must be the low-pass image without": lambda: generator.init(KEY, noise, (low, LABELS[:2])),
        "num_classes=3 and no labels": lambda: LAPGANGenerator(num_classes=3).init(KEY, noise, low),
        "kernel_sizes must have 2": lambda: LAPGANGenerator((4,)).init(KEY, noise, low),
        "got shape .2, 16": lambda: generator.init(KEY, noise, noise),
        "must have the same shape": lambda: judge(jnp.zeros((2, 4, 4, 3)), low),
        "strides must have 1": lambda: LAPGANDiscriminator((4,)).init(
            KEY, low, low, keys=keys, train=False
        ),
        r"labels must be int \[2\]": lambda: LAPGANGenerator(num_classes=3).init(
            KEY, noise, (low, LABELS)
        ),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()


def test_published_networks_have_the_parameters_of_the_authors_code_but_for_the_borders(key):
    low = jnp.ones((2, 32, 32, 3))

    def parameters(module, x, **options):
        made = jax.eval_shape(lambda: module.init(key, x, low, **options))
        return count(made["params"])

    generator, discriminator = published_lapgan()
    assert parameters(generator, jnp.ones((2, 32, 32, 1))) == (
        49 * 4 * 128 + 128 + 49 * 128 * 128 + 128 + 25 * 128 * 3 + 3
    )
    # the authors drop the borders, which leaves 12 x 12 positions instead of 16 x 16
    theirs = 25 * 3 * 128 + 128 + 25 * 128 * 128 + 128 + 12 * 12 * 128 + 1
    assert theirs == 437_889
    found = parameters(discriminator, low, keys=jax.random.split(key, 2), train=True)
    assert found == theirs + (16 * 16 - 12 * 12) * 128

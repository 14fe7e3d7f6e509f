import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from arrays import count, normal

import jaxgan
from jaxgan import latents, losses, parallel, regularizers
from jaxgan.models import InstanceNorm, PatchGAN, UNet
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.types import Batch, DiscriminatorOutput
from jaxgan.updates import simultaneous

KEY = jax.random.key(0)


def keys_of(num, seed=7):
    return sample_keys(jax.random.key(seed), sample_index(num))


def made(module, *inputs, **options):
    """Shapes of a module's output and variables; nothing is computed."""
    return jax.eval_shape(
        lambda key: module.init_with_output(key, *inputs, train=True, **options), KEY
    )


@functools.cache
def small_unet(norm="batch", levels=2, **options):
    """The compiled function of a small U-Net: `(image, keys, train) -> image`."""
    module = UNet((3, 4, 5)[:levels], 2, norm, **options)
    side = 2**levels
    shapes = made(module, jnp.ones((1, side, side, 3)), keys=keys_of(1))[1]
    # nothing of them is zero, and they are wider than the paper's, with which images look alike
    params = jax.tree.map(lambda p: 0.3 + 0.5 * normal(*p.shape), shapes["params"])
    stats = jax.tree.map(lambda p: jnp.ones(p.shape), shapes.get("batch_stats", {}))
    variables = {"params": params, "batch_stats": stats}

    @functools.partial(jax.jit, static_argnums=2)
    def run(image, keys, train):
        mutable = ["batch_stats"] if train else []
        return module.apply(variables, image, keys=keys, train=train, mutable=mutable)[0]

    return run


# ---- the U-Net ----


def test_default_unet_has_the_papers_parameters():
    image = jnp.ones((2, 256, 256, 3))
    y, variables = made(UNet(), image, keys=keys_of(2))
    assert y.shape == (2, 256, 256, 3)
    down = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 4 * 512 * 512)
    # all but the first block on the way up see a skip of as many channels too
    up = 16 * (512 * 512 + 3 * 1024 * 512 + 1024 * 256 + 512 * 128 + 256 * 64 + 128 * 3)
    normed = (128 + 256 + 4 * 512) + (4 * 512 + 256 + 128 + 64)
    biases = 64 + 512 + 3  # where there is no norm
    assert count(variables["params"]) == down + up + 2 * normed + biases
    # the authors' code in PyTorch has 54,413,955, with a bias in the last layer alone
    assert count(variables["params"]) == 54_413_955 + 64 + 512
    assert count(variables["batch_stats"]) == 2 * normed


@pytest.mark.one_quick_case
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize(("levels", "size"), [(1, (2, 6)), (2, (4, 8)), (5, (32, 64))])
def test_each_entry_of_features_halves_the_size(levels, size, norm):
    module = UNet(range(2, 2 + levels), 4, norm)
    y, variables = made(module, jnp.ones((3, *size, 1)), keys=keys_of(3))
    assert y.shape == (3, *size, 4)
    kernels = [name for name in variables["params"] if name.startswith("Conv_")]
    assert len(kernels) == levels
    dropped = jax.make_jaxpr(
        lambda v, x, keys: module.apply(v, x, keys=keys, train=True, mutable=["batch_stats"])[0]
    )(variables, jnp.ones((3, *size, 1)), keys_of(3))
    # each dropout draws one start and one stride a sample
    assert str(dropped).count("random_bits") == min(3, levels - 1)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_single_image_of_one_pixel_at_the_bottom_is_seen_whole(norm):
    run = small_unet(norm, 2, dropout=0.0)
    x = normal(1, 4, 4, 3)
    y = run(x, keys_of(1), True)
    assert np.all(np.isfinite(y))
    assert float(jnp.max(jnp.abs(y))) < 1.0
    # the far corner lies outside the reach of the skips: this goes through the bottom
    other = run(x.at[0, 0, 0].add(3.0), keys_of(1), True)
    assert float(jnp.max(jnp.abs(y - other)[0, 3, 3])) > 1e-4


def test_skips_carry_what_the_bottom_does_not():
    module = UNet((3, 4), 2, "none", dropout=0.0)
    x, keys = normal(1, 4, 4, 3), keys_of(1)
    shapes = made(module, x, keys=keys)[1]["params"]
    params = jax.tree.map(lambda p: normal(*p.shape), shapes)
    params["Conv_1"] = jax.tree.map(jnp.zeros_like, params["Conv_1"])  # nothing at the bottom

    def corner(x):
        return module.apply({"params": params}, x, keys=keys, train=False)[0, 0, 0, 0]

    seen = np.any(np.asarray(jax.jit(jax.grad(corner))(x)[0]) != 0, axis=-1)
    # the corner is made of the first level's corner, and that of the pixels -1 to 2
    expected = np.zeros((4, 4), bool)
    expected[:3, :3] = True
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.slow
def test_dropout_is_each_samples_own_however_the_batch_is_split():
    run = small_unet("instance", 3)
    x, keys = jnp.tile(normal(1, 8, 8, 3), (4, 1, 1, 1)), keys_of(4)
    whole = run(x, keys, True)
    parts = [run(x[part], keys[part], True) for part in (slice(0, 2), slice(2, 4))]
    np.testing.assert_allclose(whole, jnp.concatenate(parts), rtol=1e-6, atol=1e-6)
    differences = [jnp.max(jnp.abs(whole[i] - whole[j])) for i in range(4) for j in range(i)]
    assert float(min(differences)) > 1e-3


@pytest.mark.slow
def test_values_are_dropped_in_sampling_unless_told_not_to():
    x = normal(2, 4, 4, 3)
    run = small_unet("batch", 2)
    assert float(jnp.max(jnp.abs(run(x, keys_of(2), False) - run(x, keys_of(2, 8), False)))) > 1e-3
    run = small_unet("batch", 2, drop_in_sampling=False)
    np.testing.assert_array_equal(run(x, keys_of(2), False), run(x, keys_of(2, 8), False))
    assert float(jnp.max(jnp.abs(run(x, keys_of(2), True) - run(x, keys_of(2, 8), True)))) > 1e-3


@pytest.mark.slow
def test_samples_may_be_normalised_by_the_test_batch_as_in_training():
    x = normal(2, 4, 4, 3)
    run = small_unet("batch", 2, dropout=0.0, statistics_in_sampling="batch")
    np.testing.assert_array_equal(run(x, keys_of(2), False), run(x, keys_of(2), True))
    alone = small_unet("instance", 2, dropout=0.0)(x[:1], keys_of(1), False)
    np.testing.assert_allclose(run(x[:1], keys_of(1), False), alone, rtol=1e-5, atol=1e-6)
    running = small_unet("batch", 2, dropout=0.0)(x, keys_of(2), False)
    assert float(jnp.max(jnp.abs(running - run(x, keys_of(2), False)))) > 0.01


@pytest.mark.parametrize(
    ("options", "image", "message"),
    [
        (
            {"statistics_in_sampling": "test"},
            jnp.ones((1, 256, 256, 3)),
            "statistics_in_sampling must be one of running, batch, got 'test'",
        ),
        ({}, jnp.ones((1, 256, 128, 3)), r"divisible by 256, for 8 levels .*\(1, 256, 128"),
        ({"features": (4, 4)}, jnp.ones((1, 4, 6, 3)), "divisible by 4, for 2 levels"),
        ({"features": ()}, jnp.ones((1, 4, 4, 3)), r"features must be positive ints, got \(\)"),
        ({"features": (4, 0)}, jnp.ones((1, 4, 4, 3)), r"features must be positive"),
        ({"norm": "layer"}, jnp.ones((1, 256, 256, 3)), "norm must be one of batch, instance, no"),
        ({}, jnp.ones((256, 256, 3)), r"image must be float .* got float32 \(256, 256, 3\)"),
        ({}, jnp.ones((1, 256, 256, 3), jnp.uint8), "image must be float .* got uint8"),
    ],
)
def test_unets_that_cannot_be_are_named(options, image, message):
    with pytest.raises(ValueError, match=message):
        made(UNet(**options), image, keys=keys_of(1))


# ---- instance norm ----


@pytest.mark.slow
def test_instance_norm_standardises_each_channel_of_each_sample(key):
    x = 3.0 + 2.0 * normal(3, 4, 5, 2)
    y, variables = InstanceNorm().init_with_output(key, x)
    np.testing.assert_allclose(jnp.mean(y, (1, 2)), np.zeros((3, 2)), atol=1e-5)
    np.testing.assert_allclose(jnp.std(y, (1, 2)), np.ones((3, 2)), atol=1e-4)
    shift = jnp.array([1.0, 2.0])
    moved = InstanceNorm().apply(jax.tree.map(lambda p: p + shift, variables), x)
    for channel in (0, 1):
        expected = (1.0 + shift[channel]) * y[..., channel] + shift[channel]
        np.testing.assert_allclose(moved[..., channel], expected, rtol=1e-5, atol=1e-5)
    for shape in ((3, 1, 1, 2), (3, 2)):
        with pytest.raises(
            ValueError, match=r"InstanceNorm needs x .* with at least two positions"
        ):
            InstanceNorm().init(key, jnp.ones(shape))


# ---- the patch discriminator ----


def test_default_patch_discriminator_has_the_papers_parameters():
    x = jnp.ones((2, 256, 256, 3))
    output, variables = made(PatchGAN(), x, x)
    assert output.logits.shape == (2, 30, 30)
    assert output.features.shape == (2, 31, 31, 512)
    weights = 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    assert count(variables["params"]) == weights + 64 + 2 * (128 + 256 + 512) + 1 == 2_768_705
    assert count(variables["batch_stats"]) == 2 * (128 + 256 + 512)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(("layers", "size", "patch"), [(0, 12, 7), (1, 24, 16), (3, 96, 70)])
def test_each_logit_sees_a_patch(layers, size, patch):
    module = PatchGAN(2, layers, "none")
    x, condition = normal(1, size, size, 1), normal(1, size, size, 2, seed=1)
    variables = jax.tree.map(lambda p: normal(*p.shape), made(module, x, condition)[1])
    middle = (size // 2**layers - 2) // 2

    @jax.jit
    @functools.partial(jax.grad, argnums=(0, 1))
    def gradients(x, condition):
        return module.apply(variables, x, condition, train=False).logits[0, middle, middle]

    for gradient in gradients(x, condition):
        rows, columns = np.nonzero(np.any(np.asarray(gradient)[0] != 0, axis=-1))
        for places in (rows, columns):
            assert places.min() > 0
            assert places.max() < size - 1
            assert places.max() - places.min() + 1 == patch == 9 * 2**layers - 2


@pytest.mark.one_quick_case
@pytest.mark.parametrize("norm", ["batch", "instance", "spectral", "none"])
@pytest.mark.parametrize(
    ("size", "map_size", "condition"),
    [((6, 6), (1, 1), normal(1, 6, 6, 1, seed=2)), ((7, 9), (1, 2), None)],
)
def test_a_single_small_image_is_judged_with_every_norm(norm, size, map_size, condition):
    run = functools.partial(PatchGAN(2, 1, norm).init_with_output, train=True)
    logits = jax.jit(run)(KEY, normal(1, *size, 2), condition)[0].logits
    assert logits.shape == (1, *map_size)
    assert np.all(np.isfinite(logits))
    assert np.all(logits != 0)


@pytest.mark.parametrize(
    ("options", "x", "condition", "message"),
    [
        (
            {},
            (1, 24, 23, 3),
            None,
            r"height and width of at least 24 for 3 layers, got shape \(1, 24, 23, 3\)",
        ),
        ({}, (24, 24, 3), None, r"x must be float \[batch.* got float32 \(24, 24, 3\)"),
        ({}, (1, 24, 24, 3), (1, 24, 12, 3), r"condition must have the size of x .*24, 12, 3\)"),
        ({}, (2, 24, 24, 3), (1, 24, 24, 3), "condition must have the size of x"),
        ({}, (1, 24, 24, 3), (1,), r"condition must be float \[batch"),
        ({"norm": "layer"}, (1, 24, 24, 3), None, "norm must be one of batch, instance, spectral"),
        ({"layers": -1}, (1, 24, 24, 3), None, "layers must be a finite number, 0 or more, got -1"),
        ({"features": 0}, (1, 24, 24, 3), None, "features must be a positive int, got 0"),
    ],
)
def test_patch_discriminators_that_cannot_be_are_named(options, x, condition, message):
    condition = None if condition is None else jnp.ones(condition)
    with pytest.raises(ValueError, match=message):
        made(PatchGAN(**options), jnp.ones(x), condition)


# ---- maps of logits in training ----


def of_condition(network):
    """A generator that is given the condition alone."""

    def apply(params, model_state, latents, condition, **options):
        return network.apply(params, model_state, condition, **options)

    return jaxgan.Network(lambda key, _, condition: network.init(key, condition), apply)


def translation(generator, discriminator, **options):
    sgd = optax.sgd(0.1)
    return jaxgan.GAN(
        of_condition(generator),
        discriminator,
        latents.normal(1),
        options.pop("loss", losses.non_saturating),
        sgd,
        sgd,
        ema_decay=None,
        **options,
    )


def plain(function):
    """A network without a state: parameters w, and a function of them and the inputs."""
    return jaxgan.Network(
        lambda key, *inputs: ({"w": jnp.ones(())}, {}),
        lambda params, state, *inputs, **_: (function(params["w"], *inputs), state),
    )


SCALED = plain(lambda w, image: w * image)
PIXELS = plain(lambda w, x, condition: DiscriminatorOutput(w * x[..., 0] + condition[..., 0]))


def players_metrics(gan, batch):
    state = jaxgan.init(KEY, gan, batch)
    _, metrics = jax.jit(jaxgan.make_train_step(gan, simultaneous()))(KEY, state, batch)
    return metrics


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("loss", "judged"),
    [
        (losses.non_saturating, lambda x, y: np.logaddexp(0, -x) + np.logaddexp(0, y)),
        (losses.least_squares, lambda x, y: 0.5 * (x - 1) ** 2 + 0.5 * y**2),
        (losses.hinge, lambda x, y: np.maximum(0, 1 - x) + np.maximum(0, 1 + y)),
        (losses.relativistic, lambda x, y: np.logaddexp(0, y - x)),
    ],
)
def test_loss_of_a_map_is_the_mean_of_its_patches_losses(loss, judged):
    x, c = normal(3, 2, 5, 1), normal(3, 2, 5, 1, seed=1)
    metrics = players_metrics(translation(SCALED, PIXELS, loss=loss), Batch(x, c))
    real, fake = np.asarray(x + c, np.float64)[..., 0], np.asarray(2 * c, np.float64)[..., 0]
    by_patch = [judged(real[i, j, k], fake[i, j, k]) for i, j, k in np.ndindex(real.shape)]
    np.testing.assert_allclose(metrics["discriminator_loss"], np.mean(by_patch), rtol=1e-5)
    # equal to each patch judged as a sample of its own
    alone = loss.generator(jnp.asarray(real.ravel()), jnp.asarray(fake.ravel()))
    np.testing.assert_allclose(metrics["generator_loss"], alone, rtol=1e-5)
    np.testing.assert_allclose(metrics["logit_real"], np.mean(real), rtol=1e-4, atol=1e-6)
    if loss.threshold is None:
        np.testing.assert_allclose(metrics["accuracy_pairs"], np.mean(real > fake), rtol=1e-6)
    else:
        accuracies = np.mean(real > loss.threshold), np.mean(fake <= loss.threshold)
        np.testing.assert_allclose(metrics["accuracy_real"], accuracies[0], rtol=1e-6)
        np.testing.assert_allclose(metrics["accuracy_fake"], accuracies[1], rtol=1e-6)


def test_penalties_are_of_a_samples_mean_over_patches():
    x, c = normal(3, 2, 5, 1), normal(3, 2, 5, 1, seed=1)
    penalties = (jaxgan.penalty(regularizers.r1, 1.0),)
    metrics = players_metrics(translation(SCALED, PIXELS, penalties=penalties), Batch(x, c))
    # D(x) = mean of 10 pixels: ||grad||^2 = 10 (1 / 10)^2
    np.testing.assert_allclose(metrics["penalty_r1"], 0.1, rtol=1e-6)


def test_maps_of_a_wrong_number_of_samples_are_refused():
    wrong = plain(lambda w, x, condition: x[:2, ..., 0])
    x = normal(3, 2, 5, 1)
    with pytest.raises(
        ValueError, match=r"output shape \(2, 2, 5\) is not \[3\], or that many maps"
    ):
        jaxgan.init(KEY, translation(SCALED, wrong), Batch(x, x))


@pytest.mark.slow
def test_pmap_step_equals_jit_step():
    gan = translation(
        jaxgan.from_linen(UNet((2, 3), 1)),
        jaxgan.from_linen(PatchGAN(2, 1)),
        generator_terms=(
            jaxgan.generator_term(
                lambda fake, real: jnp.mean(jnp.abs(fake - real)), 100.0, name="l1"
            ),
        ),
    )
    batch = Batch(jnp.tanh(normal(4, 8, 8, 1)), normal(4, 8, 8, 2, seed=1))
    state = jax.jit(lambda: jaxgan.init(KEY, gan, batch))()
    step = parallel.jit_step(jaxgan.make_train_step(gan), parallel.make_mesh(1))
    alone, metrics = step(KEY, state, batch)
    assert all(np.isfinite(value) for value in metrics.values())
    step = jaxgan.make_train_step(gan, axis_name=parallel.AXIS)
    step = parallel.pmap_step(step, 2)
    spread, others = step(KEY, state, batch)
    for one, two in ((alone, spread), (metrics, others)):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5), one, two)

"""What StyleGAN2's networks are made of: sizes, styles, truncation, averages, noise."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import count, normal
from networks import shapes

from jaxgan import from_linen
from jaxgan.models import (
    StyleGAN2Discriminator,
    StyleGAN2Generator,
    make_styles,
    published_stylegan2,
)
from jaxgan.models.layers.convolution import auto_means
from jaxgan.models.stylegan2.discriminator import with_std
from jaxgan.models.stylegan2.styles import mixed, mixing_draws, moved_average

KEY = jax.random.key(0)
KEYS = jax.random.split(KEY, 6)
SMALL = {"channel_base": 64, "channel_max": 4, "w_dim": 6}


# ---- sizes ----

# Numbers of parameters of `training/networks.py` of https://github.com/NVlabs/stylegan2-ada-pytorch
# at commit d72cc7d, with the options that its train.py sets: generator, discriminator.
OFFICIAL = {
    ("stylegan2", 256, None): (30_034_338, 28_864_129),
    ("stylegan2", 512, None): (30_276_583, 28_982_849),
    ("stylegan2", 1024, None): (30_370_060, 29_012_513),
    ("paper256", 256, None): (24_767_458, 24_001_089),
    ("paper512", 512, None): (30_276_583, 28_982_849),
    ("paper1024", 1024, None): (30_370_060, 29_012_513),
    ("cifar", 32, None): (19_947_539, 20_720_641),
    ("cifar", 32, 10): (20_215_315, 23_089_664),
}


@pytest.mark.one_quick_case
@pytest.mark.parametrize(("configuration", "size", "classes"), OFFICIAL)
def test_published_networks_have_the_official_numbers_of_parameters(configuration, size, classes):
    networks = published_stylegan2(size, num_classes=classes, configuration=configuration)
    labels = () if classes is None else (jnp.zeros(2, jnp.int32),)
    inputs = jnp.ones((2, 512)), jnp.ones((2, size, size, 3))
    found = []
    for network, x in zip(networks, inputs, strict=True):
        init = functools.partial(network.init_with_output, train=False)
        with auto_means("xla"):
            output, variables = jax.eval_shape(init, KEY, x, *labels)
        found.append(count(variables["params"]))
    assert tuple(found) == OFFICIAL[configuration, size, classes]
    assert output.logits.shape == (2,)


@pytest.mark.parametrize("size", [4, 48, 100])
def test_published_sizes_are_powers_of_two(size):
    with pytest.raises(
        ValueError, match=f"resolution must be a power of 2, at least 8, got {size}"
    ):
        published_stylegan2(size)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("shape", [(28, 28, 1), (33, 20, 2), (50, 3)])
@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_images_and_signals_of_any_size_fit(shape, architecture):
    labels = jnp.zeros(2, jnp.int32)
    g = StyleGAN2Generator(shape, num_classes=3, architecture=architecture, style_mixing=0, **SMALL)
    d = StyleGAN2Discriminator(64, 4, num_classes=3, architecture=architecture)

    def run(key):
        keys = jax.random.split(key, 2)
        x, _ = g.init_with_output(key, jnp.ones((2, 5)), labels, train=True, keys=keys)
        output, _ = d.init_with_output(key, x, labels, train=True)
        return x, output

    x, output = jax.eval_shape(run, KEY)
    assert x.shape == (2, *shape)
    assert (output.logits.shape, output.features.shape) == ((2,), (2, 4))


def test_blocks_are_called_after_their_sizes():
    _, params = shapes(StyleGAN2Discriminator(), jnp.ones((2, 28, 28, 1)))
    assert set(params) == {"b28", "b14", "b7"}


# ---- styles ----


@pytest.fixture(scope="module")
def generator():
    """A small generator of three classes, its variables with noise, and its compiled form."""
    g = StyleGAN2Generator((8, 8, 1), num_classes=3, **SMALL)
    z, labels = normal(6, 5), jnp.array([0, 1, 2, 0, 1, 2])
    variables = jax.jit(lambda: g.init(KEY, z, labels, train=False))()
    variables = jax.tree.map(lambda leaf: leaf + 0.3 if leaf.ndim == 0 else leaf, variables)
    variables["averages"] = {"w_avg": normal(3, 6, seed=7)}
    return g, variables, z, labels


def run(g, variables, z, labels=None, **options):
    options = {"train": False, "keys": KEYS[: len(z)]} | options
    return jax.jit(lambda v, z: g.apply(v, z, labels, **options))(variables, z)


@pytest.mark.slow
def test_latents_count_by_their_direction_only(generator):
    g, variables, z, labels = generator
    x = run(g, variables, z, labels)
    np.testing.assert_allclose(run(g, variables, 3 * z, labels), x, atol=1e-5)
    assert np.std(x, axis=0).max() > 0.01


@pytest.mark.slow
def test_styles_may_be_given_instead_of_latents(generator):
    g, variables, z, labels = generator
    ws = make_styles(g)(variables["params"], z, labels)
    assert ws.shape == (6, g.num_styles, 6) == (6, 4, 6)
    np.testing.assert_allclose(
        run(g, variables, ws), run(g, variables, z, labels), rtol=1e-5, atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("layers", [2, None])
def test_truncation_moves_styles_to_the_average_of_their_class(generator, layers):
    g, variables, z, labels = generator
    w = make_styles(g)(variables["params"], z, labels)
    centre = jnp.repeat(variables["averages"]["w_avg"][labels][:, None], 4, axis=1)
    for psi in (0.6, 1.0):
        truncated = g.clone(truncation=psi, truncation_layers=layers)
        moved = (
            (centre + psi * (w - centre))
            .at[:, 4 if layers is None else layers :]
            .set(w[:, 4 if layers is None else layers :])
        )
        got = run(truncated, variables, z, labels)
        np.testing.assert_allclose(got, run(g, variables, moved), rtol=1e-4, atol=1e-5)


def test_without_a_spread_all_samples_of_a_class_are_its_centre(generator):
    g, variables, z, labels = generator
    x = run(g.clone(truncation=0.0), variables, z, labels)
    np.testing.assert_allclose(x[:3], x[3:], atol=1e-6)
    assert np.abs(x[0] - x[1]).max() > 1e-3


@pytest.mark.slow
def test_training_is_without_truncation_and_moves_the_averages(generator):
    g, variables, z, labels = generator

    def trained(g):
        return jax.jit(lambda v: g.apply(v, z, labels, train=True, keys=KEYS, mutable="averages"))(
            variables
        )

    (x, state), (y, same) = trained(g), trained(g.clone(truncation=0.0))
    np.testing.assert_array_equal(x, y)
    average = state["averages"]["w_avg"]
    np.testing.assert_array_equal(average, same["averages"]["w_avg"])
    w = make_styles(g)(variables["params"], z, labels)[:, 0]
    means = jnp.stack([w[labels == c].mean(axis=0) for c in range(3)])
    expected = 0.995 * variables["averages"]["w_avg"] + 0.005 * means
    np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_each_sample_mixes_two_styles_with_the_given_probability():
    keys = jax.random.split(KEY, 4000)
    z, begin = mixing_draws(keys, (3,), 4, 0.75)
    assert (float(z.mean()), float(z.std())) == pytest.approx((0.0, 1.0), abs=0.03)
    shares = np.bincount(begin, minlength=5) / 4000
    np.testing.assert_allclose(shares, [0, 0.25, 0.25, 0.25, 0.25], atol=0.03)
    np.testing.assert_array_equal(mixing_draws(keys[7:9], (3,), 4, 0.75)[1], begin[7:9])
    ws = mixed(jnp.zeros((2, 1)), jnp.ones((2, 1)), jnp.array([1, 3]), 3)
    np.testing.assert_array_equal(ws[:, :, 0], [[0, 1, 1], [0, 0, 0]])


def test_averages_of_classes_cover_the_same_number_of_updates():
    w, labels = normal(8, 2), jnp.array([0, 0, 0, 0, 0, 0, 1, 1])
    old = normal(3, 2, seed=1)
    new = moved_average(old, w, labels, 0.9)
    # b = decay^(C f) for fractions f of 6/8, 2/8 and 0 in C = 3 classes
    for c, (rows, b) in enumerate([(w[:6], 0.9 ** (9 / 4)), (w[6:], 0.9 ** (3 / 4))]):
        mean = np.mean(rows, axis=0)
        np.testing.assert_allclose(new[c], mean + b * (old[c] - mean), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(new[2], old[2])
    one = moved_average(old[0], w, None, 0.9)
    np.testing.assert_allclose(one, 0.9 * old[0] + 0.1 * w.mean(axis=0), rtol=1e-5, atol=1e-6)


# ---- noise and the batch ----


@pytest.mark.slow
def test_noise_outside_of_training_is_constant_random_or_absent(generator):
    g, variables, z, labels = generator
    same = run(g, variables, z, labels, keys=KEYS[::-1])
    np.testing.assert_array_equal(run(g, variables, z, labels), same)
    random, other = (
        run(g.clone(noise="random"), variables, z, labels, keys=keys) for keys in (KEYS, KEYS[::-1])
    )
    assert np.abs(random - other).max() > 0.01
    zeros = variables | {"noise": jax.tree.map(jnp.zeros_like, variables["noise"])}
    none = run(g.clone(noise="none"), variables, z, labels)
    np.testing.assert_array_equal(none, run(g, zeros, z, labels))
    with pytest.raises(ValueError, match="noise must be one of const, random, none, got 'some'"):
        run(g.clone(noise="some"), variables, z, labels)


@pytest.mark.parametrize("group_size", [2, 4, 3])
def test_groups_of_samples_are_the_same_on_one_device_and_on_eight(group_size):
    x = normal(16, 2, 2, 3) * (1.0 + jnp.arange(16.0).reshape(-1, 1, 1, 1))

    def run(x, axis_name=None):
        return with_std(x, group_size, axis_name)

    expected = jax.jit(run)(x)
    mapped = jax.pmap(functools.partial(run, axis_name="batch"), axis_name="batch")
    got = mapped(x.reshape(8, 2, 2, 2, 3)).reshape(expected.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    size = 2 if group_size == 3 else group_size  # 3 does not divide 16
    first = np.sqrt(np.var(x[:size], axis=0) + 1e-8).mean()
    np.testing.assert_allclose(got[0, 0, 0, 3], first, rtol=1e-5)


@pytest.mark.slow
def test_the_generator_gives_the_same_on_one_device_and_on_eight():
    g = StyleGAN2Generator((8, 8, 1), num_classes=2, **SMALL)
    network, z, labels = from_linen(g), normal(16, 5), jnp.arange(16) % 2
    params, state = network.init(KEY, z, labels)
    params = jax.tree.map(lambda p: p + 0.5 if p.ndim == 0 else p, params)  # strengths of noise
    keys = jax.random.split(KEY, 16)

    def run(axis_name, z, labels, keys):
        return network.apply(params, state, z, labels, keys=keys, train=True, axis_name=axis_name)

    x, changed = jax.jit(functools.partial(run, None))(z, labels, keys)
    parts = jax.tree.map(lambda a: a.reshape(8, 2, *a.shape[1:]), (z, labels, keys))
    mapped = jax.pmap(functools.partial(run, "batch"), axis_name="batch", out_axes=(0, None))
    y, same = mapped(*parts)
    np.testing.assert_allclose(y.reshape(x.shape), x, rtol=1e-4, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), changed, same)


# ---- refusals ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "dense"}, "architecture must be one of skip, resnet, orig, got 'dense'"),
        ({"num_classes": 3}, "labels are missing"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(options, message):
    for module, x in (
        (StyleGAN2Generator((8, 8, 1), style_mixing=0, **options), jnp.ones((2, 4))),
        (StyleGAN2Discriminator(**options), jnp.ones((2, 8, 8, 1))),
    ):
        with pytest.raises(ValueError, match=message):
            jax.eval_shape(lambda m=module, x=x: m.init(KEY, x, train=False))


def test_mixing_needs_keys():
    g = StyleGAN2Generator((8, 8, 1), **SMALL)
    with pytest.raises(ValueError, match="keys are missing: style mixing"):
        jax.eval_shape(lambda: g.init(KEY, jnp.ones((2, 4)), train=True))

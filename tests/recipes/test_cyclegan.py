"""The recipe of CycleGAN: what it minimises, its runs, and translations of one's own images."""

import dataclasses
import functools
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arrays import bits, normal
from commands import invoke, succeed
from fuzzing import check_explained
from outputs import evaluate_run, sample_run
from PIL import Image

import jaxgan
from jaxgan import data, recipes
from jaxgan.data import from_arrays
from jaxgan.models import CycleGANGenerator, cyclegan_discriminator
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.recipes import cyclegan
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.outputs.translate import make_translate, source_channels, translate_image
from jaxgan.training.keys import run_keys
from jaxgan.training.state import init_run
from jaxgan.types import Batch
from jaxgan.updates import simultaneous

SHAPE = (8, 8, 2)


@pytest.fixture(scope="module", autouse=True)
def narrow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cyclegan, "BLOCKS", 1)
        small = cyclegan.cyclegan_gan.__kwdefaults__ | {"width": 2, "pool_size": 3}
        patch.setattr(cyclegan.cyclegan_gan, "__kwdefaults__", small)
        # Made once, so that what is compiled for it serves all runs.
        once = dataclasses.replace(
            recipes.RECIPES["cyclegan"], gan=functools.cache(cyclegan.cyclegan_gan)
        )
        patch.setitem(recipes.RECIPES, "cyclegan", once)
        yield


def test_both_translations_are_what_each_generator_makes_alone(key):
    gan = cyclegan.cyclegan_gan(SHAPE)
    a, b = normal(2, 8, 8, 1), normal(2, 8, 8, 1, seed=1)
    seen = gan.task.prepare(Batch(jnp.concatenate([a, b], axis=-1)))
    keys = sample_keys(key, jnp.arange(2))
    params, state = gan.generator.init(key, None, seen.condition)
    assert set(params) == {"to_a", "to_b"}

    @jax.jit
    def translated(params, a, b):
        return gan.generator.apply(params, state, None, (a, b), keys=keys, train=False)[0]

    to_a, to_b = translated(params, a, b)
    # of each translation, only its own network and its own image matter
    other = dict(params, to_a=params["to_b"])
    np.testing.assert_array_equal(translated(other, 2 * a, b)[0], translated(other, a, b)[0])
    np.testing.assert_array_equal(translated(other, a, 2 * b)[1], to_b)
    assert np.abs(translated(other, a, b)[0] - to_a).max() > 0.01
    np.testing.assert_array_equal(gan.task.restore((to_a, to_b), (a, b)), to_b)
    assert gan.task.way_back((to_a, to_b)) == (to_a, to_b)


def distance(x, y):
    return jnp.mean(jnp.abs(x - y))


def by_hand(generators, discriminators, a, b):
    """The losses of the authors' code: sums over both domains."""
    keys = sample_keys(jax.random.key(0), jnp.arange(len(a)))
    network = jaxgan.from_linen(CycleGANGenerator(2, 1, 1, 1))
    critic = jaxgan.from_linen(cyclegan_discriminator(2, 0))

    def to(domain, x):
        return network.apply(generators[f"to_{domain}"], {}, x, keys=keys, train=True)[0]

    def square(domain, x, label):
        output, _ = critic.apply(discriminators[domain], {}, x, keys=keys, train=True)
        return jnp.mean((output.logits - label) ** 2)

    fake_a, fake_b = to("a", b), to("b", a)
    cycles = distance(to("a", fake_b), a) + distance(to("b", fake_a), b)
    same = distance(to("a", a), a) + distance(to("b", b), b)
    g_loss = square("a", fake_a, 1) + square("b", fake_b, 1) + 10 * cycles + 5 * same
    pairs = (("a", a, fake_a), ("b", b, fake_b))
    d_loss = sum(square(name, x, 1) / 2 + square(name, fake, 0) / 2 for name, x, fake in pairs)
    return g_loss, d_loss


@pytest.mark.slow
def test_losses_are_those_of_the_authors_code_up_to_a_factor(key):
    gan = dataclasses.replace(cyclegan.cyclegan_gan(SHAPE, identity=5.0), pool_size=0)
    batch = Batch(0.5 * normal(2, 8, 8, 2))
    state = jaxgan.init(key, gan, batch)
    _, metrics = jax.jit(jaxgan.make_train_step(gan, simultaneous()))(key, state, batch)
    images = jnp.split(batch.x, 2, axis=-1)
    params = state.generator.params, state.discriminator.params
    g_loss, d_loss = jax.jit(by_hand)(*params, *images)
    np.testing.assert_allclose(metrics["discriminator_loss"], d_loss / 2, rtol=1e-5)
    np.testing.assert_allclose(metrics["generator_loss"], g_loss / 4, rtol=1e-5)


def test_the_learning_rate_is_constant_for_half_of_the_steps_and_falls_to_zero():
    rate = cyclegan.constant_then_linear(2e-4, 100)
    found = [float(rate(step)) for step in (0, 50, 75, 100, 120)]
    np.testing.assert_allclose(found, [2e-4, 2e-4, 1e-4, 0.0, 0.0], atol=1e-10)


@pytest.mark.parametrize(
    ("side", "layers"), [(8, 0), (24, 0), (28, 1), (32, 1), (64, 2), (128, 3), (256, 3)]
)
def test_patches_take_at_most_three_fifths_of_the_image(side, layers):
    assert cyclegan.patch_layers((side, side, 2)) == layers
    assert 9 * 2**layers - 2 <= max(0.6 * side, 7)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("digits", r"cyclegan needs images of two domains, got samples of shape \(8, 8, 1\): use"),
        ("ring8", r"got samples of shape \(2,\)"),
    ],
)
def test_data_of_one_domain_are_named(spec, text, tmp_path):
    result = invoke("train", "cyclegan", "--data", spec, "--out", tmp_path / "run")
    check_explained(result.exception)
    with pytest.raises(ValueError, match=text):
        raise result.exception
    with pytest.raises(ValueError, match="sides divisible by 4, got 8x10: set a size, such as"):
        cyclegan.cyclegan_gan((8, 10, 2))


# --- Devices


@pytest.mark.slow
def test_training_is_the_same_on_one_device_and_on_eight(key):
    both = data.load("digit-domains")
    results = []
    for devices, parallel in ((1, "jit"), (8, "jit"), (8, "pmap")):
        plan = recipes.recipe("cyclegan").plan._replace(
            batch_size=8, devices=devices, parallel=parallel
        )
        state, history = jaxgan.fit(key, cyclegan.cyclegan_gan(SHAPE), both, 3, plan)
        results.append((jax.device_get(state), history))
    for state, history in results[1:]:
        for name in ("generator_loss", "discriminator_loss"):
            np.testing.assert_allclose(history[name], results[0][1][name], rtol=1e-4)
        for x, y in zip(*map(jax.tree.leaves, (state.pool, results[0][0].pool)), strict=True):
            np.testing.assert_allclose(x, y, atol=2e-3)


# --- A run


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of 8x12 images of different numbers, dark and bright."""
    root, rng = tmp_path_factory.mktemp("domains"), np.random.default_rng(0)
    for name, count, low in (("dark", 5, 0), ("bright", 7, 128)):
        (root / name).mkdir()
        for number in range(count):
            pixels = rng.integers(low, low + 128, (8, 12, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def trained(folders, narrow):
    """A run of four steps, stopped after two."""
    options = ("--devices", 1, "--log-every", 1, "--save-every", 2, "--sample-every", 4)
    spec = f"unpaired:{folders / 'dark'},{folders / 'bright'}"
    for name, parts in (("whole", (4,)), ("resumed", (2, 4))):
        for steps in parts:
            out = folders / name
            succeed("train", "cyclegan", "--data", spec, "--out", out, "--steps", steps, *options)
    return folders / "resumed"


@pytest.mark.slow
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(trained, folders):
    states = []
    for run in (trained, folders / "whole"):
        generator = load_generator(run)
        both = data.load(generator.config.options.input.source)
        like = jax.eval_shape(
            lambda both=both, generator=generator: init_run(
                run_keys(0).training, generator.gan, both, generator.config.options.plan
            )
        )
        states.append(checkpoint.restore_latest(run / "checkpoints", like).state)
    assert int(states[0].gan.pool.filled) == 3
    assert bits(states[0]) == bits(states[1])
    assert [row["step"] for row in metrics_rows(trained)] == [1, 2, 3, 4]


@pytest.mark.slow
def test_pictures_show_an_image_its_translation_and_the_way_back(trained, folders, tmp_path):
    out = tmp_path / "x.png"
    succeed("sample", trained, "--out", out)
    in_run = sorted((trained / "samples").glob("*.png"))[-1]
    translate = {to: make_translate(load_generator(trained), to=to) for to in ("a", "b")}
    with Image.open(folders / "dark" / "0.png") as file:
        first = np.asarray(file)
    there = translate["b"](first)
    for file in (out, in_run):
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        source, sample, back = np.split(pixels[4:12, 4:40].astype(int), 3, axis=1)
        np.testing.assert_array_equal(source, first)
        assert np.abs(sample - there).max() <= 1
        # what comes back was not rounded on the way
        assert np.abs(back - translate["a"](there)).max() <= 12
        assert np.abs(back - source).mean() > 10
    drawn = sample_run(trained, 3, seed=0)
    assert drawn.shape == (3, 8, 12, 3)


@pytest.mark.slow
def test_images_are_translated_either_way(trained, folders, tmp_path):
    bright, dark = folders / "bright" / "1.png", folders / "dark" / "2.png"
    succeed("translate", trained, bright, "--to", "a", "--out", tmp_path / "a.png")
    succeed("translate", trained, dark, "--out", tmp_path / "b.png")
    generator = load_generator(trained)
    for source, made, to in ((bright, "a.png", 0), (dark, "b.png", 1)):
        with Image.open(source) as before, Image.open(tmp_path / made) as after:
            x, y = (np.asarray(image) for image in (before, after))
        condition = jnp.asarray(x[None] / 127.5 - 1.0, jnp.float32)
        wanted, _ = generator.gan.generator.apply(
            generator.params, generator.model_state, None, (condition, condition),
            keys=jax.random.split(jax.random.key(0), 1), train=False,
        )  # fmt: skip
        assert np.abs(y - (np.asarray(wanted[to][0]) + 1.0) * 127.5).max() <= 0.51
    copies = [shutil.copy(bright, tmp_path / "x.png"), shutil.copy(dark, tmp_path / "y.png")]
    result = succeed("translate", trained, *copies, "--to", "a")
    assert result.output.count("12x8 -> ") == 2
    assert (tmp_path / "y-made.png").exists()
    result = invoke("translate", trained, bright, dark, "--out", tmp_path / "x.png")
    assert "--out is for a single image, got 2" in str(result.exception)
    with pytest.raises(ValueError, match="to must be one of a, b, got 'c'"):
        translate_image(generator, x, to="c")
    assert source_channels(generator) == 3


@pytest.mark.slow
def test_a_run_is_evaluated_on_the_second_domain_reported_and_exported(trained, tmp_path):
    found = evaluate_run(trained, metrics=("swd",), num=7, features="pixels")
    assert all(np.isfinite(score.value) for score in found.scores)
    succeed("report", trained)
    assert (trained / "report.html").stat().st_size > 10_000
    succeed("export", trained, "--domain", "a", "--out", tmp_path)
    assert ", of domain b, " in (tmp_path / "generator.json").read_text()


@pytest.mark.slow
def test_unpaired_arrays_train_in_fit_too(key):
    x = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    both = data.unpaired(from_arrays(x), from_arrays(x[:3]))
    plan = recipes.recipe("cyclegan").plan._replace(devices=1)
    _, history = jaxgan.fit(key, cyclegan.cyclegan_gan((8, 8, 2)), both, 2, plan)
    assert np.isfinite(history["generator_loss"]).all()

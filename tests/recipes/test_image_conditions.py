"""The recipe of pix2pix: how deep its networks are, what it minimises, its runs of pairs."""

import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import invoke
from fuzzing import check_explained
from outputs import sample_run
from PIL import Image

from jaxgan import recipes
from jaxgan.images.tasks import pyramid_level
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.recipes import pix2pix
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.outputs.translate import source_channels, translate_image
from jaxgan.training.sampling import sample_shape
from jaxgan.types import Batch


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("sides", "levels", "layers"),
    [
        ((8, 8), 3, 1),  # scikit-learn's digits
        ((28, 28), 2, 1),  # MNIST's
        ((32, 32), 5, 1),
        ((64, 64), 6, 2),
        ((12, 16), 2, 1),
        ((256, 256), 8, 3),  # the paper's
        ((512, 1024), 8, 3),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_networks_are_as_deep_as_the_images_allow(sides, levels, layers, channels):
    shape = (*sides, 2 * channels)
    gan = recipes.recipe("pix2pix").gan(shape, None)
    seen = gan.task.prepare(Batch(jnp.zeros((2, *shape))))

    def networks(key):
        keys = jax.random.split(key, 2)
        params, state = gan.generator.init(key, gan.latent(key, jnp.arange(2)), seen.condition)
        fake, _ = gan.generator.apply(params, state, None, seen.condition, keys=keys, train=True)
        judge, state = gan.discriminator.init(key, fake, seen.condition)
        output, _ = gan.discriminator.apply(
            judge, state, fake, seen.condition, keys=keys, train=True
        )
        return fake, params, output.logits, judge

    fake, params, logits, judge = jax.eval_shape(networks, jax.random.key(0))
    assert fake.shape == (2, *sides, channels)
    assert sum(name.startswith("Conv_") for name in params) == levels
    assert logits.shape == (2, *(side // 2**layers - 2 for side in sides))
    # the pair is judged: target and source, one behind the other
    assert judge["Conv_0"]["kernel"].shape[2] == 2 * channels


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("digits", r"pix2pix needs pairs of images, got samples of shape \(8, 8, 1\): use --data"),
        ("waves", r"needs pairs of images, got samples of shape \(256, 1\)"),
        (((8, 10), 8), "divisible by 4, got 8x10: set a size, such as"),
        (((4, 8), 8), "sides divisible by 4, got 4x8"),
    ],
)
def test_what_cannot_be_halved_or_is_no_pair_is_named(data, text, tmp_path):
    if not isinstance(data, str):
        data = pair_folders(tmp_path / "pairs", *data)
    result = invoke("train", "pix2pix", "--data", data, "--out", str(tmp_path / "run"))
    check_explained(result.exception)
    with pytest.raises(ValueError, match=text):
        raise result.exception
    assert not (tmp_path / "run").exists()


def pair_folders(root, sides, num, mode="RGB"):
    """Folders of random pictures and of their negatives, as data."""
    rng = np.random.default_rng(0)
    for folder in ("source", "target"):
        (root / folder).mkdir(parents=True)
    for number in range(num):
        pixels = rng.integers(0, 256, (*sides, 3)[: 2 + (mode == "RGB")], np.uint8)
        Image.fromarray(pixels).save(root / "source" / f"{number}.png")
        Image.fromarray(255 - pixels).save(root / "target" / f"{number}.png")
    return f"pairs:{root / 'source'},{root / 'target'}"


@pytest.fixture(
    scope="module", params=[pytest.param(mode, marks=pytest.mark.slow) for mode in ("L", "RGB")]
)
def trained(request, tmp_path_factory):
    """A run of two steps on pairs of 8x12, with narrow networks: its folder, and its data."""
    root = tmp_path_factory.mktemp("pix2pix")
    data = pair_folders(root / "pairs", (8, 12), 30, request.param)
    with pytest.MonkeyPatch.context() as patch:
        narrow = pix2pix.pix2pix_gan.__kwdefaults__ | {"width": 2}
        patch.setattr(pix2pix.pix2pix_gan, "__kwdefaults__", narrow)
        options = ("--steps", "2", "--batch-size", "4", "--devices", "1", "--log-every", "1")
        result = invoke("train", "pix2pix", "--data", data, "--out", str(root / "run"), *options)
        assert result.exit_code == 0, result.output
        yield root / "run", root / "pairs"


def test_the_generator_minimises_a_hundred_times_the_distance_besides(trained):
    rows = metrics_rows(trained[0])
    assert [row["step"] for row in rows] == [1, 2]
    for row in rows:
        assert 0.1 < row["term_l1"] < 1.0  # of noise in (-1, 1) to values near 0: .5
        # what is left is the adversarial loss, log 2 of a discriminator that knows nothing
        assert 0.2 < row["generator_loss"] - 100 * row["term_l1"] < 2.0


def test_pictures_have_source_sample_and_target_side_by_side(trained, tmp_path):
    run, pairs = trained
    out = tmp_path / "x.png"
    assert invoke("sample", str(run), "--out", str(out)).exit_code == 0
    in_run = sorted((run / "samples").glob("*.png"))[-1]
    for file in (out, in_run):
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        # the first of 24 is of the first pair; 3 x 12 pixels are wide enough not to be enlarged
        source, sample, target = np.split(pixels[4:12, 4:40], 3, axis=1)
        for folder, shown in (("source", source), ("target", target)):
            with Image.open(pairs / folder / "0.png") as picture:
                np.testing.assert_array_equal(shown, np.asarray(picture.convert("RGB")))
        assert np.abs(sample.astype(int) - target).mean() > 10
    drawn = sample_run(run, 3, seed=0)
    assert drawn.shape in ((3, 8, 12, 1), (3, 8, 12, 3))
    assert drawn.min() >= 0
    assert drawn.max() <= 255


def test_what_is_made_of_images_is_exported_as_a_function_of_an_image(trained, tmp_path):
    assert invoke("export", str(trained[0]), "--out", str(tmp_path)).exit_code == 0
    said = json.loads((tmp_path / "generator.json").read_text())["stablehlo"]
    assert said["arguments"][-1]["name"] == "image"
    assert said["arguments"][-1]["shape"] == ["b", 8, 12, said["result"]["shape"][-1]]


def test_samples_have_the_shape_of_what_is_shown():
    gan = recipes.recipe("pix2pix").gan((8, 8, 6), None)
    assert sample_shape(gan, (8, 8, 6)) == (8, 8, 3)
    assert sample_shape(dataclasses.replace(gan, task=None), (5, 2)) == (5, 2)
    for level, side in ((0, 8), (1, 16)):  # 14 is padded to 16
        of_level = dataclasses.replace(gan, task=pyramid_level(level, 2))
        assert sample_shape(of_level, (14, 14, 1)) == (side, side, 1)


# --- Pictures of one's own


def test_a_picture_is_translated_as_the_generator_alone_does(trained, tmp_path):
    run, pairs = trained
    picture = pairs / "source" / "3.png"
    result = invoke("translate", str(run), str(picture), "--out", str(tmp_path / "made.png"))
    assert result.output.startswith("12x8 -> ")
    with Image.open(picture) as source, Image.open(tmp_path / "made.png") as made:
        x, y = (np.asarray(image).reshape(8, 12, -1) for image in (source, made))
        assert made.mode == source.mode
    loaded = load_generator(run)
    condition = jnp.asarray(x[None] / 127.5 - 1.0, jnp.float32)
    keys = sample_keys(jax.random.split(jax.random.key(0))[1], jnp.arange(1))
    expected, _ = loaded.gan.generator.apply(
        loaded.params, loaded.model_state, None, condition, keys=keys, train=False
    )
    assert np.abs(y - (np.asarray(expected[0]) + 1.0) * 127.5).max() <= 0.51


def test_a_picture_goes_beside_the_source_if_nothing_is_said(trained, tmp_path):
    picture = shutil.copy(trained[1] / "source" / "1.png", tmp_path)
    assert invoke("translate", str(trained[0]), picture).exit_code == 0
    assert (tmp_path / "1-made.png").exists()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 12, 2), np.uint8), r"image must be uint8 \[height, width, [13]\], got uint8"),
        (np.zeros((8, 12, 1), np.float32), "got float32"),
        (None, "height and width divisible by 4"),
    ],
)
def test_pictures_that_do_not_fit_are_named(trained, image, message):
    generator = load_generator(trained[0])
    if image is None:
        image = np.zeros((10, 10, source_channels(generator)), np.uint8)
    with pytest.raises(ValueError, match=message):
        translate_image(generator, image)


@pytest.mark.slow
def test_runs_that_translate_nothing_say_so(narrow_recipes, tmp_path):
    options = ("--steps", "1", "--batch-size", "8", "--devices", "1")
    assert invoke("train", "digits", "--out", str(tmp_path / "run"), *options).exit_code == 0
    with pytest.raises(
        ValueError,
        match=r"translate needs .* run, such as .* pix2pix and cyclegan; .* recipe digits",
    ):
        translate_image(load_generator(tmp_path / "run"), np.zeros((8, 8, 1), np.uint8))

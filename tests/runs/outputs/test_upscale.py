"""Pictures enlarged by runs: in windows as in one piece, of any size, and errors."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from commands import invoke
from PIL import Image

import jaxgan
from jaxgan import latents, losses, recipes
from jaxgan.images import tasks
from jaxgan.recipes import Recipe
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.outputs.upscale import tiled, upscale_image
from jaxgan.runs.settings.config import read_config
from jaxgan.term_inputs import generator_term
from jaxgan.terms import mean_squared_error
from jaxgan.training.plan import Plan
from jaxgan.types import Network


def sharpened_gan(shape, num_classes=None):
    """Doubles an image by repeating its pixels, plus w times what they differ from around them."""

    def generate(params, model_state, z, low, *, keys, train, axis_name=None):
        around = sum(jnp.roll(low, (i, j), (1, 2)) for i, j in ((0, 1), (1, 0), (0, -1), (-1, 0)))
        x = low + params * (low - around / 4)
        return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2), model_state

    return jaxgan.GAN(
        generator=Network(lambda key, *inputs: (jnp.float32(0.25), {}), generate),
        discriminator=jaxgan.no_discriminator(),
        latent=latents.none(),
        loss=losses.without_generator(losses.non_saturating),
        generator_terms=(generator_term(mean_squared_error, 1.0, name="mse"),),
        generator_optimizer=optax.sgd(0.0),
        discriminator_optimizer=optax.identity(),
        task=tasks.low_resolution(2),
    )


@pytest.fixture(scope="module", params=[1, 3])
def run(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("upscaling")
    x = np.random.default_rng(0).integers(0, 256, (12, 8, 8, request.param), np.uint8)
    np.savez(root / "images.npz", x=x)
    plan = Plan(batch_size=4, devices=1, rounds_per_call=2, model_range=(-1.0, 1.0))
    made = Recipe("doubled", "", f"npz:{root / 'images.npz'}", sharpened_gan, 2, plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "doubled", made)
        patch.setitem(
            recipes.RECIPES,
            "plain",
            dataclasses.replace(made, name="plain", gan=plain_gan),
        )
        for name in ("doubled", "plain"):
            assert invoke("train", name, "--out", str(root / name)).exit_code == 0
        yield root / "doubled"


def plain_gan(shape, num_classes=None):
    def generate(params, model_state, z, *, keys, train, axis_name=None):
        return params * z.reshape(len(z), *shape), model_state

    return dataclasses.replace(
        sharpened_gan(shape),
        generator=Network(lambda key, *inputs: (jnp.float32(0.25), {}), generate),
        latent=latents.normal(int(np.prod(shape))),
        task=None,
    )


def expected(image):
    """Sharpened in NumPy, then each pixel twice."""
    x = image.astype(np.float64)
    around = sum(np.roll(x, move, (0, 1)) for move in ((0, 1), (1, 0), (0, -1), (-1, 0)))
    x = np.clip(np.rint(x + 0.25 * (x - around / 4)), 0, 255)
    return x.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.slow
@pytest.mark.one_quick_case
def test_an_image_of_another_size_is_enlarged_by_the_generator(run):
    channels = read_config(run).data.shape[-1]
    image = np.random.default_rng(1).integers(0, 256, (5, 9, channels), np.uint8)
    found = upscale_image(load_generator(run), image)
    assert found.dtype == np.uint8
    assert np.abs(found - expected(image)).max() <= 1  # rounding of .5


@pytest.mark.parametrize("sides", [(20, 20), (33, 47), (7, 64), (5, 5)])
def test_windows_give_what_the_whole_image_gives(sides):
    image = np.random.default_rng(2).normal(size=(*sides, 2))
    kernel = np.random.default_rng(3).normal(size=(7, 7))

    def enlarge(x):  # sees 3 pixels away, and zeros beyond the border
        y = jax.scipy.signal.convolve2d
        maps = [np.asarray(y(x[..., c], kernel, mode="same")) for c in range(2)]
        return np.stack(maps, axis=2).repeat(3, axis=0).repeat(3, axis=1)

    found = tiled(enlarge, image, 3, window=16, margin=3)
    np.testing.assert_allclose(found, enlarge(image), atol=1e-4)


def test_a_margin_that_is_too_narrow_would_show():
    image = np.random.default_rng(2).normal(size=(33, 47, 1))

    def enlarge(x):
        return np.full((2 * x.shape[0], 2 * x.shape[1], 1), x.mean())

    assert not np.allclose(tiled(enlarge, image, 2, window=16, margin=3), enlarge(image))


@pytest.mark.slow
def test_upscale_writes_a_picture_of_the_kind_the_run_knows(run, tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (6, 4, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "small.png")
    result = invoke("upscale", str(run), str(tmp_path / "small.png"))
    assert result.output.startswith("8x12 -> ")
    with Image.open(tmp_path / "small-large.png") as made:
        assert made.size == (8, 12)
        assert made.mode in ("L", "RGB")


@pytest.mark.slow
def test_upscale_enlarges_transparency_too_and_says_so(run, tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (6, 4, 4), np.uint8)
    image[..., 3] = np.where(np.arange(4) < 2, 255, 0)  # opaque on the left
    for name, pixels in (("clear.png", image), ("opaque.png", image[..., :3])):
        Image.fromarray(pixels).save(tmp_path / name)
        result = invoke("upscale", str(run), str(tmp_path / name))
        says = "8x12 (transparency enlarged bicubically)" if name == "clear.png" else "8x12 -> "
        assert result.output.startswith(says)
    with Image.open(tmp_path / "clear-large.png") as clear:
        alpha = np.asarray(clear.getchannel("A"))
        assert np.array_equal(alpha[:, [0, 7]], np.tile([255, 0], (12, 1)))
        assert (np.diff(alpha.astype(int), axis=1) <= 0).all()
        with Image.open(tmp_path / "opaque-large.png") as opaque:
            np.testing.assert_array_equal(clear.convert(opaque.mode), opaque)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("folder", "out", "message"),
    [
        ("doubled", "large.jpg", "--out must end in .png, got .*large.jpg"),
        (
            "plain",
            "large.png",
            "upscale needs a super-resolution run, such as .* of the recipe plain",
        ),
        ("nothing", "large.png", "nothing is not a run's folder"),
    ],
)
def test_what_cannot_be_enlarged_is_said(run, tmp_path, folder, out, message):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "small.png")
    paths = (str(run.parent / folder), str(tmp_path / "small.png"))
    result = invoke("upscale", *paths, "--out", str(tmp_path / out))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        raise result.exception
    assert not (tmp_path / out).exists()


def test_images_of_other_channels_or_types_are_named(run):
    generator = load_generator(run)
    with pytest.raises(ValueError, match=r"uint8 \[height, width, [13]\], got uint8 \(4, 4, 2\)"):
        upscale_image(generator, np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(ValueError, match="got float32"):
        upscale_image(generator, np.zeros((4, 4, 1), np.float32))

"""Images projected into generators of runs and of official files."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import invoke, succeed
from PIL import Image

from jaxgan import latents
from jaxgan.adapters.from_flax import from_linen
from jaxgan.models import MLPGenerator, StyleGAN2Generator, load_converted
from jaxgan.projection import ProjectionOptions
from jaxgan.runs.outputs.project import Projectable, project_image

OFFICIAL = Path(__file__).parents[2] / "models" / "stylegan2" / "official.pkl"
MODULE = StyleGAN2Generator((8, 8, 1), 64, 8, 8)


@pytest.fixture(scope="module")
def tiny():
    """A generator of random weights, whose noise is faint."""
    network = from_linen(MODULE)
    params, state = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, 4)))
    params = jax.tree.map(lambda x: 0.05 + x if x.ndim == 0 else x, params)
    normal = latents.normal(4)
    return Projectable(network, params, state, normal, (8, 8, 1), (-1.0, 1.0), None, None)


@pytest.fixture
def image(tmp_path):
    file = tmp_path / "target.png"
    pixels = np.random.default_rng(0).integers(0, 256, (10, 12, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return file


@pytest.mark.slow
@pytest.mark.parametrize(("space", "factor"), [("w", 10), ("w+", 10), ("z", 5)])
def test_a_generated_image_is_found_again(tiny, space, factor):
    z = tiny.latent(jax.random.key(7), jnp.arange(1))
    variables = {"params": tiny.params, **tiny.model_state}
    target = np.asarray(MODULE.apply(variables, z, train=False))
    found = project_image(tiny, target, space, ProjectionOptions(150))
    assert found.measure == "mean squared difference of pixels"
    assert found.distances[-1] < found.distances[0] / factor
    assert found.w.shape == ((1, 4) if space == "z" else (1, 4, 8))
    # The images are those of w and of the noise maps that were found with it.
    made = MODULE.apply({**variables, "noise": found.noise}, jnp.asarray(found.w), train=False)
    np.testing.assert_allclose(found.images[-1], made[0], atol=1e-5)


@pytest.mark.slow
def test_an_image_of_any_generator_is_found_again_in_its_latents():
    module = MLPGenerator((8, 8, 1), (16,))
    network = from_linen(module)
    params, state = network.init(jax.random.key(0), jnp.zeros((1, 4)))
    normal = latents.normal(4)
    made = Projectable(network, params, state, normal, (8, 8, 1), (0.0, 1.0), None, None)
    z = jnp.asarray([[1.0, -0.5, 0.3, 2.0]])
    target = np.asarray(module.apply({"params": params}, z))
    steps = []
    found = project_image(
        made, target, None, ProjectionOptions(80), 0, lambda step, _: steps.append(step)
    )
    assert steps == list(range(1, 81))
    assert found.space == "z"
    assert len(found.images) == 6
    assert found.distances[-1] < found.distances[0] / 100
    np.testing.assert_allclose(found.w, z, atol=0.1)
    with pytest.raises(ValueError, match=r"space w\+ needs a generator of StyleGAN2: choose z"):
        project_image(made, target, "w+")
    with pytest.raises(ValueError, match="give the class of the image with --label"):
        project_image(made._replace(num_classes=3), target)


@pytest.mark.slow
def test_an_official_generator_is_converted_and_projected_into(image, tmp_path):
    weights, out = tmp_path / "g.safetensors", tmp_path / "p.png"
    text = succeed("convert", OFFICIAL, "--out", weights).output
    assert "generator of 8x8x3 images, 3 classes" in text
    assert load_converted(weights).module.num_classes == 3
    text = succeed("project", weights, image, "--out", out, "--steps", 8, "--space", "w+").output
    assert "step 8/8  distance " in text
    with np.load(tmp_path / "p.npz") as arrays:
        assert arrays["w"].shape == (1, 4, 6)
        assert arrays["distances"].shape == (8,)
        assert arrays["noise/synthesis/b8/conv0/noise_const"].shape == (8, 8)
    with Image.open(out) as picture:
        assert picture.width > 7 * picture.height / 2  # a row of the target and six images


@pytest.mark.slow
def test_an_image_is_projected_into_the_latents_of_a_run(image, tmp_path):
    run, out = tmp_path / "run", tmp_path / "p.png"
    succeed("train", "digits", "--steps", 2, "--out", run, "--devices", 1)
    text = succeed("project", run, image, "--out", out, "--steps", 4).output
    assert "mean squared difference of pixels; z in" in text
    assert out.exists()
    with np.load(tmp_path / "p.npz") as arrays:
        assert arrays["z"].ndim == 2
    for options, message in (
        (("--space", "w"), "space w needs a generator of StyleGAN2: choose z"),
        (("--space", "x"), "space must be one of w, w+, z, got 'x'"),
        (("--label", 1), "--label 1: the generator has no classes"),
        (("--out", tmp_path / "p.jpg"), "--out must end in .png"),
    ):
        assert message in str(invoke("project", run, image, "--out", out, *options).exception)


def test_a_harmful_official_file_is_refused_by_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, out = tmp_path / "g.pkl", tmp_path / "g.safetensors"
    file.write_bytes(b"cposix\nsystem\n(S'touch harmed'\ntR.")
    assert "rejected posix.system" in str(invoke("convert", file, "--out", out).exception)
    assert not (tmp_path / "harmed").exists()
    assert not out.exists()
    error = str(invoke("convert", OFFICIAL, "--out", tmp_path / "g.npz").exception)
    assert "--out must end in .safetensors" in error

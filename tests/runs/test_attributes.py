"""Runs that are conditioned on attributes, from the command line to what is made of them."""

import json
import re
import shutil

import jax
import numpy as np
import pytest
from commands import invoke, succeed
from outputs import described, evaluate_run, untrained
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.data import from_arrays
from jaxgan.recipes import RECIPES, recipe_gan, recipe_hyperparameters
from jaxgan.recipes.hyperparameters import resolved
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.outputs import evaluate, explore, sample_files
from jaxgan.runs.outputs.evaluate import evaluate_generator
from jaxgan.runs.outputs.export import export_generator
from jaxgan.runs.outputs.publish import write_repository
from jaxgan.runs.settings import fingerprint
from jaxgan.runs.settings.config import read_config, to_json
from jaxgan.runs.settings.resolve import TAKE_ATTRIBUTES, options_for
from jaxgan.scoring import EvaluationOptions

SIZE, STEPS = 12, 4
ROWS = np.random.default_rng(0).uniform(-1, 1, (SIZE, 2)).round(3).astype(np.float32)
OPTIONS = ("--batch-size", 8, "--sample-every", 2, "--save-every", 2, "--log-every", 1)


def write_data(root):
    """Images with one bright pixel, whose place metadata.csv tells."""
    root.mkdir()
    lines = ["file_name,x,y"]
    for number, (x, y) in enumerate(ROWS):
        image = np.full((4, 4), 20, np.uint8)
        image[int(2 * x + 2), int(2 * y + 2)] = 250
        Image.fromarray(image).save(root / f"{number:02}.png")
        lines.append(f"{number:02}.png,{x},{y}")
    (root / "metadata.csv").write_text("\n".join(lines))
    return root


def train(root, out, *more, steps=STEPS):
    spec = f"folder:{write_data(root)}"
    options = ("--data", spec, "--condition", "x,y", "--steps", steps)
    return succeed("train", "cgan", *options, *OPTIONS, "--out", out, *more)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose data are gone."""
    root = tmp_path_factory.mktemp("attributes")
    train(root / "images", root / "run")
    shutil.rmtree(root / "images")
    return root / "run"


def samples_of(run, labels=None):
    return jaxgan.draw_samples(load_generator(run), 6, 0, labels)


def test_the_configuration_has_the_names_and_some_rows_of_the_attributes(run):
    config = read_config(run)
    assert config.options.plan.conditional
    assert config.options.input.condition == config.data.attributes == ("x", "y")
    assert (config.data.num_classes, config.data.condition_width) == (None, 2)
    kept = config.data.kept_attributes(2 * SIZE)
    assert sorted(map(tuple, kept[:SIZE])) == sorted(map(tuple, ROWS))
    np.testing.assert_array_equal(kept[:SIZE], kept[SIZE:])
    text = (run / "config.json").read_text()
    assert "[{}, {}]".format(*map(str, kept[0])) in text
    assert to_json(config) == text


@pytest.mark.parametrize("name", ["digits", "lapgan/coarse"])
def test_a_recipe_without_classes_is_conditioned_on_attributes(name, tmp_path):
    given = {"recipe": name, "input.condition": ("x", "y")}
    assert not options_for(tmp_path, {"recipe": name}).plan.conditional
    assert options_for(tmp_path, given).plan.conditional


def test_few_of_many_rows_are_kept(monkeypatch):
    monkeypatch.setattr(fingerprint, "MAX_ROWS", 5)
    for most, num in ((100, 5), (6, 3), (1, 1)):
        monkeypatch.setattr(fingerprint, "MAX_NUMBERS", most)
        whole = from_arrays(np.ones((SIZE, 2), np.float32), ROWS)
        facts = fingerprint.data_facts(whole._replace(attribute_names=("x", "y")), True)
        rows = set(map(tuple, np.asarray(facts.attribute_rows, np.float32)))
        assert len(rows) == len(facts.attribute_rows) == num
        assert rows <= set(map(tuple, ROWS))


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(run, tmp_path):
    train(tmp_path / "images", tmp_path / "run", steps=2)
    succeed("resume", tmp_path / "run", "--steps", STEPS)
    np.testing.assert_array_equal(samples_of(tmp_path / "run"), samples_of(run))
    given = ("--data", f"folder:{tmp_path}/images", "--condition", "y", "--out", tmp_path / "run")
    result = invoke("train", "cgan", *given)
    assert "input condition ('x', 'y') -> ('y',)" in str(result.exception)


def test_a_run_on_streamed_data_ends_as_one_on_data_in_memory(run, tmp_path):
    train(tmp_path / "images", tmp_path / "run", "--max-memory", 0)
    np.testing.assert_array_equal(samples_of(tmp_path / "run"), samples_of(run))
    lines = (tmp_path / "images" / "metadata.csv").read_text().splitlines()
    lines[3] = "02.png,0.5,0.5"
    (tmp_path / "images" / "metadata.csv").write_text("\n".join(lines))
    result = invoke("resume", tmp_path / "run", "--steps", STEPS + 2)
    assert "would change the result: the contents of the data." in str(result.exception)


def test_the_fingerprint_tells_attributes_apart_and_not_how_they_are_read(tmp_path):
    spec = f"folder:{write_data(tmp_path / 'images')}"

    def found(*names, max_bytes):
        return fingerprint.data_facts(data.load(spec, condition=names, max_bytes=max_bytes), True)

    whole, streamed = (found("x", "y", max_bytes=size) for size in (2**20, 0))
    assert whole._replace(checksum=None) == streamed
    assert found("y", "x", max_bytes=0).fingerprint != streamed.fingerprint


def test_samples_have_the_attributes_that_were_asked_for(run, tmp_path):
    out = tmp_path / "x.npz"
    succeed("sample", run, "--condition", "-0.5,1", "--num", 6, "--out", out)
    with np.load(out) as found:
        np.testing.assert_array_equal(found["attributes"], np.tile([-0.5, 1], (6, 1)))
        for row in ([-0.5, 1], found["attributes"]):
            np.testing.assert_array_equal(found["samples"], samples_of(run, row))
    assert np.abs(samples_of(run, [1, 1]) - samples_of(run, [-1, 1])).max() > 1e-3


def test_samples_have_attributes_of_the_data_by_default(run):
    kept = read_config(run).data.kept_attributes(6)
    np.testing.assert_array_equal(samples_of(run), samples_of(run, kept))


def test_a_folder_of_samples_lists_their_attributes_as_data_have_them(run, tmp_path):
    succeed("sample", run, "--num", 11, "--out", tmp_path / "made")
    found = data.load(f"folder:{tmp_path}/made", condition=("x", "y"))
    np.testing.assert_array_equal(found.condition, read_config(run).data.kept_attributes(11))


def test_an_export_takes_attributes(run, tmp_path):
    loaded = load_generator(run)
    export_generator(loaded, tmp_path)
    head = json.loads((tmp_path / "generator.json").read_text())
    assert head["attributes"] == ["x", "y"]
    *_, argument = head["stablehlo"]["arguments"]
    assert (argument["name"], argument["dtype"], argument["shape"]) == (
        "attributes",
        "float32",
        ["b", 2],
    )
    program = jax.export.deserialize((tmp_path / "generator.stablehlo").read_bytes())
    key, rows = jax.random.key_data(jax.random.key(0)), ROWS[:6]
    got = program.call(key, np.arange(6, dtype=np.int32), rows)
    np.testing.assert_allclose(got, samples_of(run, rows), rtol=1e-5, atol=1e-3)


def test_a_model_in_onnx_takes_attributes(run, tmp_path):
    pytest.importorskip("onnxruntime")
    result = succeed("export", run, "--to", "onnx", "--out", tmp_path)
    assert "differ from JAX's by" in result.output
    head = json.loads((tmp_path / "generator.onnx.json").read_text())
    assert [each["name"] for each in head["onnx"]["inputs"]] == ["latents", "attributes"]


def test_a_published_generator_draws_without_the_data(run, tmp_path):
    pytest.importorskip("huggingface_hub")
    write_repository(load_generator(run), run, "me/gan", tmp_path / "out")
    loaded = jaxgan.load(tmp_path / "out")
    np.testing.assert_array_equal(jaxgan.draw_samples(loaded, 6, 0), samples_of(run))
    assert "attributes x, y" in (tmp_path / "out" / "README.md").read_text()


def test_pictures_are_made_with_the_attributes_asked_for(run, tmp_path):
    generator = load_generator(run)
    z = explore.latent_vectors(generator, 0, 6)
    kept = read_config(run).data.kept_attributes(1)[0]
    made = explore.samples_of(generator, z, None)
    np.testing.assert_array_equal(made, explore.samples_of(generator, z, kept))
    assert np.abs(made - explore.samples_of(generator, z, -kept)).max() > 1e-3
    for more in ((), ("--condition", "0,1")):
        succeed("traverse", run, "--num", 2, "--out", tmp_path / "x.png", *more)
        succeed("video", run, "--seconds", 0.1, "--out", tmp_path / "x.gif", *more)


def test_scores_are_of_samples_with_the_attributes_of_the_real_ones(tmp_path, monkeypatch):
    train(tmp_path / "images", tmp_path / "run", "--score", "swd", "--score-features", "pixels")
    seen = []

    def recorded(generator, num, seed, labels, read):
        seen.append(labels)
        return draw(generator, num, seed, labels, read)

    draw = evaluate.draw_with_conditions
    monkeypatch.setattr(evaluate, "draw_with_conditions", recorded)
    evaluate_run(tmp_path / "run", num=24, features="pixels")
    assert seen[0].shape == (24, 2)
    assert set(map(tuple, seen[0])) == set(map(tuple, ROWS))


# --- Refused


REFUSED = {
    ("sample", "--label", 1): "give --condition with a number for each of x, y",
    ("sample", "--condition", "1"): "must give 2 numbers, one for each of x, y, got 1",
    ("sample", "--condition", "1,a"): "--condition must be a number, got 'a'",
    ("sample", "--condition", "1,inf"): "attributes must be finite",
    ("sample", "--refine", "drs"): "conditioned on attributes: leave it out",
    ("project", "x.png"): "needs a generator of latents or classes",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_needs_classes_or_other_numbers_refuses_in_one_line(run, tmp_path, arguments):
    command, *more = arguments
    result = invoke(command, run, *more, "--out", tmp_path / "x.png")
    assert isinstance(result.exception, ValueError)
    assert REFUSED[arguments] in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "x.png").exists()


def test_metrics_of_classes_are_refused(run):
    generator = load_generator(run)
    whole = from_arrays(np.ones((SIZE, 4, 4, 1), np.float32), ROWS)
    with pytest.raises(ValueError, match="class_accuracy needs a generator that takes classes"):
        evaluate_generator(generator, whole, EvaluationOptions(("class_accuracy",)))


@pytest.mark.parametrize("shape", [(6, 3), (5, 2), (6,)])
def test_attributes_of_a_wrong_shape_are_named(run, shape):
    with pytest.raises(ValueError, match=r"attributes must be float \[6, 2\] or \[2\], in the or"):
        samples_of(run, np.zeros(shape))


def test_runs_without_attributes_take_none():
    for made, instead in (
        (untrained("digits"), "$"),
        (untrained("cgan", class_names=("a", "b")), ", but classes: give --label"),
    ):
        with pytest.raises(ValueError, match=f"--condition 1: the run has no attributes{instead}"):
            sample_files.requested_attributes(made, 2, "1")


def test_rows_that_do_not_fit_their_names_are_a_damaged_file(run, tmp_path):
    config = read_config(run)
    wrong = config._replace(data=config.data._replace(attributes=("x",)))
    (tmp_path / "config.json").write_text(to_json(wrong))
    with pytest.raises(ValueError, match="attribute_rows must be rows of 1 numbers"):
        read_config(tmp_path)
    assert described(config).data.condition_width == 2


def test_a_recipe_that_takes_no_attributes_names_those_that_do(tmp_path):
    spec = f"folder:{write_data(tmp_path / 'images')}"
    arguments = ("--data", spec, "--condition", "x", "--out", tmp_path / "run")
    for name in ("acgan", "reacgan", "mnist-mlp", "srgan"):
        result = invoke("train", name, *arguments)
        message = f"recipe {name}.* cannot be conditioned on attributes.*choose one of cgan"
        assert re.search(message, str(result.exception))
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in RECIPES if RECIPES[each].needs is None])
def test_recipes_said_to_take_attributes_are_those_that_do(name):
    known = recipe_hyperparameters(name)
    dataset = data.load(RECIPES[name].data)
    rows = np.ones((dataset.size, 3), np.float32)
    dataset = dataset._replace(condition=rows, attribute_names=("a", "b", "c"))
    defaults = {each: found.default for each, found in known.items()}
    values = resolved(known, defaults, dataset.shape, 16)
    try:
        gan = recipe_gan(name, dataset.shape, 3, None, values)
        fingerprint.gan_fingerprint(gan, dataset, True)
        takes = True
    except (ValueError, TypeError, AttributeError, DeprecationWarning):
        takes = False
    assert takes == (name.partition("/")[0] in TAKE_ATTRIBUTES)

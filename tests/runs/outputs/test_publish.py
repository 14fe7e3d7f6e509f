"""Generators as repositories of the Hugging Face Hub, without a network."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
from commands import invoke
from outputs import untrained

import jaxgan
from jaxgan.runs.outputs import publish
from jaxgan.runs.outputs.loading import check_repository
from jaxgan.runs.outputs.publish import Upload, upload, without_paths, write_repository
from jaxgan.runs.settings.config import read_config

pytest.importorskip("huggingface_hub")

SCORE = {"name": "fd_classifier@10k", "value": 12.5, "error": 0.25, "baseline": 0.5}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "scores.json").write_text(
        json.dumps({"samples": 10_000, "weights": "/home/me/w.npz", "scores": [SCORE]})
    )
    return folder


@pytest.mark.parametrize(("name", "classes"), [("digits", None), ("cgan", ("a", "b", "c"))])
def test_a_published_generator_gives_the_same_bits(name, classes, run, tmp_path):
    generator = untrained(name, class_names=classes)
    write_repository(generator, run, "me/gan", tmp_path / "out")
    loaded = jaxgan.load(tmp_path / "out")
    labels = None if classes is None else np.arange(6) % 3
    drawn = [jaxgan.draw_samples(each, 6, 3, labels) for each in (generator, loaded)]
    np.testing.assert_array_equal(*drawn)
    assert loaded.step == generator.step


def test_the_card_says_how_to_load_what_was_trained_and_how_good_it_is(run, tmp_path):
    write_repository(untrained("cgan", class_names=("a", "b")), run, "me/gan", tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert text.startswith("---\nlibrary_name: jaxgan\npipeline_tag: unconditional-image-gen")
    assert 'jaxgan.load("hub:me/gan")' in text
    assert "labels=np.arange(2))  # float32 [2, 8, 8, 1] in 0..16" in text
    assert "| fd_classifier@10k | 12.5 | 0.25 | 0.5 | \n" in text
    assert "By `jaxgan evaluate`: samples 10000." in text
    assert "\n\n\n" not in text
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {
        *("README.md", "config.json", "generator.json", "generator.safetensors"),
        *("generator.stablehlo", "samples.png", "scores.json"),
    }


def test_the_code_in_the_card_runs(run, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_repository(untrained("cgan", class_names=("a", "b")), run, "me/gan", out)
    code = (out / "README.md").read_text().split("```python\n")[1].split("```")[0]
    load = jaxgan.load
    monkeypatch.setattr(jaxgan, "load", lambda name: load(out) if name == "hub:me/gan" else None)
    names = {}
    exec(code, names)
    assert names["samples"].shape == (2, 8, 8, 1)


@pytest.mark.parametrize(
    ("name", "shape", "call"),
    [("pix2pix", (8, 8, 2), "translate_image"), ("cyclegan", (8, 8, 2), "translate_image")],
)
def test_a_generator_of_images_from_images_is_published_for_images(
    name, shape, call, run, tmp_path
):
    generator = untrained(name, shape, high=255.0)
    write_repository(generator, run, "me/gan", tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert f"jaxgan.runs.{call}(generator, image)" in text
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    made = [
        jaxgan.runs.translate_image(each, image)
        for each in (generator, jaxgan.load(tmp_path / "out"))
    ]
    np.testing.assert_array_equal(*made)


def test_points_have_no_tag_of_images(run, tmp_path):
    write_repository(untrained("ring", (2,)), run, "me/ring", tmp_path / "out")
    assert "pipeline_tag" not in (tmp_path / "out" / "README.md").read_text()


def test_local_paths_stay_at_home(run, tmp_path):
    generator = untrained("digits")
    options = generator.config.options
    source = options.input._replace(source="pairs:/home/me/a,../b@64", tfds_manual_dir="/home/me")
    start = options.start._replace(source="/home/me/runs/old")
    scoring = options.scoring._replace(features="inception:/home/me/w.npz@clean")
    options = options._replace(input=source, start=start, scoring=scoring)
    own = generator._replace(config=generator.config._replace(options=options))
    found = without_paths(own.config).options
    assert found.input.source == "pairs:a,b@64"
    assert found.start.source == "old"
    assert found.scoring.features == "inception:w.npz@clean"
    write_repository(own, run, "me/gan", tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert b"/home/me" not in path.read_bytes(), path
    assert read_config(tmp_path / "out").options.input.tfds_manual_dir is None


@pytest.mark.parametrize("name", ["gan", "me/gan/x", "me/", "me/g an"])
def test_a_name_that_is_no_repository_is_refused_first(name, run):
    with pytest.raises(ValueError, match="is no repository"):
        check_repository(name)
    result = invoke("push", run, name)
    assert "is no repository" in str(result.exception)


def test_a_folder_with_files_is_left_alone(run, tmp_path):
    with pytest.raises(FileExistsError, match="exists: give a new folder"):
        write_repository(untrained("digits"), run, "me/gan", run)


def test_a_repository_is_created_and_its_folder_uploaded(run, tmp_path, monkeypatch):
    calls = []

    class Hub:
        errors = publish.hub_package().errors
        utils = publish.hub_package().utils

        @staticmethod
        def create_repo(name, private, exist_ok):
            calls.append((name, private, exist_ok))
            return "address"

        @staticmethod
        def upload_folder(repo_id, folder_path, commit_message):
            calls.append((repo_id, sorted(os.listdir(folder_path)), commit_message))

    monkeypatch.setattr(publish, "hub_package", lambda: Hub)
    assert upload(run, Upload("me/gan", private=True, message="x")) == "address"
    assert calls == [("me/gan", True, True), ("me/gan", ["scores.json"], "x")]


def offline(code, cache):
    """What Python prints for code without a network, with a cache of the hub's files."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    return found.stdout + found.stderr


def test_what_the_hub_has_cached_is_loaded_without_a_network(run, tmp_path):
    generator = untrained("digits")
    place = tmp_path / "cache" / "models--me--gan"
    snapshot = place / "snapshots" / ("0" * 40)
    write_repository(generator, run, "me/gan", snapshot)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0" * 40)
    code = (
        "import jaxgan, numpy as np, sys\n"
        "x = jaxgan.draw_samples(jaxgan.load('hub:me/gan'), 4, 0)\n"
        f"np.save({str(tmp_path / 'x.npy')!r}, x)\n"
        "try:\n    jaxgan.load('hub:me/other')\n"
        "except OSError as error:\n    print(error)\n"
        "from jaxgan.runs.outputs.publish import Upload, upload\n"
        f"try:\n    upload({str(snapshot)!r}, Upload('me/gan'))\n"
        "except OSError as error:\n    print(error)\n"
    )
    said = offline(code, tmp_path / "cache")
    np.testing.assert_array_equal(
        np.load(tmp_path / "x.npy"), jaxgan.draw_samples(generator, 4, 0), err_msg=said
    )
    assert "hub:me/other is not in the cache, and the hub cannot be reached" in said
    assert "me/gan cannot be uploaded: " in said
    assert len(said.splitlines()) == 2, said


def test_damaged_weights_are_named(run, tmp_path):
    write_repository(untrained("digits"), run, "me/gan", tmp_path / "out")
    safetensors.numpy.save_file({"x": np.zeros(2)}, tmp_path / "out" / "generator.safetensors")
    with pytest.raises(ValueError, match=r"generator\.safetensors is not of the format"):
        jaxgan.load(tmp_path / "out")


def test_weights_of_other_networks_are_refused(run, tmp_path):
    write_repository(untrained("digits", width=8), run, "me/gan", tmp_path / "a")
    write_repository(untrained("digits", width=6), run, "me/gan", tmp_path / "b")
    (tmp_path / "a" / "config.json").replace(tmp_path / "b" / "config.json")
    with pytest.raises(ValueError, match=r"not those of the networks in config\.json"):
        jaxgan.load(tmp_path / "b")


def test_a_run_is_loaded_like_its_generator(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a run's folder"):
        jaxgan.load(tmp_path)

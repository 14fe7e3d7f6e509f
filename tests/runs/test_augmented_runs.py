"""Runs whose discriminator sees augmented samples, from the command line."""

import pytest
from small_game import command

from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.settings.config import read_config


@pytest.fixture(scope="module")
def run(narrow_recipes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "ada"
    train = ("train", "mnist-mlp", "--augment", "ada", "--steps", 8, "--out", folder)
    assert command(*train, "--batch-size", 16, "--rounds-per-call", 4, "--devices", 1) == (0, "")
    return folder


@pytest.mark.slow
def test_the_strength_is_logged_and_starts_at_nothing(run):
    rows = metrics_rows(run)
    assert rows[0]["augment_strength"] == 0.0
    assert all(-1.0 <= row["augment_sign"] <= 1.0 for row in rows)
    assert read_config(run).options.augment == "ada"


@pytest.mark.slow
def test_an_augmented_run_goes_on_and_is_sampled(run, tmp_path):
    assert command("resume", run, "--steps", 12) == (0, "")
    assert metrics_rows(run)[-1]["round"] == 12
    assert command("sample", run, "--num", 4, "--out", tmp_path / "some.npz") == (0, "")


@pytest.mark.slow
def test_another_augmentation_is_refused_when_a_run_goes_on(run):
    status, said = command("train", "--augment", "diffaugment", "--out", run)
    assert status == 2
    assert "augment ada -> diffaugment" in said


def test_samples_that_are_no_images_are_refused_in_one_line(narrow_recipes, tmp_path):
    status, said = command("train", "spiral", "--augment", "ada", "--out", tmp_path / "run")
    assert status == 2
    assert "augmentation needs images" in said
    assert not (tmp_path / "run").exists()

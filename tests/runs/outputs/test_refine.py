"""Samples that a run's discriminator has corrected."""

import json

import numpy as np
import pytest
from commands import invoke, succeed

from jaxgan.runs.outputs import judge, refine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def fewer_samples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "CALIBRATION", 500)
        patch.setattr(refine, "BOUND", 500)
        yield


@pytest.fixture(scope="module")
def ring_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    succeed("train", "ring", "--steps", 4, "--out", out, "--devices", 1)
    return out


@pytest.fixture(scope="module")
def classes_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    succeed("train", "cgan", "--steps", 2, "--out", out, "--devices", 1)
    return out


def error_of(*arguments):
    result = invoke(*arguments)
    assert result.exit_code != 0
    return " ".join(str(result.exception or result.output).split())


def samples(run, out, *arguments):
    result = succeed("sample", run, "--out", out, *arguments)
    return np.load(out)["samples"], result.output


def test_refined_samples_come_with_their_acceptance_and_calibration(ring_run, tmp_path):
    found, output = samples(ring_run, tmp_path / "x.npz", "--num", 30, "--refine", "drs")
    assert found.shape == (30, 2)
    assert "proposals accepted" in output
    assert "density ratios fitted to 500 real samples of ring8" in output
    assert "give other real samples with --held-out" in output


@pytest.mark.slow
def test_a_refined_sample_depends_on_the_seed_and_its_number_alone(ring_run, tmp_path):
    arguments = ("--held-out", "ring8", "--refine", "mh:steps=3")
    few = samples(ring_run, tmp_path / "few.npz", "--num", 10, *arguments)[0]
    many, output = samples(ring_run, tmp_path / "many.npz", "--num", 260, *arguments)
    np.testing.assert_allclose(few, many[:10], rtol=1e-6)
    assert "of 3 proposals per sample accepted" in output
    assert "Warning" not in output


@pytest.mark.slow
def test_a_class_has_a_bound_of_its_own_and_labels_stay(classes_run, tmp_path):
    arguments = ("--num", 20, "--refine", "drs:percentile=80")
    _, output = samples(classes_run, tmp_path / "x.npz", *arguments)
    assert "proposals accepted" in output
    assert sorted(np.load(tmp_path / "x.npz")["labels"]) == sorted(list(range(10)) * 2)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("dr", "refine must be one of drs, mh, ddls, dgflow, got 'dr'"),
        ("drs:percentil=80", "refine drs has no parameter 'percentil'. Did you mean 'percentile'"),
        ("mh:steps=many", "refine mh:steps=many: steps must be a number, got 'many'"),
        ("ddls", "use drs or mh"),  # the ring's latents are -1 or 1 in part
        ("dgflow", "use drs or mh"),
    ],
)
def test_what_cannot_be_done_is_said(ring_run, tmp_path, method, message):
    out = tmp_path / "x.npz"
    found = error_of("sample", ring_run, "--num", 4, "--out", out, "--refine", method)
    assert message in found
    assert not out.exists()


def test_held_out_samples_must_be_of_the_runs_kind(ring_run, tmp_path):
    out = tmp_path / "x.npz"
    arguments = ("--refine", "drs", "--held-out", "digits")
    found = error_of("sample", ring_run, "--num", 4, "--out", out, *arguments)
    assert "digits has samples of shape (8, 8, 1)" in found


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ddls:steps=5", "dgflow:steps=5,divergence=js"])
def test_normal_latents_are_moved(tmp_path, method):
    out = tmp_path / "run"
    succeed("train", "digits", "--steps", 2, "--out", out, "--devices", 1)
    few = samples(out, tmp_path / "few.npz", "--num", 4, "--refine", method)[0]
    many, output = samples(out, tmp_path / "many.npz", "--num", 300, "--refine", method)
    np.testing.assert_allclose(few, many[:4], rtol=1e-4, atol=1e-4)
    assert "5 steps per sample" in output


@pytest.mark.slow
def test_scores_of_refined_samples_say_how_they_were_refined(ring_run):
    succeed("evaluate", ring_run, "--num", 400, "--refine", "drs", "--metrics", "modes")
    written = json.loads((ring_run / "scores.json").read_text())
    assert "proposals accepted" in written["refined"]
    assert "density ratios fitted" in written["refined"]

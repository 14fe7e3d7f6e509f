"""Runs scored from the command line."""

import json

import pytest
from commands import invoke, succeed
from outputs import evaluate_run

from jaxgan.scoring import classifier


def run_of(tmp_path_factory, *arguments):
    out = tmp_path_factory.mktemp("runs") / "run"
    succeed("train", *arguments, "--out", out, "--devices", 1)
    return out


@pytest.fixture(scope="module", autouse=True)
def quick_classifier(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXGAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(classifier, "STEPS", 60)
        yield


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    return run_of(tmp_path_factory, "cgan", "--steps", 20)


@pytest.fixture(scope="module")
def ring_run(tmp_path_factory):
    return run_of(tmp_path_factory, "ring", "--steps", 4)


@pytest.mark.slow
def test_labelled_images_are_scored_on_their_own_classifier(digits_run):
    result = succeed("evaluate", digits_run, "--num", 400)
    written = json.loads((digits_run / "scores.json").read_text())
    assert [score["name"] for score in written["scores"]] == [
        f"{name}_classifier@400"
        for name in ("fd", "kd", "is", "precision", "recall", "density", "coverage")
    ]
    assert all(score["name"] in result.output for score in written["scores"])
    assert 0.3 < written["accuracy"] <= 1.0
    assert (written["recipe"], written["step"], written["ema"]) == ("cgan", 20, True)
    by_name = {score["name"]: score for score in written["scores"]}
    fd = by_name["fd_classifier@400"]
    assert fd["baseline"] < fd["value"]  # other real digits are nearer than what 20 steps make
    assert fd["error"] > 0


@pytest.mark.slow
def test_an_untrained_generator_is_far_and_scores_repeat(digits_run):
    found = [evaluate_run(digits_run, metrics=("fd",), num=300).scores[0] for _ in range(2)]
    assert found[0].value == found[1].value
    other = evaluate_run(digits_run, metrics=("fd",), num=300, seed=1).scores[0]
    assert other.value != found[0].value


@pytest.mark.slow
def test_weights_without_average_score_otherwise(digits_run):
    averaged = evaluate_run(digits_run, metrics=("fd",), num=300)
    plain = evaluate_run(digits_run, use_ema=False, metrics=("fd",), num=300)
    assert averaged.scores[0].value != plain.scores[0].value
    assert (averaged.facts["ema"], plain.facts["ema"]) == (True, False)


@pytest.mark.slow
def test_mixtures_are_scored_by_their_modes(ring_run, tmp_path):
    out = tmp_path / "scores.json"
    succeed("evaluate", ring_run, "--num", 500, "--out", out)
    scores = {score["name"]: score for score in json.loads(out.read_text())["scores"]}
    assert list(scores) == ["modes@500", "high_quality@500", "mode_deviation@500", "swd_pixels@500"]
    assert scores["modes@500"]["baseline"] == 8
    assert scores["high_quality@500"]["baseline"] > 0.95


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.* samples in a class with")
def test_conditional_runs_are_scored_by_classes_and_by_copies(digits_run, tmp_path):
    out = tmp_path / "scores.json"
    metrics = "memorisation,class_accuracy,intra_class_fd,intra_class_std"
    held_out = ("--held-out", "digits")  # the training data: each sample is in both sets
    succeed("evaluate", digits_run, "--metrics", metrics, "--num", 400, *held_out, "--out", out)
    scores = {score["name"]: score for score in json.loads(out.read_text())["scores"]}
    assert list(scores) == [
        *(f"{name}_classifier@400" for name in metrics.split(",")[1:]),
        *(f"{name}_classifier@400/1797" for name in ("authenticity", "copied", "copying_test")),
    ]
    assert scores["class_accuracy_classifier@400"]["baseline"] > 0.5
    fd = scores["intra_class_fd_classifier@400"]
    assert fd["baseline"] < fd["value"]
    copied = scores["copied_classifier@400/1797"]
    assert copied["baseline"] > copied["value"]  # its real samples are training samples


@pytest.mark.slow
def test_more_samples_than_real_ones_are_named_so(digits_run):
    (score,) = evaluate_run(digits_run, metrics=("swd",), num=2000, features="pixels").scores
    assert score.name == "swd_pixels@2k/1797"
    assert score.baseline is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "fid"], "for the FID give --metrics fd --features inception:FILE"),
        (["--features", "inception:nowhere"], "there is no file nowhere"),
        (["--checkpoint", "best"], "best"),
        (["--metrics", "memorisation"], "give them with --held-out DATA"),
        (["--metrics", "memorisation", "--held-out", "ring8"], "shape"),
        (["--metrics", "sfd"], "sfd needs feature maps"),
    ],
)
def test_what_cannot_be_scored_is_told_and_nothing_written(digits_run, tmp_path, options, message):
    out = tmp_path / "scores.json"
    result = invoke("evaluate", digits_run, "--num", 100, "--out", out, *options)
    assert result.exit_code != 0
    assert message in str(result.exception)
    assert not out.exists()


@pytest.mark.slow
def test_a_run_may_keep_the_checkpoint_of_the_best_score(tmp_path):
    run = tmp_path / "run"
    arguments = ("--steps", 12, "--rounds-per-call", 4, "--save-every", 4, "--devices", 1)
    score = ("--score", "fd", "--score-every", 4, "--score-num", 100)
    result = invoke(
        "train", "digits", "--out", run, *arguments, *score,
        "--keep", 1, "--keep-best", "fd_classifier@100:min",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert evaluate_run(run, which="best", metrics=("fd",), num=100).scores[0].value > 0

"""Scores while a run trains: in the rows of their rounds, the same however the run was cut."""

import numpy as np
import pytest
from arrays import bits
from interruption import Cut, assert_same_runs, cut_at
from small_game import small_options, state_at

import jaxgan
from jaxgan import data
from jaxgan.metrics import frechet_distance
from jaxgan.recipes import RECIPES
from jaxgan.runs import train as runs
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.settings.config import read_config
from jaxgan.scoring.reference import real_rows
from jaxgan.scoring.settings import Scoring
from jaxgan.training.keys import run_keys

SCORING = Scoring(("fd", "swd"), every=4, num=60, features="pixels")
NAMES = {"fd_pixels@60", "swd_pixels@60"}


def scored(run, **changes):
    return runs.train_run(small_options(scoring=SCORING, **changes), run)


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    run = tmp_path_factory.mktemp("scored") / "whole"
    scored(run)
    return run


@pytest.mark.slow
def test_scores_stand_in_the_rows_of_their_rounds_alone(whole):
    have = [row["round"] for row in metrics_rows(whole) if set(row) >= NAMES]
    assert have == [4, 8, 12]
    assert not any(set(row) & NAMES for row in metrics_rows(whole) if row["round"] not in have)


@pytest.mark.slow
def test_a_scored_round_is_logged_though_others_are_not(small, tmp_path):
    scored(tmp_path / "run", log_every=10)
    assert [row["round"] for row in metrics_rows(tmp_path / "run")] == [4, 8, 10, 12]


@pytest.mark.slow
def test_the_score_is_that_of_the_averaged_generator_s_samples(whole):
    config = read_config(whole)
    dataset = data.load(config.options.input.source)
    gan = RECIPES["small"].gan(dataset.shape, None)
    key = run_keys(config.options.seed).scores
    state = state_at(whole, 12).gan
    fake = jaxgan.sample(key, gan, state, 60)
    real, _ = real_rows(dataset, 60, config.options.seed)
    row = metrics_rows(whole)[-1]
    assert row["fd_pixels@60"] == pytest.approx(frechet_distance(real, fake), rel=1e-4)
    plain = frechet_distance(real, jaxgan.sample(key, gan, state, 60, use_ema=False))
    assert row["fd_pixels@60"] != pytest.approx(plain, rel=1e-4)


def test_scores_change_nothing_of_the_state(whole, undisturbed):
    assert bits(state_at(whole, 12)) == bits(state_at(undisturbed, 12))


@pytest.mark.slow
def test_a_scored_run_that_was_cut_has_the_rows_of_the_one_that_was_not(whole, tmp_path):
    with pytest.raises(Cut):
        runs.train_run(small_options(scoring=SCORING), tmp_path / "cut", on_start=cut_at(10))
    scored(tmp_path / "cut")
    assert_same_runs(tmp_path / "cut", whole)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_best_checkpoint_is_the_one_of_the_best_score(small, tmp_path, mode):
    saving = small_options().saving
    keep = saving.keep._replace(last=1, best=f"swd_pixels@60:{mode}")
    run = tmp_path / "best"
    scored(run, saving=saving._replace(keep=keep))
    values = {
        row["round"]: row["swd_pixels@60"] for row in metrics_rows(run) if "swd_pixels@60" in row
    }
    best = (min if mode == "min" else max)(values, key=values.get)
    assert checkpoint.best_number(run / "checkpoints", keep) == best


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (
            SCORING._replace(metrics=("fid",)),
            "for the FID give --score fd --score-features inception:",
        ),
        (SCORING._replace(metrics=("modes",)), "modes needs a mixture of known modes"),
        (SCORING._replace(metrics=("is",)), "is needs class logits"),
        (SCORING._replace(features="vgg16"), "vgg16 features need grey or RGB"),
        (SCORING._replace(features="nothing"), "features must be one of"),
        (SCORING._replace(num=1), "scoring.num"),
        (SCORING._replace(every=0), "scoring.every"),
    ],
)
def test_scores_that_cannot_be_taken_are_refused_before_the_run(small, tmp_path, scoring, message):
    with pytest.raises(ValueError, match=message):
        runs.train_run(small_options(scoring=scoring), tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_real_samples_for_the_baseline_are_none_of_those_scored_against():
    dataset = data.from_arrays(np.arange(200, dtype=np.float32).reshape(100, 2), np.arange(100))
    first, labels = real_rows(dataset, 60, 0)
    other, _ = real_rows(dataset, 60, 0, first=60)
    assert (len(first), len(other)) == (60, 40)
    assert not set(first[:, 0]) & set(other[:, 0])
    np.testing.assert_array_equal(first[:, 0], 2.0 * labels)

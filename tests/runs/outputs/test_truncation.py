"""Truncated samples of runs."""

import numpy as np
import pytest
from commands import succeed

from jaxgan.environment import environment
from jaxgan.recipes import recipe
from jaxgan.runs.disk.generator import TrainedGenerator, truncated
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.resolve import options_from_recipe


def generator_of(name):
    data = DataFacts((8, 8, 1), 100, None, 0.0, 16.0, fingerprint="")
    config = Config(options_from_recipe(name), gan="", data=data, **environment())
    return TrainedGenerator(recipe(name).gan(data.shape), {}, {}, False, 0, config)


@pytest.mark.parametrize(
    ("name", "psi", "message"),
    [
        ("dcgan", 0.5, "--truncation 0.5: the recipe dcgan has no truncation"),
        ("stylegan2", float("nan"), "--truncation must be a finite number, got nan"),
    ],
)
def test_truncation_that_cannot_be_is_refused(name, psi, message):
    with pytest.raises(ValueError, match=message):
        truncated(generator_of(name), psi)


@pytest.mark.slow
def test_samples_of_a_run_are_truncated_and_its_scores_say_so(tmp_path):
    run = tmp_path / "run"
    succeed("train", "stylegan2", "--steps", 2, "--out", run, "--devices", 1)
    drawn = {}
    for psi in (None, 1.0, 0.0):
        out = tmp_path / f"{psi}.npz"
        option = () if psi is None else ("--truncation", psi)
        succeed("sample", run, "--num", 10, "--out", out, *option)
        drawn[psi] = np.load(out)["samples"]
    np.testing.assert_array_equal(drawn[None], drawn[1.0])
    assert drawn[0.0].std(axis=0).max() < 1e-3 < drawn[1.0].std(axis=0).max()
    scores = tmp_path / "scores.json"
    options = ("--metrics", "pr", "--features", "pixels", "--num", 100, "--no-errors")
    succeed("evaluate", run, *options, "--truncation", 0.5, "--out", scores)
    assert '"truncation": 0.5' in scores.read_text()

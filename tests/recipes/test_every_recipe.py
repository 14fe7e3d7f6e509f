"""What the training of every recipe can do, on its default data."""

import dataclasses
import functools
import json

import numpy as np
import pytest
from commands import succeed
from small_game import saved

from jaxgan.recipes import RECIPES
from jaxgan.runs.disk.log import metrics_rows

TRAINED_ALONE = sorted(name for name, each in RECIPES.items() if each.begins_with is None)
# The first updates of RMSProp have the size of the learning rate however small a gradient is, so
# that a rounding error can turn them round.
ATOL = {"wgan": 1e-3}
OPTIONS = ("--log-every", 1, "--save-every", 2, "--seed", 3)


@pytest.fixture
def name(request, monkeypatch):
    """The name of a recipe whose GAN is made once, so that its runs share compiled programs."""
    chosen = RECIPES[request.param]
    if chosen.needs is not None:
        pytest.importorskip(chosen.needs[0])
    once = dataclasses.replace(chosen, gan=functools.cache(chosen.gan))
    monkeypatch.setitem(RECIPES, request.param, once)
    return request.param


def train(name, out, steps, devices, *options):
    succeed("train", name, "--steps", steps, "--devices", devices, "--out", out, *OPTIONS, *options)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED_ALONE, indirect=True)
def test_a_recipe_resumes_to_the_bit_reports_and_is_the_same_on_two_devices(name, tmp_path):
    # an even number of samples, for two devices
    size = ("--batch-size", 2) if RECIPES[name].plan.batch_size == 1 else ()
    whole = train(name, tmp_path / "whole", 4, 1, *size)
    resumed = train(name, tmp_path / "resumed", 2, 1, *size)
    succeed("resume", resumed, "--steps", 4)
    assert saved(resumed) == ([2, 4], saved(whole)[1])
    assert json.loads((resumed / "result.json").read_text())["seconds"] > 0
    assert (resumed / "samples" / "step_0000004.png").is_file()

    succeed("report", resumed)
    page = (resumed / "report.html").read_text()
    assert name in page
    assert "data:image/png" in page

    # The second step's losses follow from the first step's gradients.
    rows = [metrics_rows(train(name, tmp_path / "two", 2, 2, *size)), metrics_rows(whole)[:2]]
    for losses in ("generator_loss", "discriminator_loss"):
        two, one = ([row[losses] for row in each] for each in rows)
        np.testing.assert_allclose(two, one, rtol=2e-3, atol=ATOL.get(name, 1e-5))
    looked_at = rows[0][0]  # by the monitor
    assert "diversity" in looked_at
    assert any(metric.startswith("accuracy_") for metric in looked_at)

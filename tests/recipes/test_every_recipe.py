"""What the training of every recipe can do, on its default data."""

import dataclasses
import functools
import json

import numpy as np
import optax
import pytest
from commands import succeed
from small_game import saved

from jaxgan.recipes import RECIPES
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.transformations import weight_clipping

TRAINED_ALONE = sorted(name for name, each in RECIPES.items() if each.begins_with is None)
OPTIONS = ("--log-every", 1, "--save-every", 2, "--seed", 3)


def steadied(make):
    """WGAN with a larger eps in RMSProp.

    Its first updates have the size of the learning rate however small a gradient is, so that a
    rounding error can turn them round. With this eps, one and two devices agree to 1e-8.
    """

    def made(*given, **named):
        rmsprop = optax.rmsprop(2e-4, decay=0.99, eps=1e-2, eps_in_sqrt=False)
        return dataclasses.replace(
            make(*given, **named),
            generator_optimizer=rmsprop,
            discriminator_optimizer=optax.chain(rmsprop, weight_clipping(0.1)),
        )

    return made


@pytest.fixture
def name(request, monkeypatch):
    """The name of a recipe whose GAN is made once, so that its runs share compiled programs."""
    chosen = RECIPES[request.param]
    if chosen.needs is not None:
        pytest.importorskip(chosen.needs[0])
    make = steadied(chosen.gan) if request.param == "wgan" else chosen.gan
    once = dataclasses.replace(chosen, gan=functools.cache(make))
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
        np.testing.assert_allclose(two, one, rtol=2e-3, atol=1e-5)
    looked_at = rows[0][0]  # by the monitor
    assert "diversity" in looked_at
    assert any(metric.startswith("accuracy_") for metric in looked_at)

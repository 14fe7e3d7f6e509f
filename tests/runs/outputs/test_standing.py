"""Standing statistics of a run's generator."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import invoke

from jaxgan.environment import environment
from jaxgan.recipes import recipe
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.standing import with_standing_statistics
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.resolve import options_from_recipe


def untrained(name, classes=None, shape=(8, 8, 1)):
    gan = recipe(name).gan(shape, classes)
    z = gan.latent(jax.random.key(0), jnp.arange(2))
    inputs = (z,) if classes is None else (z, jnp.zeros(2, jnp.int32))
    params, model_state = jax.jit(gan.generator.init)(jax.random.key(1), *inputs)
    data = DataFacts(shape, 100, classes, 0.0, 16.0, fingerprint="")
    config = Config(options_from_recipe(name), gan="", data=data, **environment())
    return TrainedGenerator(gan, params, model_state, False, 0, config)


@pytest.fixture(scope="module")
def dcgan(narrow_recipes):
    return untrained("conditional-dcgan", 10)


def test_statistics_replace_those_of_training(dcgan):
    found = with_standing_statistics(dcgan, 2)
    assert found.standing == 2
    assert found.params is dcgan.params
    changed = jax.tree.map(lambda a, b: bool((a != b).all()), found.model_state, dcgan.model_state)
    assert all(jax.tree.leaves(changed))
    assert with_standing_statistics(dcgan, 0) is dcgan
    again = with_standing_statistics(dcgan, 2)
    jax.tree.map(np.testing.assert_array_equal, again.model_state, found.model_state)


def test_generators_without_them_are_named(dcgan, narrow_recipes):
    with pytest.raises(ValueError, match="conditional-dcgan takes images"):
        with_standing_statistics(dcgan._replace(coarser=(dcgan,)), 2)
    with pytest.raises(ValueError, match="the generator has no batch statistics"):
        with_standing_statistics(untrained("spiral", shape=(2,)), 2)
    with pytest.raises(ValueError, match="batches must be a finite number, 0 or more, got -1"):
        with_standing_statistics(dcgan, -1)


@pytest.mark.slow
def test_commands_take_standing_statistics(narrow_recipes, tmp_path):
    run = tmp_path / "r"
    assert invoke("train", "conditional-dcgan", "--steps", 3, "--out", run).exit_code == 0
    outs = [tmp_path / f"{i}.npz" for i in range(2)]
    for out, options in zip(outs, ((), ("--standing-statistics", 2)), strict=True):
        assert invoke("sample", run, "--out", out, *options).exit_code == 0
    plain, standing = (np.load(out)["samples"] for out in outs)
    assert plain.shape == standing.shape
    assert not np.allclose(plain, standing)
    assert invoke("export", run, "--standing-statistics", 2).exit_code == 0
    options = ("--features", "pixels", "--num", 100, "--no-errors", "--standing-statistics", 2)
    assert invoke("evaluate", run, *options).exit_code == 0
    assert json.loads((run / "scores.json").read_text())["standing_statistics"] == 2

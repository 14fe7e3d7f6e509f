"""Hyper-parameters of recipes: declared, checked, kept by runs, and all of an effect."""

import functools
import inspect
import json

import jax
import jax.numpy as jnp
import pytest
from arrays import bits
from commands import invoke, succeed
from turned import train_turned as train

import jaxgan
from jaxgan.data import load
from jaxgan.recipes import RECIPES, recipe_gan, recipe_hyperparameters, recipe_maker, recipe_numbers
from jaxgan.regularizers import r1_gamma
from jaxgan.runs.disk.generator import load_players
from jaxgan.runs.outputs.report.tables import configuration_table
from jaxgan.runs.settings.config import read_config
from jaxgan.runs.settings.fingerprint import gan_fingerprint
from jaxgan.training.batches import example_batch

load = functools.cache(load)
QUICK = ("wgan",)


# --- Declared


@pytest.mark.parametrize("name", RECIPES)
def test_all_that_a_recipe_takes_beside_shape_and_classes_is_declared(name):
    made = RECIPES[name].gan.function
    taken = {each.name for each in inspect.signature(made).parameters.values()}
    declared = recipe_hyperparameters(name)
    assert taken - {"shape", "num_classes", "level"} == set(declared)
    assert len(declared) >= 4
    for each in declared.values():
        assert each.help.endswith(".")
        assert isinstance(each.default, int if each.is_integer else float)


def test_only_numbers_that_may_be_traced_are_swept():
    assert set(recipe_numbers("ring")) == {"learning_rate", "gamma", "b1", "b2", "ema_decay"}


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in RECIPES
        if RECIPES[name].needs is None
    ],
)
def test_every_hyperparameter_changes_the_program_of_a_step(name):
    chosen = RECIPES[name]
    data, conditional = load(chosen.data), chosen.plan.conditional
    classes = data.num_classes if conditional else None
    seen = {}
    for each, found in {"": None, **recipe_hyperparameters(name)}.items():
        if each == "truncation":  # for samples alone
            continue
        step = 4 if name == "r3gan" else 2
        values = {} if found is None else {each: found.default + step if found.is_integer else 0.25}
        gan = recipe_gan(name, data.shape, classes, hyperparameters=values)
        seen[gan_fingerprint(gan, data, conditional)] = each
    kept = [each for each in recipe_hyperparameters(name) if each != "truncation"]
    assert set(seen.values()) == {"", *kept}


# --- Checked


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gama": 1.0}, r"recipe ring has no hyper-parameter 'gama'\. Did you mean 'gamma'\?"),
        ({"gamma": -1.0}, "gamma of recipe ring must be a number, at least 0, got -1.0"),
        ({"gamma": float("nan")}, "gamma of recipe ring must be a number"),
        ({"b1": 1.0}, "b1 of recipe ring must be a number, at least 0 and below 1, got 1.0"),
        ({"width": 6.5}, "width of recipe ring must be an integer, at least 1, got 6.5"),
        ({"width": True}, "width of recipe ring must be an integer"),
        ({"learning_rate": "auto"}, "learning_rate of recipe ring must be a number, above 0"),
    ],
)
def test_wrong_names_and_values_are_refused_with_type_range_and_default(given, message):
    with pytest.raises(ValueError, match=message):
        recipe_gan("ring", (2,), hyperparameters=given)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("gama=1", "Did you mean 'gamma'?"),
        ("gamma=-1", "gamma of recipe turned must be a number, at least 0, or auto"),
        ("width=2.5", "width of recipe turned must be an integer, at least 1, got 2.5"),
        ("width=auto", "width of recipe turned must be an integer"),
        ("width", "--set takes NAME=VALUE, such as gamma=0.5, got 'width'"),
        ("width=two", "--set width=two: the value must be a number, got 'two'"),
    ],
)
def test_nothing_is_written_for_a_wrong_setting(turned, tmp_path, typed, message):
    result = invoke("train", "turned", "--set", typed, "--out", tmp_path / "run")
    assert message in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_a_staged_recipe_refuses_what_none_of_its_stages_has(tmp_path):
    result = invoke("train", "srgan-mse", "--set", "pixel=1", "--out", tmp_path / "run")
    assert "recipe srgan-mse has no hyper-parameter 'pixel'. Did you mean 'pixels'?" in str(
        result.exception
    )


# --- Runs


@pytest.fixture(scope="module")
def run(turned, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    train(out, "--set", "width=3", "--set", "gamma=auto", "--set", "learning_rate=1e-3")
    return out


def test_a_run_keeps_all_hyperparameters_with_the_values_of_rules(run):
    kept = json.loads((run / "config.json").read_text())["options"]["hyperparameters"]
    assert kept == {"learning_rate": 1e-3, "gamma": 0.0002 * 64 / 8, "width": 3}
    shown = dict(configuration_table(read_config(run)))["Hyper-parameters"]
    wanted = (
        "learning_rate 0.001 (recipe: 0.01)",
        "gamma 0.0016 (recipe: 1.0)",
        "width 3 (recipe: 4)",
    )
    assert shown == ", ".join(wanted)


def test_a_run_is_loaded_with_its_own_networks(run):
    generator, _ = load_players(run)
    assert generator.params["Dense_0"]["kernel"].shape == (2, 3)


def test_a_resumed_run_keeps_them_and_refuses_others(run, tmp_path):
    given = ("--set", "width=3", "--set", "gamma=auto", "--set", "learning_rate=1e-3")
    train(tmp_path / "resumed", *given, "--steps", 2)
    succeed("resume", tmp_path / "resumed", "--steps", 4)
    states = [load_players(each, use_ema=False) for each in (run, tmp_path / "resumed")]
    assert bits([states[0][0].params, states[0][1]]) == bits([states[1][0].params, states[1][1]])
    result = invoke("train", "--out", run, "--steps", 6, "--set", "width=4")
    assert "these settings would change the result: width 3 -> 4" in str(result.exception)


def test_the_rule_for_gamma_is_that_of_stylegan2_ada():
    # its automatic settings at 256 pixels, batch size 64 and 1024 pixels, batch size 32
    assert r1_gamma((256, 256, 3), 64) == pytest.approx(0.2048)
    assert r1_gamma((1024, 1024, 3), 32) == pytest.approx(6.5536)
    with pytest.raises(ValueError, match="r1_gamma is for images"):
        r1_gamma((2,), 64)


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in RECIPES
        if RECIPES[name].needs is None
    ],
)
def test_all_numbers_of_a_recipe_may_be_traced_together(name):
    chosen = RECIPES[name]
    data, conditional = load(chosen.data), chosen.plan.conditional
    batch = example_batch(data, 4, conditional)
    make = recipe_maker(name, data.shape, data.num_classes if conditional else None)

    def play(numbers):
        gan = make(**numbers)
        key, step_key = jax.random.split(jax.random.key(0))
        state = jaxgan.init(key, gan, batch)
        return jaxgan.make_train_step(gan)(step_key, state, batch)[1]

    numbers = {each: jnp.float32(value) for each, value in recipe_numbers(name).items()}
    assert jax.eval_shape(play, numbers)["generator_loss"].shape == ()

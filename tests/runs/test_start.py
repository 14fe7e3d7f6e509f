"""Runs that start from another run or from an exported generator."""

import json
import shutil

import pytest
from arrays import bits
from commands import invoke, succeed
from turned import train_turned as train

from jaxgan.runs import load_safetensors, load_state
from jaxgan.runs.disk.log import events

STILL = ("--set", "learning_rate=1e-30")  # so that no update changes a bit


@pytest.fixture(scope="module")
def source(turned, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "source"
    train(out, "--steps", 2)
    return out


def test_both_players_start_from_the_weights_of_a_run(source, tmp_path):
    said = train(tmp_path / "run", "--from", source, *STILL, "--steps", 2).output
    old, new = load_state(source), load_state(tmp_path / "run")
    for player in ("generator", "discriminator"):
        assert bits(getattr(new, player).params) == bits(getattr(old, player).params)
    assert "starts from both players of" in said
    assert "at step 2" in said
    assert "do not match" not in said
    options = json.loads((tmp_path / "run" / "config.json").read_text())["options"]
    assert options["start"] == {"source": str(source), "freeze_d": 0}
    assert [event["kind"] for event in events(tmp_path / "run")] == ["start"]


def test_layers_of_other_widths_are_named(source, tmp_path):
    train(tmp_path / "run", "--from", source, "--set", "width=5", "--steps", 1)
    (event,) = events(tmp_path / "run")
    assert "6 arrays do not match and are left as they are" in event["message"]
    assert "discriminator/params/Dense_0/kernel ((64, 4) there, (64, 5) here)" in event["message"]


@pytest.mark.slow
def test_frozen_layers_keep_every_bit_and_a_resumed_run_equals_an_uninterrupted_one(
    source, tmp_path
):
    moved = tmp_path / "moved"
    shutil.copytree(source, moved)
    start = ("--from", moved, "--freeze-d", 1)
    train(tmp_path / "whole", *start, "--steps", 4)
    train(tmp_path / "resumed", *start, "--steps", 2)
    shutil.rmtree(moved)  # it is not needed any more
    succeed("resume", tmp_path / "resumed", "--steps", 4)
    whole, resumed = load_state(tmp_path / "whole"), load_state(tmp_path / "resumed")
    assert bits(whole) == bits(resumed)
    old = load_state(source).discriminator.params
    kept = {name for name in old if bits(old[name]) == bits(whole.discriminator.params[name])}
    assert kept == {"Dense_0"}
    refused = invoke("train", "--out", tmp_path / "whole", "--freeze-d", 0, "--steps", 5)
    assert "start freeze_d 1 -> 0" in str(refused.exception)


@pytest.mark.slow
def test_the_generator_starts_from_an_exported_file(source, tmp_path):
    succeed("export", source, "--out", tmp_path / "export")
    file = tmp_path / "export" / "generator.safetensors"
    said = train(tmp_path / "run", "--from", file, *STILL, "--steps", 1).output
    assert "with a new discriminator" in said
    _, params, _ = load_safetensors(file)
    new = load_state(tmp_path / "run")
    assert bits(new.generator.params) == bits(new.ema.params) == bits(params)
    assert bits(new.discriminator.params) != bits(load_state(source).discriminator.params)
    frozen = invoke("train", "turned", "--from", file, "--freeze-d", 1, "--out", tmp_path / "no")
    assert "has a generator alone" in str(frozen.exception)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--freeze-d", 1), "--freeze-d 1 keeps layers of another run's discriminator"),
        (("--from", "nowhere"), "nowhere is not a run's folder"),
        (("--from", "no.safetensors"), "--from no.safetensors: there is no such file"),
    ],
)
def test_nothing_is_written_without_anything_to_start_from(turned, tmp_path, options, message):
    refused = invoke("train", "turned", *options, "--out", tmp_path / "run")
    assert message in str(refused.exception)
    assert not (tmp_path / "run").exists()


def test_too_many_or_untrained_frozen_layers_are_refused(source, tmp_path):
    start = ("train", "turned", "--from", source, "--out", tmp_path / "run")
    assert "has 2 layers" in str(invoke(*start, "--freeze-d", 2).exception)
    wide = invoke(*start, "--freeze-d", 1, "--set", "width=5")
    assert "--freeze-d would keep untrained weights: discriminator/params/Dense_0" in str(
        wide.exception
    )
    staged = invoke("train", "lapgan", "--from", source, "--out", tmp_path / "run")
    assert "not supported for the multi-stage recipe lapgan" in str(staged.exception)
    assert not (tmp_path / "run").exists()

"""What the command line says: of itself, of what is asked for, of runs at their start and end."""

import dataclasses
import shutil
import warnings
from importlib.metadata import version

import optax
import pytest
from commands import invoke, succeed
from rich.console import Console
from small_game import STEPS, command, contents, small_gan

from jaxgan import generator_term, losses, no_discriminator
from jaxgan.cli import progress
from jaxgan.cli.messages import one_line_warning
from jaxgan.data import sources
from jaxgan.recipes import RECIPES
from jaxgan.runs import train as runs
from jaxgan.runs.disk import result

pytestmark = pytest.mark.usefixtures("small")


def said(*arguments):
    """What a command prints when all goes well, as one line."""
    return succeed(*arguments).output.replace("\n", "")


def refused(*arguments):
    """The message of the error that a command ends in; nothing else was said."""
    result = invoke(*arguments)
    assert isinstance(result.exception, ValueError | OSError), result.output
    assert result.output == ""
    return str(result.exception)


# --- Of itself


def test_versions_and_devices_are_told():
    lines = invoke("--version").output.splitlines()
    assert lines[0] == f"jaxgan {version('jaxgan')}"
    assert lines[1].startswith(f"jax {version('jax')}")
    assert lines[2] == "devices: 8 x cpu"


def test_help_is_a_command_too():
    assert invoke("help").output == invoke("--help").output
    assert "--out" in said("help", "sample")
    assert "no such command 'trian'. Did you mean 'train'?" in refused("help", "trian")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "--lr",
            "--lr is not an option: use --set learning_rate=VALUE",
        ),
        ("--epochs", "--epochs is not an option: training is counted in generator updates"),
    ],
)
def test_options_of_other_tools_are_explained(option, message):
    for arguments in ((option, "3"), (f"{option}=3",)):
        status, error = command("train", "digits", *arguments)
        assert status == 2
        assert error.startswith(f"Error: {message}")


@pytest.mark.parametrize(
    ("typed", "again"),
    [
        (("--batch-size", "32"), "--batch-size 32"),
        (("--batch-size=32",), "--batch-size=32"),
        (("--no-flip",), "--no-flip"),
        (("--seed", "1"), "--seed 1"),
    ],
)
def test_settings_that_a_resumed_run_keeps_are_named_with_what_to_type(typed, again):
    status, error = command("resume", *typed, "runs/x")
    assert status == 2
    assert error.startswith(f"Error: {typed[0].partition('=')[0]} cannot change: a resumed run ")
    assert f"Start a new run, jaxgan train RECIPE {again} --out NEW" in error
    assert "cannot change" not in command("resume", "--steps", "9", "runs/x")[1]


@pytest.mark.slow
def test_a_run_named_without_its_folder_is_found(ended, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ended, tmp_path / "runs" / "here")
    for name in ("sample", "resume"):
        more = ("--out", "x.npz") if name == "sample" else ()
        assert refused(name, "here", *more).endswith("Did you mean runs/here?")
        assert "Did you mean" not in refused(name, "absent", *more)


def test_warnings_are_one_line_without_a_place_in_the_source(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", one_line_warning)
    assert warnings.formatwarning("few samples", UserWarning, "metrics.py", 3) == (
        "Warning: few samples\n"
    )


@pytest.mark.slow
def test_a_batch_of_more_samples_than_there_are_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="batch_size=512 is more than the 256 samples of npz:"):
        said("train", "small", "--steps", 1, "--batch-size", 512, "--out", tmp_path / "run")


@pytest.mark.parametrize("name", ["digts", "Digits", "srgna"])
def test_an_unknown_recipe_gets_the_closest_name(name, tmp_path):
    close = {"srgna": "srgan"}.get(name, "digits")
    message = refused("train", name, "--out", tmp_path / "r")
    assert f"unknown recipe {name!r}. Did you mean {close!r}?" in message
    assert len(message) < 100


# --- At the start of a run


def test_a_run_is_announced_before_its_first_row_and_told_what_comes_next(tmp_path):
    run = tmp_path / "run"
    text = said("train", "small", "--out", run, "--log-every", 1)
    assert text.index(f": 12 steps -> {run}") < text.index("step 2/12  D ")
    assert f" s; samples and curves are in {run}Next: jaxgan sample {run} --out " in text


def test_large_numbers_of_steps_are_announced_with_a_comma(tmp_path, monkeypatch):
    def announced(run, begun):
        begun(run, 0)
        return result.Result(0.0, 0, 0, 0, {}, None)

    monkeypatch.setattr(runs, "_train", announced)
    text = said("train", "small", "--steps", 20_000, "--out", tmp_path / "run")
    assert f": 20,000 steps -> {tmp_path / 'run'}" in text


@pytest.mark.parametrize(
    "arguments",
    [("--data", "npz:missing.npz"), ("--devices", 99), ("--batch-size", 9, "--devices", 2)],
)
def test_what_cannot_be_trained_is_not_announced(tmp_path, arguments):
    refused("train", "small", "--out", tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_taken_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "small").mkdir(parents=True)
    text = said("train", "small", "--steps", 2)
    assert "runs/small exists, writing to runs/small-2" in text
    assert (tmp_path / "runs" / "small-2" / "config.json").exists()


def test_a_run_of_another_recipe_is_named_before_its_data_are_read(ended, monkeypatch):
    before = contents(ended)
    monkeypatch.setattr(sources, "FROM_PATH", {})
    message = refused("train", "spiral", "--out", ended)
    assert f"{ended} was trained with recipe small, not spiral: use a new --out" in message
    assert "small, not lapgan" in refused("train", "lapgan", "--out", ended)
    assert contents(ended) == before


# --- At its end


@pytest.mark.one_quick_case
@pytest.mark.parametrize("asked", [(), ("--steps", STEPS)])
@pytest.mark.parametrize("start", [("resume",), ("train", "--out")])
def test_a_finished_run_is_said_to_be_complete(ended, start, asked):
    before = contents(ended)
    text = said(*start, ended, *asked)
    assert f"{ended} is already complete (12 steps). Use --steps N to continue" in text
    assert "steps ->" not in text
    assert contents(ended) == before


def test_fewer_steps_than_were_made_are_refused(ended):
    before = contents(ended)
    for arguments in (("resume", ended), ("train", "small", "--out", ended)):
        message = refused(*arguments, "--steps", 6)
        assert f"{ended} is already at step 12: --steps 6 is less" in message
    assert contents(ended) == before


@pytest.mark.slow
def test_steps_that_are_rounded_up_to_whole_rounds_are_complete(tmp_path):
    asked = ("train", "small", "--steps", 3, "--n-generator", 2, "--out", tmp_path / "run")
    assert "3 steps ->" in said(*asked)
    assert "is already complete (4 steps)" in said(*asked)


def test_a_run_that_goes_on_says_from_where(begun):
    assert "12 steps, from step 4 -> " in said("resume", begun)


def test_a_run_that_has_lost_its_checkpoints_says_that_it_starts_again(ended, tmp_path):
    out = shutil.copytree(ended, tmp_path / "run")
    shutil.rmtree(out / "checkpoints")
    assert f"{out} has no checkpoint: training starts from the beg" in said("resume", out)


def test_an_interrupted_run_says_how_to_go_on(tmp_path, monkeypatch):
    interrupted = result.Result(1.0, 1600, 1600, 0, {}, signal=2)
    monkeypatch.setattr(runs, "train_run", lambda *arguments, **named: interrupted)
    ended = invoke("train", "small", "--out", tmp_path / "r")
    assert ended.exit_code == 130
    assert ended.output.replace("\n", "") == (
        f"Interrupted; saved at step 1,600. Resume with: jaxgan resume {tmp_path / 'r'}"
    )


# --- Of what runs have made


@pytest.mark.slow
def test_samples_and_exports_of_a_run_that_has_not_ended_say_so(begun, ended, tmp_path):
    out = tmp_path / "x.npz"
    asked = ("sample", begun, "--num", 2, "--out", out)
    assert said(*asked) == f"2 samples from step 4 of 12 -> {out}"
    exported = invoke("export", begun, "--out", tmp_path / "export")
    assert exported.stderr.startswith("Warning: the run has not ended;")
    assert exported.stdout.startswith("generator from step 4 of 12 -> ")
    older = said("sample", ended, "--num", 2, "--out", out, "--checkpoint", 8)
    assert older.startswith("2 samples from step 8 of 12")
    assert said("sample", ended, "--num", 2, "--out", out).startswith("2 samples -> ")
    assert invoke("export", ended).stderr == ""


def test_checkpoints_that_are_not_there_are_named_with_those_that_are(ended, tmp_path):
    asked = ("sample", ended, "--out", tmp_path / "x.npz", "--checkpoint")
    assert "has no checkpoint of round 123; available: 4, 8, 12" in refused(*asked, 123)
    assert "was trained without --keep-best: choose latest or a round" in refused(*asked, "best")
    shutil.rmtree(ended / "checkpoints")
    assert "has no checkpoint yet: wait for the first save" in refused(*asked, "latest")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--num", 10), "--num 10 is too few: scores need at least 100 samples"),
        (("--metrics", "fid"), "for the FID give --metrics fd --features inception:FILE"),
        (("--metrics", "swd,kid"), "for the KID give --metrics kd --features inception:FILE"),
        (("--metrics", "recall"), "there is no metric 'recall'; recall is part of pr"),
        (("--metrics", "x"), "--metrics: there is no metric 'x'; choose from fd, kd, is, pr"),
    ],
)
def test_what_is_not_scored_is_refused_before_the_data_are_read(
    ended, monkeypatch, arguments, message
):
    monkeypatch.setattr(sources, "FROM_PATH", {})
    assert message in refused("evaluate", ended, *arguments)
    assert not (ended / "scores.json").exists()


def test_scores_that_training_lacks_name_its_option(ended):
    message = refused("train", "--out", ended, "--score", "fdd", "--steps", 14)
    assert message.startswith("--score: there is no metric 'fdd'; choose from fd")


# --- Progress


def test_a_plain_line_has_speed_and_time_left_once_they_are_known(monkeypatch, capsys):
    times = iter([0.0, 0.0, 2.0, 4.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(times))
    with progress.display(Console(width=200), 600) as show:
        for step in (100, 200, 300, 400):
            show({"round": step, "step": step, "discriminator_loss": 0.5, "accuracy_pairs": 1.0})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"step {step}/600  D 0.50  D pairwise accuracy 1.00" for step in (100, 200)
    ]
    assert lines[2] == "step 300/600  100 rounds/s  3.0 s left  D 0.50  D pairwise accuracy 1.00"
    assert lines[3].startswith("step 400/600  50 rounds/s  4.0 s left")


def test_accuracies_are_named_with_their_samples():
    row = {"accuracy_real": 0.9, "accuracy_fake": 0.8, "diversity": 1.0}
    assert progress._main_metrics(row) == ["D accuracy: real 0.90, fake 0.80", "diversity 1.00"]


@pytest.mark.slow
def test_a_run_of_a_generator_alone_shows_no_columns_of_a_discriminator(tmp_path, monkeypatch):
    def alone(shape, num_classes=None):
        return dataclasses.replace(
            small_gan(shape),
            discriminator=no_discriminator(),
            loss=losses.without_generator(losses.non_saturating),
            generator_terms=(generator_term(lambda fake: fake.var(), 1.0, name="size"),),
            discriminator_optimizer=optax.identity(),
        )

    monkeypatch.setitem(RECIPES, "small", dataclasses.replace(RECIPES["small"], gan=alone))
    text = said("train", "small", "--steps", 2, "--out", tmp_path / "run", "--log-every", 1)
    assert "step 2/2  G " in text
    assert "D " not in text.partition("step 2/2")[2]


def test_the_speed_of_a_resumed_run_is_that_of_its_own_rounds(monkeypatch):
    times = iter([10.0, 11.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(times))
    measure = progress._speedometer()
    assert measure({"round": 5000, "step": 5000}) is None
    assert measure({"round": 5020, "step": 5040}) == (20.0, 40.0)

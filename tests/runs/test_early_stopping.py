"""Runs under watch: alerts told and written once, and runs that stop on them."""

import functools
import json
import shutil
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from arrays import bits
from commands import succeed
from interruption import Cut, cut_at, killed_again_and_again, small_process
from paths import HELPERS
from small_game import (
    COLLAPSED,
    OWN,
    begin,
    command,
    contents,
    events,
    go_on,
    saved,
    small_options,
    state_at,
)

from jaxgan import monitor
from jaxgan.monitor.detector import KINDS, Thresholds
from jaxgan.runs import early_stopping
from jaxgan.runs import train as runs
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import metrics_rows
from jaxgan.runs.settings.config import read_config

pytestmark = pytest.mark.usefixtures("small", "quick")

FOUND = COLLAPSED + 3  # two of three rows, and one more; the call ends there


@pytest.fixture(scope="module")
def quick():
    """Windows of three rows."""
    with pytest.MonkeyPatch.context() as patch:
        limits = functools.partial(Thresholds, rows=2, rounds=2, transient=2, min_diversity=0.1)
        patch.setattr(early_stopping, "Thresholds", limits)
        yield


@pytest.fixture(scope="module")
def whole(small, quick, tmp_path_factory):
    """A run that collapses and goes on to its end, with what it told."""
    run, told = tmp_path_factory.mktemp("runs") / "whole", []
    runs.train_run(small_options(recipe="collapsing"), run, on_alert=told.append)
    return run, told


@pytest.fixture(scope="module")
def stopped(small, quick, tmp_path_factory):
    """One that stops on it."""
    run = tmp_path_factory.mktemp("runs") / "stopped"
    options = small_options(recipe="collapsing", stop_on=("collapse",))
    return run, runs.train_run(options, run)


def found(run, *kinds):
    """The alerts among the events, without the time."""
    kinds = kinds or KINDS
    return [(e["kind"], e["round"], e["message"]) for e in events(run) if e["kind"] in kinds]


def said(*arguments):
    """What a command says, on one line."""
    return " ".join(succeed(*arguments).output.split())


# --- Told


@pytest.mark.slow
def test_what_is_found_is_among_the_events_and_told(whole):
    run, told = whole
    assert (found(run, "collapse")[0][:2], len(found(run, "collapse"))) == (("collapse", FOUND), 1)
    assert "diversity" in found(run, "collapse")[0][2]
    assert found(run) == [(each.kind, each.round, each.message) for each in told]
    assert json.loads((run / "result.json").read_text())["finding"] is None
    assert metrics_rows(run)[-1]["round"] == 12
    limits = Thresholds(rows=2, rounds=2, transient=2, min_diversity=0.1)
    assert monitor.alerts(metrics_rows(run), limits) == told


@pytest.mark.parametrize(
    "number",
    [FOUND, *(pytest.param(n, marks=pytest.mark.slow) for n in (FOUND + 1, FOUND + 2))],
)
def test_a_run_cut_short_and_gone_on_with_tells_each_finding_once(whole, tmp_path, number):
    run = tmp_path / "cut"
    with pytest.raises(Cut):
        runs.train_run(small_options(recipe="collapsing"), run, on_start=cut_at(number))
    go_on(run)
    assert len(events(run, "resume")) == 1
    assert found(run) == found(whole[0])


def test_a_finding_of_before_is_not_told_again(whole, tmp_path):
    run, told = shutil.copytree(whole[0], tmp_path / "run"), []
    options = small_options(recipe="collapsing", steps=16)
    runs.train_run(options, run, on_alert=told.append)
    assert "collapse" not in [each.kind for each in told]
    assert len(found(run, "collapse")) == 1


@pytest.mark.slow
def test_lines_that_are_no_events_are_passed_over(whole, tmp_path):
    run = tmp_path / "cut"
    with pytest.raises(Cut):
        runs.train_run(small_options(recipe="collapsing"), run, on_start=cut_at(FOUND + 1))
    with (run / "events.jsonl").open("a") as file:
        file.write('[]\nnothing\n{"kind": ["collapse"], "round": {}}\n{"time": ')
    go_on(run)
    kept = [
        line for line in (run / "events.jsonl").read_text().splitlines() if '"collapse", ' in line
    ]
    assert len(kept) == 1


def test_the_best_is_kept_by_the_score_that_may_deteriorate(tmp_path):
    options = small_options(recipe="collapsing")
    keep = options.saving.keep._replace(best="discriminator_loss:min")
    told = []
    options = options._replace(saving=options.saving._replace(keep=keep))
    runs.train_run(options, tmp_path / "run", on_alert=told.append)
    for each in told:
        assert each.kind != "deterioration" or "discriminator_loss" in each.message


def test_a_game_without_a_discriminator_is_not_told_that_it_fails():
    rows = [
        {"round": n, "step": n, "accuracy_real": 0.0, "accuracy_fake": 1.0, "diversity": 1.0}
        | {"logit_real": 0.0, "logit_fake": 0.0, "logit_std": 0.0}
        for n in range(1, 100)
    ]
    for params, kinds in (({}, []), ({"w": 1.0}, ["discriminator-fails"])):
        state = SimpleNamespace(discriminator=SimpleNamespace(params=params))
        options = small_options(stop_on=("discriminator-fails",))
        config = SimpleNamespace(options=options, stop_after=0)
        stop = early_stopping.EarlyStopping(config, state, rows).stop
        assert [each.kind for each in (stop,) if each] == kinds


# --- Stopped


def test_a_run_asked_to_stops_on_a_finding_and_saves_its_state(stopped, whole):
    run, result = stopped
    assert result.round == FOUND
    assert result.signal is None
    assert saved(run)[0] == [4, 8, FOUND]
    assert metrics_rows(run) == metrics_rows(whole[0])[:FOUND]
    (event,) = events(run, "stop")
    assert (event["round"], event["message"]) == (FOUND, "stopped early on collapse")
    written = json.loads((run / "result.json").read_text())
    assert written["finding"] == result.finding
    assert result.finding.startswith(f"step {FOUND}: collapse: ")


@pytest.mark.one_quick_case
@pytest.mark.parametrize("number", [FOUND - 1, FOUND])
def test_a_run_cut_short_stops_where_it_would_have(stopped, tmp_path, number):
    run = tmp_path / "cut"
    options = small_options(recipe="collapsing", stop_on=("collapse",))
    with pytest.raises(Cut):
        runs.train_run(options, run, on_start=cut_at(number))
    assert go_on(run).finding == stopped[1].finding
    assert saved(run) == saved(stopped[0])
    assert found(run) == found(stopped[0])


@pytest.mark.slow
def test_a_stopped_run_stays_as_it_is(stopped, tmp_path):
    run = shutil.copytree(stopped[0], tmp_path / "run")
    before = contents(run)
    for arguments in (("resume", run), ("train", "--out", run), ("resume", run, "--steps", 12)):
        told = said(*arguments)
        assert f"stopped early on step {FOUND}: collapse: the generator has collapsed" in told
        assert contents(run) == before


def test_a_run_killed_as_it_stopped_has_stopped(stopped, tmp_path):
    run = shutil.copytree(stopped[0], tmp_path / "run")
    (run / "result.json").unlink()
    assert go_on(run).finding == stopped[1].finding
    assert json.loads((run / "result.json").read_text())["round"] == FOUND
    assert saved(run) == saved(stopped[0])


@pytest.mark.slow
def test_other_steps_or_another_stop_go_on_with_a_stopped_run(stopped, whole, tmp_path):
    for asked, last in (
        (("--steps", 14), 14),
        (("--stop-on", "none"), 12),
        (("--stop-on", "discriminator-wins"), 12),
    ):
        run = shutil.copytree(stopped[0], tmp_path / str(asked[1]))
        assert "stopped early" not in said("train", *asked, "--out", run)
        assert metrics_rows(run)[-1]["round"] == last
        assert read_config(run).stop_after == FOUND
        assert f"stop_after: 0 -> {FOUND}" in events(run, "settings")[-1]["message"]
        if last == 12:
            assert bits(state_at(run, 12)) == bits(state_at(whole[0], 12))
        before = contents(run)
        assert "stopped early" not in said("resume", run)  # and so it stays
        assert contents(run) == before


@pytest.mark.slow
def test_a_run_gone_on_with_and_cut_again_still_goes_on(stopped, tmp_path):
    run = shutil.copytree(stopped[0], tmp_path / "run")
    options = small_options(recipe="collapsing", stop_on=("collapse",), steps=16)
    with pytest.raises(Cut):
        runs.train_run(options, run, on_start=cut_at(14))
    assert go_on(run).round == 16


def test_a_finding_of_before_it_was_asked_to_does_not_stop_a_run(whole, tmp_path):
    run = shutil.copytree(whole[0], tmp_path / "run")
    said("train", "--out", run, "--stop-on", "collapse", "--steps", 16)
    assert metrics_rows(run)[-1]["round"] == 16


def test_from_the_command_line_a_run_tells_and_stops(tmp_path):
    run = tmp_path / "run"
    asked = ["--log-every", 1, "--save-every", 4, "--keep-best", "diversity:max"]
    told = said(
        *("train", "collapsing", *asked, "--keep", 1, "--stop-on", "collapse,discriminator-wins"),
        *("--out", run),
    )
    assert told.count(f"step {FOUND}: collapse: the generator has collapsed") == 2
    assert "go on with other --steps" not in told
    assert "to continue, give other --steps or another --stop-on" in told
    assert read_config(run).options.stop_on == ("discriminator-wins", "collapse")
    assert saved(run)[0] == sorted({load_generator(run, which="best").step, FOUND})
    assert load_generator(run, which="best").step < COLLAPSED + 2


def test_a_kind_that_is_none_is_refused(tmp_path):
    status, error = command("train", "small", "--stop-on", "boredom", "--out", tmp_path / "r")
    assert status == 2
    assert error.startswith("Error: --stop-on must be some of equilibrium,")
    assert not (tmp_path / "r").exists()
    with pytest.raises(ValueError, match=r"stop_on\.0 should be 'equilibrium'"):
        begin(tmp_path / "r", stop_on=("boredom",))


def test_a_configuration_of_before_there_was_a_watch_is_read(whole, tmp_path):
    run = shutil.copytree(whole[0], tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    del config["options"]["stop_on"], config["stop_after"]
    (run / "config.json").write_text(json.dumps(config))
    assert read_config(run).options.stop_on == ()
    assert go_on(run, steps=14).round == 14


@pytest.mark.slow
def test_a_killed_run_tells_each_finding_once(small, tmp_path):
    """A process of its own, with windows as they are."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    asked = ["--steps", 4000, "--log-every", 5, "--save-every", 100, "--sample-every", 4000]
    commands = [small_process(small, "train", "small", *asked, "--out", r) for r in (whole, killed)]
    subprocess.run(commands[0], check=True, capture_output=True)
    killed_again_and_again(killed, commands[1], kills=3, seed=0)
    subprocess.run(commands[1], check=True, capture_output=True)
    assert found(whole)
    assert found(killed) == found(whole)


# --- Of two processes

QUICK_PROCESS = (
    "import functools, os, re, sys; from pathlib import Path;"
    "flags = os.environ['XLA_FLAGS'];"
    "os.environ['XLA_FLAGS'] = re.sub(r'(device_count)=\\d+', r'\\1=1', flags);"
    "sys.path.insert(0, sys.argv.pop(1)); import small_game;"
    "from jaxgan.recipes import RECIPES; from jaxgan.runs import early_stopping;"
    "RECIPES.update(small_game.recipes_on(Path(sys.argv.pop(1))));"
    "limits = dict(rows=2, rounds=2, transient=2, min_diversity=0.1);"
    "early_stopping.Thresholds = functools.partial(early_stopping.Thresholds, **limits);"
    "from jaxgan.cli import main; main()"
)


def two_processes(file, *arguments):
    """The ends of two processes of one run: (status, stdout, stderr) of each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    cluster = ["--devices", 2, "--coordinator", coordinator, "--num-processes", 2]
    command = [sys.executable, "-c", QUICK_PROCESS, str(HELPERS), str(file)]
    running = [
        subprocess.Popen(
            [*command, *map(str, (*arguments, *cluster, "--process-id", number))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    try:
        ends = [process.communicate(timeout=240) for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.returncode, *end) for process, end in zip(running, ends, strict=True)]


@pytest.mark.slow
def test_two_processes_stop_at_the_same_step_and_leave_a_whole_run(small, stopped, tmp_path):
    run = tmp_path / "run"
    asked = ["--stop-on", "collapse", "--log-every", 1, "--save-every", 4, "--sample-every", 4]
    ends = two_processes(small, "train", "collapsing", *asked, "--out", run)
    assert [status for status, *_ in ends] == [0, 0], ends
    # One that went on alone would wait for the other's gradients, and fail when it has left.
    told = [out.count(f"step {FOUND}: collapse: the generator has collapsed") for _, out, _ in ends]
    assert told == [2, 0]
    assert {path.name for path in run.iterdir() if not path.name.startswith("events.")} == OWN
    assert saved(run)[0] == saved(stopped[0])[0] == [4, 8, FOUND]
    rows, of_one = metrics_rows(run), metrics_rows(stopped[0])
    for row, other in zip(rows, of_one, strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)
    written = json.loads((run / "result.json").read_text())
    assert (written["round"], written["step"]) == (FOUND, FOUND)
    assert written["finding"].startswith(f"step {FOUND}: collapse: ")
    assert [(e["kind"], e["round"]) for e in events(run, "stop")] == [("stop", FOUND)]
    before = contents(run)
    again = two_processes(small, "train", "--out", run)  # both know that it has ended
    assert [status for status, *_ in again] == [0, 0], again
    assert contents(run) == before
    succeed("sample", run, "--num", 9, "--out", tmp_path / "samples.npz")
    assert (tmp_path / "samples.npz").exists()

"""Metrics and images in the trackers of services, offline."""

import json
import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from commands import invoke

from jaxgan.runs.disk import log, trackers
from jaxgan.runs.disk.log import RunLog, events
from jaxgan.runs.disk.trackers import check_trackers, open_trackers

IMAGE = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
OPTIONS = {"options": {"recipe": "digits", "plan": {"batch_size": 4}, "seed": 7}}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(OPTIONS))
    return tmp_path


class Kept:
    """A tracker that keeps what it is told, and fails from a call on."""

    def __init__(self, fails_at=99):
        self.told, self.fails_at = [], fails_at

    def _tell(self, *what):
        if len(self.told) == self.fails_at:
            raise ConnectionError("no network\nat all")
        self.told.append(what)

    def write_scalars(self, values, step):
        self._tell(values, step)

    def write_image(self, name, image, step):
        self._tell(name, step)

    def flush(self):
        self._tell("flush")

    def close(self):
        self._tell("close")


def rows(*rounds):
    return [{"round": each, "step": each, "loss": float(each), "none": None} for each in rounds]


def test_a_tracker_receives_finite_metrics_and_images_of_each_round(run, monkeypatch):
    kept = Kept()
    monkeypatch.setitem(trackers._SERVICES, "wandb", lambda folder: kept)
    journal = RunLog(run, 0, 0, ("wandb",))
    journal.write_rows(rows(1, 2))
    journal.write_image(IMAGE, 2, 2)
    journal.settle()
    journal.close()
    numbers = [({"loss": 1.0}, 1), ({"loss": 2.0}, 2)]
    assert kept.told == [*numbers, ("samples", 2), ("flush",), ("close",)]
    assert not list(run.glob("events.out*"))


@pytest.mark.parametrize("fails_at", [0, 1, 3])
def test_a_tracker_that_fails_is_left_out_with_an_event_and_the_run_goes_on(
    run, monkeypatch, fails_at
):
    kept = Kept(fails_at)
    monkeypatch.setitem(trackers._SERVICES, "wandb", lambda folder: kept)
    journal = RunLog(run, 0, 0, ("tensorboard", "wandb"))
    for number in range(1, 5):
        journal.write_rows(rows(number))
    journal.close()
    assert len(kept.told) == fails_at
    (event,) = [each for each in events(run) if each["kind"] == "track"]
    assert event["message"] == "wandb is left out from now on: no network"
    assert len(log.metrics_rows(run)) == 4
    assert len(list(run.glob("events.out*"))) == 1


def test_a_tracker_that_cannot_begin_is_left_out_too(run, monkeypatch):
    def refuse(folder):
        raise RuntimeError("no key")

    monkeypatch.setitem(trackers._SERVICES, "mlflow", refuse)
    journal = RunLog(run, 0, 0, ("mlflow",))
    journal.write_rows(rows(1))
    journal.close()
    assert [each["message"] for each in events(run)] == ["mlflow is left out from now on: no key"]


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_named_before_training(name, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"--track {name} needs a package: pip install"):
        check_trackers((name,))
    result = invoke("train", "digits", "--track", name, "--out", tmp_path / "run")
    assert f"--track {name} needs a package" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_an_unknown_tracker_gets_the_list(tmp_path):
    result = invoke("train", "digits", "--track", "comet", "--out", tmp_path / "run")
    assert "--track must be some of tensorboard,wandb,mlflow, or none" in str(result.exception)


def write_twice(name, folder):
    """Two sessions of one run."""
    for number in (1, 2):
        (tracker,) = open_trackers((name,), folder, None, lambda *said: pytest.fail(str(said)))
        tracker.write_scalars({"fd@10k": 0.5 * number, "unknown": None}, number)
        tracker.write_image("samples", IMAGE, number)
        tracker.flush()
        tracker.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside MLflow
def test_mlflow_keeps_one_run_with_its_metrics_settings_and_images(run, monkeypatch):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_twice("mlflow", run)
    with sqlite3.connect(run / "mlflow.db") as base:
        assert base.execute("select key, value, step from metrics order by step").fetchall() == [
            ("fd_10k", 0.5, 1),
            ("fd_10k", 1.0, 2),
        ]
        settings = dict(base.execute("select key, value from params").fetchall())
        states = base.execute("select name, status from runs").fetchall()
    assert settings == {"recipe": "digits", "plan.batch_size": "4", "seed": "7"}
    assert states == [(run.name, "FINISHED")]
    assert len(list(run.rglob("mlartifacts/**/*.png"))) == 2


def test_wandb_keeps_one_run_offline(run):
    pytest.importorskip("wandb")
    # in a process of its own, as W&B keeps one running
    code = (
        f"import sys; sys.path[:0] = {[str(each) for each in sys.path]!r}\n"
        "from pathlib import Path\n"
        f"from test_trackers import write_twice\nwrite_twice('wandb', Path({str(run)!r}))\n"
    )
    environment = os.environ | {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, cwd=os.path.dirname(__file__)
    )
    known = json.loads((run / "trackers.json").read_text())["wandb"]
    logs = list(run.rglob("*.wandb"))
    assert {path.name for path in logs} == {f"run-{known}.wandb"}
    whole = b"".join(path.read_bytes() for path in logs)
    assert b"fd@10k" in whole
    assert len(list(run.rglob("media/images/*.png"))) == 2

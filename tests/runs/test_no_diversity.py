"""Runs whose batches have no diversity to speak of: it is not a number, and no one stops on it."""

import json

import numpy as np
import pytest
from small_game import command

from jaxgan import monitor, plots
from jaxgan.runs.disk.log import events, metrics_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(narrow_recipes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    train = ("train", "digits", "--batch-size", 1, "--steps", 8, "--log-every", 1)
    kept = ("--stop-on", "collapse", "--keep-best", "diversity:max", "--devices", 1)
    assert command(*train, *kept, "--out", folder) == (0, "")
    return folder


def strict(text):
    def refused(name):
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refused)


def test_batches_of_one_are_trained_on_and_logged_as_valid_json(run):
    strict((run / "result.json").read_text())
    for line in (run / "metrics.jsonl").read_text().splitlines():
        strict(line)
    rows = metrics_rows(run)
    assert len(rows) == 8
    assert {row["diversity"] for row in rows} == {None}


def test_nobody_finds_a_collapse_in_it(run):
    rows = metrics_rows(run)
    long = [rows[-1] | {"round": i, "step": i} for i in range(1, 3001)]
    assert not [found for found in monitor.alerts(long) if found.kind == "collapse"]
    history = {
        "round": np.arange(3000),
        "step": np.arange(3000),
        "diversity": np.full(3000, np.nan),
    }
    assert monitor.alerts(history) == []
    assert not [event for event in events(run) if event["kind"] == "collapse"]


def test_its_report_samples_and_curves_are_made(run, tmp_path):
    assert command("report", run, "--out", tmp_path / "page.html") == (0, "")
    assert command("sample", run, "--num", 2, "--out", tmp_path / "two.npz") == (0, "")
    status, said = command("sample", run, "--checkpoint", "best", "--out", tmp_path / "best.npz")
    assert status == 2
    assert "no checkpoint" in said
    plots.training_curves({"step": np.arange(3), "diversity": np.full(3, np.nan)})

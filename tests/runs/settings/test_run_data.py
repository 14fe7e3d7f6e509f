"""The data of a run: found from any folder, and no others taken for them."""

import json
import os
import shutil

import numpy as np
import pytest
from outputs import evaluate_run
from small_game import SIZE, begin, command, contents, events, go_on, small_options

from jaxgan import cli
from jaxgan.data.sources import absolute
from jaxgan.runs.disk import folder, log
from jaxgan.runs.settings.config import read_config
from jaxgan.runs.settings.run_data import absolute_paths

pytestmark = pytest.mark.usefixtures("small")


def points(file, seed=0):
    file.parent.mkdir(exist_ok=True)
    np.savez(file, x=np.random.default_rng(seed).normal(size=(SIZE, 3)).astype(np.float32))
    return file


@pytest.fixture
def wandering(tmp_path, monkeypatch):
    """A run on data that were named from their own folder, seen from another one."""
    points(tmp_path / "home" / "points.npz")
    points(tmp_path / "away" / "points.npz", seed=1)
    monkeypatch.chdir(tmp_path / "home")
    options = small_options()
    begin(tmp_path / "run", input=options.input._replace(source="npz:./points.npz"))
    monkeypatch.chdir(tmp_path / "away")
    return tmp_path / "run"


def scored(run, source=None):
    return evaluate_run(run, source=source, metrics=("swd",), num=50, features="pixels")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("npz:x.npz", "npz:/here/x.npz"),
        ("npz:./x.npz", "npz:/here/x.npz"),
        ("npz:~/x.npz", "npz:/home/me/x.npz"),
        ("folder:.", "folder:/here/."),
        ("folder:.@64", "folder:/here/.@64"),
        ("folder:../there@64", "folder:/here/../there@64"),
        ("idx:mnist:test", "idx:/here/mnist:test"),
        ("pairs:a,~/b@64", "pairs:/here/a,/home/me/b@64"),
        ("patches:/data@96", "patches:/data@96"),
        ("tfds:mnist", "tfds:mnist"),
        ("ring8", "ring8"),
    ],
)
def test_names_of_data_hold_from_any_folder(typed, found, monkeypatch):
    monkeypatch.setattr(os, "getcwd", lambda: "/here")
    monkeypatch.setenv("HOME", "/home/me")
    assert absolute(typed) == found
    assert absolute(found) == found


def test_a_folder_whose_name_reads_as_a_part_of_a_name_is_no_such_part(monkeypatch):
    monkeypatch.setattr(os, "getcwd", lambda: "/a,b@64")
    assert absolute("folder:.") == "folder:/a,b@64/."  # not of size 64
    assert absolute("pairs:x,y") == "pairs:x,y"  # not of the folders /a and b@64/x,y


def test_all_paths_of_a_run_hold_from_any_folder(monkeypatch):
    monkeypatch.setattr(os, "getcwd", lambda: "/here")
    given = {"input.source": "npz:x.npz", "input.tfds_manual_dir": "files", "log_every": 2}
    found = {"input.source": "npz:/here/x.npz", "input.tfds_manual_dir": "/here/files"}
    assert absolute_paths(given) == found
    scoring = {"scoring.features": "inception:fid.pth"}
    assert absolute_paths(scoring) == {"scoring.features": "inception:/here/fid.pth"}
    onnx = {"scoring.features": "onnx:mine.onnx,unit"}
    assert absolute_paths(onnx) == {"scoring.features": "onnx:/here/mine.onnx,unit"}
    function = {"scoring.features": "my_features:means"}
    assert absolute_paths(function) == function
    assert absolute_paths({"scoring.features": None}) == {}


@pytest.mark.slow
def test_a_run_goes_on_from_another_folder(wandering, tmp_path):
    assert read_config(wandering).options.input.source == f"npz:{tmp_path}/home/points.npz"
    assert go_on(wandering, steps=14).step == 14
    assert "input.source" not in str(events(wandering, "settings"))
    assert scored(wandering).facts["data_differ"] == "no"


@pytest.mark.slow
def test_a_run_is_not_scored_against_other_data(wandering, tmp_path):
    own = scored(wandering)
    with pytest.raises(ValueError, match=r"trained on: the contents of the data"):
        scored(wandering, "npz:points.npz")
    points(tmp_path / "home" / "points.npz", seed=2)
    before = contents(wandering)
    status, error = command("evaluate", wandering, "--num", 100, "--features", "pixels")
    assert (status, len(error.splitlines())) == (2, 1)
    assert "--force to accept these" in error
    assert contents(wandering) == before
    (tmp_path / "home" / "points.npz").unlink()
    with pytest.raises(FileNotFoundError, match="give their new location with --data"):
        scored(wandering)
    moved = points(tmp_path / "moved" / "points.npz")
    assert scored(wandering, f"npz:{moved}").scores == own.scores


@pytest.mark.slow
def test_other_data_are_taken_by_force_and_that_is_written_down(wandering):
    arguments = ("--num", 100, "--features", "pixels", "--no-errors", "--data", "npz:points.npz")
    assert command("evaluate", wandering, *arguments, "--force")[0] == 0
    written = json.loads((wandering / "scores.json").read_text())
    assert written["data"] == "npz:points.npz"
    assert "the contents of the data" in written["data_differ"]


def test_names_that_json_cannot_hold_are_refused(tmp_path, monkeypatch):
    name = os.fsdecode(b"p\xff")
    shutil.copy(points(tmp_path / "points.npz"), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"must be in UTF-8, .*p\\udcff'"):
        begin(tmp_path / "run", input=small_options().input._replace(source=f"npz:{name}"))
    with pytest.raises(ValueError, match=r"--out must be a UTF-8 path, .*p\\udcff'"):
        begin(tmp_path / name)
    with pytest.raises(ValueError, match="UTF-8 path"):
        folder.check_name(tmp_path / name / "run")
    assert not (tmp_path / "run").exists()
    assert (tmp_path / name).is_file()


def test_events_name_files_that_are_no_utf8(tmp_path):
    log.write_event(tmp_path, "record", 0, os.fsdecode(b"caf\xe9.png cannot be read"))
    (event,) = log.events(tmp_path)
    assert event["message"] == r"caf\udce9.png cannot be read"


# --- Scores are not lost


@pytest.mark.slow
def test_scores_are_shown_before_they_are_written(ended, monkeypatch, capsys):
    def refuse(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr("jaxgan.scoring.evaluation.write_evaluation", refuse)
    monkeypatch.setattr(
        "sys.argv", ["jaxgan", "evaluate", str(ended), "--num", "100", "--no-errors"]
    )
    with pytest.raises(SystemExit) as status:
        cli.main()
    shown, error = capsys.readouterr()
    assert status.value.code == 2
    assert "swd_pixels@100" in shown
    assert error == "Error: the disk is full\n"


def test_scores_of_a_run_that_is_read_only_are_shown(ended, monkeypatch, capsys):
    before = contents(ended)
    monkeypatch.setattr(os, "access", lambda path, mode: path != ended or mode == os.R_OK)
    monkeypatch.setattr(
        "sys.argv", ["jaxgan", "evaluate", str(ended), "--num", "100", "--no-errors"]
    )
    with pytest.raises(SystemExit) as status:
        cli.main()
    shown, error = capsys.readouterr()
    assert status.value.code == 0, error
    assert "swd_pixels@100" in shown
    assert f"{ended} is read-only: the scores are only shown; give --out FILE to keep them" in error
    assert contents(ended) == before


@pytest.mark.parametrize(
    ("arguments", "work"),
    [
        (["evaluate", "--out", "scores.json"], "jaxgan.runs.outputs.evaluate.evaluate_generator"),
        (["sample", "--out", "x.npz"], "jaxgan.runs.outputs.samples.draw_with_conditions"),
        (["report", "--out", "x.html"], "jaxgan.runs.outputs.report.page.page"),
        (["export", "--out", "x"], "jaxgan.runs.disk.generator.load_generator"),
        (["upscale", "--out", "x.png"], "jaxgan.runs.outputs.upscale.upscale_image"),
        (["translate", "--out", "x.png"], "jaxgan.runs.outputs.translate.make_translate"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_work(
    ended, tmp_path, monkeypatch, arguments, work
):
    monkeypatch.setattr(work, lambda *arguments, **keywords: pytest.fail("it was worked"))
    (tmp_path / "file").write_text("")
    name, option, out = arguments
    images = [tmp_path / "file"] if name in ("upscale", "translate") else []
    status, error = command(name, ended, *images, option, tmp_path / "file" / out)
    assert (status, len(error.splitlines())) == (2, 1)
    assert f"cannot be written: {tmp_path}/file is a file" in error or "is a file: give" in error

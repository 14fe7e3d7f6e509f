"""Samples in files scored from the command line."""

import json

import numpy as np
import pytest
from commands import invoke, succeed
from rich.console import Console

from jaxgan.cli import progress


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    for name, num in (("fake", 120), ("real", 250)):
        np.save(folder / f"{name}.npy", rng.integers(0, 256, (num, 5, 5, 1), np.uint8))
    np.save(folder / "few.npy", rng.integers(0, 256, (20, 5, 5, 1), np.uint8))
    return folder


def refused(*arguments):
    result = invoke("evaluate", *arguments)
    assert result.exit_code != 0
    return str(result.exception)


PIXELS = ("--features", "pixels", "--metrics", "swd", "--num", 120, "--no-errors")


def test_samples_in_files_give_a_table_scores_and_a_picture(files, tmp_path):
    out, picture = tmp_path / "scores.json", tmp_path / "neighbours.png"
    result = succeed(
        *("evaluate", files / "fake.npy", "--against", files / "real.npy", *PIXELS),
        *("--out", out, "--picture", picture),
    )
    assert "swd_pixels@120" in result.output
    written = json.loads(out.read_text())
    (score,) = written["scores"]
    assert score["baseline"] > 0
    assert (written["samples"], written["real"], written["resized"]) == (120, 120, "no")
    assert written["samples_from"].endswith("fake.npy")
    assert {"versions", "device", "date", "seed", "features"} <= written.keys()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_statistics_that_are_written_can_be_compared_with(files, tmp_path):
    out = tmp_path / "real.npz"
    succeed("evaluate", files / "real.npy", "--features", "pixels", "--statistics-out", out)
    arguments = ("--features", "pixels", "--no-errors", "--num", 120)
    result = succeed("evaluate", files / "fake.npy", "--against", out, *arguments)
    assert "fd_pixels@120/250" in result.output
    assert "the real samples are not at hand" in result.output


def test_samples_in_files_are_compared_with_held_out_ones(files):
    result = succeed(
        *("evaluate", files / "fake.npy", "--against", files / "real.npy", "--features", "pixels"),
        *("--metrics", "memorisation", "--held-out", files / "few.npy", "--no-errors"),
    )
    for name in ("authenticity", "copied", "copying_test"):
        assert f"{name}_pixels@120/250" in result.output


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        ("fake.npy", ["--against", "few.npy", "--checkpoint", "best"], "--checkpoint is for runs"),
        ("fake.npy", [], "not a run's folder"),
        ("few.npy", ["--against", "real.npy"], "holds 20 samples, and scores need at least 100"),
        ("fake.npy", ["--against", "real.npy", "--held-out", "few.npy"], "add it to --metrics"),
        ("fake.npy", ["--against", "real.npy", "--metrics", "memorisation"], "give them with"),
        (
            "fake.npy",
            ["--against", "real.npy", "--metrics", "intra_class_fd"],
            "give samples with labels",
        ),
        ("fake.npy", ["--against", "real.npy", "--range", "1,0"], "LOW below HIGH"),
        ("fake.npy", ["--against", "real.npy", "--range=-1,1"], "both sides hold uint8"),
        ("fake.npy", ["--against", "real.npy", "--picture", "x.jpg"], "ends in .png"),
        ("fake.npy", ["--statistics-out", "x.npz"], "--statistics-out needs features"),
    ],
)
def test_what_does_not_fit_is_refused(files, monkeypatch, samples, options, message):
    monkeypatch.chdir(files)
    assert message in refused(samples, *options)


def test_reading_shows_a_bar_on_a_terminal_and_late_lines_elsewhere(monkeypatch, capsys):
    times = iter([0.0, 5.0, 11.0, 11.0, 15.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(times))
    with progress.reading(Console(width=100)) as report:
        for done in (1000, 2000, 3000):
            report("folder:real", done, 50_000)
    assert capsys.readouterr().out == "2,000/50,000  folder:real\n"
    monkeypatch.undo()
    with progress.reading(Console(width=100, force_terminal=True)) as report:
        report("folder:real", 1000, 50_000)
        report("[fake]", 3000, 4000)
    shown = capsys.readouterr().out
    assert "3000/4000" in shown
    assert "[fake]" in shown

"""Mistakes that a user may make: each is named, before anything is written."""

import re

import jax
import numpy as np
import pytest
from commands import invoke
from fuzz_data import npz_of, zipped
from fuzzing import check_explained
from outputs import described

from jaxgan.data.sources import load
from jaxgan.runs import train as runs
from jaxgan.runs.outputs.samples import draw_samples
from jaxgan.runs.settings.resolve import options_for
from jaxgan.runs.setup import check_kept

pytestmark = pytest.mark.usefixtures("narrow_recipes")


def _samples(shape=(4, 8, 8, 1), **labels):
    return npz_of("d.npz", {"x": np.zeros(shape, np.uint8)} | labels)


MISTAKES = {
    "a seed of more than 32 bits": (("--seed", "4294967296"), "--seed .* less than 4294967296"),
    "endless minutes": (
        ("--save-minutes", "inf"),
        "--save-minutes should be a finite",
    ),
    "endless memory": (("--max-memory", "inf"), "--max-memory should be a finite"),
    "an unknown way to be best": (("--keep-best", "diversity:big"), "--keep-best must be METRIC:m"),
    "no metric": (("--keep-best", ":max"), "--keep-best must be METRIC:max or METRIC:min"),
    "more than int32 counts": (("--batch-size", "9" * 20), "--batch-size .* less than"),
    "a crop of the whole image": (("--crop", "8"), "crop must be less than height and width"),
    "no such home": (("--data", "npz:~nobody-here/x"), "no file ~nobody-here/x"),
    "brackets in a name": (("--data", "npz:[/red]"), r"no file \[/red\]"),
    "a name too long": (("--data", "folder:" + "n" * 300), "no directory nnn.* too long"),
    "images too large": (("--data", "folder:.@20000"), "size must be at most 16384 pixels"),
    "a folder's name too long": (("--out", "n" * 300), "cannot be a run's folder: File name too"),
    "no port": (
        ("--coordinator", "h:70000", "--num-processes", "1", "--process-id", "0"),
        "coordinator must be HOST:PORT, got 'h:70000'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_and_leaves_no_folder(name, untrained, tmp_path, monkeypatch):
    arguments, message = MISTAKES[name]
    monkeypatch.chdir(tmp_path)
    result = invoke("train", "digits", "--devices", "1", *arguments)
    check_explained(result.exception)
    assert re.search(message, str(result.exception))
    assert not list(tmp_path.iterdir())


def test_classes_far_beyond_the_data_are_refused(untrained, tmp_path):
    spec = _samples(y=np.array([0, 1, 2, 10**6]))(tmp_path)
    result = invoke("train", "cgan", "--data", spec, "--out", str(tmp_path / "new" / "run"))
    assert "has labels up to 1000000 on 4 samples" in str(result.exception)
    assert not (tmp_path / "new").exists()


def test_other_files_in_an_archive_are_no_samples(tmp_path):
    (tmp_path / "d.npz").write_bytes(zipped({"x": b"text"}))
    with pytest.raises(ValueError, match=r"d\.npz: 'x' is not a NumPy array"):
        load(f"npz:{tmp_path / 'd.npz'}")


def test_options_of_wrong_types_are_named_before_anything_is_read(tmp_path):
    options = options_for(tmp_path / "run", {"plan.flip": "no", "saving.keep.best": "x:big"})
    with pytest.raises(ValueError, match=r"plan.flip .*'no'; saving.keep.best must .*'x:big'"):
        runs.train_run(options, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_named(untrained, tmp_path):
    (tmp_path / "file").touch()
    for name in ("file/run", "deep/nul\0"):
        options = options_for(tmp_path / name, {"plan.devices": 1})
        with pytest.raises(
            (OSError, ValueError),
            match=r"could not start|cannot be a folder|there can be no folder",
        ):
            runs.train_run(options, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("steps", [0, -1])
def test_no_steps_are_refused(steps, tmp_path):
    options = options_for(tmp_path / "run", {})
    with pytest.raises(ValueError, match=f"steps should .*, got {steps}"):
        runs.train_run(options._replace(steps=steps), tmp_path / "run")
    with pytest.raises(ValueError, match="steps must be a positive int"):
        options_for(tmp_path / "run", {"steps": steps})


def test_samples_of_a_seed_of_more_than_32_bits_are_refused():
    with pytest.raises(ValueError, match="seed must be an int from 0 to"):
        draw_samples(described(config=None), 10, 2**32)


@pytest.mark.slow
def test_metrics_that_are_never_meant_cannot_be_best(tmp_path):
    options = options_for(tmp_path / "run", {"steps": 1, "plan.devices": 1})
    keep = options.saving.keep._replace(best="generator_nonfinite")
    options = options._replace(saving=options.saving._replace(keep=keep))
    with pytest.raises(ValueError, match="no metric 'generator_nonfinite'"):
        runs.train_run(options, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("metric", "near"), [("fd", "fd_classifier@2k"), ("generator_los", "generator_loss")]
)
def test_a_metric_whose_name_is_cut_short_or_misspelt_gets_the_closest_name(metric, near):
    known = {"generator_loss", "discriminator_loss", "fd_classifier@2k", "kd_classifier@2k"}
    with pytest.raises(ValueError, match=rf"{metric!r}\. Did you mean {near!r}\? Choose one of"):
        check_kept(metric, known)


@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "error", [MemoryError(), jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")]
)
def test_memory_that_runs_out_is_explained(error, tmp_path, monkeypatch):
    def fail(run, begun):
        raise error

    monkeypatch.setattr(runs, "_train", fail)
    result = invoke("train", "digits", "--batch-size", "1024", "--out", str(tmp_path / "run"))
    assert "out of memory with --batch-size 1024" in str(result.exception)
    assert not (tmp_path / "run").exists()

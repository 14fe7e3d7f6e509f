"""A disk that is full or read-only, and folders that another run holds: nothing is lost."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys

import pytest
from matplotlib.figure import Figure
from outputs import sample_run
from PIL import Image
from small_game import (
    assert_as_undisturbed,
    begin,
    command,
    contents,
    go_on,
)
from tensorboardX.record_writer import RecordWriter

from jaxgan.runs.disk import log, tensorboard
from jaxgan.runs.disk.folder import held_folder

pytestmark = pytest.mark.usefixtures("small")


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.mark.slow
def test_a_run_stopped_in_the_middle_goes_on_as_if_it_had_not(begun, undisturbed):
    go_on(begun)
    assert_as_undisturbed(begun, undisturbed)


# --- The disk is full


@pytest.mark.one_quick_case
@pytest.mark.parametrize("size", [10, slow(300), 1000])
def test_a_disk_that_is_full_at_the_start_leaves_no_folder(
    tmp_path, undisturbed, limit_files, size
):
    run = tmp_path / "run"
    limit_files(size)  # the lock's holder, or config.json, cannot be written
    with pytest.raises(OSError, match=rf"File too large \({run}/.*could not start") as caught:
        begin(run)
    limit_files(resource.RLIM_INFINITY)
    assert len(str(caught.value).splitlines()) == 1
    assert not run.exists()
    begin(run)
    assert_as_undisturbed(run, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1500, slow(2500), slow(4000), 6000])
def test_a_write_that_fails_stops_the_run_and_it_goes_on_later(
    begun, undisturbed, limit_files, size
):
    limit_files(size)
    status, error = command("resume", begun)
    limit_files(resource.RLIM_INFINITY)
    assert status == 2
    assert len(error.splitlines()) == 1
    assert error.startswith("Error: ")
    assert "File too large" in error
    assert f"the run in {begun} stopped, its last checkpoint, of round " in error
    assert f"fix this, then resume with: jaxgan resume {begun}" in error
    assert all(line.endswith("}") for line in (begun / "metrics.jsonl").read_text().splitlines())
    go_on(begun)
    assert_as_undisturbed(begun, undisturbed)


def test_a_line_is_written_whole_or_not_at_all(tmp_path, limit_files):
    log.write_event(tmp_path, "kind", 1, "short")
    before = (tmp_path / "events.jsonl").read_bytes()
    limit_files(len(before) + 20)
    with pytest.raises(OSError, match=r"File too large: .*events.jsonl"):
        log.write_event(tmp_path, "kind", 2, "longer than what is left")
    limit_files(resource.RLIM_INFINITY)
    assert (tmp_path / "events.jsonl").read_bytes() == before


def no_space(*arguments, **keywords):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FULL = {
    "TensorBoard's file": lambda patch: patch.setattr(
        tensorboard, "RecordWriter", lambda path: RecordWriter("/dev/full")
    ),
    "a picture": lambda patch: patch.setattr(Image.Image, "save", no_space),
    "the curves": lambda patch: patch.setattr(Figure, "savefig", no_space),
    "the rename of a file": lambda patch: patch.setattr(os, "replace", no_space),
}
NAMES = {
    "TensorBoard's file": "events.out.tfevents.",
    "a picture": "samples/step_0000008.png",
    "the curves": "curves.png",
    "the rename of a file": "config.json",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FULL)
def test_a_disk_that_is_full_for_one_file_names_it(begun, undisturbed, what):
    with pytest.MonkeyPatch.context() as patch:
        FULL[what](patch)
        status, error = command("resume", begun)
    assert status == 2
    assert error.startswith(f"Error: No space left on device ({begun}/{NAMES[what]}")
    assert "its last checkpoint, of round" in error
    assert len(error.splitlines()) == 1
    go_on(begun)
    assert_as_undisturbed(begun, undisturbed)


@contextlib.contextmanager
def small_disk(folder, kilobytes):
    """A file system of its own in a folder, that a run can fill; only root may make one."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root may mount a file system")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("free", [0, slow(3), slow(16), 80])  # kB; a checkpoint takes about 100
def test_a_full_disk_stops_a_run_and_once_there_is_space_it_goes_on(
    third, undisturbed, tmp_path, free
):
    with small_disk(tmp_path / "disk", 2000) as disk:
        run = shutil.copytree(third, disk / "run")
        (disk / "fill").write_bytes(bytes(2**22)[: _left(disk) - 1024 * free])
        before = contents(run)
        status, error = command("resume", run)
        assert status == 2
        assert len(error.splitlines()) == 1
        assert error.startswith("Error: ")
        assert "No space left on device" in error
        assert f"({run}/" in error
        assert "of round 4, is kept" in error
        kept = {path: content for path, content in before.items() if "checkpoints" in path.parts}
        assert contents(run).items() >= kept.items()
        (disk / "fill").unlink()
        go_on(run)
        assert_as_undisturbed(run, undisturbed)


def _left(disk):
    found = os.statvfs(disk)
    return found.f_bavail * found.f_bsize


@pytest.mark.slow
def test_a_disk_without_any_space_does_not_let_a_run_begin(undisturbed, tmp_path):
    with small_disk(tmp_path / "disk", 1000) as disk:
        (disk / "fill").write_bytes(bytes(_left(disk)))
        with pytest.raises(OSError, match=rf"No space left on device \({disk}.*could not start"):
            begin(disk / "run")
        assert {path.name for path in disk.iterdir()} == {"fill"}
        (disk / "fill").unlink()
        begin(disk / "run")
        assert_as_undisturbed(disk / "run", undisturbed)


# --- The folder cannot be written to


@contextlib.contextmanager
def read_only(folder):
    """A folder that nobody can write to: by its mode, or, against root, by its mount."""
    if os.geteuid():
        for path in [*folder.rglob("*"), folder]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield folder
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        return
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    yield folder
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


@contextlib.contextmanager
def own_disk(folder):
    if os.geteuid():
        folder.mkdir()
        yield folder
        return
    with small_disk(folder, 4000):
        yield folder


@pytest.mark.slow
def test_a_read_only_folder_is_named_and_later_taken(third, undisturbed, tmp_path):
    with own_disk(tmp_path / "disk") as disk:
        run = shutil.copytree(third, disk / "run")
        before = contents(disk)
        with read_only(disk):
            status, error = command("resume", run)
            assert status == 2
            assert f"({run}" in error
            assert "of round 4, is kept" in error
            assert len(error.splitlines()) == 1
            status, error = command("train", "small", "--out", disk / "new")
            assert status == 2
            assert f"({disk / 'new'}" in error
            assert f"the run in {disk / 'new'} could not start" in error
            assert sample_run(run, 3, 0).shape == (3, 3)  # reading is no writing
        assert contents(disk) == before
        go_on(run)
        assert_as_undisturbed(run, undisturbed)


# --- Another run holds the folder


HOLD = """
import sys
from pathlib import Path
from jaxgan.runs.disk.folder import held_folder
with held_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_folder_held_by_another_process_is_refused_until_that_is_killed(begun, undisturbed):
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", HOLD, begun], stdin=pipe, stdout=pipe)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        before = contents(begun)
        status, error = command("resume", begun)
        holder.send_signal(signal.SIGKILL)
    assert status == 2
    assert error.startswith(f"Error: {begun} is in use by another run (process {holder.pid} on ")
    assert len(error.splitlines()) == 1
    assert contents(begun) == before
    assert {".lock", ".holder.json"} <= {path.name for path in begun.iterdir()}  # left behind
    go_on(begun)
    assert_as_undisturbed(begun, undisturbed)


@pytest.mark.slow
def test_a_folder_held_by_this_process_is_refused_and_given_back(begun, undisturbed):
    with (
        held_folder(begun),
        pytest.raises(FileExistsError, match=f"in use by another run .process {os.getpid()} on "),
    ):
        go_on(begun)
    go_on(begun)
    assert_as_undisturbed(begun, undisturbed)


@pytest.mark.one_quick_case
@pytest.mark.parametrize("holder", ["", "{}", "[]", "\\xff"])
def test_a_lock_is_a_lock_also_where_its_holder_cannot_be_read(begun, holder):
    with held_folder(begun):
        (begun / ".holder.json").write_bytes(
            holder.encode().decode("unicode_escape").encode("latin1")
        )
        with pytest.raises(FileExistsError, match=r"in use by another run$"):
            go_on(begun)


def test_a_start_that_was_killed_before_its_configuration_does_not_block(tmp_path, undisturbed):
    run = tmp_path / "run"
    run.mkdir()
    for name in (".lock", ".holder.json", ".config.part.json"):
        (run / name).write_text("{")
    begin(run)
    assert_as_undisturbed(run, undisturbed)

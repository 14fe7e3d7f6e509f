"""The console, its signals and its paths: what goes wrong there ends no run."""

import errno
import inspect
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import jax
import pytest
from paths import HELPERS
from small_game import command, saved

from jaxgan import cli
from jaxgan.cli import console, explore, outputs
from jaxgan.parallel import processes
from jaxgan.runs import train as runs
from jaxgan.runs.signals import StopSignals


class Broken:
    """A stream that nothing can be written to."""

    encoding = "utf-8"

    def __init__(self, error, is_terminal=False):
        self.error, self.is_terminal = error, is_terminal

    def write(self, text):
        raise self.error

    def flush(self):
        raise self.error

    def isatty(self):
        return self.is_terminal

    def fileno(self):
        raise io.UnsupportedOperation


@pytest.mark.slow
@pytest.mark.one_quick_case
@pytest.mark.parametrize(
    "stream",
    [
        Broken(BrokenPipeError(errno.EPIPE, "Broken pipe")),
        Broken(BrokenPipeError(errno.EPIPE, "Broken pipe"), is_terminal=True),
        Broken(OSError(errno.EIO, "Input/output error"), is_terminal=True),
        Broken(ValueError("I/O operation on closed file")),
        None,
    ],
    ids=["reader gone", "terminal gone", "terminal fails", "closed", "none"],
)
def test_a_console_that_cannot_be_written_stops_no_run(small, tmp_path, monkeypatch, stream):
    run = tmp_path / "run"
    monkeypatch.setattr(sys, "argv", ["jaxgan", "train", "small", "--out", str(run)])
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(SystemExit) as status:
        cli.main()
    assert status.value.code == 0
    assert saved(run)[0][-1] == 12
    assert json.loads((run / "result.json").read_text())["step"] == 12


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_an_encoding_lacks_is_escaped(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    console.say(console.make_console(), "日本 -> caf\udce9")
    stream.flush()
    shown = stream.buffer.getvalue().decode(encoding)
    japanese = "日本" if encoding == "utf-8" else r"\u65e5\u672c"
    assert shown == f"{japanese} -> caf\\udce9\n"


@pytest.mark.slow
@pytest.mark.parametrize("redirected", ["| head -1", ">&- 2>&-"])
def test_a_log_whose_reader_goes_away_leaves_a_whole_run(small, tmp_path, redirected):
    run = tmp_path / "日本"
    code = (
        f"import sys; sys.path.insert(0, {str(HELPERS)!r}); import small_game;"
        "from jaxgan.recipes import RECIPES;"
        f"RECIPES.update(small_game.recipes_on({str(small)!r}));"
        "from jaxgan.cli import main; main()"
    )
    arguments = ["train", "small", "--steps", "400", "--log-every", "1", "--out", str(run)]
    piped = f'set -o pipefail; "$@" {redirected}'
    started = ["bash", "-c", piped, "bash", sys.executable, "-c", code, *arguments]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(started, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((run / "result.json").read_text())["step"] == 400
    assert (run / "checkpoints" / "400").is_dir()


# --- Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_request_to_stop_is_noted(number):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
    try:
        with StopSignals() as interrupts:
            signal.raise_signal(number)
            signal.raise_signal(signal.SIGHUP)  # a terminal that closes often sends two
            assert interrupts.signal == number
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_end_of_a_terminal_is_ignored_where_it_was():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as interrupts:
            signal.raise_signal(signal.SIGHUP)
        assert interrupts.signal == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


# --- Devices


def test_a_device_that_is_not_there_is_one_line(small, tmp_path, monkeypatch):
    def none(*arguments, **named):
        raise AssertionError

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "devices", none)
    monkeypatch.setattr(runs, "train_run", none)
    status, error = command("train", "small", "--out", tmp_path / "run")
    assert status == 2
    assert error == (
        "Error: JAX cannot start with JAX_PLATFORMS='cuda': no such device was found; "
        "use JAX_PLATFORMS=cpu\n"
    )


def test_other_errors_are_not_taken_for_missing_devices(small, tmp_path, monkeypatch):
    def fail(*arguments, **named):
        raise AssertionError("a fault of ours")

    assert processes.device_problem() is None
    monkeypatch.setattr(runs, "train_run", fail)
    monkeypatch.setattr(sys, "argv", ["jaxgan", "train", "small", "--out", str(tmp_path / "run")])
    with pytest.raises(AssertionError, match="a fault of ours"):
        cli.main()


@pytest.mark.slow
def test_a_platform_that_jax_lacks_is_one_line(tmp_path):
    environment = os.environ | {"JAX_PLATFORMS": "abacus"}
    started = [sys.executable, "-m", "jaxgan", "train", "spiral", "--out", str(tmp_path / "run")]
    done = subprocess.run(started, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: JAX cannot start with JAX_PLATFORMS='abacus': ")
    assert done.stderr.count("\n") == 1


# --- Paths


def commands():
    apps = (cli.app, outputs.app, explore.app)
    return {
        each.callback.__name__: each.callback
        for app in apps
        for each in app.registered_commands
        if not each.hidden
    }


@pytest.mark.parametrize("name", commands())
def test_every_path_of_a_command_may_begin_at_home(name):
    function = commands()[name]
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters:
        kind, option = get_args(hints[parameter])
        if kind is Path or Path in get_args(kind):
            assert option.callback is console.at_home, parameter


@pytest.mark.slow
def test_home_is_found(ended, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    status, _ = command("sample", "~/ended", "--num", 4, "--out", "~/deep/x.npz")
    assert status == 0
    assert (tmp_path / "deep" / "x.npz").is_file()
    assert not (tmp_path / "~").exists()
    status, error = command("report", "~nobody-here/run")
    assert (status, error) == (2, "Error: ~nobody-here/run: Could not determine home directory.\n")

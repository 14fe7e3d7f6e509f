import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest
from commands import succeed
from outputs import sample_run
from PIL import Image

from jaxgan.parallel import processes
from jaxgan.parallel.processes import Addresses
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import metrics_rows

ARGUMENTS = [
    *("train", "dcgan", "--steps", "6", "--batch-size", "16", "--log-every", "1"),
    *("--save-every", "3", "--flip", "--crop", "1"),
]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(arguments, devices, environment=None):
    """A process of its own with so many simulated devices, compiled as the tests are."""
    code = (
        "import os, re, sys;"
        "num, flags = sys.argv.pop(1), os.environ['XLA_FLAGS'];"
        "os.environ['XLA_FLAGS'] = re.sub(r'(device_count)=\\d+', r'\\1=' + num, flags);"
        "from jaxgan.cli import main; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(devices), *map(str, arguments)],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of images that are streamed: each process reads its own rows of each batch."""
    folder = tmp_path_factory.mktemp("images")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number:02}.png")
    return folder


def started(out, data, num, devices, *more):
    """So many processes of one run."""
    port = free_port()
    return [
        start(
            [
                *(*ARGUMENTS, *data, *more, "--out", out, "--coordinator", f"127.0.0.1:{port}"),
                *("--num-processes", num, "--process-id", number),
            ],
            devices,
        )
        for number in range(num)
    ]


def alone(out, *arguments):
    """The same in this process."""
    succeed(*arguments, "--out", out)


@pytest.fixture(scope="module")
def of_one(tmp_path_factory, pictures):
    """Of one process with two devices, which holds all data in memory."""
    out = tmp_path_factory.mktemp("runs") / "one"
    alone(out, *ARGUMENTS, "--data", f"folder:{pictures}", "--devices", 2)
    return out


@pytest.fixture(scope="module")
def of_two(tmp_path_factory, pictures):
    """Of two processes, each of which reads its own rows of every batch from files."""
    out = tmp_path_factory.mktemp("runs") / "two"
    data = ["--data", f"folder:{pictures}", "--max-memory", 0]
    results = [ended(process) for process in started(out, data, 2, 1)]
    assert [code for code, _, _ in results] == [0, 0], results
    return out, [text for _, text, _ in results]


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(of_one, of_two):
    out, (first, second) = of_two
    one, two = metrics_rows(of_one), metrics_rows(out)
    assert [row["round"] for row in two] == list(range(1, 7))
    for row, other in zip(two, one, strict=True):
        assert row == pytest.approx(other, rel=1e-5, abs=1e-6)
    drawn = [sample_run(run, 9, 0) for run in (of_one, out)]
    np.testing.assert_allclose(*drawn, rtol=1e-4, atol=1e-4)
    assert checkpoint.numbers(out / "checkpoints") == [3, 6]
    assert "step 6/6" in first  # one of them writes, on the terminal and in the folder
    assert "step" not in second


@pytest.mark.slow
def test_a_run_of_two_processes_goes_on_with_two(of_two, pictures, tmp_path):
    whole, _ = of_two
    out, data = tmp_path / "run", ["--data", f"folder:{pictures}", "--max-memory", 0]
    for steps in (3, 6):
        results = [ended(process) for process in started(out, data, 2, 1, "--steps", steps)]
        assert [code for code, _, _ in results] == [0, 0], results
    np.testing.assert_array_equal(sample_run(out, 9, 0), sample_run(whole, 9, 0))


@pytest.mark.slow
def test_a_run_of_two_processes_goes_on_with_one(of_one, of_two, tmp_path):
    moved, stayed = tmp_path / "moved", tmp_path / "stayed"
    shutil.copytree(of_two[0], moved)
    shutil.copytree(of_one, stayed)
    for run in (moved, stayed):
        alone(run, "train", "--steps", 9, "--devices", 1)
    assert load_generator(moved).step == 9
    for row, other in zip(metrics_rows(moved), metrics_rows(stayed), strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)


@pytest.mark.slow
def test_a_signal_to_one_process_of_a_cluster_stops_them_all(tmp_path, pictures):
    arguments = [*ARGUMENTS, "--data", f"folder:{pictures}", "--steps", 100_000]
    slurm = {"SLURM_JOB_ID": str(free_port()), "SLURM_NTASKS": "2"}
    slurm |= {"SLURM_STEP_NODELIST": "localhost"}
    running = [
        start(
            [*arguments, "--out", tmp_path / "r", "--distributed"],
            1,
            slurm | {"SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)},
        )
        for number in range(2)
    ]
    try:
        deadline = time.monotonic() + 180
        while not checkpoint.numbers(tmp_path / "r" / "checkpoints"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        running[1].send_signal(signal.SIGTERM)
        results = [ended(process) for process in running]
    finally:
        for process in running:
            process.kill()
    assert [code for code, _, _ in results] == [143, 143], results
    last = json.loads((tmp_path / "r" / "events.jsonl").read_text().splitlines()[-1])
    assert last["kind"] == "signal"
    assert last["round"] == checkpoint.numbers(tmp_path / "r" / "checkpoints")[-1]


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        (Addresses("127.0.0.1:1", 2, None), "needs all of coordinator, num_processes"),
        (Addresses("here", 2, 0), "coordinator must be HOST:PORT, got 'here'"),
        (Addresses("127.0.0.1:1", 2, 2), r"process_id must be from 0 to 1, got 2"),
    ],
)
def test_addresses_that_are_no_good_are_refused(addresses, message):
    with pytest.raises(ValueError, match=message):
        processes.start_processes(addresses)


@pytest.mark.slow
def test_without_a_cluster_the_environment_is_no_address(monkeypatch):
    for name in ("SLURM_JOB_ID", "OMPI_MCA_orte_hnp_uri", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    process = start(["train", "--distributed", "--out", "nowhere"], 1)
    code, _, err = ended(process)
    assert code == 2
    assert "found no cluster environment" in err
    assert "Traceback" not in err


def test_processes_that_do_not_come_are_waited_for_aloud_and_not_for_ever(monkeypatch):
    told, gone = [], threading.Event()
    monkeypatch.setattr(processes, "WAIT", 0.02)
    monkeypatch.setattr(jax.distributed, "initialize", lambda *_, **__: gone.wait())
    with pytest.raises(
        ConnectionError, match=r"not all processes connected to far:1 within 0.02 s"
    ):
        processes.start_processes(Addresses("far:1", 2, 1), told.append)
    gone.set()
    assert told == ["waiting up to 0.02 s for the other processes of this run at far:1"]


def test_an_error_of_the_meeting_is_told(monkeypatch):
    def refuse(*arguments, **keywords):
        raise jax.errors.JaxRuntimeError("another process has this number")

    monkeypatch.setattr(jax.distributed, "initialize", refuse)
    with pytest.raises(ConnectionError, match="another process has this number"):
        processes.start_processes(Addresses("far:1", 2, 1))


def test_slices_of_the_processes_are_the_batch_in_order(monkeypatch):
    monkeypatch.setattr("jax.process_count", lambda: 3)
    rows = []
    for number in range(3):
        monkeypatch.setattr("jax.process_index", lambda number=number: number)
        rows.extend(range(12)[processes.own_slice(12)])
    assert rows == list(range(12))
    with pytest.raises(ValueError, match="batch_size=10 is not divisible by 3 processes"):
        processes.own_slice(10)


def test_processes_must_have_been_asked_for_the_same(monkeypatch):
    monkeypatch.setattr("jaxgan.parallel.processes.largest", lambda numbers: numbers)
    processes.check_same(settings="seed 0")
    asked = []
    monkeypatch.setattr(
        "jaxgan.parallel.processes.largest", lambda numbers: asked.append(numbers) or numbers
    )
    processes.check_same(settings="seed 1")
    ((number, _),) = asked
    other = lambda numbers: [max(numbers[0], number), max(numbers[1], -number)]  # noqa: E731
    monkeypatch.setattr("jaxgan.parallel.processes.largest", other)
    processes.check_same(settings="seed 1")
    with pytest.raises(ValueError, match="must agree on the settings, here it is seed 0"):
        processes.check_same(settings="seed 0")


def test_what_fails_in_one_process_fails_in_all(monkeypatch):
    told = []
    monkeypatch.setattr(
        "jaxgan.parallel.processes.largest", lambda numbers: told.append(numbers) or [1]
    )
    with pytest.raises(ChildProcessError, match="another process"), processes.all_or_none():
        pass
    with pytest.raises(ZeroDivisionError), processes.all_or_none():
        _ = 1 / 0
    assert told == [[0], [1]]
    monkeypatch.setattr("jaxgan.parallel.processes.largest", lambda numbers: numbers)
    with processes.all_or_none():
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "messages"),
    [
        ((["--seed", 0], ["--seed", 1]), ("must agree on the settings",) * 2),
        (([], ["--data", "npz:missing.npz"]), ("another process", "there is no file")),
    ],
)
def test_processes_that_do_not_agree_end_at_once(tmp_path, own, messages):
    port = free_port()
    running = [
        start(
            [
                *("train", "spiral", "--steps", 4, "--out", tmp_path / "r", *more),
                *("--coordinator", f"127.0.0.1:{port}", "--num-processes", 2),
                *("--process-id", number),
            ],
            1,
        )
        for number, more in enumerate(own)
    ]
    for (code, _, err), message in zip(map(ended, running), messages, strict=True):
        assert code == 2, err
        assert message in err.splitlines()[-1]
    assert not (tmp_path / "r").exists()

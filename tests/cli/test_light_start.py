"""Help, the table of recipes and mistyped options come at once: they import no JAX."""

import resource
import subprocess
import sys

import pytest

CPU_SECONDS = 0.7

CODE = """
import sys
sys.argv = ["jaxgan", *sys.argv[1:]]
from jaxgan.cli import main
try:
    main()
finally:
    print("jax" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("--help", 0),
        ("train --help", 0),
        ("sample --help", 0),
        ("sweep --help", 0),
        ("recipes", 0),
        ("train --stpes 3", 2),
        ("train --lr 3", 2),
        ("trian", 2),
    ],
)
def test_no_jax_is_imported(command, status):
    started = [sys.executable, "-c", CODE, *command.split()]
    done = subprocess.run(started, capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (status, "False")


def test_help_takes_little_time():
    def seconds():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    taken = []
    for _ in range(3):  # the least of three: other processes may slow one of them
        before = seconds()
        subprocess.run([sys.executable, "-m", "jaxgan", "--help"], check=True, capture_output=True)
        taken.append(seconds() - before)
    assert min(taken) < CPU_SECONDS

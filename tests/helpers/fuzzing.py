"""What must hold of anything that is asked for, and how examples of it are looked for."""

import contextlib
import os
import re
import tempfile
import traceback
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

import jaxgan
from jaxgan.nonfinite import NonFiniteError

PACKAGE = Path(jaxgan.__file__).parent
FOREIGN = re.compile(
    r"Traceback|jax\.|\bXLA\b|Tracer|orbax\.|pydantic|flax\.|For further information"
)


def run_examples(number, holds, *strategies):
    """Looks for arguments with which a property does not hold."""
    chosen = settings(
        max_examples=number,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    seed(int(os.environ.get("FUZZ_SEED", "0")))(chosen(given(*strategies)(holds)))()


def few_or_many(few, many):
    slow = pytest.param(many, marks=pytest.mark.slow, id="many")
    return pytest.mark.parametrize("number", [pytest.param(few, id="few"), slow])


def check_explained(error):
    """An error is ours if it was raised in our code, and says in a few words what is wrong."""
    text, place = str(error), Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    if not isinstance(error, ValueError | OSError | NonFiniteError):
        raise AssertionError(f"{type(error).__name__} is no error of ours") from error
    if PACKAGE not in place.parents:
        raise AssertionError(f"raised in {place}: {error!r}") from error
    first, *others = text.splitlines() or [""]
    if not first.strip() or len(text) > 3000 or FOREIGN.search(text):
        raise AssertionError(f"no good message: {text!r}") from error
    if not all(line.startswith("  ") for line in others):
        raise AssertionError(f"a message of several lines: {text!r}") from error


def error_of(call):
    """The error that a call ends in, which must be one of ours; None if there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # what may be meant is no error
            call()
    except Exception as error:
        check_explained(error)
        return error
    return None


@contextlib.contextmanager
def a_folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)

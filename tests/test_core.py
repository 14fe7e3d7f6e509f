"""The mathematics keeps to a few parameters per function, so that calls can be read."""

import ast
import itertools
from pathlib import Path

import pytest

import jaxgan

PACKAGE = Path(jaxgan.__file__).parent
PACKAGES = ("regularizers", "terms")
CORE = (
    *("losses", "term_inputs", "critics", "latents", "schedules"),
    *(
        "transformations",
        "players",
        "objectives",
        "weighted_terms",
        "pools",
        "step_metrics",
        "updates",
        "steps",
    ),
    *("optimizers", "compatibility", "ema", "nonfinite", "fine_tuning", "games", "augment/apply"),
    *(f"{part}/{path.stem}" for part in PACKAGES for path in sorted((PACKAGE / part).glob("*.py"))),
)
MOST = 6


@pytest.mark.parametrize("name", CORE)
def test_no_function_of_the_core_takes_more_than_six_parameters(name):
    whole = PACKAGE / name
    files = sorted(whole.glob("*.py")) if whole.is_dir() else [whole.with_suffix(".py")]
    long = {}
    for function in itertools.chain(*(ast.walk(ast.parse(f.read_text())) for f in files)):
        if isinstance(function, ast.FunctionDef):
            taken = function.args
            count = len(taken.posonlyargs + taken.args + taken.kwonlyargs)
            if count > MOST:
                long[function.name] = count
    assert not long

"""Every name that a benchmark imports from jaxgan exists, also in scripts that no test runs."""

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(BENCHMARKS.rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(BENCHMARKS)))
def test_what_a_benchmark_imports_from_jaxgan_exists(script):
    nodes = ast.walk(ast.parse(script.read_text()))
    imports = [each for each in nodes if isinstance(each, ast.ImportFrom) and each.module]
    missing = [
        f"{each.module}.{alias.name}"
        for each in imports
        if str(each.module).split(".")[0] == "jaxgan"
        for alias in each.names
        if not hasattr(importlib.import_module(str(each.module)), alias.name)
        and not _is_module(f"{each.module}.{alias.name}")
    ]
    assert missing == []


def _is_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None

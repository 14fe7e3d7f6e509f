"""Each part of the package imports only parts that stand below it; flax stays in two of them."""

import ast
from pathlib import Path

import pytest

import jaxgan

PACKAGE = Path(jaxgan.__file__).parent
LAYERS = (  # from the bottom up: a part may import those before it
    *("settings", "choices", "types", "checks", "calls", "caching", "atomic", "environment"),
    "losses",
    *("schedules", "transformations", "parallel", "augment", "metrics", "plots", "data"),
    *("monitor", "images", "latents", "critics", "term_inputs", "regularizers", "terms"),
    *("models", "adapters", "ema", "nonfinite", "optimizers", "players", "step_metrics"),
    *("weighted_terms", "refinement", "directions", "projection", "pools", "objectives"),
    "standing",
    *(
        "compatibility",
        "games",
        "updates",
        "steps",
        "fine_tuning",
        "training",
        "population",
        "recipes",
    ),
    *("scoring", "runs", "cli"),
    "__main__",
)
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported(path):
    """Dotted names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "jaxgan":
                yield from (f"jaxgan.{alias.name}" for alias in node.names)


def part(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_lower_parts_do_not_import_higher_ones(path):
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("jaxgan.")}
    above = {name for name in ours if LAYERS.index(name) > LAYERS.index(part(path))}
    assert not above, f"{part(path)} may not import {above}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_models_and_adapters_import_flax(path):
    flax = [name for name in imported(path) if name.split(".")[0] == "flax"]
    assert not flax or part(path) in ("models", "adapters")


def test_every_part_has_its_place():
    assert {part(path) for path in FILES} == set(LAYERS)


def test_types_are_shipped():
    assert (PACKAGE / "py.typed").is_file()

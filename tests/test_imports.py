"""Lower parts never import higher ones; flax stays in models and adapters."""

import ast
from pathlib import Path

import pytest

import jaxgan

PACKAGE = Path(jaxgan.__file__).parent
BASE = {"types", "global_batch", "checks", "keeping"}
MATHS = BASE | {"schedules", "losses", "regularizers", "terms", "transformations", "latents", "ema"}
MATHS = MATHS | {"affine", "augment", "augmented", "critics", "penalties"}
STEPS = MATHS | {"guards", "objectives", "compatibility", "optimizers", "steps"}
# what each part may import of ours, beside itself
MAY_IMPORT = {
    "types": set(),
    "checks": set(),
    "keeping": set(),
    "symptoms": set(),
    "monitor": {"checks", "symptoms"},
    "global_batch": {"types"},
    "schedules": {"types"},
    "losses": {"types"},
    "critics": BASE,
    "penalties": BASE | {"critics"},
    "regularizers": BASE | {"critics", "penalties", "transformations"},
    "terms": BASE | {"losses", "regularizers"},
    "transformations": {"types"},
    "latents": BASE,
    "resampling": {"types"},
    "ema": BASE,
    "guards": {"types"},
    "affine": {"types"},
    "augment": BASE | {"affine"},
    "augmented": {"types", "schedules"},
    "objectives": BASE | {"schedules", "augmented"},
    "compatibility": BASE | {"augmented", "objectives"},
    "pyramid": {"types"},
    "optimizers": {"types"},
    "steps": MATHS | {"guards", "objectives", "compatibility", "optimizers"},
    "parallel": BASE | {"steps"},
    "players": STEPS,
    "adapters": BASE,
    "packing": BASE,
    "metrics": {"types"},
    "models": BASE | {"metrics"},
    "data": {"types", "checks"},
    "plots": {"types"},
    "games": BASE | {"losses", "regularizers"},
    "orbax_errors": set(),
    "checkpoint": {"types", "orbax_errors"},
    "processes": set(),
    "interrupts": set(),
    "precision": {"types"},
    "plan": STEPS | {"parallel", "data", "precision"},
    "feed": BASE | {"parallel", "processes", "data"},
    "programs": STEPS,
    "rounds": STEPS | {"parallel", "data", "feed", "plan", "precision", "programs"},
    "train": STEPS | {"parallel", "data", "feed", "plan", "precision", "programs", "rounds"},
    "recipes": STEPS | {"plan", "adapters", "models", "views"},
    "config": {"types", "augment", "checkpoint", "data", "monitor", "plan"},
    "views": {"types", "pyramid", "resampling"},
    "comparison": {"config"},
    "options": {"augment", "checks", "config", "monitor", "plan", "recipes"},
    "same_data": {"config", "data"} | {"comparison"},
    "folder": {"processes"},
    "tensorboard": set(),
    "journal": {"plots", "processes", "tensorboard"},
    "watch": {"types", "config", "journal", "monitor", "processes"},
    "errors": {"checkpoint", "folder", "plan"},
    "conditions": STEPS | {"parallel", "data", "resampling", "views"},
    "entries": STEPS
    | {"scoring"}
    | {"parallel", "processes", "data", "train", "plots", "config", "journal", "conditions"}
    | {"monitor", "watch"},
    "beginning": STEPS
    | {"scoring"}
    | {"parallel", "processes", "data", "feed", "train", "rounds", "recipes", "entries", "errors"}
    | {"checkpoint", "config", "options", "folder", "journal", "samples", "monitor"}
    | {"plan", "same_data"}
    | {"comparison"},
    "runs": STEPS
    | {"processes", "interrupts", "data", "feed", "train", "beginning", "entries"}
    | {"checkpoint", "config", "options", "folder", "journal", "monitor", "watch"}
    | {"comparison"},
    "samples": STEPS
    | {
        "train",
        "recipes",
        "folder",
        "config",
        "journal",
        "data",
        "plots",
        "checkpoint",
        "conditions",
        "same_data",
    },
    "extractors": {"classifier", "data", "models", "resampling"},
    "scores": {"data", "extractors", "metrics"},
    "scoring": STEPS
    | {"parallel", "conditions", "config", "data", "extractors", "models", "scores"},
    "evaluation": {"checks", "config", "data", "extractors", "journal", "samples", "scores"}
    | {"same_data", "scoring", "stages"},
    "classifier": BASE | {"data", "models", "journal"},
    "export": BASE | {"objectives", "models", "samples", "journal", "data", "conditions"},
    "progress": {"journal"},
    "stage_checks": STEPS
    | {"beginning", "config", "data", "feed", "options", "plan", "precision", "recipes"}
    | {"scoring", "train"},
    "stages": BASE
    | {"conditions", "entries", "stage_checks"}
    | {"samples", "runs", "config", "options", "folder", "journal", "recipes", "processes"}
    | {"plots", "data", "pyramid", "resampling", "monitor", "same_data"}
    | {"comparison"},
    "upscaling": BASE | {"samples", "stages", "config", "conditions", "views", "data", "journal"},
    "translation": BASE | {"samples", "views", "data", "journal"},
    "curves": {"plots"},
    "report": {"config", "curves", "journal", "plots", "recipes", "runs", "stages"},
    "console": set(),
    "cli_messages": {"checks", "config", "progress", "runs", "stages"},
    "cli_outputs": {"console", "recipes", "samples", "stages", "upscaling", "translation", "export"}
    | {"evaluation", "extractors", "report", "scoring", "same_data", "journal"},
    "cli": {"augment", "journal", "monitor", "options", "processes", "folder", "progress", "guards"}
    | {"console", "recipes", "runs", "stages", "data", "config", "cli_messages", "cli_outputs"}
    | {"comparison"},
    "__main__": {"cli"},
}
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
    allowed = MAY_IMPORT[part(path)] | {part(path)}
    assert ours <= allowed, f"{part(path)} may not import {ours - allowed}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_models_and_adapters_import_flax(path):
    flax = [name for name in imported(path) if name.split(".")[0] == "flax"]
    assert not flax or part(path) in ("models", "adapters")


def test_every_part_has_its_place():
    assert {part(path) for path in FILES} == set(MAY_IMPORT)


def test_types_are_shipped():
    assert (PACKAGE / "py.typed").is_file()

"""`import jaxgan` loads what is used, and each package's stub lists what the package has."""

import ast
import importlib
import inspect
import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import jaxgan

PACKAGE = Path(jaxgan.__file__).parent
STUBS = sorted(PACKAGE.rglob("__init__.pyi"))
HEAVY = {"grain", "orbax", "tensorflow_datasets", "sklearn", "scipy", "matplotlib", "tensorboardX"}
USES = (
    *("GAN", "fit", "sample", "from_linen", "losses", "games", "monitor", "plots", "runs"),
    *("models.DCGANGenerator", "latents.normal", "data.load", "data.stream", "data.ring8"),
    *("metrics.mode_coverage", "metrics.frechet_distance", "recipes.RECIPES", "scoring"),
)


def package_of(stub):
    return ".".join(("jaxgan", *stub.parent.relative_to(PACKAGE).parts))


def listed(stub):
    """Names in a stub, each with the module that it comes from; None for submodules."""
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.asname == alias.name, f"{stub}: {alias.name} is not public"
                yield alias.name, node.module


def in_a_new_process(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return json.loads(run.stdout)


by_package = pytest.mark.parametrize("stub", STUBS, ids=package_of)


def test_the_library_loads_no_heavy_package():
    uses = "; ".join(f"jaxgan.{name}" for name in USES)
    code = f"import json, sys, jaxgan; {uses}; print(json.dumps(list(sys.modules)))"
    loaded = {name.split(".")[0] for name in in_a_new_process(code)}
    assert loaded.isdisjoint(HEAVY), loaded & HEAVY


def test_names_are_listed_before_anything_is_loaded():
    code = "import json, sys, jaxgan; print(json.dumps([dir(jaxgan), 'jax' in sys.modules]))"
    names, has_jax = in_a_new_process(code)
    assert names == sorted(name for name, _ in listed(PACKAGE / "__init__.pyi"))
    assert not has_jax


def test_a_star_imports_the_public_names():
    code = "from jaxgan import *; import json; print(json.dumps(sorted(globals())))"
    assert set(in_a_new_process(code)) >= set(jaxgan.__all__)


@by_package
def test_a_package_has_the_names_of_its_stub(stub):
    package = importlib.import_module(package_of(stub))
    names = sorted(name for name, _ in listed(stub))
    assert names == dir(package) == package.__all__
    for name, module in listed(stub):
        value = getattr(package, name)
        if module is None:
            assert value is importlib.import_module(f"{package.__name__}.{name}")
        else:
            assert value is getattr(importlib.import_module(f"{package.__name__}.{module}"), name)


@by_package
def test_names_come_from_the_modules_that_define_them(stub):
    package = importlib.import_module(package_of(stub))
    for name, module in listed(stub):
        value = getattr(package, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__module__ == f"{package.__name__}.{module}", name
        if inspect.isclass(value):
            assert pickle.loads(pickle.dumps(value)) is value


@by_package
def test_no_module_is_named_as_what_its_package_exports(stub):
    package = importlib.import_module(package_of(stub))
    modules = {path.stem for path in stub.parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    exported = [name for name in dir(package) if not isinstance(getattr(package, name), ModuleType)]
    assert modules.isdisjoint(exported), modules & set(exported)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="No jaxgan attribute gan"):
        jaxgan.gan  # noqa: B018

"""The reference that is built from the docstrings: whole, without a warning, readable offline."""

import ast
import importlib
import inspect
import subprocess
import sys

import pytest
from paths import ROOT

import jaxgan

NAMED = [name for name in jaxgan.__all__ if inspect.ismodule(getattr(jaxgan, name))]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("pdoc")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / ".docs" / "build.py", folder],
        capture_output=True, text=True, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def defined(module):
    """The public names that a module defines itself."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_public_modules_have_a_page_each(site):
    inner = "images.tasks", "images.resampling", "parallel.global_batch", "runs.disk.checkpoint"
    outputs = (f"runs.outputs.{name}" for name in ("samples", "evaluate", "export", "report.page"))
    for name in (*NAMED, *inner, *outputs):
        page = (site / "jaxgan" / f"{name.replace('.', '/')}.html").read_text()
        assert f"jaxgan.{name} API documentation" in page


def test_public_names_of_the_package_have_a_place(site):
    page = (site / "jaxgan.html").read_text()
    for name in set(jaxgan.__all__) - set(NAMED):
        assert f'<section id="{name}">' in page
    for name in NAMED:
        assert f'href="jaxgan/{name}.html"' in page


@pytest.mark.parametrize(
    "name", ["losses", "regularizers", "metrics", "latents", "terms", "games", "plots"]
)
def test_public_names_of_a_module_have_a_place(site, name):
    module = importlib.import_module(f"jaxgan.{name}")
    names = getattr(module, "__all__", None) or defined(module)
    page = (site / "jaxgan" / f"{name}.html").read_text()
    public = [each for each in names if not each.startswith("_")]
    assert len(public) > 3
    for each in public:
        assert f'<section id="{each}">' in page


def test_docstrings_are_rendered(site):
    page = (site / "jaxgan" / "regularizers.html").read_text()
    assert "<h6" in page or "Arguments:" in page
    assert 'href="https://arxiv.org/abs/1801.04406"' in page
    assert "Args:" not in page.split('<div class="docstring">', 2)[2].split("</div>")[0]


def test_pages_load_nothing_from_a_network(site):
    for file in site.rglob("*.html"):
        text = file.read_text()
        for loads in ('src="http', 'src="//', "url(http", "@import", '<link rel="stylesheet"'):
            assert loads not in text, f"{file}: {loads}"


def test_what_is_private_has_no_page(site):
    text = (site / "jaxgan" / "losses.html").read_text()
    assert '<section id="_' not in text
    assert "_jax." not in text

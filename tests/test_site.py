"""The documentation's site: built without a warning, whole, and readable without a network."""

import importlib.util
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

import pytest
from paths import ROOT

STUBS = sorted((ROOT / "jaxgan").rglob("__init__.pyi"))
NAMES = [
    (".".join(stub.parent.relative_to(ROOT).parts), name)
    for stub in STUBS
    for name in re.findall(r"\bas (\w+)", stub.read_text())
]


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / ".docs" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def signature(reference, module, name):
    return next(each.signature for each in reference.entries(module) if each.name == name)


def test_signatures_show_types_without_what_is_declared_of_them(reference):
    plan = signature(reference, "jaxgan", "Plan")
    assert plan.startswith("(batch_size: Count = 64, n_critic: Count = 1,")
    assert "model_range: ModelRange | None = None" in plan
    assert "Annotated" not in plan


def test_signatures_of_modules_have_their_own_fields_only(reference):
    generator = signature(reference, "jaxgan.models", "MLPGenerator")
    assert generator.startswith("(shape:")
    assert "parent" not in generator


def test_fields_show_the_help_that_they_declare(reference):
    plan = next(each for each in reference.entries("jaxgan") if each.name == "Plan")
    assert dict(plan.fields)["accumulate"] == "Gradient-accumulation micro-batches per update."


def test_docstrings_become_markdown_without_losing_a_sign(reference):
    text = (
        "Mean of a*b and c*d, <x, y>.\n\nSee `other`.\n\nArgs:\n  x: float [batch],\n    or int.\n"
        "Returns:\n  A scalar.\nSource: A, https://a.org/b.\n\n>>> 1 + 1\n2"
    )
    found = reference.markdown(text, lambda code: f"<{code}>")
    assert r"a\*b and c\*d, \<x, y>." in found
    assert "See <other>." in found
    assert "**Args**\n\n- `x`: float \\[batch\\],\n  or int.\n" in found
    assert "**Returns**\n\nA scalar.\n" in found
    assert "Source: A, <https://a.org/b>." in found
    assert found.endswith("```pycon\n>>> 1 + 1\n2\n```")


def test_every_formula_belongs_to_a_public_name(reference):
    assert len(reference.formulas()) > 50
    for name in reference.formulas():
        module, _, last = name.rpartition(".")
        assert last in {each.name for each in reference.entries(module)}, name


# --- The built site


class Page(HTMLParser):
    """Links with their texts, anchors, and what a page loads."""

    def __init__(self, file):
        super().__init__()
        self.links, self.ids, self.loads, self.text = [], set(), [], file.read_text()
        self.in_link = False
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "a" and "href" in attributes:
            self.links.append([attributes["href"], ""])
            self.in_link = True
        elif tag in ("img", "script", "iframe") and "src" in attributes:
            self.loads.append(attributes["src"])
        elif tag == "link" and attributes.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(attributes["href"])

    def handle_endtag(self, tag):
        self.in_link = self.in_link and tag != "a"

    def handle_data(self, data):
        if self.in_link:
            self.links[-1][1] += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("myst_nb")
    folder = tmp_path_factory.mktemp("site").resolve()
    done = subprocess.run(
        [sys.executable, ROOT / ".docs" / "build.py", folder],
        capture_output=True, text=True, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def site(folder):
    return {file: Page(file) for file in folder.rglob("*.html")}


def target(file, link):
    """The file and the anchor that a link of a page leads to."""
    path, anchor = urldefrag(link)
    return (file.parent / unquote(path)).resolve() if path else file, unquote(anchor)


def is_local(link):
    return not re.match(r"[a-z]+:", link)


@pytest.mark.slow
def test_each_public_name_is_two_clicks_from_the_front_page(folder, site):
    front = folder / "index.html"
    first = {target(front, link)[0] for link, _ in site[front].links if is_local(link)}
    assert len(NAMES) > 500
    for module, name in NAMES:
        page = folder / "reference" / f"{module}.html"
        if folder / "reference" / f"{module}.{name}.html" in first:
            continue  # a module, with a page of its own
        assert page in first, module
        found = [target(page, link) for link, text in site[page].links if text.strip() == name]
        assert any(at in site[file].ids for file, at in found if at), f"{module}.{name}"


@pytest.mark.slow
def test_no_link_of_the_site_is_broken(folder, site):
    count = 0
    for file, page in site.items():
        for link, _ in page.links:
            if not is_local(link):
                continue
            at, anchor = target(file, link)
            assert at.exists(), f"{file.name}: {link}"
            if anchor and at in site:
                assert anchor in site[at].ids, f"{file.name}: {link}"
            count += 1
    assert count > 5000


@pytest.mark.slow
def test_pages_load_nothing_from_a_network(folder, site):
    for file, page in site.items():
        for load in page.loads:
            assert is_local(load), f"{file.name}: {load}"
            assert target(file, load.split("?")[0])[0].exists(), f"{file.name}: {load}"
    for style in folder.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", style.read_text()), style


@pytest.mark.slow
def test_what_is_internal_is_not_shown(folder, site):
    for file, page in site.items():
        if file.parent == folder / "reference":
            for internal in ("Annotated[", "_Sentinel", "FieldInfo", "jaxlib._jax", "Args:"):
                assert internal not in page.text, f"{file.name}: {internal}"


@pytest.mark.slow
def test_a_browser_typesets_every_formula(folder, tmp_path):
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip("there is no chromium here")
    for module in ("losses", "regularizers", "metrics", "games", "updates", "terms", "latents"):
        page = folder / "reference" / f"jaxgan.{module}.html"
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                f"--user-data-dir={tmp_path}", "--virtual-time-budget=5000", "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        formulas = page.read_text().count('class="formula"')
        assert formulas > 0
        assert done.stdout.count('class="katex-html"') == formulas

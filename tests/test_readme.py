import re

import numpy as np
import pytest
import typer
from paths import ROOT

from jaxgan.cli import app

README = (ROOT / "README.md").read_text()
PAGES = sorted(
    page
    for folder in (".", ".docs", "benchmarks", "notebooks")
    for page in (ROOT / folder).glob("*.md")
)


@pytest.mark.slow
def test_python_of_the_readme_runs_as_it_stands():
    first, step, own, devices = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(first.strip().splitlines()) <= 20
    names = {}
    exec(first.replace("steps=3000", "steps=2"), names)
    exec(step, names)
    exec(devices, names)
    exec(own.replace("steps=100", "steps=2"), names)
    assert names["generate"](np.zeros((3, 2), np.float32)).shape == (3, 2)
    assert names["samples"].shape == (1000, 2)
    assert np.isfinite(names["metrics"]["discriminator_loss"])


def test_commands_of_the_readme_are_marked_for_ci():
    for mark, end in (("run", "jaxgan train"), ("tests", "pytest")):
        found = re.search(rf"<!-- {mark} -->\n```sh\n(.*)\n```", README)
        assert found
        assert found.group(1).startswith("python3 -m venv .venv && ")
        assert found.group(1).endswith(end)


def test_commands_of_the_pages_have_options_that_exist():
    commands = typer.main.get_command(app).commands
    count = 0
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL):
            for name, rest in re.findall(r"\bjaxgan ([a-z]+)\b([^#\n;&|]*)", block):
                params = commands[name].params
                options = {each for one in params for each in (*one.opts, *one.secondary_opts)}
                for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
                    assert option in options, f"{page.name}: jaxgan {name} {option}"
                    count += 1
    assert count > 50


def test_readme_is_short():
    assert len(README.splitlines()) <= 200


def test_links_and_figures_of_the_pages_exist():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_headings_that_the_pages_link_to_exist():
    for page in PAGES:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
            text = (page.parent / target).read_text() if target else page.read_text()
            headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
            assert anchor in slugs, f"{page.name}: {target}#{anchor}"

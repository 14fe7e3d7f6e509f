"""Each notebook is a text of cells, NAME.py, and what came of running it, NAME.ipynb.

People edit the text; `.docs/notebooks.py` runs it again.
"""

import base64
import json
import os
import subprocess
import sys

import pytest
from paths import ROOT

FOLDER = ROOT / "notebooks"
TEXTS = sorted(FOLDER.glob("*.py"))
LARGEST = 700_000  # bytes

pytestmark = pytest.mark.skipif(not TEXTS, reason="no notebooks beside the tests")
each_text = pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)


def cells(text):
    """Kind and source of each cell of a text in the percent format."""
    lines = text.read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("# %%")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        kind = "markdown" if "[markdown]" in lines[start] else "code"
        yield kind, "\n".join(uncommented(line, kind) for line in lines[start + 1 : end]).strip()


def uncommented(line, kind):
    is_magic = line.startswith("# %")
    return line.removeprefix("#").removeprefix(" ") if kind == "markdown" or is_magic else line


def executed(text):
    return json.loads(text.with_suffix(".ipynb").read_text())["cells"]


@each_text
def test_notebook_has_the_cells_of_its_text(text):
    found = [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in executed(text)]
    assert found == list(cells(text))


@each_text
def test_notebook_was_run_from_top_to_bottom_without_an_error(text):
    code = [cell for cell in executed(text) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


@each_text
def test_figures_of_the_gallery_are_those_of_the_notebook(text):
    outputs = [output.get("data", {}) for c in executed(text) for output in c.get("outputs", ())]
    made = [base64.b64decode(x["image/png"]) for x in outputs if "image/png" in x]
    files = [FOLDER / "figures" / f"{text.stem}-{i + 1}.png" for i in range(len(made))]
    assert [file.read_bytes() for file in files] == made
    assert len(list(FOLDER.glob(f"figures/{text.stem}-*.png"))) == len(made)
    shown = (FOLDER / "README.md").read_text()
    assert all(f"(figures/{file.name})" in shown for file in files)


@each_text
def test_notebook_is_small_and_says_what_it_shows_and_what_to_try(text):
    assert text.with_suffix(".ipynb").stat().st_size < LARGEST
    (kind, first), *_, (last_kind, last) = cells(text)
    assert (kind, last_kind) == ("markdown", "markdown")
    assert "What it shows" in first
    assert "How long it takes" in first
    assert "What to try" in last


@pytest.mark.slow
@each_text
def test_text_runs_as_a_program(text, tmp_path):
    environment = os.environ | {
        "JAXGAN_QUICK": "1",
        "MPLBACKEND": "agg",
        "PYTHONPATH": str(FOLDER.parent),
        "XLA_FLAGS": "",
    }
    done = subprocess.run(
        [sys.executable, str(text)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

"""Runs notebooks anew from their texts, and takes their figures out for notebooks/README.md.

python .docs/notebooks.py [NAME ...]   # all, if none is named; needs the extra `notebooks`
"""

import base64
import sys
from pathlib import Path

import jupytext
import nbformat
from nbconvert.preprocessors import ExecutePreprocessor

FOLDER = Path(__file__).parent.parent / "notebooks"
FIGURES = FOLDER / "figures"


def executed(text: Path) -> nbformat.NotebookNode:
    """The notebook of a text in the percent format, run in its own folder."""
    notebook = jupytext.read(text)
    runner = ExecutePreprocessor(timeout=1800, coalesce_streams=True, record_timing=False)
    runner.preprocess(notebook, {"metadata": {"path": str(text.parent)}})
    return notebook


def figures(notebook: nbformat.NotebookNode) -> list[bytes]:
    """The PNG pictures among a notebook's outputs, in their order."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    shown = [output.get("data", {}) for output in outputs]
    return [base64.b64decode(x["image/png"]) for x in shown if "image/png" in x]


def run(text: Path):
    """Writes NAME.ipynb and figures/NAME-NUMBER.png."""
    notebook = executed(text)
    nbformat.write(notebook, text.with_suffix(".ipynb"))
    for old in FIGURES.glob(f"{text.stem}-*.png"):
        old.unlink()
    for number, figure in enumerate(figures(notebook), start=1):
        (FIGURES / f"{text.stem}-{number}.png").write_bytes(figure)


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.py")):
        print(name, flush=True)
        run(FOLDER / f"{name}.py")

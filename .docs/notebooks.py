"""Execute the notebooks from their text files and extract the figures for notebooks/README.md.

python .docs/notebooks.py [NAME ...]   # all, if none is named; needs the extra `notebooks`
"""

import base64
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from nbconvert.preprocessors import ExecutePreprocessor
from PIL import Image

FOLDER = Path(__file__).parent.parent / "notebooks"
FIGURES = FOLDER / "figures"


def executed(text: Path) -> nbformat.NotebookNode:
    """The notebook of a text file in the percent format, executed in its own folder."""
    notebook = jupytext.read(text)
    runner = ExecutePreprocessor(timeout=1800, coalesce_streams=True, record_timing=False)
    runner.preprocess(notebook, {"metadata": {"path": str(text.parent)}})
    return notebook


def images(notebook: nbformat.NotebookNode) -> Iterator[dict]:
    """The data of all outputs that hold a PNG image, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                yield output["data"]


def with_palette(png: str) -> str:
    """A PNG image (base64) with 256 colours, which takes about a third of the space."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    file = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def run(text: Path):
    """Writes NAME.ipynb and figures/NAME-NUMBER.png."""
    notebook = executed(text)
    for old in FIGURES.glob(f"{text.stem}-*.png"):
        old.unlink()
    for number, data in enumerate(images(notebook), start=1):
        data["image/png"] = with_palette(data["image/png"])
        file = FIGURES / f"{text.stem}-{number}.png"
        file.write_bytes(base64.b64decode(data["image/png"]))
    nbformat.write(notebook, text.with_suffix(".ipynb"))


if __name__ == "__main__":
    FIGURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.py")):
        print(name, flush=True)
        run(FOLDER / f"{name}.py")

"""Builds the reference from the docstrings, for reading without a network.

python .docs/build.py [FOLDER]   # site, if no folder is given
"""

import contextlib
import sys
from pathlib import Path

import pdoc

HERE = Path(__file__).parent
MODULES = (
    "jaxgan",  # with the modules that it names
    "jaxgan.fine_tuning",
    "jaxgan.recipes.hyperparameters",
    "jaxgan.parallel.global_batch",
    "jaxgan.runs.disk.generator",
    "jaxgan.runs.disk.checkpoint",
    "jaxgan.runs.outputs.samples",
    "jaxgan.runs.outputs.evaluate",
    "jaxgan.runs.outputs.export",
    "jaxgan.runs.outputs.upscale",
    "jaxgan.runs.outputs.translate",
    "jaxgan.runs.outputs.report.page",
)


def build(folder: Path):
    """Writes a page for each public module."""
    pdoc.render.configure(docformat="google", template_directory=HERE, footer_text="")
    folder = folder.absolute()
    with contextlib.chdir(HERE):  # pdoc warns of a folder `jaxgan` beside the installed package
        pdoc.pdoc(*MODULES, output_directory=folder)


if __name__ == "__main__":
    build(Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "site"))

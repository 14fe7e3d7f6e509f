"""Takes the figures out of the executed notebooks: notebooks/figures/NAME-NUMBER.png.

python .docs/figures.py
"""

import base64
import json
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "notebooks"


def figures(notebook: Path) -> list[bytes]:
    """The PNG pictures among a notebook's outputs, in their order."""
    cells = json.loads(notebook.read_text())["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    return [base64.b64decode("".join(x["image/png"])) for x in outputs if "image/png" in x]


if __name__ == "__main__":
    (FOLDER / "figures").mkdir(exist_ok=True)
    for path in sorted(FOLDER.glob("*.ipynb")):
        for number, figure in enumerate(figures(path), start=1):
            (FOLDER / "figures" / f"{path.stem}-{number}.png").write_bytes(figure)

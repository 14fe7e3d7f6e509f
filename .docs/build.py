"""Builds the site for reading with or without a network. It needs the extra `docs`.

python .docs/build.py [FOLDER]   # site, if no folder is given

Pages, notebooks, benchmarks and the changelog are staged as one tree with the reference, whose
pages are made from the sources. A broken link and every other warning is an error.
"""

import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

import reference
from sphinx.cmd.build import build_main

HERE = Path(__file__).parent
ROOT = HERE.parent
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
PARTS = {
    "Start": ["install", "quickstart", "python", "data", "tutorials", "gallery"],
    "How to": [
        "choose-loss", "choose-gamma", "hyper-parameters", "fine-tuning", "read-curves",
        "nonfinite", "memory", "devices", "slurm", "resume", "fid", "few-images", "export",
        "share", "faq",
    ],
    "In depth": ["metrics", "monitor", "sampling", "games", "population", "precision"],
    "Project": ["benchmarks", "changelog", "contributing"],
}  # fmt: skip
"""The parts of the contents at the side, each with its pages. A page in none is an error."""


def staged() -> dict[Path, str]:
    """The documents of the repository that become pages, with their places in the site."""
    pages = {page: page.name for page in HERE.glob("*.md") if page.name != "formulas.md"}
    pages = {ROOT / "README.md": "index.md"} | pages  # the site's front page takes its place
    notebooks = {each: f"tutorials/{each.name}" for each in (ROOT / "notebooks").glob("*.ipynb")}
    others = {
        ROOT / "notebooks/README.md": "tutorials.md",
        ROOT / "benchmarks/README.md": "benchmarks.md",
        ROOT / "CHANGELOG.md": "changelog.md",
        ROOT / "CONTRIBUTING.md": "contributing.md",
    }
    return pages | notebooks | others


def relinked(text: str, page: Path, pages: dict[Path, str], folder: Path) -> str:
    """A page with links that hold in the site; a picture is copied, other files are linked to."""

    def target(match: re.Match) -> str:
        path, anchor = match.group(2), match.group(3) or ""
        file = (page.parent / path).resolve()
        if not file.exists():
            return match.group()  # of which Sphinx warns
        if file in pages:
            up = "../" * pages[page].count("/")
            return f"{match.group(1)}{up}{pages[file]}{anchor})"
        if file.suffix in (".png", ".gif"):
            picture = folder / "pictures" / file.parent.name / file.name
            picture.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, picture)
            return f"{match.group(1)}/{picture.relative_to(folder)})"
        kind = "tree" if file.is_dir() else "blob"
        return f"{match.group(1)}{REPOSITORY}/{kind}/main/{file.relative_to(ROOT)}{anchor})"

    return re.sub(r"(\]\()(?![a-z]+:|#)([^)#\s]+)(#[^)]*)?\)", target, text)


def contents(caption: str, names: list[str]) -> str:
    """A table of contents for the side of each page."""
    return "\n".join(
        ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```", ""]
    )


def overview(modules: list[str]) -> str:
    """The table of the reference on the front page."""
    rows = [f"| [{name}](reference/{name}.md) | {reference.purpose(name)} |" for name in modules]
    return "\n".join(["## Reference", "", "| Module | |", "|---|---|", *rows, ""])


def stage(folder: Path) -> None:
    """Writes all sources of the site."""
    pages = staged()
    for page, place in pages.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(relinked(page.read_text(), page, pages, folder))
    modules = reference.write(folder / "reference")
    lists = [contents(caption, names) for caption, names in PARTS.items()]
    lists.append(contents("Reference", [f"reference/{module}" for module in modules]))
    index = folder / "index.md"
    index.write_text("\n".join([index.read_text(), overview(modules), *lists]))
    inner = sorted(place.removesuffix(".ipynb") for place in pages.values() if "/" in place)
    tutorials = folder / "tutorials.md"
    tutorials.write_text(tutorials.read_text() + contents("Tutorials", inner))


def build(folder: Path) -> int:
    """Writes the site into a folder; returns Sphinx's exit status."""
    with tempfile.TemporaryDirectory() as temporary:
        sources = Path(temporary) / "pages"
        stage(sources)
        options = [
            "-W",
            "--keep-going",
            "-q",
            "-j",
            "2",
            "-c",
            str(HERE),
            "-d",
            f"{temporary}/cache",
        ]
        return build_main([*options, str(sources), str(folder.absolute())])


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site")))

"""How Sphinx turns the staged pages into the site; `build.py` calls it."""

import tomllib
from pathlib import Path

from docutils import nodes

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]

project = "jaxgan"
author = copyright = "The jaxgan developers"
version = release = PROJECT["version"]
extensions = ["myst_nb"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

html_theme = "furo"
html_title = f"jaxgan {version}"
html_theme_options = {
    "footer_icons": [
        {"name": "Repository", "url": PROJECT["urls"]["Repository"], "html": "Repository"}
    ]
}
html_show_sourcelink = False
html_copy_source = False
html_static_path = [str(HERE / "static")]
html_css_files = ["katex/katex.min.css", "site.css"]
html_js_files = [
    ("katex/katex.min.js", {"defer": "defer"}),
    ("formulas.js", {"defer": "defer"}),
]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the notebooks are committed with their outputs
suppress_warnings = ["ref.python"]  # types of one name in two modules: either is linked to
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"


def inline_formula(writer, node: nodes.math) -> None:
    """A formula in a line of text, which `formulas.js` typesets."""
    writer.body.append(writer.starttag(node, "span", "", CLASS="formula"))
    writer.body.append(f"{writer.encode(node.astext())}</span>")
    raise nodes.SkipNode


def displayed_formula(writer, node: nodes.math_block) -> None:
    """A formula on lines of its own."""
    writer.body.append(writer.starttag(node, "div", "", CLASS="formula"))
    writer.body.append(f"{writer.encode(node.astext())}</div>\n")
    raise nodes.SkipNode


def setup(app) -> dict[str, bool]:
    """Formulas are typeset by the KaTeX beside the pages, without a network."""
    app.add_html_math_renderer("katex", (inline_formula, None), (displayed_formula, None))
    app.config.html_math_renderer = "katex"
    return {"parallel_read_safe": True, "parallel_write_safe": True}

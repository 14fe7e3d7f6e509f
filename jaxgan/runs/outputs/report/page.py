"""A run as one HTML page: configuration, samples and curves over time, scores, events.

The page is self-contained. Its curves are interactive if plotly is installed, and otherwise an
image.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.recipes.base import StagedRecipe
from jaxgan.runs.disk.stage_folders import LEVELS, staged_in
from jaxgan.runs.outputs.report.section import (
    SCORES,
    Section,
    data_uri,
    is_within,
    read_section,
)
from jaxgan.runs.settings.config import has_config

TEMPLATE = "page.html.jinja"


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the report of a run; returns its file.

    Args:
      run: folder of a run, of one or of several stages, finished or not.
      out: a .html file; None for RUN/report.html.
    Raises:
      FileNotFoundError: if the folder contains no run.
      ValueError: if `out` has another ending, or a file of the run is damaged.
    """
    out = run / "report.html" if out is None else out
    if out.suffix != ".html":
        raise ValueError(f"--out must end in .html, got {out}")
    check_replaceable(out)
    text = page(run)
    # Names that are not UTF-8 appear with Python's escapes.
    content = text.encode("utf-8", "backslashreplace")
    replace_file(out, lambda beside: beside.write_bytes(content))
    return out


def page(run: Path) -> str:
    """The report of a run as HTML; raises the errors of `write_report`."""
    staged, plotly = staged_in(run), plotly_script()
    sections = _sections(run, staged, plotly is not None)
    levels = run / LEVELS if staged is not None and staged.drawn_by == "pyramid" else None
    recipe = next(each.recipe for _, each in sections if each) if staged is None else staged.name
    return _template().render(
        title=f"{recipe} — {run.resolve().name}",
        run=run,
        staged=staged,
        sections=sections,
        levels=data_uri(levels.read_bytes()) if levels and is_within(run, levels) else None,
        plotly=plotly,
    )


def _template():
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("jaxgan.runs.outputs.report") / TEMPLATE
    return environment.from_string(source.read_text("utf-8"))


def plotly_script() -> str | None:
    """The script that draws interactive curves; None if plotly is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        return None
    return get_plotlyjs()


def _sections(
    run: Path, staged: StagedRecipe | None, interactive: bool
) -> list[tuple[str, Section | None]]:
    """The name and section of each stage; None for stages that have not started."""
    if staged is None:
        return [(run.name, read_section(run, run / SCORES, interactive))]
    folders = [run / recipe.stage for recipe in staged.stages]
    return [
        (
            folder.name,
            read_section(folder, _scores_file(run, folder, folders), interactive)
            if has_config(folder)
            else None,
        )
        for folder in folders
    ]


def _scores_file(run: Path, folder: Path, folders: Sequence[Path]) -> Path:
    """The scores of a stage. The last stage shows the scores of the whole run."""
    whole = run / SCORES
    return whole if folder == folders[-1] and whole.is_file() else folder / SCORES

"""A sweep as one self-contained HTML page: best setting, phase diagram, table by setting."""

import base64
import io
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined

from jaxgan import plots
from jaxgan.atomic import replace_file
from jaxgan.population import Table, best, summary
from jaxgan.runs.sweeps.scores import main_score
from jaxgan.runs.sweeps.settings import SweepFile, read_sweep
from jaxgan.runs.sweeps.sweep import columns_of, read_table

PAGE = "report.html"


def write_page(out: Path) -> Path:
    """Write the report of a sweep into its folder; returns its file.

    Raises:
      ValueError: if the folder has no sweep, or no member is trained yet.
    """
    file, rows = read_sweep(out), read_table(out)
    if file is None or not rows:
        raise ValueError(f"{out} has no sweep with trained members")
    content = page(out, file, columns_of(rows)).encode("utf-8", "backslashreplace")
    replace_file(out / PAGE, lambda part: part.write_bytes(content))
    return out / PAGE


def page(out: Path, file: SweepFile, table: Table) -> str:
    """The report of a sweep as HTML."""
    settings, numbers = file.settings, tuple(file.settings.grid)
    first, minimize = main_score(table)
    ranked = _ranked(summary(table, numbers, first), minimize)
    total = settings.seeds * int(np.prod([len(values) for values in settings.grid.values()]))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = (files("jaxgan.runs.sweeps") / "page.html.jinja").read_text("utf-8")
    return environment.from_string(template).render(
        title=f"{settings.recipe} — {out.resolve().name}",
        settings=settings,
        file=file,
        score=first,
        minimize=minimize,
        best=best_setting(table, numbers),
        done=len(table["seed"]),
        total=total,
        lost=int(np.sum(~np.isfinite(table[first]))),
        diagrams=[(name, _diagram(table, numbers, name)) for name in _drawn(table, first)],
        columns=list(ranked[0]),
        rows=[[_shown(value) for value in row.values()] for row in ranked],
    )


def best_setting(table: Table, numbers: tuple[str, ...]) -> dict[str, Any] | None:
    """The setting with the best mean of the main score; None if no member is finite.

    Only settings with the most finite members count, so that one lucky member does not win.
    """
    score, minimize = main_score(table)
    settings = summary(table, numbers, score)
    most = int(np.max(settings["n"]))
    return best(settings, most, minimize) if most else None


def _ranked(settings: Table, minimize: bool) -> list[dict[str, Any]]:
    """The rows of a summary, the best first."""
    order = np.argsort(settings["mean"] if minimize else -settings["mean"], kind="stable")
    return [{name: column[place].item() for name, column in settings.items()} for place in order]


def _drawn(table: Table, main: str) -> list[str]:
    """The scores that have a diagram: the one that ranks settings, and the quality of samples."""
    shown = (main, "high_quality")
    return [name for name in shown if name in table and np.isfinite(table[name]).any()]


def _diagram(table: Table, numbers: tuple[str, ...], score: str) -> str:
    """A phase diagram over the first two numbers, or over the seed if there is one number."""
    y = numbers[1] if len(numbers) > 1 else "seed"
    image = io.BytesIO()
    plots.phase(table, numbers[0], y, score).savefig(image, format="png", dpi=110)
    return f"data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}"


def _shown(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4g}"

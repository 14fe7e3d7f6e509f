"""Runs of several stages: each trains in its own sub-folder, as a run of its own.

stages.json   the recipe, and the options that were given for all stages
NAME/         the run of a stage
levels.png    of a pyramid: samples at all levels
"""

import json
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import replace_file
from jaxgan.images.resampling import nearest
from jaxgan.monitor.detector import Alert
from jaxgan.parallel import processes
from jaxgan.recipes.base import Recipe, StagedRecipe
from jaxgan.runs.disk.folder import check_new
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import Row
from jaxgan.runs.disk.result import Result
from jaxgan.runs.disk.stage_folders import FILE, LEVELS, read_stages, staged_in
from jaxgan.runs.outputs.samples import draw_levels
from jaxgan.runs.run import Begun, Run
from jaxgan.runs.settings.compare import check_same_recipe
from jaxgan.runs.settings.config import check_fields, has_config, read_config
from jaxgan.runs.settings.options import Options, Overrides, options_for, options_from_recipe
from jaxgan.runs.settings.run_data import absolute_paths
from jaxgan.runs.stage_checks import check_stages
from jaxgan.runs.train import train_run

# --- Training


def train_stages(
    staged: StagedRecipe,
    wanted: Overrides,
    out: Path,
    begun: Begun,
    force: bool = False,
    on_alert: Callable[[Alert], None] = lambda finding: None,
) -> Result:
    """Trains all stages one after the other, or goes on where they were stopped.

    Args:
      staged: the recipe.
      wanted: options for every stage; `steps` are those of each.
      out: a new or empty folder, or one that such a run is in.
      begun: called with each stage's run before it trains, see `jaxgan.runs.train.train_run`.
      force: go on also with settings that change the mathematics.
      on_alert: called with each finding of the monitor.
    Returns:
      How the last stage that was played ended; with its signal, if one stopped it.
    Raises:
      ValueError: if a package is missing, a stage cannot be trained on its data, another recipe is
        in the folder, or augmentation is wanted.
      FileExistsError: if there is something else in the folder.
      Others: see `jaxgan.runs.train.train_run`.
    """
    augment = wanted.run.get("augment")
    if augment is not None:
        raise ValueError(
            f"--augment is not supported for the multi-stage recipe {staged.name}, whose later "
            "stages take images that it would leave as they are; train a single stage instead: "
            f"jaxgan train {staged.stages[0].name} --augment {augment}"
        )
    with processes.all_or_none():
        wanted = _with_earlier(staged, wanted, out)
        options = [_options(recipe, wanted, out) for recipe in staged.stages]
        if not has_config(out / staged.stages[-1].stage):
            check_stages(staged.stages, options)
        if staged_in(out) is None:
            _write_down(staged, wanted, out)

    def noted(run: Run, step: int) -> Callable[[Row], None]:
        _write_down(staged, wanted, out)
        return begun(run, step)

    for recipe, each in zip(staged.stages, options, strict=True):
        result = train_run(each, out / recipe.stage, force=force, on_alert=on_alert, begun=noted)
        if result.signal is not None:
            return result
    if staged.drawn_by == "pyramid" and processes.is_writer():
        _write_levels(out)
    return result


def _options(recipe: Recipe, wanted: Overrides, out: Path) -> Options:
    named = wanted._replace(run=wanted.run | {"recipe": recipe.name})
    return check_fields(options_for(out / recipe.stage, named))


def _write_levels(out: Path):
    """Write an image of samples of a pyramid, each at all its levels."""
    generator = load_generator(out)
    data, classes = generator.data, generator.data.num_classes
    num = plots.num_pictured(data.shape, classes, in_threes=True)
    labels = None if classes is None else plots.class_rows(num, min(classes, num))
    levels = draw_levels(generator, num, generator.config.seed, labels)
    size = (levels[-1].shape[1], levels[-1].shape[2])
    alike = [np.asarray(nearest(jnp.asarray(x), size)) for x in levels]
    image = plots.side_by_side(alike, data.low, data.high)
    replace_file(out / LEVELS, Image.fromarray(image).save)


def _with_earlier(staged: StagedRecipe, wanted: Overrides, out: Path) -> Overrides:
    """The options of all stages: what is wanted now, and else what was when the run began."""
    before = staged_in(out)
    if before is None:
        if has_config(out):
            check_same_recipe(read_config(out).recipe, staged.name, out)
        check_new(out)
    else:
        check_same_recipe(before.name, staged.name, out)
        old = _wanted_before(staged, out)
        wanted = Overrides(*(was | now for was, now in zip(old, wanted, strict=True)))
    return wanted._replace(
        run={k: v for k, v in wanted.run.items() if k != "recipe"},
        input=absolute_paths(wanted.input),
        scoring=absolute_paths(wanted.scoring),
    )


def _write_down(staged: StagedRecipe, wanted: Overrides, out: Path):
    if processes.is_writer():
        text = json.dumps({"recipe": staged.name, "wanted": wanted._asdict()}, indent=2) + "\n"
        out.mkdir(parents=True, exist_ok=True)
        replace_file(out / FILE, lambda beside: beside.write_text(text))


def _wanted_before(staged: StagedRecipe, out: Path) -> Overrides:
    """The options that stages.json holds; raises a ValueError unless it holds all their groups."""
    groups = read_stages(out).wanted
    missing = set(Overrides._fields) - set(Overrides._field_defaults) - set(groups)
    unknown = set(groups) - set(Overrides._fields)
    problems = [f"wanted.{name} is missing" for name in sorted(missing)]
    problems += [f"wanted.{name} is unknown" for name in sorted(unknown)]
    if not problems:
        wanted = Overrides(**groups)
        try:
            check_fields(options_from_recipe(staged.stages[0].name).with_changes(wanted))
            return wanted
        except (ValueError, TypeError) as error:
            problems = [str(error)]
    raise ValueError(f"{out / FILE} is damaged: {'; '.join(problems)}")

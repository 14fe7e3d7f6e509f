"""Runs of several stages: each stage trains in its own sub-folder, as a run of its own.

stages.json   the recipe, and the options that were given for all stages
NAME/         the run of a stage
levels.png    samples of a pyramid at all levels
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
from jaxgan.recipes import recipe_hyperparameters
from jaxgan.recipes.base import Recipe, StagedRecipe
from jaxgan.recipes.hyperparameters import unknown
from jaxgan.runs.disk.folder import check_new
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import Row
from jaxgan.runs.disk.result import Result
from jaxgan.runs.disk.stage_folders import FILE, LEVELS, read_stages, staged_in
from jaxgan.runs.outputs.samples import draw_levels
from jaxgan.runs.run import OnStart, Run
from jaxgan.runs.settings.compare import check_same_recipe
from jaxgan.runs.settings.config import has_config, read_config
from jaxgan.runs.settings.options import Options, Overrides
from jaxgan.runs.settings.resolve import HYPERPARAMETERS, options_for, options_from_recipe
from jaxgan.runs.settings.run_data import absolute_paths
from jaxgan.runs.stage_checks import check_stages
from jaxgan.runs.train import train_run
from jaxgan.settings import check_fields, with_values

# --- Training


def train_stages(
    staged: StagedRecipe,
    overrides: Overrides,
    out: Path,
    on_start: OnStart,
    force: bool = False,
    on_alert: Callable[[Alert], None] = lambda alert: None,
) -> Result:
    """Trains all stages in turn, or resumes where they were stopped.

    Args:
      staged: the recipe.
      overrides: options for every stage; `steps` are those of each.
      out: a new or empty folder, or that of such a run.
      on_start: called with each stage's run before it trains, see `jaxgan.runs.train.train_run`.
      force: accept settings that change the results.
      on_alert: called with each alert of the monitor.
    Returns:
      The result of the last stage that was trained; with its signal, if one stopped it.
    Raises:
      ValueError: if a package is missing, a stage cannot be trained on its data, another recipe is
        in the folder, or augmentation or a start from another run is asked for.
      FileExistsError: if there is something else in the folder.
      Others: see `jaxgan.runs.train.train_run`.
    """
    if overrides.get("start.source") is not None or overrides.get("start.freeze_d"):
        raise ValueError(
            f"--from and --freeze-d are not supported for the multi-stage recipe {staged.name}: "
            f"train a single stage, such as jaxgan train {staged.stages[0].name} --from RUN"
        )
    augment = overrides.get("augment")
    if augment is not None:
        raise ValueError(
            f"--augment is not supported for the multi-stage recipe {staged.name}, whose later "
            "stages take images that it would leave as they are; train a single stage instead: "
            f"jaxgan train {staged.stages[0].name} --augment {augment}"
        )
    with processes.all_or_none():
        overrides = _with_earlier(staged, overrides, out)
        _check_names(staged, overrides)
        options = [_options(recipe, overrides, out) for recipe in staged.stages]
        if not has_config(out / staged.stages[-1].stage):
            check_stages(staged.stages, options)
        if staged_in(out) is None:
            _write_stages(staged, overrides, out)

    def noted(run: Run, step: int) -> Callable[[Row], None]:
        _write_stages(staged, overrides, out)
        return on_start(run, step)

    for recipe, each in zip(staged.stages, options, strict=True):
        result = train_run(each, out / recipe.stage, force, on_alert, noted)
        if result.signal is not None:
            return result
    if staged.drawn_by == "pyramid" and processes.is_writer():
        _write_levels(out)
    return result


def _options(recipe: Recipe, overrides: Overrides, out: Path) -> Options:
    known, given = recipe_hyperparameters(recipe.name), overrides.get(HYPERPARAMETERS, {})
    own = {name: value for name, value in given.items() if name in known}
    overrides = overrides | {"recipe": recipe.name, HYPERPARAMETERS: own}
    return check_fields(options_for(out / recipe.stage, overrides))


def _check_names(staged: StagedRecipe, overrides: Overrides):
    """Raises a ValueError for a hyper-parameter that no stage has."""
    known = [name for stage in staged.stages for name in recipe_hyperparameters(stage.name)]
    for name in overrides.get(HYPERPARAMETERS, {}):
        if name not in known:
            raise unknown(f"recipe {staged.name}", name, dict.fromkeys(known))


def _write_levels(out: Path):
    """Writes an image of samples of a pyramid, each at all its levels."""
    generator = load_generator(out)
    data, classes = generator.data, generator.data.num_classes
    num = plots.num_plotted(data.shape, classes, in_threes=True)
    labels = data.kept_attributes(num)
    if classes is not None:
        labels = plots.class_rows(num, min(classes, num))
    levels = draw_levels(generator, num, generator.config.options.seed, labels)
    size = (levels[-1].shape[1], levels[-1].shape[2])
    alike = [np.asarray(nearest(jnp.asarray(x), size)) for x in levels]
    image = plots.side_by_side(alike, data.low, data.high)
    replace_file(out / LEVELS, Image.fromarray(image).save)


def _with_earlier(staged: StagedRecipe, overrides: Overrides, out: Path) -> Overrides:
    """The options given now, and those given earlier for the run in the folder."""
    before = staged_in(out)
    if before is None:
        if has_config(out):
            check_same_recipe(read_config(out).options.recipe, staged.name, out)
        check_new(out)
    else:
        check_same_recipe(before.name, staged.name, out)
        earlier = _earlier_overrides(staged, out)
        values = earlier.get(HYPERPARAMETERS, {}) | overrides.get(HYPERPARAMETERS, {})
        overrides = earlier | overrides | ({HYPERPARAMETERS: values} if values else {})
    own = {name: value for name, value in overrides.items() if name != "recipe"}
    return own | absolute_paths(own)


def _write_stages(staged: StagedRecipe, overrides: Overrides, out: Path):
    if processes.is_writer():
        text = json.dumps({"recipe": staged.name, "overrides": overrides}, indent=2) + "\n"
        out.mkdir(parents=True, exist_ok=True)
        replace_file(out / FILE, lambda beside: beside.write_text(text))


def _earlier_overrides(staged: StagedRecipe, out: Path) -> Overrides:
    """The options in stages.json; raises a ValueError unless they are valid."""
    written = read_stages(out).overrides
    overrides: Overrides = {  # JSON has lists for tuples
        name: tuple(value) if isinstance(value, list) else value for name, value in written.items()
    }
    try:
        check_fields(with_values(options_from_recipe(staged.stages[0].name), overrides))
    except ValueError as error:
        raise ValueError(f"{out / FILE} is damaged: {error}") from None
    return overrides

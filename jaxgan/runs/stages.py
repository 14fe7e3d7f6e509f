"""Runs of several stages: each trains in its own sub-folder, as a run of its own.

stages.json   the recipe, and the options that were given for all stages
NAME/         the run of a stage
levels.png    of a pyramid: samples at all levels
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pydantic
from PIL import Image

from jaxgan import plots
from jaxgan.parallel import processes
from jaxgan.runs.outputs import samples
from jaxgan.checks import check_positive, check_seed
from jaxgan.runs.settings.compare import check_same_recipe
from jaxgan.training.sampling import SAMPLES_PER_CALL, Conditions, rows_from
from jaxgan.runs.settings.config import Config, check_fields, has_config, read_config
from jaxgan.data import Dataset, Records, to_own_range
from jaxgan.runs.record import Begun, Run
from jaxgan.runs.disk.folder import check_new
from jaxgan.parallel.global_batch import sample_index
from jaxgan.runs.disk.log import Row, replace_file
from jaxgan.monitor.detector import Finding
from jaxgan.runs.settings.options import Options, Wanted, of_recipe, options_for
from jaxgan.images.pyramid import crop_to, sample_pyramid
from jaxgan.recipes import STAGED
from jaxgan.recipes.base import Recipe, Staged
from jaxgan.images.resampling import nearest
from jaxgan.runs.train import Result, train_run
from jaxgan.runs.settings.run_data import absolute_paths, data_of
from jaxgan.runs.outputs.samples import Loaded
from jaxgan.runs.stage_checks import check_stages

FILE, LEVELS = "stages.json", "levels.png"


class _Written(pydantic.BaseModel):
    """What stages.json holds."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    recipe: str
    wanted: dict[str, dict[str, Any]]


def staged_in(run: Path) -> Staged | None:
    """The recipe of a folder whose run has stages; None for another folder.

    Raises:
      ValueError: if its stages.json is no good.
    """
    if not has_config(run, FILE):
        return None
    name = _read(run).recipe
    if name not in STAGED:
        raise ValueError(f"{run / FILE} names an unknown recipe {name!r}")
    return STAGED[name]


def _read(run: Path) -> _Written:
    try:
        return _Written.model_validate_json((run / FILE).read_bytes())
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ValueError(f"{run / FILE} is damaged: {place}: {problem['msg']}") from None


def last_stage(run: Path) -> Path:
    """The folder of a run's last stage, or the run itself if it has no stages."""
    staged = staged_in(run)
    return run if staged is None else run / staged.stages[-1].stage


# --- Training


def train_stages(
    staged: Staged,
    wanted: Wanted,
    out: Path,
    begun: Begun,
    force: bool = False,
    notice: Callable[[Finding], None] = lambda finding: None,
) -> Result:
    """Trains all stages one after the other, or goes on where they were stopped.

    Args:
      staged: the recipe.
      wanted: options for every stage; `steps` are those of each.
      out: a new or empty folder, or one that such a run is in.
      begun: called with each stage's run before it trains, see `jaxgan.runs.train_run`.
      force: go on also with settings that change the mathematics.
      notice: called with each finding of the monitor.
    Returns:
      How the last stage that was played ended; with its signal, if one stopped it.
    Raises:
      ValueError: if a package is missing, a stage cannot be trained on its data, another recipe is
        in the folder, or augmentation is wanted.
      FileExistsError: if there is something else in the folder.
      Others: see `jaxgan.runs.train_run`.
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
        result = train_run(each, out / recipe.stage, force=force, notice=notice, begun=noted)
        if result.signal is not None:
            return result
    if staged.drawn_by == "pyramid" and processes.is_writer():
        _write_levels(out)
    return result


def _options(recipe: Recipe, wanted: Wanted, out: Path) -> Options:
    named = wanted._replace(run=wanted.run | {"recipe": recipe.name})
    return check_fields(options_for(out / recipe.stage, named))


def _write_levels(out: Path):
    """A picture of samples of a pyramid, each at all its levels."""
    config = read_config(last_stage(out))
    classes = config.data.num_classes
    num = plots.num_pictured(config.data.shape, classes, in_threes=True)
    labels = None if classes is None else plots.class_rows(num, min(classes, num))
    levels = sample_stages(out, num, config.seed, labels=labels)
    size = (levels[-1].shape[1], levels[-1].shape[2])
    alike = [np.asarray(nearest(jnp.asarray(x), size)) for x in levels]
    picture = plots.side_by_side(alike, config.data.low, config.data.high)
    replace_file(out / LEVELS, Image.fromarray(picture).save)


def _with_earlier(staged: Staged, wanted: Wanted, out: Path) -> Wanted:
    """The options of all stages: what is wanted now, and else what was when the run began."""
    before = staged_in(out)
    if before is None:
        if has_config(out):
            check_same_recipe(read_config(out).recipe, staged.name, out)
        check_new(out)
    else:
        check_same_recipe(before.name, staged.name, out)
        old = _wanted_before(staged, out)
        wanted = Wanted(*(was | now for was, now in zip(old, wanted, strict=True)))
    return wanted._replace(
        run={k: v for k, v in wanted.run.items() if k != "recipe"},
        input=absolute_paths(wanted.input),
        scoring=absolute_paths(wanted.scoring),
    )


def _write_down(staged: Staged, wanted: Wanted, out: Path):
    if processes.is_writer():
        text = json.dumps({"recipe": staged.name, "wanted": wanted._asdict()}, indent=2) + "\n"
        out.mkdir(parents=True, exist_ok=True)
        replace_file(out / FILE, lambda beside: beside.write_text(text))


def _wanted_before(staged: Staged, out: Path) -> Wanted:
    """The options that stages.json holds; raises a ValueError unless it holds all their groups."""
    groups = _read(out).wanted
    missing = set(Wanted._fields) - set(Wanted._field_defaults) - set(groups)
    unknown = set(groups) - set(Wanted._fields)
    problems = [f"wanted.{name} is missing" for name in sorted(missing)]
    problems += [f"wanted.{name} is unknown" for name in sorted(unknown)]
    if not problems:
        wanted = Wanted(**groups)
        try:
            check_fields(of_recipe(staged.stages[0].name).with_changes(wanted))
            return wanted
        except (ValueError, TypeError) as error:
            problems = [str(error)]
    raise ValueError(f"{out / FILE} is damaged: {'; '.join(problems)}")


# --- Samples


def load_whole(run: Path, use_ema: bool = True, which: str = "latest") -> tuple[Loaded, ...]:
    """The generators that a run is drawn by: of its last stage, or of all levels of a pyramid.

    Of a pyramid "best" are those that are best of each level by itself; a number must be that of a
    checkpoint of all levels. Arguments and errors are those of `jaxgan.runs.outputs.samples.load_generator`.
    """
    staged = staged_in(run)
    if staged is None or staged.drawn_by != "pyramid":
        return (samples.load_generator(last_stage(run), use_ema, which),)
    folders = [run / recipe.stage for recipe in staged.stages]
    return tuple(samples.load_generator(folder, use_ema, which) for folder in folders)


def draw_whole(
    run: Path,
    loaded: tuple[Loaded, ...],
    num: int,
    seed: int,
    labels: np.ndarray | None = None,
    read: Callable[[Config], Dataset | Records] = data_of,
) -> tuple[np.ndarray, Conditions]:
    """What generators of `load_whole` make in the end, and what it was drawn on.

    Arguments are those of `jaxgan.runs.outputs.samples.draw_beside`. A pyramid was drawn on nothing.
    """
    if len(loaded) > 1:
        return _draw_levels(run, loaded, num, seed, labels)[-1], Conditions(labels)
    return samples.draw_beside(last_stage(run), loaded[0], num, seed, labels, read)


def sample_stages(
    run: Path,
    num: int,
    seed: int,
    use_ema: bool = True,
    labels: np.ndarray | None = None,
    which: str = "latest",
) -> list[np.ndarray]:
    """Samples of a pyramid of GANs, drawn coarse to fine: those of every level, [num, ...] each.

    Args:
      run: the folder of the stages.
      num: how many.
      seed: of the latents; sample i under one seed and label is always the same.
      use_ema: use the averaged generators.
      labels: int [num], the class of each, for a conditional run and only there.
      which: the checkpoints, see `load_whole`.
    Returns:
      float32 in the data's own range; the last has the data's own size, the others their level's.
    Raises:
      FileNotFoundError: if a stage has no checkpoint yet.
      ValueError: if num is not positive, or labels are missing, not wanted or out of range.
    """
    staged = staged_in(run)
    if staged is None or staged.drawn_by != "pyramid":
        raise ValueError(f"{run} holds no pyramid of GANs")
    return _draw_levels(run, load_whole(run, use_ema, which), num, seed, labels)


def _draw_levels(
    run: Path, loaded: tuple[Loaded, ...], num: int, seed: int, labels: np.ndarray | None
) -> list[np.ndarray]:
    check_positive(num=num)
    check_seed(seed)
    config = loaded[-1].config
    labels = samples.checked_labels(labels, num, config.data.num_classes, run)
    draws, data = [samples.make_generate(each) for each in loaded], config.data

    def piece(first: int) -> list[np.ndarray]:
        own = rows_from(labels, first, SAMPLES_PER_CALL)
        levels, index = [_level(draw, own) for draw in draws], sample_index(SAMPLES_PER_CALL)
        *coarse, full = sample_pyramid(jax.random.key(seed), levels, first + index)
        own_range = data.low, data.high, config.plan.model_range
        images = (*coarse, crop_to(full, (data.shape[0], data.shape[1])))
        return [to_own_range(np.asarray(x), *own_range) for x in images]

    return samples.in_one(map(piece, range(0, num, SAMPLES_PER_CALL)), num)


def _level(draw: Callable, labels: np.ndarray | None) -> Callable:
    def level(key, low, index):
        parts = [part for part in (low, labels) if part is not None]
        condition = tuple(parts) if len(parts) > 1 else next(iter(parts), None)
        return draw(key, condition, index)

    return level


def check_run(run: Path):
    """Raises a FileNotFoundError or ValueError unless a folder is a run's."""
    if staged_in(run) is None:
        read_config(run)

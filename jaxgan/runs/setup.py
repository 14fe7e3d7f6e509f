"""How a run starts or resumes: its data, its GAN, its folder."""

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax

from jaxgan import nonfinite
from jaxgan.atomic import replace_file
from jaxgan.checks import closest
from jaxgan.data import Dataset, Records
from jaxgan.environment import environment
from jaxgan.fine_tuning import freeze_d
from jaxgan.monitor.detector import Alert
from jaxgan.parallel import processes
from jaxgan.recipes import check_installed, recipe, recipe_gan, recipe_hyperparameters
from jaxgan.recipes.hyperparameters import Given, resolved
from jaxgan.runs.disk.folder import held_folder
from jaxgan.runs.disk.log import write_event
from jaxgan.runs.disk.trackers import check_trackers
from jaxgan.runs.errors import (
    explaining_disk_errors,
    explaining_memory_errors,
    explaining_process_errors,
)
from jaxgan.runs.run import Run
from jaxgan.runs.settings.compare import check_same_recipe, check_same_results, differences
from jaxgan.runs.settings.config import (
    Config,
    has_config,
    load_input,
    read_config,
    to_json,
)
from jaxgan.runs.settings.fingerprint import data_facts, gan_fingerprint
from jaxgan.runs.settings.options import Options
from jaxgan.runs.settings.run_data import absolute_paths
from jaxgan.runs.snapshots import make_snapshot
from jaxgan.runs.start import check_start
from jaxgan.scoring.in_training import make_scorer
from jaxgan.settings import flatten, with_values
from jaxgan.steps import make_train_step
from jaxgan.training.batches import example_batch
from jaxgan.training.plan_checks import warn_of_doubts
from jaxgan.training.state import RunState
from jaxgan.types import GAN

CLASSES = 1000  # up to this number, classes need not all occur in the data


def begin(
    options: Options,
    out: Path,
    force: bool,
    on_alert: Callable[[Alert], None],
    held: ExitStack,
) -> Run:
    """A run with its data, in a folder that is held from now on; nothing is written yet.

    Args:
      options: of the run.
      out: the folder.
      force: accept settings that change the results.
      on_alert: called with each alert of the monitor.
      held: holds the folder, and explains errors, until it is closed.
    """
    if has_config(out) and not force:
        check_same_recipe(read_config(out).options.recipe, options.recipe, out)
    if not has_config(out):
        check_start(options.start)
    if processes.is_writer():
        check_trackers(options.track)
    dataset, plan = load_input(options.input), options.plan
    # Only now are paths absolute: errors of the data name what was typed.
    options = with_values(options, absolute_paths(flatten(options)))
    options = options._replace(hyperparameters=_values(options, dataset))
    gan = gan_for(options, dataset)
    warn_of_doubts(dataset, plan)
    config = Config(
        options,
        gan=gan_fingerprint(gan, dataset, plan.conditional),
        data=data_facts(dataset, plan.conditional),
        **environment(),
    )
    for context in (
        explaining_disk_errors(out),
        held_folder(out),
        explaining_process_errors(),
        explaining_memory_errors(plan),
    ):
        held.enter_context(context)
    if (out / "config.json").exists():
        old = read_config(out)
        if not force:
            check_same_results(old, config, out)
    drawing = make_snapshot(gan, config, dataset)
    scorer = make_scorer(gan, options.scoring, dataset, plan, options.seed, options.recipe)
    return Run(out, config, gan, dataset, *drawing, lambda row: None, on_alert, scorer)


def gan_for(options: Options, dataset: Dataset | Records) -> GAN:
    """The GAN of a run's recipe for a data set.

    Raises:
      ValueError: if a package or labels are missing, or the data do not suit the recipe.
    """
    chosen = recipe(options.recipe)
    check_installed(chosen)
    if options.plan.conditional and dataset.attributes is None:
        _check_classes(dataset, chosen.name)
    classes = dataset.condition_width if options.plan.conditional else None
    values = _values(options, dataset)
    gan = recipe_gan(chosen.name, dataset.shape, classes, options.augment, values)
    if not options.start.freeze_d:
        return gan
    batch = example_batch(dataset, 2 * gan.discriminator.pack, options.plan.conditional)
    return freeze_d(gan, batch, options.start.freeze_d)


def _values(options: Options, dataset: Dataset | Records) -> Given:
    """The hyper-parameters of a run, with the value of its rule for each that is auto."""
    known = recipe_hyperparameters(options.recipe)
    return resolved(known, options.hyperparameters, dataset.shape, options.plan.batch_size)


def _check_classes(dataset: Dataset | Records, name: str):
    classes = dataset.num_classes
    if classes is None:
        has = isinstance(dataset, Dataset) and dataset.condition is not None
        found = "a condition that is not integer labels" if has else "none"
        raise ValueError(f"{name} needs labels, and {dataset.name} has {found}")
    if classes > max(CLASSES, dataset.size):
        raise ValueError(
            f"{dataset.name} has labels up to {classes - 1} on {dataset.size} samples: number the "
            "classes from 0 on, without gaps"
        )


# --- The state


def with_early_stopping(run: Run, state: RunState) -> Run:
    """A resumed run with the round after which alerts stop it.

    With other `steps` or `stop_on` than before, only alerts that begin from now on stop the run;
    an earlier alert that stopped it before does not stop it again.
    """
    if not (run.out / "config.json").exists():
        return run
    config, new = read_config(run.out), run.config.options
    old = config.options
    changed = (old.stop_on, old.steps) != (new.stop_on, new.steps)
    from_now_on = changed and (old.stop_on or new.stop_on)
    after = int(state.round) if from_now_on else config.stop_after
    return dataclasses.replace(run, config=run.config._replace(stop_after=after))


def check_metric(run: Run, state: RunState):
    """Raises a ValueError unless the metric of the best checkpoint exists."""
    metric, plan = run.config.options.saving.keep.metric, run.config.options.plan
    if metric is None:
        return
    # The metrics of both players, though a call in epochs has only those of one.
    batch = example_batch(run.dataset, plan.batch_size, plan.conditional)
    step = make_train_step(run.gan)
    _, metrics = jax.eval_shape(step, jax.random.key(0), state.gan, batch)
    check_kept(metric, {*metrics, *(() if run.scorer is None else run.scorer.names)})


def check_kept(metric: str, metrics: set[str]):
    """Raises a ValueError unless the best checkpoint can be chosen by this metric."""
    known = sorted(metrics - set(nonfinite.COUNTS))
    if metric not in known:
        longer = [name for name in known if name.startswith(metric)]
        near = f" Did you mean {longer[0]!r}?" if len(longer) == 1 else closest(metric, known)
        raise ValueError(
            f"--keep-best: no metric {metric!r}.{near} Choose one of {', '.join(known)}"
        )


def write_config(run: Run, played: int):
    """Writes config.json, and an event with the settings that have changed."""
    if not processes.is_writer():
        return
    path, text = run.out / "config.json", to_json(run.config)
    if path.exists():
        old, new = read_config(run.out), run.config
        changed = [_change(name, *pair) for name, pair in differences(old, new).items()]
        changed += [
            f"{package}: {old.versions.get(package)} -> {found}"
            for package, found in new.versions.items()
            if old.versions.get(package) != found
        ]
        if changed:
            message = f"the run resumes with other settings: {'; '.join(changed)}"
            write_event(run.out, "settings", played, message)
    replace_file(path, lambda beside: beside.write_text(text))
    (run.out / "result.json").unlink(missing_ok=True)  # the run has not ended any more


def _change(name: str, old: Any, new: Any) -> str:
    """A changed setting in words; rows of attributes are too many to show."""
    return name if name == "data.attribute_rows" else f"{name}: {old!r} -> {new!r}"

"""How a run begins or goes on: its data, its folder, the state to start from."""

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import jax

from jaxgan import nonfinite
from jaxgan.atomic import replace_file
from jaxgan.data import Dataset, Records
from jaxgan.monitor.detector import Alert
from jaxgan.parallel import processes
from jaxgan.recipes import check_installed, recipe, recipe_gan
from jaxgan.runs.disk.folder import held_folder
from jaxgan.runs.disk.log import write_event
from jaxgan.runs.errors import (
    explaining_disk_errors,
    explaining_memory_errors,
    explaining_process_errors,
)
from jaxgan.runs.run import Run
from jaxgan.runs.settings.compare import check_same_mathematics, check_same_recipe, differences
from jaxgan.runs.settings.config import (
    Config,
    Input,
    environment,
    has_config,
    load_input,
    read_config,
    to_json,
)
from jaxgan.runs.settings.fingerprint import data_facts, gan_fingerprint
from jaxgan.runs.settings.options import Options
from jaxgan.runs.settings.run_data import absolute_paths
from jaxgan.runs.snapshots import make_snapshot
from jaxgan.scoring.in_training import Scoring, make_scorer
from jaxgan.steps import make_train_step
from jaxgan.training.batches import example_batch
from jaxgan.training.plan import warn_of_doubts
from jaxgan.training.state import RunState
from jaxgan.types import GAN

CLASSES = 1000  # so many need not all occur in the data


def begin(
    options: Options,
    out: Path,
    force: bool,
    on_alert: Callable[[Alert], None],
    held: ExitStack,
) -> Run:
    """A run with its data, in a folder that is held from now on; nothing is written yet."""
    if has_config(out) and not force:
        check_same_recipe(read_config(out).recipe, options.recipe, out)
    dataset, plan = load_input(options.input), options.plan
    options = _from_anywhere(options)  # from here on: errors before say what was typed
    gan = gan_for(options, dataset)
    warn_of_doubts(dataset, plan)
    config = Config(
        **options._asdict(),
        setting=gan_fingerprint(gan, dataset, plan.conditional),
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
            check_same_mathematics(old, config, out)
    drawing = make_snapshot(gan, config, dataset)
    scorer = make_scorer(gan, config.scoring, dataset, plan, config.seed, config.recipe)
    return Run(out, config, gan, dataset, *drawing, lambda row: None, on_alert, scorer)


def _from_anywhere(options: Options) -> Options:
    """The same options with absolute paths, so that the run can be resumed from any folder."""
    return options._replace(
        input=Input(**absolute_paths(options.input._asdict())),
        scoring=Scoring(**absolute_paths(options.scoring._asdict())),
    )


def gan_for(options: Options, dataset: Dataset | Records) -> GAN:
    """The GAN that options ask for on a data set.

    Raises:
      ValueError: if a package or labels are missing, or the data do not suit the recipe.
    """
    chosen = recipe(options.recipe)
    check_installed(chosen)
    if options.plan.conditional:
        _check_classes(dataset, chosen.name)
    classes = dataset.num_classes if options.plan.conditional else None
    return recipe_gan(chosen.name, dataset.shape, classes, options.augment)


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
    """The run, to be stopped by alerts from now on if other ones, or other steps, are asked for.

    What stopped it before, or was found before it was to stop on it, does not stop it then.
    """
    new = run.config
    if not (run.out / "config.json").exists():
        return run
    old = read_config(run.out)
    asked = old.stop_on or new.stop_on
    changed = asked and (old.stop_on, old.steps) != (new.stop_on, new.steps)
    after = int(state.round) if changed else old.stop_after
    return dataclasses.replace(run, config=new.model_copy(update={"stop_after": after}))


def check_metric(run: Run, state: RunState):
    """Raises a ValueError unless the metric that the best checkpoint is kept by is one."""
    metric, plan = run.config.saving.keep.metric, run.config.plan
    if metric is None:
        return
    # Of both players, though in epochs a call has those of one.
    batch = example_batch(run.dataset, plan.batch_size, plan.conditional)
    step = make_train_step(run.gan)
    _, metrics = jax.eval_shape(step, jax.random.key(0), state.gan, batch)
    check_kept(metric, {*metrics, *(() if run.scorer is None else run.scorer.names)})


def check_kept(metric: str, metrics: set[str]):
    """Raises a ValueError unless the best checkpoint can be kept by a metric of this name."""
    known = sorted(metrics - set(nonfinite.COUNTS))
    if metric not in known:
        raise ValueError(f"--keep-best: no metric {metric!r}; choose one of {', '.join(known)}")


def write_config(run: Run, played: int):
    """Writes down what is asked for from now on, and what was asked for otherwise before."""
    if not processes.is_writer():
        return
    path, text = run.out / "config.json", to_json(run.config)
    if path.exists():
        old, new = read_config(run.out), run.config
        changed = [f"{name}: {a!r} -> {b!r}" for name, (a, b) in differences(old, new).items()]
        changed += [
            f"{package}: {old.versions.get(package)} -> {found}"
            for package, found in new.versions.items()
            if old.versions.get(package) != found
        ]
        if changed:
            message = f"the run goes on with other settings: {'; '.join(changed)}"
            write_event(run.out, "settings", played, message)
    replace_file(path, lambda beside: beside.write_text(text))
    (run.out / "result.json").unlink(missing_ok=True)  # it has not ended any more

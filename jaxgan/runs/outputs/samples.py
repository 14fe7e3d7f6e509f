"""Samples of a run: drawn again, and written as a picture or an array."""

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan.runs.disk import checkpoint
from jaxgan import plots
from jaxgan.checks import check_positive, check_seed, closest
from jaxgan.training.sampling import SAMPLES_PER_CALL, Conditions, conditions_for, has_images, rows_from, sample_shape
from jaxgan.runs.settings.config import Config, read_config
from jaxgan.data import Dataset, Records, to_own_range
from jaxgan.runs.disk.folder import CHECKPOINTS
from jaxgan.parallel.global_batch import sample_index
from jaxgan.runs.disk.log import check_replaceable, replace_file
from jaxgan.objectives import generate
from jaxgan.recipes import recipe_gan
from jaxgan.runs.settings.run_data import data_of
from jaxgan.steps import unchecked_init
from jaxgan.training.loop import run_state
from jaxgan.types import GAN, Array, Batch, GANState, PyTree

CLASSES_SHOWN = 20


class Loaded(NamedTuple):
    """A run's generator as it was trained, and the config.json of the run.

    `params` and `model_state` are those of `gan.generator`; `ema` says whether they are averaged,
    `step` counts the generator updates behind them.
    """

    gan: GAN
    params: PyTree
    model_state: PyTree
    ema: bool
    step: int
    config: Config


def load_generator(run: Path, use_ema: bool = True, which: str = "latest") -> Loaded:
    """The generator of a run, as a checkpoint holds it.

    Args:
      run: its folder.
      use_ema: the averaged one, if the run keeps an average.
      which: "latest", "best" by the run's own metric, or the number of a checkpoint.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint.
      ValueError: if there is no such checkpoint, or config.json is no good.
      CheckpointError: if the checkpoint is damaged, or not there.
    """
    config = read_config(run)
    gan = recipe_gan(config.recipe, config.data.shape, config.data.num_classes, config.augment)
    found = _restored(run, gan, config, which)
    state = found.state.gan
    ema = use_ema and state.ema is not None
    source = state.ema if ema else state.generator
    return Loaded(gan, source.params, source.model_state, ema, int(state.step), config)


def _restored(run: Path, gan: GAN, config: Config, which: str) -> checkpoint.Restored:
    directory = run / CHECKPOINTS
    target = jax.eval_shape(lambda: run_state(jax.random.key(0), _init(gan, config)))
    if which == "latest":
        found = checkpoint.restore_latest(directory, target)
        if found is None:
            raise FileNotFoundError(
                f"{run} has no checkpoint yet: wait for the first save, or lower --save-every"
            )
        return found
    if which != "best" and not (which.isascii() and which.isdigit()):
        raise ValueError(f"checkpoint must be latest, best or a round, got {which!r}")
    keep, present = config.saving.keep, checkpoint.numbers(directory)
    if which == "best" and keep.metric is None:
        raise ValueError(f"{run} was trained without --keep-best: choose latest or a round")
    number = checkpoint.best_number(directory, keep) if which == "best" else int(which)
    if number not in present:
        available = ", ".join(map(str, present)) or "none"
        raise ValueError(f"{run} has no checkpoint of round {number}; available: {available}")
    return checkpoint.Restored(number, checkpoint.restore(directory, number, target), ())


def _init(gan: GAN, config: Config) -> GANState:
    classes = config.data.num_classes
    rows = 2 * gan.discriminator.pack
    labels = None if classes is None else jnp.zeros(rows, jnp.int32)
    batch = Batch(jnp.zeros((rows, *config.data.shape), jnp.float32), labels)
    return unchecked_init(jax.random.key(0), gan, batch)


def sample_run(
    run: Path,
    num: int,
    seed: int,
    use_ema: bool = True,
    labels: np.ndarray | None = None,
    which: str = "latest",
) -> np.ndarray:
    """Samples [num, ...] of a run, float32 in the data's own range.

    Args:
      run: its folder.
      num: how many. Where images are the condition, they come evenly from the run's data.
      seed: of the latents; sample i under one seed and label is always the same.
      use_ema: use the averaged generator.
      labels: int [num], the class of each, for a conditional run and only there.
      which: the checkpoint, see `load_generator`.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint.
      ValueError: if num is not positive, or labels are missing, not wanted or out of range.
    """
    check_positive(num=num)  # before anything is loaded
    check_seed(seed)
    return draw_beside(run, load_generator(run, use_ema, which), num, seed, labels)[0]


def draw_beside(
    run: Path,
    loaded: Loaded,
    num: int,
    seed: int,
    labels: np.ndarray | None = None,
    read: Callable[[Config], Dataset | Records] = data_of,
) -> tuple[np.ndarray, Conditions]:
    """Samples of a generator that is loaded already, and what they were drawn on.

    Arguments are those of `sample_run`, and `read`, which gives the data of a run where samples are
    drawn on images of them.
    """
    check_positive(num=num)
    check_seed(seed)
    config = loaded.config
    labels = checked_labels(labels, num, config.data.num_classes, run)
    drawn_on = conditions(loaded, num, labels, read)
    draw, data = make_generate(loaded), config.data

    def piece(first: int) -> np.ndarray:
        own = rows_from(drawn_on.condition, first, SAMPLES_PER_CALL)
        x = draw(jax.random.key(seed), own, first + sample_index(SAMPLES_PER_CALL))
        whole = x if loaded.gan.view is None else loaded.gan.view.whole(x, own)
        return to_own_range(np.asarray(whole), data.low, data.high, config.plan.model_range)

    return in_one(map(piece, range(0, num, SAMPLES_PER_CALL)), num), drawn_on


def make_generate(loaded: Loaded) -> Callable[[Array, PyTree, Array], Array]:
    """A compiled `(key, condition, index) -> samples` of a generator, in the model's range."""

    # The weights as arguments: XLA would fold constants for seconds.
    @jax.jit
    def draw(params, model_state, key, condition, index):
        return generate(key, loaded.gan, params, model_state, condition, index, train=False)[0]

    return functools.partial(draw, loaded.params, loaded.model_state)


def in_one(pieces: Iterable[PyTree], num: int) -> PyTree:
    """Arrays [num, ...] of pieces of their rows, and nothing beyond them.

    Each piece goes where it belongs at once, so that there is little more memory than the result's.
    """
    whole, first = None, 0
    for piece in pieces:
        if whole is None:
            whole = jax.tree.map(lambda x: np.empty((num, *x.shape[1:]), x.dtype), piece)
        for to, rows in zip(jax.tree.leaves(whole), jax.tree.leaves(piece), strict=True):
            to[first : first + len(rows)] = rows[: num - first]
        first += len(rows)
    return whole


def conditions(
    loaded: Loaded,
    num: int,
    labels: np.ndarray | None,
    read: Callable[[Config], Dataset | Records] = data_of,
) -> Conditions:
    """What samples of a run are drawn on: labels, or images of the data that it was trained on.

    Raises:
      FileNotFoundError: if those data are not there any more.
      ValueError: if others are in their place.
    """
    config, gan = loaded.config, loaded.gan
    if not has_images(gan, config.data.shape, labels is not None):
        return Conditions(labels)
    return conditions_for(gan, read(config), config.plan.model_range, num, labels)


def checked_labels(
    labels: np.ndarray | None, num: int, num_classes: int | None, run: Path
) -> np.ndarray | None:
    """The labels of samples as int32; raises a ValueError unless they are what the run takes."""
    if (labels is None) != (num_classes is None):
        wanted = "is not conditional" if num_classes is None else f"has {num_classes} classes"
        raise ValueError(f"labels must {'' if num_classes else 'not '}be given: {run} {wanted}")
    if labels is None or num_classes is None:
        return None
    labels = np.asarray(labels)
    if labels.shape != (num,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be {num} ints, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must lie in 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int32)


def default_num(run: Path, label: int | str | None) -> int:
    """How many samples to draw of a run if nothing is said."""
    config = read_config(run)
    classes = config.data.num_classes if label is None else None
    shape = config.data.shape
    num = plots.num_pictured(shape, classes, has_image_condition(config))
    return max(num, classes or 0)  # at least one of each


def has_image_condition(config: Config) -> bool:
    """Whether a run's generator is conditioned on images."""
    gan = recipe_gan(config.recipe, config.data.shape, config.data.num_classes)
    return has_images(gan, config.data.shape, config.data.num_classes is not None)


def asked_labels(run: Path, num: int, label: int | str | None) -> np.ndarray | None:
    """The labels [num] of a conditional run's samples: all `label`, or one class a row of a grid.

    Args:
      run: its folder.
      num: how many samples; a multiple of the classes if no label is given.
      label: the number of the class, or a text: its name, or its number where no class is called
        so. None for all classes in turn. Must be None for a run without classes.
    Returns:
      int32 [num]; None for a run without classes.
    Raises:
      ValueError: if the run has no classes or not that one, or num is no multiple of them.
    """
    check_positive(num=num)
    facts = read_config(run).data
    num_classes = facts.num_classes
    if num_classes is None:
        if label is not None:
            raise ValueError(f"--label {label}: {run} is not conditional, it has no classes")
        return None
    if label is None:
        return plots.class_rows(num, num_classes)
    return np.full(num, _class_number(run, label, num_classes, facts.class_names), np.int32)


def _class_number(
    run: Path, label: int | str, num_classes: int, names: tuple[str, ...] | None
) -> int:
    if names is not None and label in names:
        return names.index(label)
    text = str(label)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < num_classes:
        return int(text)
    wrong = f"--label {label}: the classes of {run} are 0 to {num_classes - 1}"
    if names is None:
        raise ValueError(wrong)
    shown = ", ".join(names[:CLASSES_SHOWN]) + (", …" if len(names) > CLASSES_SHOWN else "")
    hint = closest(text, names)
    raise ValueError(f"{wrong}, called {shown}{'.' if hint else ''}{hint}")


def class_text(run: Path, number: int) -> str:
    """What a class of a run is called: its name and number, or its number alone."""
    names = read_config(run).data.class_names
    return str(number) if names is None else f"{names[number]} (number {number})"


def _is_class_rows(labels: np.ndarray | None, num_classes: int | None) -> bool:
    if labels is None or num_classes is None or len(labels) % num_classes:
        return False
    return np.array_equal(labels, plots.class_rows(len(labels), num_classes))


def check_writable(run: Path, out: Path):
    """Raises a ValueError or OSError unless samples of this run can go to a file so called."""
    if out.suffix not in (".npz", ".png"):
        raise ValueError(f"--out must end in .png or .npz, got {out}")
    config = read_config(run)
    gan = recipe_gan(config.recipe, config.data.shape, config.data.num_classes)
    shape = sample_shape(gan, config.data.shape)
    if out.suffix == ".png" and not plots.has_picture(shape):
        raise ValueError(f"samples of shape {shape} have no picture: give a .npz")
    check_replaceable(out)


def write_samples(
    samples: np.ndarray,
    run: Path,
    out: Path,
    labels: np.ndarray | None = None,
    drawn_on: Conditions | None = None,
):
    """Samples of a run to a file: a picture (.png), or the array `samples` (.npz).

    Args:
      samples: [num, ...] in the data's own range.
      run: its folder.
      out: the file. A picture of all classes has one a row; in a .npz they are `labels`.
      labels: of the samples [num], if the run is conditional.
      drawn_on: the samples' conditions; their images stand beside the samples in a picture.
    Raises:
      ValueError: if the file's ending is another, or the samples have no picture.
      OSError: if the file cannot be written.
    """
    check_writable(run, out)
    try:
        _write(samples, run, out, labels, drawn_on)
    except (OSError, ValueError) as error:  # ValueError: there can be no such name
        raise OSError(f"samples cannot be written to {out}: {error}") from error


def _write(
    samples: np.ndarray,
    run: Path,
    out: Path,
    labels: np.ndarray | None,
    drawn_on: Conditions | None,
):
    if out.suffix == ".npz":
        if labels is None:
            replace_file(out, lambda beside: np.savez_compressed(beside, samples=samples))
        else:
            replace_file(
                out, lambda beside: np.savez_compressed(beside, samples=samples, labels=labels)
            )
        return
    config = read_config(run)
    low, high = config.data.low, config.data.high
    classes = config.data.num_classes if _is_class_rows(labels, config.data.num_classes) else None
    if drawn_on is not None and drawn_on.source is not None:
        source, real = (
            to_own_range(np.asarray(x), low, high, config.plan.model_range)
            for x in (drawn_on.source, drawn_on.real)
        )
        shown = plots.side_by_side((source, samples, real), low, high)
    else:
        found = plots.picture(samples, low, high, None, classes)
        assert found is not None  # by the check
        shown = found
    replace_file(out, Image.fromarray(shown).save)

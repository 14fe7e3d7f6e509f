"""Samples of a run as files: which labels and how many, an image or an array."""

from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.checks import check_positive, closest
from jaxgan.data import to_data_range
from jaxgan.recipes import recipe_gan
from jaxgan.runs.settings.config import Config, read_config
from jaxgan.training.sampling import (
    Conditions,
    has_images,
    sample_shape,
)

CLASSES_SHOWN = 20


def default_num(run: Path, label: int | str | None) -> int:
    """How many samples to draw of a run if nothing is said."""
    config = read_config(run)
    classes = config.data.num_classes if label is None else None
    shape = config.data.shape
    num = plots.num_plotted(shape, classes, has_image_condition(config))
    return max(num, classes or 0)  # at least one of each


def has_image_condition(config: Config) -> bool:
    """Whether a run's generator is conditioned on images."""
    gan = recipe_gan(config.options.recipe, config.data.shape, config.data.num_classes)
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
    gan = recipe_gan(config.options.recipe, config.data.shape, config.data.num_classes)
    shape = sample_shape(gan, config.data.shape)
    if out.suffix == ".png" and not plots.is_plottable(shape):
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
            to_data_range(np.asarray(x), low, high, config.options.plan.model_range)
            for x in (drawn_on.source, drawn_on.real)
        )
        shown = plots.side_by_side((source, samples, real), low, high)
    else:
        found = plots.sample_image(samples, low, high, None, classes)
        assert found is not None  # by the check
        shown = found
    replace_file(out, Image.fromarray(shown).save)

"""Samples of a run as files: how many, of which classes, as an image or an array."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.checks import check_positive, closest
from jaxgan.data import to_data_range
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images
from jaxgan.training.sampling import Conditions, Drawn, beside_each_other, sample_shape

CLASSES_SHOWN = 20


def default_num(generator: TrainedGenerator, label: int | str | None) -> int:
    """The default number of samples: as many as an image shows, at least one per class."""
    classes = generator.data.num_classes if label is None else None
    num = plots.num_plotted(generator.data.shape, classes, takes_images(generator))
    return max(num, classes or 0)


def requested_labels(
    generator: TrainedGenerator, num: int, label: int | str | None
) -> np.ndarray | None:
    """The labels of a conditional run's samples: all `label`, or one class per row of a grid.

    Args:
      generator: from `load_generator`.
      num: number of samples; a multiple of the number of classes if no label is given.
      label: number of the class, or a text: its name, or its number if no class has that name.
        None for all classes in turn. Must be None for a run without classes.
    Returns:
      int32 [num]; None for a run without classes.
    Raises:
      ValueError: if there is no such class, or num is not a multiple of the number of classes.
    """
    check_positive(num=num)
    if generator.data.num_classes is None:
        if label is not None:
            raise ValueError(f"--label {label}: the run is not conditional, it has no classes")
        return None
    if label is None:
        return plots.class_rows(num, generator.data.num_classes)
    return np.full(num, _class_number(generator, label), np.int32)


def _class_number(generator: TrainedGenerator, label: int | str) -> int:
    names, num_classes = generator.data.class_names, generator.data.num_classes or 0
    if names is not None and label in names:
        return names.index(label)
    text = str(label)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < num_classes:
        return int(text)
    wrong = f"--label {label}: the classes of the run are 0 to {num_classes - 1}"
    if names is None:
        raise ValueError(wrong)
    shown = ", ".join(names[:CLASSES_SHOWN]) + (", …" if len(names) > CLASSES_SHOWN else "")
    hint = closest(text, names)
    raise ValueError(f"{wrong}, called {shown}{'.' if hint else ''}{hint}")


def class_text(generator: TrainedGenerator, number: int) -> str:
    """Text for a class: its name and number, or its number alone."""
    names = generator.data.class_names
    return str(number) if names is None else f"{names[number]} (number {number})"


# --- Writing


def check_writable(generator: TrainedGenerator, out: Path):
    """Raise a ValueError or OSError unless a generator's samples can be written to a file."""
    if out.suffix not in (".npz", ".png"):
        raise ValueError(f"--out must end in .png or .npz, got {out}")
    shape = sample_shape(generator.gan, generator.data.shape)
    if out.suffix == ".png" and not plots.is_plottable(shape):
        raise ValueError(f"samples of shape {shape} cannot be shown as an image: use a .npz file")
    check_replaceable(out)


def write_samples(
    drawn: Drawn,
    generator: TrainedGenerator,
    out: Path,
    labels: np.ndarray | None = None,
    conditions: Conditions | None = None,
):
    """Write samples as an image (.png), or as the array `samples` (.npz).

    Args:
      drawn: samples [num, ...] in the range of the data, and those of the way back if there is one.
      generator: the generator they were drawn from.
      out: the file. An image of all classes has one per row; a .npz file holds `labels` too.
      labels: labels of the samples [num], if the run is conditional.
      conditions: conditions of the samples; their images are shown beside the samples.
    Raises:
      ValueError: if the file has another ending, or the samples cannot be shown as an image.
      OSError: if the file cannot be written.
    """
    check_writable(generator, out)
    try:
        if out.suffix == ".npz":
            own: dict[str, Any] = {} if labels is None else {"labels": labels}
            replace_file(out, lambda beside: np.savez_compressed(beside, samples=drawn.x, **own))
        else:
            image = _image(drawn, generator, labels, conditions)
            replace_file(out, Image.fromarray(image).save)
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        raise OSError(f"samples cannot be written to {out}: {error}") from error


def _image(
    drawn: Drawn,
    generator: TrainedGenerator,
    labels: np.ndarray | None,
    conditions: Conditions | None,
) -> np.ndarray:
    low, high = generator.data.low, generator.data.high
    if conditions is not None and conditions.source is not None:
        source, real = (
            to_data_range(np.asarray(x), low, high, generator.model_range)
            for x in (conditions.source, conditions.real)
        )
        own = conditions._replace(source=source, real=real)
        return plots.side_by_side(beside_each_other(drawn, own), low, high)
    num_classes = generator.data.num_classes
    classes = num_classes if _is_class_rows(labels, num_classes) else None
    image = plots.sample_image(drawn.x, low, high, None, classes)
    assert image is not None  # by check_writable
    return image


def _is_class_rows(labels: np.ndarray | None, num_classes: int | None) -> bool:
    if labels is None or num_classes is None or len(labels) % num_classes:
        return False
    return np.array_equal(labels, plots.class_rows(len(labels), num_classes))

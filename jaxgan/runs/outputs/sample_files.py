"""Samples of a run as files: how many, of which classes, as an image or an array."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan import plots
from jaxgan.atomic import check_new_folder, check_replaceable, new_folder, replace_file
from jaxgan.calls import parse_number
from jaxgan.checks import check_positive, closest
from jaxgan.data import to_data_range
from jaxgan.data.images import DEEP_HIGH
from jaxgan.runs.disk.generator import TrainedGenerator, takes_images
from jaxgan.runs.outputs.image_files import from_pixels
from jaxgan.training.sampling import Conditions, Drawn, beside_each_other, sample_shape

CLASSES_SHOWN = 20


def default_num(generator: TrainedGenerator, label: int | str | None) -> int:
    """The default number of samples: as many as an image shows, at least one per class."""
    classes = generator.data.num_classes if label is None else None
    num = plots.num_plotted(generator.data.shape, classes, takes_images(generator))
    return max(num, classes or 0)


def wanted_num(
    generator: TrainedGenerator,
    out: Path,
    num: int | None,
    grid: tuple[int, int] | None,
    label: int | str | None,
) -> int:
    """The number of samples: that asked for, that of a grid, or else the default.

    Raises:
      ValueError: if a grid has another number of places, or `out` is no image.
    """
    if grid is None:
        return num or default_num(generator, label)
    if out.suffix != ".png":
        raise ValueError(f"--grid is the layout of a .png file, got {out}: leave it out")
    places = grid[0] * grid[1]
    if num not in (None, places):
        raise ValueError(f"--grid {grid[0]}x{grid[1]} shows {places} samples, got --num {num}")
    return places


def requested_labels(
    generator: TrainedGenerator, num: int, label: int | str | None
) -> np.ndarray | None:
    """The labels of a conditional run's samples: all `label`, or one class per row of a grid.

    A run with attributes gives those of real samples.

    Args:
      generator: from `load_generator`.
      num: number of samples; a multiple of the number of classes if no label is given.
      label: number of the class, or a text: its name, or its number if no class has that name.
        None for all classes in turn. Must be None for a run without classes.
    Returns:
      int32 [num], or attributes float32 [num, n]; None for a run without either.
    Raises:
      ValueError: if there is no such class, or num is not a multiple of the number of classes.
    """
    check_positive(num=num)
    if generator.data.attributes:
        if label is not None:
            names = ", ".join(generator.data.attributes)
            raise ValueError(
                f"--label {label}: the run has no classes, but attributes: give --condition with "
                f"a number for each of {names}"
            )
        return generator.data.kept_attributes(num)
    if generator.data.num_classes is None:
        if label is not None:
            raise ValueError(f"--label {label}: the run is not conditional, it has no classes")
        return None
    if label is None:
        return plots.class_rows(num, generator.data.num_classes)
    return np.full(num, _class_number(generator, label), np.int32)


def requested_attributes(generator: TrainedGenerator, num: int, text: str) -> np.ndarray:
    """The attributes of samples in the text of --condition, such as "1,0,0.5".

    Args:
      generator: from `load_generator`.
      num: number of samples, which all have the same attributes.
      text: a number for each attribute.
    Returns:
      float32 [num, n].
    Raises:
      ValueError: if the run has no attributes, another number of them, or a text is no number.
    """
    check_positive(num=num)
    names = generator.data.attributes
    if not names:
        instead = "" if generator.data.num_classes is None else ", but classes: give --label"
        raise ValueError(f"--condition {text}: the run has no attributes{instead}")
    if takes_images(generator) and not generator.coarser:
        raise ValueError(
            f"--condition {text}: the generator takes images, which have their own attributes"
        )
    row = [parse_number("--condition", each) for each in text.split(",")]
    if len(row) != len(names):
        raise ValueError(
            f"--condition {text} must give {len(names)} numbers, one for each of "
            f"{', '.join(names)}, got {len(row)}"
        )
    return np.tile(np.asarray(row, np.float32), (num, 1))


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


def parsed_grid(text: str | None) -> tuple[int, int] | None:
    """Rows and columns in the text of --grid, such as "4x8".

    Raises:
      ValueError: if it is another text.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text, re.ASCII)
    rows, columns = (int(match[1]), int(match[2])) if match else (0, 0)
    if rows < 1 or columns < 1:
        raise ValueError(f"--grid must be ROWSxCOLUMNS, such as 4x8, got {text!r}")
    return rows, columns


def check_writable(generator: TrainedGenerator, out: Path):
    """Raise a ValueError or OSError unless a generator's samples can be written to a path."""
    shape = sample_shape(generator.gan, generator.data.shape)
    if out.suffix == "":
        if not plots.is_image(shape):
            raise ValueError(f"samples of shape {shape} are no images: use a .npz file")
        check_new_folder(out)
        return
    if out.suffix not in (".npz", ".png"):
        raise ValueError(f"--out must be a folder, or end in .png or .npz, got {out}")
    if out.suffix == ".png" and not plots.is_plottable(shape):
        raise ValueError(f"samples of shape {shape} cannot be shown as an image: use a .npz file")
    check_replaceable(out)


def write_samples(
    drawn: Drawn,
    generator: TrainedGenerator,
    out: Path,
    labels: np.ndarray | None = None,
    conditions: Conditions | None = None,
    columns: int | None = None,
):
    """Write samples as one image (.png), as the array `samples` (.npz), or as a folder of images.

    Args:
      drawn: samples [num, ...] in the range of the data, and those of the way back if there is one.
      generator: the generator they were drawn from.
      out: the file, or a folder that does not exist. An image of all classes has one per row; a
        .npz file holds `labels` or `attributes` too; a folder has a sub-folder for each class, or
        the attributes in metadata.csv.
      labels: labels [num] or attributes [num, n] of the samples, if the run is conditional.
      conditions: conditions of the samples; their images are shown beside the samples.
      columns: samples per row of an image; None for the usual number.
    Raises:
      ValueError: if the file has another ending, or the samples cannot be shown as an image.
      OSError: if the file cannot be written.
    """
    check_writable(generator, out)
    try:
        if out.suffix == ".npz":
            name = "attributes" if generator.data.attributes else "labels"
            own: dict[str, Any] = {} if labels is None else {name: labels}
            replace_file(out, lambda beside: np.savez_compressed(beside, samples=drawn.x, **own))
        elif out.suffix == ".png":
            image = _image(drawn, generator, labels, conditions, columns)
            replace_file(out, Image.fromarray(image).save)
        else:
            new_folder(out, lambda beside: _write_images(drawn.x, generator, labels, beside))
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        raise OSError(f"samples cannot be written to {out}: {error}") from error


def _write_images(
    x: np.ndarray, generator: TrainedGenerator, labels: np.ndarray | None, folder: Path
):
    """An image for each sample, 16 bits of grey if the data have them."""
    facts = generator.data
    low = float(x.min()) if facts.low is None else facts.low
    high = float(x.max()) if facts.high is None else facts.high
    white, dtype = (DEEP_HIGH, np.uint16) if high == DEEP_HIGH else (255, np.uint8)
    pixels = np.rint(np.clip((x - low) / (high - low), 0.0, 1.0) * white).astype(dtype)
    classes = None if facts.attributes else labels
    names = [f"{number:0{len(str(len(x) - 1))}}.png" for number in range(len(x))]
    for number, image in enumerate(pixels):
        below = "" if classes is None else _folder_name(facts.class_names, classes[number])
        (folder / below).mkdir(exist_ok=True)
        from_pixels(image).save(folder / below / names[number])
    if facts.attributes and labels is not None:
        with (folder / "metadata.csv").open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("file_name", *facts.attributes))
            lines.writerows((name, *row) for name, row in zip(names, labels, strict=True))


def _folder_name(names: tuple[str, ...] | None, number: int) -> str:
    """The name of a class, if a folder can have it, or else its number."""
    name = "" if names is None else names[number]
    return name if name.strip(". ") and not set(name) & set('/\\:*?"<>|') else str(number)


def _image(
    drawn: Drawn,
    generator: TrainedGenerator,
    labels: np.ndarray | None,
    conditions: Conditions | None,
    columns: int | None,
) -> np.ndarray:
    low, high = generator.data.low, generator.data.high
    if conditions is not None and conditions.source is not None:
        source, real = (
            to_data_range(np.asarray(x), low, high, generator.model_range)
            for x in (conditions.source, conditions.real)
        )
        own = conditions._replace(source=source, real=real)
        return plots.side_by_side(beside_each_other(drawn, own), low, high, columns)
    in_rows = _is_class_rows(labels, generator.data.num_classes)
    classes = generator.data.classes if in_rows else None
    image = plots.sample_image(drawn.x, low, high, None, classes, columns)
    assert image is not None  # by check_writable
    return image


def _is_class_rows(labels: np.ndarray | None, num_classes: int | None) -> bool:
    if labels is None or num_classes is None or len(labels) % num_classes:
        return False
    return np.array_equal(labels, plots.class_rows(len(labels), num_classes))

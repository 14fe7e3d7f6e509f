"""Classes or attributes from a file of labels beside the images."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from jaxgan.data.archives import source
from jaxgan.data.attributes import Attributes, check_columns, joined, numbers
from jaxgan.data.finding import Found

Labels = dict[str, int | str]
Read = TypeVar("Read")
TRUTHS = {"true": 1.0, "false": 0.0}


def listed_classes(root: Path, found: Found) -> tuple[list[str], np.ndarray] | None:
    """The classes of images, if a file in their folder lists them; else None.

    The file is `dataset.json`, as StyleGAN's data have it, {"labels": [["a/1.png", 6], ...]}; or
    `metadata.csv` or `metadata.jsonl`, as the Hugging Face Hub has them, with the columns
    `file_name` and `label`. Numbers are classes from 0 on; texts become classes in their order as
    text. Files without labels count as absent.

    Args:
      root: the folder, or a path into an archive.
      found: its images and other files.

    Returns:
      The names of all classes, and the class of each image, int [num].

    Raises:
      ValueError: if the file is invalid, or lists no label for an image.
    """
    for name, read in READERS.items():
        if root / name in found.others:
            labels = _read(root / name, read)
            if labels:
                return _classes(root, found, labels, root / name)
    return None


def _read(file: Path, read: Callable[[str], Read]) -> Read:
    opened = source(file)
    contents = opened.read_bytes() if isinstance(opened, Path) else opened.getvalue()
    try:
        return read(contents.decode("utf-8-sig"))
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise ValueError(f"{file} is not a valid file of labels ({error!r})") from error


def _from_json(text: str) -> Labels:
    written = json.loads(text)
    labels = written.get("labels") if isinstance(written, dict) else None
    return dict(labels) if labels else {}


def _from_csv(text: str) -> Labels:
    rows = csv.DictReader(io.StringIO(text))
    if not {"file_name", "label"} <= set(rows.fieldnames or ()):
        return {}
    return {row["file_name"]: _number(row["label"]) for row in rows}


def _from_jsonl(text: str) -> Labels:
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return {row["file_name"]: row["label"] for row in rows if "label" in row}


READERS: dict[str, Callable[[str], Labels]] = {
    "dataset.json": _from_json,
    "metadata.csv": _from_csv,
    "metadata.jsonl": _from_jsonl,
}


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text


def _classes(root: Path, found: Found, labels: Labels, file: Path) -> tuple[list[str], np.ndarray]:
    paths = [path.relative_to(root).as_posix() for path in found.files]
    missing = next((path for path in paths if path not in labels), None)
    if missing is not None:
        raise ValueError(f"{file} has no label for {missing}: add it, or remove the image")
    values = [labels[path] for path in paths]
    if all(isinstance(value, str) for value in values):
        names = sorted(set(map(str, values)))
        return names, np.array([names.index(str(value)) for value in values])
    for path, value in zip(paths, values, strict=True):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(
                f"{file}: the label of {path} must be a class, a number from 0 on, got {value!r}"
            )
    classes = np.array(values)
    return [str(number) for number in range(classes.max() + 1)], classes


# --- Attributes


class Table(NamedTuple):
    """A file with a line for each image.

    Attributes:
      files: paths of the images.
      columns: all other columns by name, with a value for each image.
    """

    files: list[str]
    columns: dict[str, list[Any]]


def listed_attributes(root: Path, found: Found, names: tuple[str, ...]) -> Attributes:
    """The numbers in some columns of the files of labels in a folder, for all of its images.

    The files are those of `listed_classes`; `dataset.json` has one column, called labels. Booleans
    are 1 and 0.

    Args:
      root: the folder, or a path into an archive.
      found: its images and other files.
      names: of the columns.
    Raises:
      ValueError: if a file is invalid or has no line for an image, there is no such column, or it
        holds something else than numbers.
    """
    tables = {
        root / name: _read(root / name, read)
        for name, read in TABLES.items()
        if root / name in found.others
    }
    if not tables:
        raise ValueError(
            f"{root} has no attributes: put a metadata.csv beside the images, with the columns "
            "file_name and " + ", ".join(names)
        )
    paths = [path.relative_to(root).as_posix() for path in found.files]
    holders = {name: file for file in reversed(tables) for name in tables[file].columns}
    check_columns(names, list(holders), root)
    used = {holders[name] for name in names}
    places = {file: _places(tables[file], paths, file) for file in used}
    columns = {}
    for name in names:
        file = holders[name]
        column = tables[file].columns[name]
        values = _from_texts([column[place] for place in places[file]])
        columns[name] = numbers(values, f"{file}: {name!r}", paths.__getitem__)
    return joined(columns)


def _places(table: Table, paths: list[str], file: Path) -> list[int]:
    """The lines of some images in a file."""
    places = {path: place for place, path in enumerate(table.files)}
    missing = next((path for path in paths if path not in places), None)
    if missing is not None:
        raise ValueError(f"{file} has no line for {missing}: add it, or remove the image")
    return [places[path] for path in paths]


def _table_from_json(text: str) -> Table:
    pairs = json.loads(text).get("labels") or []
    return Table([file for file, _ in pairs], {"labels": [label for _, label in pairs]})


def _table_from_csv(text: str) -> Table:
    names, *lines = csv.reader(io.StringIO(text))
    rows = [[*line, *[""] * len(names)] for line in lines if line]  # lines may lack their end
    columns: dict[str, list[Any]] = {
        name: [row[place] for row in rows] for place, name in enumerate(names)
    }
    files = columns.pop("file_name")
    return Table(files, columns)


def _table_from_jsonl(text: str) -> Table:
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return Table(columns.pop("file_name"), columns)


TABLES: dict[str, Callable[[str], Table]] = {
    "dataset.json": _table_from_json,
    "metadata.csv": _table_from_csv,
    "metadata.jsonl": _table_from_jsonl,
}


def _from_texts(values: list[Any]) -> Any:
    """Values with numbers for the texts that are some; other texts stay as they are."""
    if not all(isinstance(value, str) for value in values):
        return values
    try:
        return np.array(values, np.float64)
    except ValueError:
        return [_from_text(value) for value in values]


def _from_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return TRUTHS.get(text.strip().lower(), text)

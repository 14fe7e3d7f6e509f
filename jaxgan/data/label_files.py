"""Classes from a file of labels beside the images."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.data.archives import source
from jaxgan.data.finding import Found

Labels = dict[str, int | str]


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


def _read(file: Path, read: Callable[[str], Labels]) -> Labels:
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
    numbers = np.array(values)
    return [str(number) for number in range(numbers.max() + 1)], numbers

"""Classes by folders: the first level below a directory names them."""

import os
import warnings
from pathlib import Path

import numpy as np

from jaxgan.data.finding import RUN, Found, counts
from jaxgan.data.images import Header

SPLIT_NAMES = frozenset(
    ("train", "training", "val", "valid", "validation", "dev", "test", "testing")
)


def folder_classes(root: Path, found: Found) -> tuple[list[str], np.ndarray | None]:
    """The names of the classes, and the number of each file's; without classes none and None."""
    parents = [file.relative_to(root).parts[:-1] for file in found.files]
    if not any(parents):
        return [], None
    for file, parent in zip(found.files, parents, strict=True):
        if not parent:
            raise ValueError(
                f"{file} lies beside the class folders of {root}; "
                "move every image into a class folder, or all of them out"
            )
    names, labels = np.unique([parent[0] for parent in parents], return_inverse=True)
    _check_emptied(root, found, set(names.tolist()))
    return names.tolist(), labels


def _check_emptied(root: Path, found: Found, names: set[str]) -> None:
    """Raises a ValueError if there is a class folder of which all files are left out."""
    emptied: dict[str, list[str]] = {}
    for path, kind in found.others.items():
        parts = path.relative_to(root).parts
        if len(parts) > 1 and parts[0] not in names:
            emptied.setdefault(parts[0], []).append(kind)
    for name, kinds in emptied.items():
        if RUN not in kinds:  # a folder of runs is no class
            raise ValueError(
                f"the class folder {root / name} holds no images, but {', '.join(counts(kinds))}: "
                f"convert them to a format that Pillow reads, or move the folder out of {root}"
            )


def check_classes(root: Path, names: list[str], headers: list[Header]) -> None:
    """Raises a ValueError if no image of a class is sound; warns if the classes are splits."""
    sound = {header.file.relative_to(root).parts[0] for header in headers}
    for name in names:
        if name not in sound:
            raise ValueError(f"no image in the class folder {root / name} can be read")
    if names and SPLIT_NAMES.issuperset(name.lower() for name in names):
        warnings.warn(
            f"the classes of {root} are {', '.join(names)}, which look like splits of a data set; "
            f"to train on one of them, give its own folder, such as folder:{root / names[0]}",
            stacklevel=3,
        )


def as_text(name: str) -> str:
    """The name of a file as text of one line: what cannot be printed is escaped."""
    text = os.fsencode(name).decode(errors="backslashreplace")
    return "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in text)

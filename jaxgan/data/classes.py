"""Classes from folders: the first level below a directory gives their names."""

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
    """The class names and the class number of each file; [] and None without class folders."""
    parents = [file.relative_to(root).parts[:-1] for file in found.files]
    if not any(parents):
        return [], None
    for file, parent in zip(found.files, parents, strict=True):
        if not parent:
            raise ValueError(
                f"{file} lies beside the class folders of {root}; "
                "move every image into a class folder, or all images out of them"
            )
    names, labels = np.unique([parent[0] for parent in parents], return_inverse=True)
    _check_emptied(root, found, set(names.tolist()))
    return names.tolist(), labels


def _check_emptied(root: Path, found: Found, names: set[str]) -> None:
    """Raises a ValueError if all files of a class folder are skipped."""
    emptied: dict[str, list[str]] = {}
    for path, kind in found.others.items():
        if root not in path.parents:  # beside the folder of an archive that holds its images
            continue
        parts = path.relative_to(root).parts
        if len(parts) > 1 and parts[0] not in names:
            emptied.setdefault(parts[0], []).append(kind)
    for name, kinds in emptied.items():
        if RUN not in kinds:  # a folder of runs is not a class
            raise ValueError(
                f"the class folder {root / name} holds no images, but {', '.join(counts(kinds))}: "
                f"convert them to a format that Pillow can read, or move the folder out of {root}"
            )


def check_classes(root: Path, names: list[str], headers: list[Header]) -> None:
    """Raises a ValueError if a class has no readable image; warns if classes look like splits."""
    readable = {header.file.relative_to(root).parts[0] for header in headers}
    for name in names:
        if name not in readable:
            raise ValueError(f"no image in the class folder {root / name} can be read")
    if names and SPLIT_NAMES.issuperset(name.lower() for name in names):
        warnings.warn(
            f"the classes of {root} are {', '.join(names)}, which look like splits of a dataset; "
            f"to train on one split, pass its own folder, such as folder:{root / names[0]}",
            stacklevel=3,
        )


def as_text(name: str) -> str:
    """The name of a file as one line of text, with unprintable characters escaped."""
    text = os.fsencode(name).decode(errors="backslashreplace")
    return "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in text)

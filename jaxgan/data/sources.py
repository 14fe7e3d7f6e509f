"""Data sets by name: the one line of text that a command line or a recipe gives."""

import difflib
import functools
import os
import re
from collections.abc import Callable
from pathlib import Path

from jaxgan.data.built_in import digit_outlines, digits, photos
from jaxgan.data.dataset import Dataset
from jaxgan.data.decoding import check_share, decode
from jaxgan.data.files import IDX_SPLITS, folder_records, idx, npz
from jaxgan.data.images import BACKGROUNDS
from jaxgan.data.pieces import pair_records, patch_records
from jaxgan.data.records import Records
from jaxgan.data.tfds import parse_tfds, split_label, tfds_source
from jaxgan.data.toy import DISTRIBUTIONS, toy_dataset
from jaxgan.data.waves import wave_dataset


def _load_idx(path: str) -> Dataset:
    directory, _, split = path.rpartition(":")
    return idx(directory, split) if directory and split in IDX_SPLITS else idx(path)


def _load_npz(path: str) -> Dataset:
    file, _, names = path.rpartition("@")
    if not file or os.path.isfile(os.path.expanduser(path)):  # a file may be called so
        return npz(path)
    samples, comma, labels = names.partition(",")
    if not samples or (comma and not labels):
        raise ValueError(f"data 'npz:{path}' must name arrays as in npz:FILE@images,labels")
    return npz(file, samples, labels or None)


def _sized(path: str) -> tuple[str, int | None]:
    """The path and the size of DIR@64; None where there is none."""
    directory, _, size = path.rpartition("@")
    is_size = directory and size.isascii() and size.isdigit()
    return (directory, int(size)) if is_size else (path, None)


def _load_folder(path: str) -> Records:
    asked = re.fullmatch(rf"(.+)@(?:(\d+),)?({'|'.join(BACKGROUNDS)})", path, re.ASCII | re.DOTALL)
    if asked is None:
        return folder_records(*_sized(path))
    size = None if asked[2] is None else int(asked[2])
    return folder_records(asked[1], size, background=asked[3])


def _load_patches(path: str) -> Records:
    directory, size = _sized(path)
    if size is None:
        raise ValueError(f"data 'patches:{path}' lacks the size of a patch: patches:{path}@96")
    return patch_records(directory, size)


def _load_pairs(path: str) -> Records:
    folders, size = _sized(path)
    source, comma, target = folders.partition(",")
    if not (source and comma and target):
        raise ValueError(f"data 'pairs:{path}' must name two folders: pairs:FROM,TO")
    return pair_records(source, target, size)


def _load_tfds(path: str, manual_dir: str | Path | None) -> Records:
    path, label = split_label(path)
    name, split, size = parse_tfds(path)
    return tfds_source(name, split, size, label=label, manual_dir=manual_dir)


NAMED: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "digit-outlines": digit_outlines,
    "photos": photos,
    **{name: functools.partial(toy_dataset, name) for name in DISTRIBUTIONS},
    "waves": wave_dataset,
}
FROM_PATH: dict[str, Callable[[str], Dataset | Records]] = {
    "idx": _load_idx,
    "npz": _load_npz,
    "folder": _load_folder,
    "patches": _load_patches,
    "pairs": _load_pairs,
}
SPECS = (
    *NAMED,
    *("idx:DIR", "idx:DIR:test", "npz:FILE", "npz:FILE@SAMPLES,LABELS"),
    *("folder:DIR", "folder:DIR@64", "folder:DIR@64,white"),
    *("patches:DIR@96", "pairs:FROM,TO", "pairs:FROM,TO@64"),
    *("tfds:NAME", "tfds:NAME:SPLIT", "tfds:NAME:SPLIT@64", "tfds:NAME:SPLIT@64,LABEL"),
)


def load(
    spec: str,
    *,
    max_bytes: int = 2 * 2**30,
    max_bad_share: float = 0.01,
    tfds_manual_dir: str | Path | None = None,
) -> Dataset | Records:
    """The data set that a line of text names.

    Args:
      spec: one of `SPECS`, such as 'digits', 'ring8', 'idx:DIR' (the training split),
        'idx:DIR:test', 'npz:FILE', 'npz:FILE@x_test,y_test' (the names of the arrays),
        'folder:DIR', 'folder:DIR@64' (cropped to 64x64), 'folder:DIR@white' or
        'folder:DIR@64,white' (transparent pixels on white, black or grey), 'tfds:cifar10:test@64'
        (see `parse_tfds`), or 'tfds:cifar100@coarse_label' or 'tfds:cifar100@64,coarse_label' (the
        feature that holds the labels).
      max_bytes: records that need no more memory than this are decoded, see `decode`; the others
        are left to `stream`. Other sources are in memory in any case.
      max_bad_share: the share of records that may be bad when they are decoded, 0..1.
      tfds_manual_dir: for the tfds kind alone, the `manual_dir` of `tfds_source`.

    Returns:
      Data set, or records for more than max_bytes; their name loads them again.

    Raises:
      ValueError: if the name is unknown (the error lists the known ones), or the data unsound.
      FileNotFoundError: if a path does not exist.

    >>> load("gaussian").x.shape
    (100000, 2)
    """
    check_share(max_bad_share)
    kind, colon, path = spec.partition(":")
    if tfds_manual_dir is not None and kind != "tfds":
        raise ValueError(f"tfds_manual_dir is for tfds:NAME alone, got it with data {spec!r}")
    if not colon and kind in NAMED:
        return NAMED[kind]()
    sources: dict[str, Callable[[str], Dataset | Records]] = {**FROM_PATH}
    sources["tfds"] = functools.partial(_load_tfds, manual_dir=tfds_manual_dir)
    if kind in sources and path:
        found = sources[kind](path)
        if isinstance(found, Records) and found.num_bytes <= max_bytes:
            return decode(found, max_bad_share)
        return found
    known = f"known: {', '.join(SPECS)}"
    if kind in sources:
        raise ValueError(f"data {spec!r} lacks a path after '{kind}:'; {known}")
    if kind in NAMED:
        raise ValueError(f"data {spec!r} takes no path: write {kind!r}; {known}")
    close = difflib.get_close_matches(kind.lower(), [*NAMED, *sources], n=1)
    hint = f" did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"unknown data {spec!r};{hint} {known}")

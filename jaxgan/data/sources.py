"""Data sets by name: the one line of text that a command line or a recipe gives."""

import difflib
import functools
from collections.abc import Callable

import numpy as np

from jaxgan.data.dataset import Dataset, from_arrays
from jaxgan.data.files import IDX_SPLITS, folder, idx, npz
from jaxgan.data.toy import DISTRIBUTIONS, toy_dataset
from jaxgan.data.waves import wave_dataset


def digits() -> Dataset:
    """Scikit-learn's 1,797 handwritten digits: real data that needs no download.

    Returns:
      Data set with x float32 [1797, 8, 8, 1] in 0..16 and labels 0..9.
    Source: Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49
    """
    from sklearn.datasets import load_digits  # here, since only this source needs it

    bunch = load_digits()
    images = np.asarray(bunch.images, np.float32)[..., None]
    return from_arrays(images, bunch.target, name="digits")._replace(low=0.0, high=16.0)


def _load_idx(path: str) -> Dataset:
    directory, _, split = path.rpartition(":")
    return idx(directory, split) if directory and split in IDX_SPLITS else idx(path)


def _load_folder(path: str) -> Dataset:
    directory, _, size = path.rpartition("@")
    is_size = directory and size.isascii() and size.isdigit()
    return folder(directory, int(size)) if is_size else folder(path)


NAMED: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    **{name: functools.partial(toy_dataset, name) for name in DISTRIBUTIONS},
    "waves": wave_dataset,
}
FROM_PATH: dict[str, Callable[[str], Dataset]] = {
    "idx": _load_idx,
    "npz": npz,
    "folder": _load_folder,
}
SPECS = (*NAMED, "idx:DIR", "idx:DIR:test", "npz:FILE", "folder:DIR", "folder:DIR@64")


def load(spec: str) -> Dataset:
    """The data set that a line of text names.

    Args:
      spec: one of `SPECS`, such as 'digits', 'ring8', 'idx:DIR' (the training split),
        'idx:DIR:test', 'npz:FILE', 'folder:DIR' or 'folder:DIR@64' (cropped to 64x64).

    Returns:
      Data set whose name loads it again.

    Raises:
      ValueError: if the name is unknown (the error lists the known ones), or the data unsound.
      FileNotFoundError: if a path does not exist.

    >>> load("gaussian").x.shape
    (100000, 2)
    """
    kind, colon, path = spec.partition(":")
    if not colon and kind in NAMED:
        return NAMED[kind]()
    if kind in FROM_PATH and path:
        return FROM_PATH[kind](path)
    known = f"known: {', '.join(SPECS)}"
    if kind in FROM_PATH:
        raise ValueError(f"data {spec!r} lacks a path after '{kind}:'; {known}")
    if kind in NAMED:
        raise ValueError(f"data {spec!r} takes no path: write {kind!r}; {known}")
    close = difflib.get_close_matches(kind.lower(), [*NAMED, *FROM_PATH], n=1)
    hint = f" did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"unknown data {spec!r};{hint} {known}")

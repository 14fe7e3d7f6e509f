"""Datasets by name: the specs that the command line and recipes use."""

import functools
import os
import re
from collections.abc import Callable, Container
from pathlib import Path

from jaxgan.checks import closest
from jaxgan.data.archives import SUFFIXES as ARCHIVES
from jaxgan.data.built_in import digit_domains, digit_outlines, digits, photos, slanted_digits
from jaxgan.data.dataset import Dataset
from jaxgan.data.decoding import check_fraction, decode
from jaxgan.data.domains import unpaired
from jaxgan.data.files import IDX_SPLITS, idx, npy, npz
from jaxgan.data.folders import folder_records
from jaxgan.data.images import ALPHA, BACKGROUNDS
from jaxgan.data.pairs import NEAREST, pair_records
from jaxgan.data.parquet import parquet_records
from jaxgan.data.patches import patch_records
from jaxgan.data.records import Records
from jaxgan.data.sizes import Size
from jaxgan.data.tfds import parse_tfds, split_label, tfds_source
from jaxgan.data.toy import DISTRIBUTIONS, toy_dataset
from jaxgan.data.waves import wave_dataset


def _load_idx(path: str) -> Dataset:
    directory, _, split = path.rpartition(":")
    return idx(directory, split) if directory and split in IDX_SPLITS else idx(path)


def _load_npz(path: str, condition: tuple[str, ...]) -> Dataset:
    file, _, names = path.rpartition("@")
    if not file or os.path.isfile(os.path.expanduser(path)):  # a file may have such a name
        return npz(path, condition=condition)
    samples, comma, labels = names.partition(",")
    if not samples or (comma and not labels):
        raise ValueError(f"data 'npz:{path}' must name arrays, as in npz:FILE@images,labels")
    return npz(file, samples, labels or None, condition)


def _size_of(text: str) -> Size | None:
    """The size in "64", or in "96x64" (width x height); None for other text."""
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text, re.ASCII)
    if match is None:
        return None
    return int(match[1]) if match[2] is None else (int(match[2]), int(match[1]))


def _sized(path: str) -> tuple[str, Size | None]:
    """The path and the size of DIR@64 or DIR@96x64; the size is None without one."""
    directory, _, text = path.rpartition("@")
    size = _size_of(text) if directory else None
    return (path, None) if size is None else (directory, size)


def _load_folder(path: str, max_pixels: int | None, condition: tuple[str, ...]) -> Records:
    directory, _, details = path.rpartition("@")
    found = _folder_details(details) if directory else None
    if found is None:
        return folder_records(path, max_pixels=max_pixels, condition=condition)
    size, behind = found
    background = behind if behind in BACKGROUNDS else None
    return folder_records(
        directory, size, max_pixels, background, alpha=behind == ALPHA, condition=condition
    )


def _folder_details(text: str) -> tuple[Size | None, str | None] | None:
    """Size and transparency in "64", "white" or "96x64,alpha"; None for other text."""
    first, comma, second = text.partition(",")
    size = _size_of(first)
    behind = second if comma else first if size is None else None
    if (comma and size is None) or behind not in (None, *BACKGROUNDS, ALPHA):
        return None
    return size, behind


def _load_patches(path: str, max_bad_fraction: float, max_pixels: int | None) -> Records:
    directory, size = _sized(path)
    if not isinstance(size, int):
        raise ValueError(f"data 'patches:{path}' needs the size of a patch: patches:DIR@96")
    return patch_records(directory, size, max_bad_fraction=max_bad_fraction, max_pixels=max_pixels)


def _load_pairs(path: str, max_pixels: int | None) -> Records:
    folders, size = _sized(path)
    source, comma, target = folders.partition(",")
    nearest = [folder.endswith(NEAREST) for folder in (source, target)]
    source, target = source.removesuffix(NEAREST), target.removesuffix(NEAREST)
    if not (source and comma and target):
        raise ValueError(f"data 'pairs:{path}' must name two folders, as in pairs:FROM,TO")
    return pair_records(source, target, size, (nearest[0], nearest[1]), max_pixels)


def _load_parquet(path: str, condition: tuple[str, ...]) -> Records:
    file, _, details = path.rpartition("@")
    if not file:
        return parquet_records(path, condition=condition)._replace(name=f"parquet:{path}")
    first, comma, column = details.partition(",")
    size = _size_of(first)
    if size is None and comma:
        raise ValueError(f"data 'parquet:{path}' must be parquet:FILE@64,COLUMN, or less of it")
    images = column if comma else None if size is not None else first
    found = parquet_records(file, size, images, condition)
    return found._replace(name=f"parquet:{path}")


def _load_tfds(path: str, manual_dir: str | Path | None) -> Records:
    path, label = split_label(path)
    name, split, size = parse_tfds(path)
    return tfds_source(name, split, size, label=label, manual_dir=manual_dir)


NAMED: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "digit-outlines": digit_outlines,
    "digit-domains": digit_domains,
    "slanted-digits": slanted_digits,
    "photos": photos,
    **{name: functools.partial(toy_dataset, name) for name in DISTRIBUTIONS},
    "waves": wave_dataset,
}
FROM_PATH: dict[str, Callable[[str], Dataset | Records]] = {
    "idx": _load_idx,
    "npy": npy,
}
WITH_ATTRIBUTES = ("folder", "npz", "parquet")
"""The kinds of data that may have attributes."""
PATH_KINDS = frozenset((*FROM_PATH, *WITH_ATTRIBUTES, "patches", "pairs", "unpaired"))
SIDES = frozenset((*FROM_PATH, *WITH_ATTRIBUTES, "patches", "tfds"))
"""The kinds of data that may be a side of unpaired data, as may those in `NAMED`."""
SPECS = (
    *NAMED,
    *("idx:DIR", "idx:DIR:test", "npz:FILE", "npz:FILE@SAMPLES,LABELS", "npy:FILE"),
    *("parquet:FILE", "parquet:FILE@64", "parquet:FILE@64,COLUMN"),
    *("folder:DIR", "folder:DIR@64", "folder:DIR@96x64", "folder:DIR@64,white"),
    "folder:DIR@64,alpha",
    *("patches:DIR@96", "pairs:FROM,TO", "pairs:FROM,TO@64", f"pairs:FROM,TO{NEAREST}@64"),
    *("unpaired:A,B", "unpaired:A,B@64", "unpaired:idx:DIR,npz:FILE"),
    *("tfds:NAME", "tfds:NAME:SPLIT", "tfds:NAME:SPLIT@64", "tfds:NAME:SPLIT@64,LABEL"),
)
ELSEWHERE = {
    "mnist": "tfds:mnist, or idx:DIR for the files of MNIST",
    **dict.fromkeys(
        ("fashion-mnist", "fashion_mnist", "fashionmnist"),
        "tfds:fashion_mnist, or idx:DIR for the files of Fashion-MNIST",
    ),
    "cifar10": "tfds:cifar10",
    "cifar-10": "tfds:cifar10",
    "celeba": "tfds:celeb_a@64, or folder:DIR@64 for the images",
}
"""Well-known datasets that do not come with jaxgan, and the specs that read them."""


def side_specs(path: str) -> tuple[str, str]:
    """The specs of both sides in the path of `unpaired:A,B`; a side may be a folder or a spec.

    Raises:
      ValueError: if there are not two, or a comma may belong to a side or stand between them.

    >>> side_specs("horses,zebras@64"), side_specs("idx:DIR,npz:FILE@x,y")
    (('folder:horses@64', 'folder:zebras@64'), ('idx:DIR', 'npz:FILE@x,y'))
    """
    places = [place for place, letter in enumerate(path) if letter == ","]
    pairs = [(path[:place], path[place + 1 :]) for place in places]
    if len(pairs) > 1:  # the comma that separates the sides is that before a spec
        pairs = [pair for pair in pairs if _is_side(pair[1])]
    if len(pairs) != 1 or not all(pairs[0]):
        raise ValueError(
            f"data 'unpaired:{path}' must name two sides, as in unpaired:A,B for two folders, or "
            "unpaired:folder:A@64,folder:B@64"
        )
    a, b = pairs[0]
    if not _is_side(b) and _sized(b)[1] is not None and not _is_side(a) and _sized(a)[1] is None:
        a = f"{a}@{b.rpartition('@')[2]}"
    first, second = (each if _is_side(each) else f"folder:{each}" for each in (a, b))
    return first, second


def _is_side(text: str) -> bool:
    kind, colon, _ = text.partition(":")
    return kind in SIDES if colon else kind in NAMED


def absolute(spec: str, kinds: Container[str] = PATH_KINDS) -> str:
    """A spec of the same data that is valid in any folder, with absolute paths.

    Args:
      spec: a spec for `load`.
      kinds: the kinds of spec, before the colon, that hold paths; others stay unchanged.

    >>> absolute("ring8"), absolute("npz:/data/x.npz"), absolute("folder:/data/../here@64")
    ('ring8', 'npz:/data/x.npz', 'folder:/data/../here@64')
    """
    kind, _, path = spec.partition(":")
    paths = path.split(",", 1) if kind == "pairs" else [path]
    if kind not in kinds or not all(paths):
        return spec
    if kind == "unpaired":
        return f"unpaired:{','.join(absolute(side, kinds) for side in side_specs(path))}"
    # Paths are not normalised: a suffix such as @64 must not merge with similar file names.
    found = [absolute_path(each) for each in paths]
    is_ambiguous = kind == "pairs" and "," in found[0]  # a comma in the name of the current folder
    return spec if is_ambiguous else f"{kind}:{','.join(found)}"


def absolute_path(path: str) -> str:
    """The absolute form of a path relative to the current folder."""
    return os.path.join(os.getcwd(), os.path.expanduser(path).removeprefix("./"))


def load(
    spec: str,
    *,
    max_bytes: int = 2 * 2**30,
    max_bad_fraction: float = 0.01,
    max_pixels: int | None = None,
    tfds_manual_dir: str | Path | None = None,
    condition: tuple[str, ...] = (),
) -> Dataset | Records:
    """The dataset that a spec names.

    Args:
      spec: one of `SPECS`, such as 'digits', 'ring8', 'idx:DIR' (the training split),
        'idx:DIR:test', 'npz:FILE', 'npz:FILE@x_test,y_test' (the names of the arrays),
        'folder:DIR', 'folder:DIR@64' (cropped to 64x64), 'folder:DIR@96x64' (width x height),
        'folder:DIR@white' or 'folder:DIR@64,white' (the background of transparent pixels: white,
        black or grey), 'folder:DIR@alpha' (opacity as a fourth channel),
        'pairs:PHOTOS,MASKS:nearest@64' (masks are resized by the nearest pixel),
        'unpaired:A,B@64' (two folders of images of two domains, drawn independently of each other,
        or two other specs),
        'tfds:cifar10:test@64' (see `parse_tfds`), or 'tfds:cifar100@coarse_label' or
        'tfds:cifar100@64,coarse_label' (the feature that holds the labels).
      max_bytes: records up to this size in memory are decoded, see `decode`; larger ones are left
        for `stream`. Other sources are always in memory.
      max_bad_fraction: the largest fraction of bad records when they are decoded, 0..1.
      max_pixels: the largest number of pixels of an image in a folder; None for Pillow's limit,
        178,956,970.
      tfds_manual_dir: the `manual_dir` of `tfds_source`; only for tfds specs.
      condition: columns of numbers that are attributes of the samples, in place of labels: of the
        files of labels beside a folder's images, of a Parquet file, or arrays of an npz file.

    Returns:
      Dataset, or records if they need more than max_bytes. Its name is a spec that loads it again.

    Raises:
      ValueError: if the spec is unknown (the error lists all specs), or the data are invalid.
      FileNotFoundError: if a path does not exist.

    >>> load("gaussian").x.shape
    (100000, 2)
    """
    check_fraction(max_bad_fraction)
    kind, colon, path = spec.partition(":")
    if tfds_manual_dir is not None and kind != "tfds":
        raise ValueError(f"tfds_manual_dir is only for tfds:NAME, got it with data {spec!r}")
    if condition and kind not in WITH_ATTRIBUTES:
        raise ValueError(
            f"condition names attributes, which data {spec!r} cannot have: give it with "
            f"{':, '.join(WITH_ATTRIBUTES)}: data, or leave it out"
        )
    if not colon and kind in NAMED:
        return NAMED[kind]()
    sources: dict[str, Callable[[str], Dataset | Records]] = {
        **FROM_PATH,
        "npz": functools.partial(_load_npz, condition=condition),
        "parquet": functools.partial(_load_parquet, condition=condition),
        "folder": functools.partial(_load_folder, max_pixels=max_pixels, condition=condition),
        "patches": functools.partial(
            _load_patches, max_bad_fraction=max_bad_fraction, max_pixels=max_pixels
        ),
        "pairs": functools.partial(_load_pairs, max_pixels=max_pixels),
        "tfds": functools.partial(_load_tfds, manual_dir=tfds_manual_dir),
    }
    if kind == "unpaired" and path:
        limits = (max_bytes, max_bad_fraction, max_pixels)
        return _load_unpaired(path, *limits)
    if kind in sources and path:
        found = sources[kind](path)
        if isinstance(found, Records) and found.num_bytes <= max_bytes:
            return decode(found, max_bad_fraction)
        return found
    known = f"known: {', '.join(SPECS)}"
    if kind in (*sources, "unpaired"):
        raise ValueError(f"data {spec!r} needs a path after '{kind}:'; {known}")
    if kind in NAMED:
        raise ValueError(f"data {spec!r} takes no path, use {kind!r}; {known}")
    raise ValueError(f"unknown data {spec!r}.{_suggestion(spec, [*NAMED, *sources, 'unpaired'])}")


def _load_unpaired(
    path: str, max_bytes: int, max_bad_fraction: float, max_pixels: int | None
) -> Dataset | Records:
    a, b = (
        load(side, max_bytes=max_bytes, max_bad_fraction=max_bad_fraction, max_pixels=max_pixels)
        for side in side_specs(path)
    )
    return unpaired(a, b)


def _suggestion(spec: str, known: list[str]) -> str:
    """What to type instead of an unknown spec."""
    if spec.lower() in ELSEWHERE:
        return f" Use {ELSEWHERE[spec.lower()]}"
    if os.path.isdir(spec) or spec.lower().endswith(ARCHIVES):
        return f" For a folder of images use folder:{spec}"
    if spec.endswith(".npz"):
        return f" For a file of arrays use npz:{spec}"
    if spec.endswith((".npy", ".parquet")):
        return f" For its samples use {spec.rpartition('.')[2]}:{spec}"
    if os.sep in spec and not os.path.exists(spec):
        return (
            f" There is no {spec}; a folder of images is given as folder:DIR@64, a file of arrays "
            "as npz:FILE"
        )
    return f"{closest(spec.partition(':')[0], known)} Known: {', '.join(SPECS)}"

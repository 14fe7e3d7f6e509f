"""Finds the image files below a directory, and counts all files that are skipped."""

import collections
import errno
import io
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from jaxgan.data.archives import open_archive

# Formats in Pillow's list that hold no single still image, or need another program.
NO_STILLS = frozenset(
    ("BUFR", "CUR", "EPS", "FLI", "GRIB", "HDF5", "ICNS", "ICO", "IPTC", "MPEG", "WMF")
)
WITHOUT_SUFFIX = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "QOI", "TIFF", "WEBP")
RUN, SPECIAL = "run", "special file"  # a special file is a pipe, a socket or a device
BACK_LINK, BROKEN_LINK = "link to a folder above it", "broken link"
PLURALS = {
    RUN: "runs",
    SPECIAL: "special files",
    BACK_LINK: "links to folders above them",
    BROKEN_LINK: "broken links",
}
BESIDE_CONFIG = (".lock", "checkpoints", "metrics.jsonl")  # other files of a run folder
KINDS_SHOWN = 8


class Found(NamedTuple):
    """The files below a directory, sorted by path.

    Attributes:
      files: the image files.
      others: all other files with their kinds: a suffix, "without a suffix", or a key of `PLURALS`.
    """

    files: list[Path]
    others: dict[Path, str]


def image_suffixes() -> frozenset[str]:
    """The suffixes, such as ".png", of all still images that this Pillow can read."""
    formats = Image.registered_extensions()  # also makes Pillow load its readers
    readable = {kind for kind in Image.OPEN if kind not in NO_STILLS}
    return frozenset(suffix for suffix, kind in formats.items() if kind in readable)


def find_images(root: Path) -> Found:
    """All visible images below a directory; links are followed.

    A file is an image if it has an image suffix, or if it has no suffix and its contents start like
    an image. A broken link counts by its suffix. A folder that is found twice gives a warning. Run
    folders are skipped, so that their images are never mistaken for data.

    Args:
      root: the directory.

    Returns:
      The images and all other files.

    Raises:
      FileNotFoundError: if there is no image, or a link without a suffix is broken (it may have
        been a folder).
      OSError: if a folder cannot be read.
    """
    suffixes = image_suffixes()
    kinds = {path.relative_to(root).parts: kind for path, kind in _walk(root, suffixes)}
    files = [root.joinpath(*parts) for parts in sorted(kinds) if kinds[parts] is None]
    others = {root.joinpath(*parts): kind for parts, kind in sorted(kinds.items()) if kind}
    if not files:
        there = f" (it holds {', '.join(counts(others.values()))})" if others else ""
        known = ", ".join(sorted(suffixes))
        raise FileNotFoundError(f"no images in {root}{there}; image suffixes are {known}")
    return Found(files, others)


def find_in_archive(archive: Path, within: str = "") -> tuple[Path, Found]:
    """All visible images in a zip or tar archive, by paths that begin with the archive's own.

    Without `within`, a single folder at the top is looked into: its name is not a class.

    Args:
      archive: the file.
      within: a folder in it, such as "train".

    Returns:
      The folder of the images, as a path into the archive; and its images and other files.

    Raises:
      FileNotFoundError: if there is no image.
      ValueError: if it is no valid archive.
    """
    opened, suffixes = open_archive(archive), image_suffixes()
    paths = [
        Path(name) for name in opened.names if not within or Path(within) in Path(name).parents
    ]
    kinds = {path: _kind_in_archive(path, opened.read, suffixes) for path in paths}
    files = sorted((path for path in paths if kinds[path] is None), key=lambda path: path.parts)
    root = archive / within
    if not files:
        there = f" (it holds {', '.join(counts(filter(None, kinds.values())))})" if kinds else ""
        raise FileNotFoundError(f"no images in {root}{there}")
    if not within:
        root = archive.joinpath(os.path.commonpath([path.parent for path in files]))
    others = {archive / path: kind for path, kind in kinds.items() if kind is not None}
    return root, Found([archive / path for path in files], others)


def _kind_in_archive(
    path: Path, read: Callable[[str], bytes], suffixes: frozenset[str]
) -> str | None:
    suffix = path.suffix.lower()
    if not suffix:
        is_image = _starts_like_an_image(io.BytesIO(read(path.as_posix())))
        return None if is_image else "without a suffix"
    return None if suffix in suffixes else suffix


def counts(kinds: Iterable[str]) -> tuple[str, ...]:
    """The number of files of each kind, the most frequent kind first: "4 .txt", "2 runs".

    >>> counts([".txt", "run", ".txt", ".md", "run"])
    ('2 .txt', '2 runs', '1 .md')
    """
    ordered = sorted(collections.Counter(kinds).items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [
        f"{count} {kind if count == 1 else PLURALS.get(kind, kind)}"
        for kind, count in ordered[:KINDS_SHOWN]
    ]
    rest = sum(count for _, count in ordered[KINDS_SHOWN:])
    return (*shown, *([f"{rest} of other kinds"] if rest else []))


def _walk(root: Path, suffixes: frozenset[str]) -> Iterator[tuple[Path, str | None]]:
    """All visible files below a directory with their kinds; the kind of an image is None."""
    waiting = [(root, frozenset([_identity(root)]))]
    met: dict[tuple[int, int], Path] = {}
    while waiting:
        folder, above = waiting.pop()
        for entry in _entries(folder):
            path = folder / entry.name
            if not _is_folder(entry):
                yield path, _kind(path, entry, suffixes)
            elif _holds_run(path):
                yield path, RUN
            elif (identity := _identity(path)) in above:
                yield path, BACK_LINK
            else:
                if met.setdefault(identity, path) != path:
                    warnings.warn(
                        f"{met[identity]} and {path} are the same folder, so its images count "
                        "twice; remove the link unless that is intended",
                        stacklevel=2,
                    )
                waiting.append((path, above | {identity}))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        raise _unreadable(folder, error) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link to itself is broken
            return False
        raise _unreadable(Path(entry.path), error) from error


def _unreadable(folder: Path, error: OSError) -> OSError:
    return type(error)(
        f"cannot read folder {folder} ({error.strerror}): make it readable, or move it elsewhere"
    )


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _holds_run(folder: Path) -> bool:
    """Whether this is a run folder, possibly of a run with several stages."""
    if os.path.isfile(folder / "config.json"):
        return any(os.path.exists(folder / name) for name in BESIDE_CONFIG)
    try:
        written = json.loads((folder / "stages.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(written, dict) and written.keys() == {"recipe", "overrides"}


def _kind(path: Path, entry: os.DirEntry[str], suffixes: frozenset[str]) -> str | None:
    """The kind of a file, None for an image; a broken link counts by its suffix."""
    suffix = path.suffix.lower()
    is_image = suffix in suffixes
    if entry.is_symlink() and not os.path.exists(path):
        if not suffix:
            raise FileNotFoundError(
                f"{path} is a link to {os.readlink(path)}, which does not exist: "
                "fix or remove the link"
            )
        return None if is_image else BROKEN_LINK
    if not os.path.isfile(path):
        return SPECIAL
    if not suffix:
        return None if _starts_like_an_image(path) else "without a suffix"
    return None if is_image else suffix


def _starts_like_an_image(path: Path | io.BytesIO) -> bool:
    formats = [kind for kind in WITHOUT_SUFFIX if kind in Image.OPEN]
    try:
        with Image.open(path, formats=formats):
            return True
    except Image.DecompressionBombError:
        return True  # an image that is too large; reading it gives the error
    except Exception:  # corrupted files make decoders raise many kinds of errors
        return False

"""Zip and tar archives, read in place: photos.zip/cats/1.png is a path into one."""

import functools
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
MAX_BYTES = 2**31  # of a file in an archive, and of all files in a compressed tar archive
APPLE = "__MACOSX"  # a folder with copies of the attributes of each file


class Archive(NamedTuple):
    """The visible files of an archive.

    Attributes:
      names: their paths, sorted.
      read: maps such a path to the file's contents.
    """

    names: tuple[str, ...]
    read: Callable[[str], bytes]


def within_archive(path: Path) -> tuple[Path, str] | None:
    """The archive that a path is or leads into, and the rest of the path; None for other paths."""
    for parent in (path, *path.parents):
        if parent.name.lower().endswith(SUFFIXES) and parent.is_file():
            rest = path.relative_to(parent).as_posix()
            return parent, "" if rest == "." else rest
    return None


def open_archive(file: Path) -> Archive:
    """The files of an archive.

    Those of a compressed tar archive stay in memory, as they can only be read in their order.

    Raises:
      ValueError: if it is no valid archive, or a compressed tar archive of more than 2 GiB.
    """
    found = file.stat()
    # one for each process: a forked one would share its position in the file
    return _opened(file, (found.st_mtime_ns, found.st_size), os.getpid())


def source(path: Path) -> Path | io.BytesIO:
    """What to open in place of a path: the path itself, or the contents of a file in an archive."""
    found = within_archive(path)
    return path if found is None else io.BytesIO(open_archive(found[0]).read(found[1]))


@functools.lru_cache(maxsize=4)
def _opened(file: Path, version: tuple[int, int], process: int) -> Archive:
    try:
        if file.name.lower().endswith(".zip"):
            return _zip(file)
        return _tar(file) if file.name.lower().endswith(".tar") else _compressed_tar(file)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{file} is not a valid archive ({error}): unpack it") from error


def _zip(file: Path) -> Archive:
    archive = zipfile.ZipFile(file)
    files = {
        name: each
        for each in archive.infolist()
        if not each.is_dir() and (name := _visible(each.filename))
    }

    def read(name: str) -> bytes:
        _check_bytes(file / name, files[name].file_size)
        return archive.read(files[name])

    return Archive(tuple(sorted(files)), read)


def _tar(file: Path) -> Archive:
    with tarfile.open(file, "r:") as archive:
        files = {name: (each.offset_data, each.size) for name, each in _members(archive)}

    def read(name: str) -> bytes:
        start, size = files[name]
        _check_bytes(file / name, size)
        with file.open("rb") as stream:
            stream.seek(start)
            return stream.read(size)

    return Archive(tuple(sorted(files)), read)


def _compressed_tar(file: Path) -> Archive:
    files, total = {}, 0
    with tarfile.open(file, "r|*") as archive:
        for name, each in _members(archive):
            total += each.size
            _check_bytes(file, total)
            stream = archive.extractfile(each)
            assert stream is not None  # it is a regular file
            files[name] = stream.read()
    return Archive(tuple(sorted(files)), files.__getitem__)


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """The visible regular files."""
    for each in archive:
        if each.isreg() and not each.issparse() and (name := _visible(each.name)):
            yield name, each


def _visible(name: str) -> str | None:
    """A path without "./" and "/" before it; None for hidden files."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in "./"]
    return None if any(part[0] == "." or part == APPLE for part in parts) else "/".join(parts)


def _check_bytes(path: Path, size: int):
    if size > MAX_BYTES:
        raise ValueError(f"{path} unpacks to more than {MAX_BYTES / 2**30:.0f} GiB: unpack it")

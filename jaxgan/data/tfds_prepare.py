"""Prepares TFDS datasets: MNIST and similar ones without TensorFlow, others with it."""

import contextlib
import functools
import importlib.util
import queue
import sys
import threading
import types
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

from filelock import FileLock
from PIL import Image

from jaxgan.checks import closest
from jaxgan.data.files import IDX_IMAGES_MAGIC, IDX_LABELS_MAGIC, read_idx

IDX_DATA = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}
INSTALL = "pip install 'jaxgan[tensorflow]'"
PROBE_SECONDS = 5.0


def prepare(
    name: str,
    data_dir: str | Path | None,
    manual_dir: str | Path | None,
    is_prepared: Callable[[], Any] = lambda: False,
) -> None:
    """Writes a TFDS dataset as array_record, from downloads or from the files in a folder.

    TFDS writes to a temporary folder and renames it at the end, so an interrupted preparation never
    looks like a dataset. One process prepares, and others wait for it.

    Args:
      name: name, name/config, or either with :version.
      data_dir: the folder where TFDS keeps its data, see `tfds_source`.
      manual_dir: a folder with files to use instead of downloads, or None.
      is_prepared: called once no other process prepares the dataset; if true, nothing is left to
        do.

    Raises:
      ValueError: if there is no such dataset, version or config, files do not match TFDS's
        checksums, or TensorFlow is needed and not installed.
      FileNotFoundError: if manual_dir does not exist.
      ConnectionError: if the dataset must be downloaded and its host cannot be reached.
    """
    builder = _builder(name, data_dir)
    if manual_dir is not None and not Path(manual_dir).expanduser().is_dir():
        raise FileNotFoundError(f"there is no directory {manual_dir}, given for tfds:{name}")
    manual = None if manual_dir is None else Path(manual_dir).expanduser()
    root = Path(builder.data_dir_root)
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{builder.name}.lock"):
        if is_prepared():
            return
        _check_sources(name, builder, manual)
        with contextlib.redirect_stdout(sys.stderr), _plain_errors(name):
            _download_and_prepare(builder, manual)


def _builder(name: str, data_dir: str | Path | None) -> Any:
    """TFDS's builder, or our variant that needs no TensorFlow."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.naming import parse_builder_name_kwargs

    dataset, options = parse_builder_name_kwargs(name)
    known = tfds.list_builders(with_community_datasets=False)  # those need a request online
    if dataset.name not in known:
        raise ValueError(f"TFDS has no dataset {dataset.name!r}.{closest(dataset.name, known)}")
    if dataset.name not in IDX_DATA and not has_tensorflow():
        raise ValueError(
            f"tfds:{name} is not prepared, and preparing it needs TensorFlow: {INSTALL}"
        )
    ours = dataset.name in IDX_DATA
    builder_class = _idx_builder(dataset.name) if ours else tfds.builder_cls(dataset.name)
    config, configs = options.get("config"), list(builder_class.builder_configs)
    if config is not None and config not in configs:
        known = f"it has {', '.join(configs)}" if configs else "it has none"
        raise ValueError(f"tfds:{dataset.name} has no config {config!r}; {known}")
    place = None if data_dir is None else str(Path(data_dir).expanduser())
    try:
        return builder_class(data_dir=place, **options)
    except (AssertionError, ValueError) as error:  # for a version that does not exist
        raise ValueError(f"cannot prepare tfds:{name}: {error}") from error


def has_tensorflow() -> bool:
    """Whether TensorFlow is installed, without importing it."""
    return importlib.util.find_spec("tensorflow") is not None


class _IdxFiles:
    """Replaces the parts of TFDS's MNIST builder that need TensorFlow."""

    def _split_generators(self, dl_manager: Any) -> Any:
        # TFDS's own URLs and splits, but the files stay compressed
        files = types.SimpleNamespace(download_and_extract=dl_manager.download)
        return super()._split_generators(files)  # type: ignore[misc]

    def _generate_examples(
        self, num_examples: int, data_path: Any, label_path: Any
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        # num_examples is not needed: checksums match, and the files state their lengths
        images = read_idx(Path(data_path), IDX_IMAGES_MAGIC)
        labels = read_idx(Path(label_path), IDX_LABELS_MAGIC)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield number, {"image": Image.fromarray(image), "label": int(label)}


@functools.cache
def _idx_builder(name: str) -> Any:
    """TFDS's class with `_IdxFiles`; name and module are kept, as TFDS writes them to files."""
    from tensorflow_datasets import image_classification

    base = getattr(image_classification, IDX_DATA[name])
    members = {"name": name, "__module__": base.__module__}
    make: Any = type  # accepts keywords, but its type stub does not
    return make(base.__name__, (_IdxFiles, base), members, skip_registration=True)


def _download_and_prepare(builder: Any, manual_dir: Path | None) -> None:
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(
        manual_dir=None if manual_dir is None else str(manual_dir), try_download_gcs=False
    )
    builder.download_and_prepare(download_config=config, file_format="array_record")


@contextlib.contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    try:
        yield
    except tfds.download.DownloadError as error:
        raise ConnectionError(f"cannot download tfds:{name}: {error}") from error
    except (AssertionError, NonMatchingChecksumError, ValueError) as error:
        raise ValueError(f"cannot prepare tfds:{name}: {error}") from error


# --- Local files and downloads


def _check_sources(name: str, builder: Any, manual_dir: Path | None) -> None:
    """Rejects wrong files, and an unreachable network before TFDS retries it for minutes."""
    infos = builder.url_infos or {}
    if manual_dir is not None:
        for info in infos.values():
            if info.filename and (manual_dir / info.filename).is_file():
                _check_file(name, manual_dir / info.filename, info)
    missing = [url for url, info in infos.items() if not _is_local(builder, url, info, manual_dir)]
    if builder.name not in IDX_DATA and (
        # TFDS lists the files of all configs, of which some may be missing. And for datasets that
        # need a folder, TFDS itself says at once what it must hold.
        len(missing) < len(infos) or builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    ):
        return
    reason = why_unreachable(missing) if missing else None
    if reason is not None:
        names = ", ".join(infos[url].filename or url.rpartition("/")[-1] for url in missing[:4])
        more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
        looked = "" if manual_dir is None else f" and not all of its files are in {manual_dir}"
        raise ConnectionError(
            f"tfds:{name} is not prepared in {builder.data_dir_root}{looked}; tried to download "
            f"{missing[0]}, but {reason}. Pass a folder that holds {names}{more} with "
            "--tfds-manual-dir (manual_dir in Python), or prepare it on a machine with a network "
            f"and copy its folder to {Path(builder.data_dir_root) / builder.name}"
        )


def _check_file(name: str, file: Path, wanted: Any) -> None:
    from tensorflow_datasets.core.download.checksums import compute_url_info

    found = compute_url_info(file)
    if found != wanted:
        raise ValueError(
            f"{file} is not the file that tfds:{name} needs: it has {int(found.size)} bytes with "
            f"SHA-256 {found.checksum}, expected {int(wanted.size)} bytes with {wanted.checksum}"
        )


def _is_local(builder: Any, url: str, info: Any, manual_dir: Path | None) -> bool:
    """Whether a file is in the given folder, or was downloaded before."""
    from tensorflow_datasets.core.download.resource import get_dl_fname, is_locally_cached

    if manual_dir is not None and info.filename and (manual_dir / info.filename).exists():
        return True
    downloads = Path(builder.data_dir_root) / "downloads"
    cached = get_dl_fname(url, info.checksum)
    places = (downloads, downloads / builder.name)
    return any(is_locally_cached(place / cached) for place in places)


def why_unreachable(urls: list[str], seconds: float = PROBE_SECONDS) -> str | None:
    """Why no host of some URLs answers, or None if one does; asks at most four hosts.

    Any answer counts, even an HTTP error. Even if a name lookup hangs, the call gives up once there
    has been no answer for twice the timeout.

    Args:
      urls: the URLs.
      seconds: the timeout of each request.
    """
    by_host = {urllib.parse.urlsplit(url).netloc: url for url in urls}
    answers: queue.Queue[str | None] = queue.Queue()
    chosen = list(by_host.values())[:4]
    for url in chosen:
        ask = functools.partial(_ask, url, seconds, answers)
        threading.Thread(target=ask, daemon=True).start()
    reason: str | None = None
    for _ in chosen:
        try:
            reason = answers.get(timeout=2 * seconds)
        except queue.Empty:
            return f"there was no answer in {2 * seconds:g} seconds"
        if reason is None:
            return None
    return reason


def _ask(url: str, seconds: float, answers: queue.Queue[str | None]) -> None:
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=seconds).close()
    except urllib.error.HTTPError as error:
        error.close()
        answers.put(None)
    except (OSError, HTTPException, ValueError) as error:
        answers.put(f"its host cannot be reached ({error})")
    else:
        answers.put(None)

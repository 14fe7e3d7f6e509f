"""Tensors from the files that PyTorch saves, as NumPy arrays, without PyTorch.

Both formats are read: the zip archive of PyTorch 1.6 and later, and the stream of pickles before
it, in which older weights are still handed out. A pickle may only describe tensors; the numbers
are taken from the file afterwards, so that nothing in it can run.
"""

import collections
import functools
import io
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}
_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the older format
BROKEN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    RuntimeError,
    MemoryError,
    OverflowError,
)
"""What reading raises where a file is not what it is taken for."""


class _Storage(NamedTuple):
    key: str
    dtype: str
    length: int


class _View(NamedTuple):
    """A tensor: which numbers of a storage it has, counted in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(file: Path) -> dict[str, np.ndarray]:
    """The named tensors of a file that PyTorch saved, such as the state of a module.

    Args:
      file: a dictionary of tensors saved by `torch.save`, in either format, little-endian.
    Returns:
      Arrays by name, in the order of the file. They are views, read-only, so that tensors that
      share a storage take no more memory than the file.
    Raises:
      ValueError: if the file asks for anything but tensors, is cut off, or is no such dictionary.
    Source: torch/serialization.py, https://github.com/pytorch/pytorch
    """
    try:
        content = file.read_bytes()
        views, numbers = (_zip if content.startswith(b"PK") else _stream)(content)
        if not isinstance(views, dict) or not all(isinstance(v, _View) for v in views.values()):
            raise ValueError("it does not hold a dictionary of tensors")
        return {str(name): _array(view, numbers(view.storage)) for name, view in views.items()}
    except BROKEN as error:
        raise ValueError(f"{file}: no file of PyTorch's tensors: {error}") from error


# --- The two formats: what is in a file, and a function to the bytes of a storage


Contents = tuple[Any, Callable[[_Storage], memoryview]]


def _zip(content: bytes) -> Contents:
    """A folder with data.pkl, and data/KEY for each storage."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("its archive is compressed")
    if sum(entry.file_size for entry in entries) > len(content):
        raise ValueError("the parts of its archive overlap")
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"its archive holds {len(pickles)} files data.pkl")
    folder = pickles[0].removesuffix(".pkl")
    views = _Descriptions(io.BytesIO(archive.read(pickles[0]))).load()
    # Once each, since many tensors may share a storage.
    read = functools.cache(lambda key: memoryview(archive.read(f"{folder}/{key}")))
    return views, lambda storage: read(storage.key)


def _stream(content: bytes) -> Contents:
    """Five pickles, magic, version, system, tensors and keys; of each key its length and bytes."""
    stream = io.BytesIO(content)
    if _Descriptions(stream).load() != _MAGIC:
        raise ValueError("its first number is another")
    _version, _system = _Descriptions(stream).load(), _Descriptions(stream).load()
    described = _Descriptions(stream)
    views, keys = described.load(), _Descriptions(stream).load()
    places, place = {}, stream.tell()
    for key in keys:
        length = int.from_bytes(content[place : place + 8], "little")
        end = place + 8 + length * np.dtype(described.storages[key].dtype).itemsize
        if end > len(content):
            raise ValueError(f"it ends within storage {key}")
        places[key] = slice(place + 8, end)
        place = end
    return views, lambda storage: memoryview(content)[places[storage.key]]


class _Descriptions(pickle.Unpickler):
    """Makes tuples that describe tensors, and refuses everything else."""

    def __init__(self, stream: io.BytesIO):
        super().__init__(stream)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The type or function that a pickle asks for by name."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        # New functions each time, since a pickle can set attributes of what it finds.
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _View(
                storage, offset, shape, strides
            )
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda view, *_: view
        raise ValueError(f"refused {module}.{name}: only tensors are read")

    def persistent_load(self, identity: Any) -> _Storage:
        """The storage that a pickle refers to."""
        kind, dtype, key, _location, length, *view = identity
        if kind != "storage" or dtype not in _DTYPES.values() or any(v is not None for v in view):
            raise ValueError(f"refused the reference {identity}")
        return self.storages.setdefault(key, _Storage(key, dtype, length))


def _array(view: _View, content: memoryview) -> np.ndarray:
    storage, offset, shape, strides = view
    if not isinstance(storage, _Storage) or len(shape) != len(strides):
        raise ValueError(f"a tensor is described by {tuple(view)}")
    numbers = np.frombuffer(content, storage.dtype)
    if len(numbers) != storage.length:
        raise ValueError(f"storage {storage.key} has {len(numbers)} of {storage.length} numbers")
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    outside = min(offset, *shape, *strides, 0) < 0 or (0 not in shape and last >= len(numbers))
    if outside or math.prod(shape) > len(numbers):  # a stride of 0 could ask for any memory
        raise ValueError(f"a tensor lies outside its storage {storage.key}: {tuple(view)}")
    steps = [step * numbers.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)

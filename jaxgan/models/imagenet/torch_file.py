"""Reading tensors from PyTorch checkpoints as NumPy arrays, without PyTorch.

Both formats are supported: the zip archive of PyTorch 1.6 and later, and the earlier stream of
pickles, which older weights still use. Pickles may only describe tensors, whose numbers are read
from the file afterwards, so no code in the file can run.
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
"""Exceptions that reading a damaged file, or one of another format, can raise."""


class Storage(NamedTuple):
    """The numbers of tensors, by the name that the file gives them.

    Attributes:
      key: the name.
      dtype: of the numbers, in NumPy's notation.
      length: their number.
    """

    key: str
    dtype: str
    length: int


class View(NamedTuple):
    """A tensor as a view of a storage.

    Attributes:
      storage: the storage.
      offset: of the first number, in numbers (not bytes).
      shape: of the tensor.
      strides: in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(file: Path) -> dict[str, np.ndarray]:
    """The named tensors of a PyTorch checkpoint, such as a module's state dict.

    Args:
      file: a dictionary of tensors saved by `torch.save`, in either format, little-endian.
    Returns:
      Arrays by name, in the order of the file. They are read-only views, so tensors that share a
      storage take no additional memory.
    Raises:
      ValueError: if the file holds anything but a dictionary of tensors, or is truncated.
    Source: torch/serialization.py, https://github.com/pytorch/pytorch
    """
    try:
        content = file.read_bytes()
        views, numbers = (_zip if content.startswith(b"PK") else read_stream)(content)
        if not isinstance(views, dict) or not all(isinstance(v, View) for v in views.values()):
            raise ValueError("it does not hold a dictionary of tensors")
        return {str(name): view_array(view, numbers(view.storage)) for name, view in views.items()}
    except BROKEN as error:
        raise ValueError(f"{file} is not a PyTorch checkpoint of tensors: {error}") from error


# --- The two formats: the contents of a file, and a function that returns the bytes of a storage


Contents = tuple[Any, Callable[[Storage], memoryview]]


def _zip(content: bytes) -> Contents:
    """A zip archive with one data.pkl, and one file data/KEY per storage."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("its archive is compressed")
    if sum(entry.file_size for entry in entries) > len(content):
        raise ValueError("the parts of its archive overlap")
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"its archive must hold one data.pkl, got {len(pickles)}")
    folder = pickles[0].removesuffix(".pkl")
    views = TensorUnpickler(io.BytesIO(archive.read(pickles[0]))).load()
    # Each storage is read once, since many tensors may share it.
    read = functools.cache(lambda key: memoryview(archive.read(f"{folder}/{key}")))
    return views, lambda storage: read(storage.key)


def read_stream(content: bytes) -> Contents:
    """The older format: what it describes, and a function that returns the bytes of a storage.

    Five pickles (magic number, version, system, tensors, keys), then each storage's bytes.
    """
    stream = io.BytesIO(content)
    if TensorUnpickler(stream).load() != _MAGIC:
        raise ValueError("bad magic number")
    _version, _system = TensorUnpickler(stream).load(), TensorUnpickler(stream).load()
    described = TensorUnpickler(stream)
    views, keys = described.load(), TensorUnpickler(stream).load()
    slices, start = {}, stream.tell()
    for key in keys:
        length = int.from_bytes(content[start : start + 8], "little")
        end = start + 8 + length * np.dtype(described.storages[key].dtype).itemsize
        if end > len(content):
            raise ValueError(f"it is truncated in storage {key}")
        slices[key] = slice(start + 8, end)
        start = end
    return views, lambda storage: memoryview(content)[slices[storage.key]]


class TensorUnpickler(pickle.Unpickler):
    """An unpickler that returns tuples describing tensors, and rejects everything else."""

    def __init__(self, stream: io.BytesIO):
        super().__init__(stream)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The type or function that a pickle refers to by name."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        # New functions each time, since a pickle can set attributes of the objects it refers to.
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: View(storage, offset, shape, strides)
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda view, *_: view
        raise ValueError(f"rejected {module}.{name}: only tensors are read")

    def persistent_load(self, identity: Any) -> Storage:
        """The storage that a pickle refers to."""
        kind, dtype, key, _location, length, *view = identity
        if kind != "storage" or dtype not in _DTYPES.values() or any(v is not None for v in view):
            raise ValueError(f"rejected the reference {identity}")
        return self.storages.setdefault(key, Storage(key, dtype, length))


def view_array(view: View, content: memoryview) -> np.ndarray:
    """The tensor that a view describes, as a read-only array.

    Raises:
      ValueError: if it exceeds its storage, or the storage is incomplete.
    """
    storage, offset, shape, strides = view
    if not isinstance(storage, Storage) or len(shape) != len(strides):
        raise ValueError(f"invalid description of a tensor: {tuple(view)}")
    numbers = np.frombuffer(content, storage.dtype)
    if len(numbers) != storage.length:
        raise ValueError(f"storage {storage.key} has {len(numbers)} of {storage.length} numbers")
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    outside = min(offset, *shape, *strides, 0) < 0 or (0 not in shape and last >= len(numbers))
    if outside or math.prod(shape) > len(numbers):  # a stride of 0 could ask for any memory
        raise ValueError(f"a tensor exceeds its storage {storage.key}: {tuple(view)}")
    steps = [step * numbers.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)

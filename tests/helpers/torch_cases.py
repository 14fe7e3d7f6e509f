"""Files as PyTorch saves them, written without it."""

import collections
import io
import os
import pickle
import zipfile
from typing import NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage: ...


class DoubleStorage: ...


class HalfStorage: ...


class LongStorage: ...


STORAGES = {"f4": FloatStorage, "f8": DoubleStorage, "f2": HalfStorage, "i8": LongStorage}


class Storage(NamedTuple):
    key: str
    numbers: np.ndarray


def rebuild(*parts):
    raise AssertionError("only its name is pickled")


class Tensor:
    """A tensor of a storage; offset and strides in numbers."""

    def __init__(self, storage, offset, shape, strides):
        self.parts = storage, offset, shape, strides, False, collections.OrderedDict()

    def __reduce__(self):
        return rebuild, self.parts


class Pickler(pickle.Pickler):
    def __init__(self, stream, more):
        super().__init__(stream, protocol=2)
        self.more, self.storages = more, {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        self.storages[obj.key] = obj.numbers
        kind = STORAGES[obj.numbers.dtype.str[1:]]
        return ("storage", kind, obj.key, "cpu", len(obj.numbers), *self.more)


def contiguous(tensors):
    """Arrays as tensors, each with a storage of its own."""
    tree = collections.OrderedDict()
    for key, (name, array) in enumerate(tensors.items()):
        strides = tuple(s // array.itemsize for s in np.empty(array.shape, array.dtype).strides)
        tree[name] = Tensor(Storage(str(key), array.ravel()), 0, array.shape, strides)
    tree._metadata = {"": {"version": 1}}  # as the state of a module has
    return tree


def pickled(tree, more=()):
    """The pickle of a tree with tensors, and their storages."""
    stream = io.BytesIO()
    pickler = Pickler(stream, more)
    pickler.dump(tree)
    content = stream.getvalue().replace(
        b"ctorch_cases\nrebuild\n", b"ctorch._utils\n_rebuild_tensor_v2\n"
    )
    return content.replace(b"ctorch_cases\n", b"ctorch\n"), pickler.storages


def zipped(tree, compression=zipfile.ZIP_STORED):
    """A file of PyTorch 1.6 or later."""
    content, storages = pickled(tree)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("archive/data.pkl", content)
        for key, numbers in storages.items():
            archive.writestr(f"archive/data/{key}", numbers.tobytes())
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def streamed(tree):
    """A file of PyTorch before 1.6."""
    content, storages = pickled(tree, more=(None,))
    keys = sorted(storages)
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    head = b"".join(pickle.dumps(part, 2) for part in (MAGIC, 1001, system))
    data = [len(storages[k]).to_bytes(8, "little") + storages[k].tobytes() for k in keys]
    return head + content + pickle.dumps(keys, 2) + b"".join(data)


class Malice:
    """What would run a command if it were unpickled."""

    def __reduce__(self):
        return os.system, ("touch harmed",)

"""Reading the official PyTorch networks of StyleGAN2, without PyTorch and without running them.

Their files are pickles of objects that carry their own source code, which the official reader
executes. Here, the pickle may only describe objects, tensors and numbers. The source code in it is
ignored, and whatever else it refers to is rejected.
"""

import collections
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.models.imagenet.torch_file import (
    BROKEN,
    Storage,
    TensorUnpickler,
    View,
    read_stream,
    view_array,
)

_NETWORKS = {"G": "Generator", "D": "Discriminator", "G_ema": "Generator"}


class OfficialNetwork(NamedTuple):
    """A network as the official code keeps it.

    Attributes:
      options: the arguments that it was built with, by name.
      arrays: parameters and buffers by name, such as `synthesis.b4.conv1.weight`, read-only.
    """

    options: dict[str, Any]
    arrays: dict[str, np.ndarray]


def read_official(file: Path) -> dict[str, OfficialNetwork]:
    """The networks "G", "D" and "G_ema" of an official .pkl file; no code in it can run.

    Args:
      file: of StyleGAN2-ADA's PyTorch code, including files that its `legacy.py` has converted from
        TensorFlow.
    Raises:
      ValueError: if the file holds anything but networks of tensors, or is truncated.
    Source: `legacy.py` and `torch_utils/persistence.py` of
      https://github.com/NVlabs/stylegan2-ada-pytorch
    """
    try:
        content = _Objects(io.BytesIO(file.read_bytes())).load()
        if not isinstance(content, dict) or not set(_NETWORKS) <= set(content):
            raise ValueError(f"it does not hold the networks {', '.join(_NETWORKS)}")
        return {name: _network(content[name], kind) for name, kind in _NETWORKS.items()}
    except BROKEN as error:
        raise ValueError(f"{file} is not an official file of StyleGAN2: {error}") from error


class _Embedded(NamedTuple):
    """A storage within the pickle.

    Attributes:
      storage: its description.
      content: its bytes.
    """

    storage: Storage
    content: memoryview


class _Object(NamedTuple):
    """An object of the official code.

    Attributes:
      name: of its class.
      state: its attributes.
    """

    name: str
    state: dict[str, Any]


class _Number:
    """A NumPy number, which nothing here needs, or its type."""

    def __setstate__(self, state: tuple):
        pass


def _embedded(content: bytes) -> _Embedded:
    storage, numbers = read_stream(content)
    if not isinstance(storage, Storage):
        raise ValueError("a part of it is not the numbers of a tensor")
    return _Embedded(storage, numbers(storage))


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): lambda meta: _Object(
        meta["class_name"], meta["state"]
    ),
    ("torch.storage", "_load_from_bytes"): _embedded,
    ("numpy", "dtype"): lambda *_: _Number(),
    ("numpy.core.multiarray", "scalar"): lambda *_: _Number(),
    ("numpy._core.multiarray", "scalar"): lambda *_: _Number(),
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
}
"""What a pickle may refer to beside tensors, and what is called instead."""


class _Objects(TensorUnpickler):
    """An unpickler that describes objects and reads tensors, and rejects everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a type or function that a pickle refers to by name."""
        if (module, name) == ("dnnlib.util", "EasyDict"):
            return collections.OrderedDict
        if module.startswith("dnnlib.tflib"):
            raise ValueError("it is of TensorFlow: convert it with the official legacy.py first")
        if (module, name) not in _STAND_INS:
            return super().find_class(module, name)
        # A new function each time, since a pickle can set attributes of those it refers to.
        stand_in = _STAND_INS[module, name]
        return lambda *arguments: stand_in(*arguments)

    def persistent_load(self, identity: Any) -> Storage:
        """Storages are within these pickles, not outside."""
        raise ValueError(f"rejected the reference {identity}")


def _network(given: Any, kind: str) -> OfficialNetwork:
    if not isinstance(given, _Object) or given.name != kind:
        found = given.name if isinstance(given, _Object) else type(given).__name__
        raise ValueError(f"it must hold a {kind}, got {found}")
    if tuple(given.state["_init_args"]):
        raise ValueError(f"its {kind} was built with positional arguments")
    return OfficialNetwork(dict(given.state["_init_kwargs"]), dict(_arrays(given, "", set())))


def _arrays(given: Any, prefix: str, seen: set[int]) -> Iterator[tuple[str, np.ndarray]]:
    """The named parameters and buffers of a module and of those in it."""
    if not isinstance(given, _Object) or id(given) in seen:
        raise ValueError(f"{prefix} is not a module of its own")
    seen.add(id(given))
    for name, tensor in (dict(given.state["_parameters"]) | dict(given.state["_buffers"])).items():
        if tensor is not None:
            if not isinstance(tensor, View) or not isinstance(tensor.storage, _Embedded):
                raise ValueError(f"{prefix}{name} is not a tensor")
            storage, content = tensor.storage
            yield f"{prefix}{name}", view_array(tensor._replace(storage=storage), content)
    for name, module in given.state["_modules"].items():
        if module is not None:
            yield from _arrays(module, f"{prefix}{name}.", seen)

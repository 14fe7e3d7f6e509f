"""Reading tensors from .safetensors files, with errors that say what to do about other files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import safetensors

_PICKLES = (b"PK", b"\x80")  # how both formats of torch.save begin
_BROKEN = (safetensors.SafetensorError, TypeError, AttributeError, OSError)


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's tensors by name, without reading the tensors.

    Raises:
      ValueError: if the file is missing or not a safetensors file.
    """
    _check(file)
    try:
        with safetensors.safe_open(file, framework="numpy") as content:
            names = content.keys()
            return {name: tuple(content.get_slice(name).get_shape()) for name in names}
    except _BROKEN as error:
        raise ValueError(f"{file} is not a safetensors file: {error}") from error


def read_safetensors(file: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Tensors of a file by name; all of them by default.

    Raises:
      ValueError: if the file is missing or not a safetensors file, or has no such tensor.
    """
    _check(file)
    try:
        with safetensors.safe_open(file, framework="numpy") as content:
            chosen = content.keys() if names is None else names
            return {name: content.get_tensor(name) for name in chosen}
    except _BROKEN as error:
        raise ValueError(f"{file} is not a safetensors file: {error}") from error


def _check(file: Path):
    if not file.is_file():
        raise ValueError(f"there is no file {file}")
    with file.open("rb") as stream:
        start = stream.read(9)
    # A safetensors file begins with the length of its header in 8 bytes and the header's brace.
    if start.startswith(_PICKLES) and start[8:] != b"{":
        raise ValueError(
            f"{file} is a pickle, which can run code when it is read, and not a safetensors file: "
            "in an environment with PyTorch, convert it with "
            "safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW_FILE)"
        )

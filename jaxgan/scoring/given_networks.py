"""Feature networks that the user brings: ONNX files, and functions of Python modules.

Both are functions from images, float [num, height, width, channels] in [-1, 1], to features
[num, width].
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.checks import closest
from jaxgan.images.resampling import bicubic
from jaxgan.models.imagenet.preprocessing import CLIP, IMAGENET

Apply = Callable[[np.ndarray], Any]
_INSTALL = "pip install 'jaxgan[onnx]' (or pip install onnxruntime)"

SCALINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "signed": lambda x: x,
    "unit": lambda x: (x + 1) / 2,
    "bytes": lambda x: (x + 1) * 127.5,
    "imagenet": lambda x: _normalized((x + 1) / 2, *IMAGENET),
    "clip": lambda x: _normalized((x + 1) / 2, *CLIP),
}
"""What an ONNX network takes: images in [-1, 1], [0, 1] or [0, 255], or images in [0, 1] normalised
by ImageNet's or CLIP's mean and standard deviation."""


class OnnxNetwork(NamedTuple):
    """A feature network in an ONNX file.

    Attributes:
      apply: maps images, float [num, height, width, channels] in [-1, 1], to features.
      resized: how images are resized, and to which size; "" if they are not.
    """

    apply: Apply
    resized: str


class _Input(NamedTuple):
    """A network's input; None for sizes that the file leaves open."""

    name: str
    channels_first: bool
    batch: int | None
    size: tuple[int, int] | None
    channels: int


def function_from(spec: str) -> Apply:
    """The function that MODULE:FUNCTION names.

    Args:
      spec: such as "my_features:penultimate".
    Raises:
      ValueError: if the module cannot be imported, or has no such function.
    """
    module, _, name = spec.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ValueError(
            f"features {spec}: the module {module} cannot be imported ({error}); if its file is in "
            "the current folder, set PYTHONPATH=."
        ) from error
    if not callable(found):
        what = "is not a function" if found is not None else "does not exist"
        raise ValueError(f"features {spec}: {name} {what} in the module {module}")
    return found


def onnx_network(spec: str) -> OnnxNetwork:
    """The feature network in an ONNX file.

    The network has one input of images, [num, channels, height, width] or [num, height, width,
    channels], which its 1 or 3 channels tell apart, float or uint8. Images are resized bicubically
    if the file states a size. The first output, [num, width], has the features.

    Args:
      spec: FILE, or FILE,SCALING with one of `SCALINGS`. By default an input of uint8 takes
        "bytes", and one of floats "signed".
    Raises:
      ValueError: if onnxruntime is not installed, the file is missing or not an ONNX network, or
        its input does not suit images.
    """
    path, scaling = _parts(spec)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    session = _session(path)
    found = _image_input(path, session.get_inputs())
    is_bytes = session.get_inputs()[0].type == "tensor(uint8)"
    scaling = scaling or ("bytes" if is_bytes else "signed")
    if is_bytes and scaling != "bytes":
        raise ValueError(f"{path} takes uint8 images, for which {scaling} is no scaling: use bytes")
    kind = _kind(path, session.get_inputs()[0].type)

    def apply(x: np.ndarray) -> np.ndarray:
        images = _prepared(x, found, scaling, kind)
        step = found.batch or len(images)
        parts = [
            session.run(None, {found.name: _filled(images[i : i + step], step)})[0]
            for i in range(0, len(images), step)
        ]
        return np.concatenate(parts)[: len(images)]

    return OnnxNetwork(apply, "bicubic{}x{}".format(*found.size) if found.size else "")


def _parts(spec: str) -> tuple[Path, str]:
    """The file and the scaling in a spec; a scaling of "" is the default."""
    path, comma, scaling = spec.rpartition(",")
    if not comma:
        return Path(spec).expanduser(), ""
    if scaling not in SCALINGS:
        if Path(spec).expanduser().is_file():
            return Path(spec).expanduser(), ""
        hint = closest(scaling, SCALINGS)
        raise ValueError(
            f"onnx:FILE,SCALING: SCALING must be one of {', '.join(SCALINGS)}, got {scaling!r}."
            f"{hint}"
        )
    return Path(path).expanduser(), scaling


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(f"features of an ONNX file need onnxruntime: {_INSTALL}") from error
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of errors for each code, without a base
        raise ValueError(f"{path} is not a network that onnxruntime reads: {error}") from error


def _image_input(path: Path, inputs: Sequence[Any]) -> _Input:
    shapes = [tuple(n if isinstance(n, int) else None for n in each.shape) for each in inputs]
    if len(inputs) != 1 or len(shapes[0]) != 4:
        listed = ", ".join(f"{each.name}{list(each.shape)}" for each in inputs)
        raise ValueError(f"{path} must have one input of images with four axes, got {listed}")
    batch, *rest = shapes[0]
    channels_first = rest[0] in (1, 3)
    if not channels_first and rest[2] not in (1, 3):
        raise ValueError(
            f"{path}: the input {inputs[0].name} must state 1 or 3 channels in its second axis "
            f"(NCHW) or last axis (NHWC), got {list(inputs[0].shape)}"
        )
    channels, height, width = rest if channels_first else (rest[2], rest[0], rest[1])
    size = None if height is None or width is None else (height, width)
    return _Input(inputs[0].name, channels_first, batch, size, 1 if channels == 1 else 3)


def _kind(path: Path, name: str) -> type:
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
    if name not in kinds:
        raise ValueError(f"{path}: the input must hold float, float16 or uint8, got {name}")
    return kinds[name]


def _prepared(x: np.ndarray, to: _Input, scaling: str, kind: type) -> np.ndarray:
    if x.shape[3] == 3 and to.channels == 1:
        raise ValueError("the network takes grey images, and the samples have three channels")
    if to.size is not None and x.shape[1:3] != to.size:
        x = np.clip(np.asarray(bicubic(jnp.asarray(x), to.size)), -1, 1)
    x = np.broadcast_to(x, (*x.shape[:3], to.channels))
    x = SCALINGS[scaling](x)
    x = np.clip(np.rint(x), 0, 255) if kind == np.uint8 else x
    x = x.transpose(0, 3, 1, 2) if to.channels_first else x
    return np.ascontiguousarray(x, kind)


def _filled(rows: np.ndarray, num: int) -> np.ndarray:
    return np.pad(rows, [(0, num - len(rows)), (0, 0), (0, 0), (0, 0)])


def _normalized(x: np.ndarray, mean: Sequence[float], deviation: Sequence[float]) -> np.ndarray:
    shift, scale = (np.asarray(v, np.float32)[None, None, None] for v in (mean, deviation))
    return (x - shift) / scale

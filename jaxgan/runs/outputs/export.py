"""A run's generator for other programs: safetensors with a JSON header, and StableHLO.

generator.json         what the other two are, and how to call them
generator.safetensors  parameters and model state, named by their path: params/Dense_0/kernel
generator.stablehlo    a `jax.export` artifact that samples without jaxgan's code:

    artifact = jax.export.deserialize(Path("generator.stablehlo").read_bytes())
    key_data = jax.random.key_data(jax.random.key(0))
    samples = artifact.call(key_data, jnp.arange(64, dtype=jnp.int32))
"""

import hashlib
import json
import reprlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from jaxgan.atomic import check_replaceable, replace_file
from jaxgan.data import to_data_range
from jaxgan.models.layers.convolution import auto_means
from jaxgan.players import PassOptions, generate
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator
from jaxgan.training.sampling import has_images
from jaxgan.types import Array, PyTree, Weights

FORMAT = "jaxgan-generator"
FORMAT_VERSION = 1
PLATFORMS = ("cpu", "cuda", "tpu")

_HEADER, _WEIGHTS, _PROGRAM = "generator.json", "generator.safetensors", "generator.stablehlo"
_KEY = "threefry2x32"


# --- Writing


def export_run(run: Path, out: Path | None = None, use_ema: bool = True) -> Path:
    """Writes the generator of a finished run in the three files; gives their folder.

    Args:
      run: the run's folder.
      out: where to; RUN/export if not given. An earlier export there is replaced, file by file.
      use_ema: the averaged generator, if the run keeps an average.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a final state.
      FileExistsError: if files so called are there that are no export.
      NotADirectoryError: if out is a file.
      ValueError: if the generator makes its samples of images.
    """
    out = run / "export" if out is None else out
    check_folder(out)
    write_export(load_generator(run, use_ema), out)
    return out


def write_export(loaded: TrainedGenerator, out: Path):
    """Writes a generator that is loaded already into a folder that suits `check_folder`.

    Raises:
      ValueError: if the generator makes its samples of images.
    """
    _check_condition(loaded)
    head, program = header(loaded), stablehlo(loaded)
    weights = safetensors.numpy.save(
        _flat(loaded.params, "params") | _flat(loaded.model_state, "model_state"),
        metadata={"format": FORMAT, "header": json.dumps(head)},
    )
    files = {_WEIGHTS: weights, _PROGRAM: program}
    sums = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    # First, so that an export cut short shows by its sums, and can still be replaced.
    text = json.dumps(head | {"files": sums}, indent=2) + "\n"
    for name, content in ({_HEADER: text.encode()} | files).items():
        _write(out / name, content)


def _check_condition(loaded: TrainedGenerator):
    config = loaded.config
    if has_images(loaded.gan, config.data.shape, config.data.num_classes is not None):
        raise ValueError(
            f"a run of the recipe {config.options.recipe} cannot be exported: its generator takes "
            "images, and exported generators take a key and labels only"
        )


def _write(path: Path, content: bytes):
    replace_file(path, lambda beside: beside.write_bytes(content))


def check_folder(out: Path):
    """Raises an OSError if a generator cannot be written into a folder; see `export_run`."""
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"--out {out} is a file: give a folder")
    check_replaceable(out / _HEADER)
    present = [name for name in (_HEADER, _WEIGHTS, _PROGRAM) if (out / name).exists()]
    if not present:
        return
    try:
        ours = json.loads((out / _HEADER).read_text())["format"] == FORMAT
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        ours = False
    if not ours:
        raise FileExistsError(f"{out} holds {', '.join(present)} of another kind: give a new --out")


def header(loaded: TrainedGenerator) -> dict[str, Any]:
    """What generator.json says of a generator, `files` aside: all that is needed to use it."""
    config = loaded.config
    arguments = [
        {"name": "key_data", "dtype": "uint32", "shape": [2], "of": f"a {_KEY} key"},
        {"name": "index", "dtype": "int32", "shape": ["b"], "of": "each sample, 0 and up"},
    ]
    if config.data.num_classes is not None:
        classes = f"0 to {config.data.num_classes - 1}; another gives NaN"
        arguments.append({"name": "labels", "dtype": "int32", "shape": ["b"], "of": classes})
    packages = ("jaxgan", "jax", "jaxlib", "flax", "numpy", "safetensors")
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "recipe": config.options.recipe,
        "data": config.options.input.source,
        "shape": list(config.data.shape),
        "latent_shape": _latent_shape(loaded),
        "num_classes": config.data.num_classes,
        "low": config.data.low,
        "high": config.data.high,
        "model_range": config.options.plan.model_range,
        "step": loaded.step,
        "ema": loaded.ema,
        "versions": {package: version(package) for package in packages},
        "trained_with": config.versions,
        "stablehlo": {
            "made_by": "jax.export",
            "platforms": list(PLATFORMS),
            "arguments": arguments,
            "result": {"dtype": "float32", "shape": ["b", *config.data.shape]},
        },
    }


def _latent_shape(loaded: TrainedGenerator) -> list[int]:
    index = jax.ShapeDtypeStruct((1,), jnp.int32)
    return list(jax.eval_shape(loaded.gan.latent, jax.random.key(0), index).shape[1:])


# --- StableHLO


def stablehlo(loaded: TrainedGenerator) -> bytes:
    """A serialized `jax.export` artifact of `sampler`, for any batch size and all PLATFORMS."""
    batch = jax.export.symbolic_shape("b")
    arguments = [jax.ShapeDtypeStruct((2,), jnp.uint32), jax.ShapeDtypeStruct(batch, jnp.int32)]
    if loaded.config.data.num_classes is not None:
        arguments.append(jax.ShapeDtypeStruct(batch, jnp.int32))
    program = jax.jit(sampler(loaded))
    # Written with ordinary convolutions and products only, which are fast on every platform.
    with auto_means("cpu"):
        exported = jax.export.export(program, platforms=PLATFORMS)(*arguments)
    return bytes(exported.serialize())


def sampler(loaded: TrainedGenerator) -> Callable[..., Array]:
    """Samples as a pure function of plain arrays, the parameters inside.

    Returns:
      `(key_data, index, labels) -> samples`: uint32 [2], int32 [batch] and, only with classes,
      int32 [batch], to float32 [batch, *shape] in the data's own range. The generator must not
      look across samples outside training.
    """
    config, gan = loaded.config, loaded.gan

    def one(key_data: Array, index: Array, label: Array | None) -> Array:
        key = jax.random.wrap_key_data(key_data, impl=_KEY)
        condition = None if label is None else label[None]
        weights = Weights(loaded.params, loaded.model_state)
        x = generate(key, gan, weights, index[None], PassOptions(condition)).x
        model_range = config.options.plan.model_range
        return to_data_range(x[0], config.data.low, config.data.high, model_range)

    def samples(key_data: Array, index: Array, labels: Array | None = None) -> Array:
        # One by one: layers take len(x), which a batch of symbolic size does not have.
        return jax.vmap(one, in_axes=(None, 0, 0))(key_data, index, labels)

    return samples


# --- Safetensors


def load_safetensors(path: Path) -> tuple[dict[str, Any], PyTree, PyTree]:
    """The header, parameters and model state of an exported generator.

    Args:
      path: generator.safetensors, or its folder.
    Returns:
      `(header, params, model_state)`; both trees as nested dicts of NumPy arrays, as
      `Network.apply` of the recipe's generator takes them.
    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the file is damaged, no export, or of a later format.
    """
    path = path / _WEIGHTS if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"no exported generator at {path}")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, TypeError, AttributeError) as error:
        # The last two are of types that NumPy lacks, such as floats of eight bits.
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from error
    try:
        head, trees = _header_in(metadata), _nested(tensors)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error
    return head, trees["params"], trees["model_state"]


def _header_in(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The header among a file's metadata; raises a ValueError that goes on from the file's name."""
    if metadata.get("format") != FORMAT:
        raise ValueError(f"is not of format {FORMAT}, but {metadata.get('format')}")
    text = metadata.get("header")
    try:
        head = json.loads(text or "")
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or type(head.get("format_version")) is not int:
        raise ValueError(
            "is damaged: its header must be a JSON object with an int format_version, "
            f"got {reprlib.repr(text)}"
        )
    if head["format_version"] > FORMAT_VERSION:
        raise ValueError(
            f"has format_version {head['format_version']}, this jaxgan reads up to {FORMAT_VERSION}"
        )
    return head


def _flat(tree: PyTree, name: str) -> dict[str, np.ndarray]:
    """Leaves of nested dicts by their path; a key's own slashes and the like are %-encoded."""
    if isinstance(tree, Mapping):
        parts = [_flat(tree[key], f"{name}/{_encoded(key, name)}") for key in tree]
        return {path: leaf for part in parts for path, leaf in part.items()}
    if not isinstance(tree, jax.Array | np.ndarray):
        raise ValueError(f"{name} must be nested dicts of arrays, got a {type(tree).__name__}")
    return {name: np.asarray(tree, order="C")}


def _encoded(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{name} must have text as keys, got {key!r}")
    return quote(key, safe="")


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {"params": {}, "model_state": {}}
    for name, leaf in flat.items():
        *parts, last = map(unquote, name.split("/"))
        node = tree
        for part in parts:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ValueError(f"is damaged: its tensor {name} lies within another")
        if last in node:
            raise ValueError(f"is damaged: its tensor {name} has the place of others")
        node[last] = leaf
    return tree

"""Export of a trained generator: safetensors with a JSON header, and StableHLO.

generator.json         describes the other two files, and how to call the program
generator.safetensors  parameters and model state, named by their path: params/Dense_0/kernel
generator.stablehlo    a `jax.export` artifact that draws samples without jaxgan:

    artifact = jax.export.deserialize(Path("generator.stablehlo").read_bytes())
    key_data = jax.random.key_data(jax.random.key(0))
    samples = artifact.call(key_data, jnp.arange(64, dtype=jnp.int32))

Generators that take images, labels or attributes take them after these two arguments, see
generator.json.
`load_safetensors` reads the weights back into the trees that `Network.apply` takes.
"""

import hashlib
import json
import reprlib
from collections.abc import Callable, Mapping, Sequence
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
from jaxgan.choices import Domain
from jaxgan.models.layers.convolution import auto_means
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.programs import (
    all_weights,
    chosen_domain,
    conditions,
    latent_shape,
    make_program,
    result_shape,
)
from jaxgan.types import Array, PyTree

FORMAT = "jaxgan-generator"
FORMAT_VERSION = 1
PLATFORMS = ("cpu", "cuda", "tpu")

_HEADER, _WEIGHTS, _PROGRAM = "generator.json", "generator.safetensors", "generator.stablehlo"
FILES = (_HEADER, _WEIGHTS, _PROGRAM)
_KEY = "threefry2x32"


# --- Writing


def export_generator(generator: TrainedGenerator, out: Path, domain: Domain | None = None):
    """Write a generator as three files; an earlier export is replaced file by file.

    Args:
      generator: from `load_generator`.
      out: the folder.
      domain: the domain that the program translates to, "a" or "b", of a run on two domains; None
        for "b". The weights are those of both directions.
    Raises:
      FileExistsError: if files with these names are there that are not an export.
      NotADirectoryError: if `out` is a file.
      ValueError: if a domain is given for a run that has no two domains.
    """
    check_folder(out)
    domain = chosen_domain(generator, domain)
    head, program = header(generator, domain), stablehlo(generator, domain)
    params, model_state = _trees(generator)
    weights = safetensors.numpy.save(
        _flat(params, "params") | _flat(model_state, "model_state"),
        metadata={"format": FORMAT, "header": json.dumps(head)},
    )
    files = {_WEIGHTS: weights, _PROGRAM: program}
    sums = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    # First: the checksums reveal an export that was interrupted, and it can be replaced.
    text = json.dumps(head | {"files": sums}, indent=2) + "\n"
    for name, content in ({_HEADER: text.encode()} | files).items():
        _write(out / name, content)


def _trees(generator: TrainedGenerator) -> tuple[PyTree, PyTree]:
    """Parameters and model state; for a pyramid, dicts of each level's by its number."""
    if not generator.coarser:
        return generator.params, generator.model_state
    levels = {str(number): each for number, each in enumerate(generator.levels)}
    params = {number: each.params for number, each in levels.items()}
    return params, {number: each.model_state for number, each in levels.items()}


def _write(path: Path, content: bytes):
    replace_file(path, lambda beside: beside.write_bytes(content))


def check_folder(out: Path, names: Sequence[str] = FILES, written: str = FORMAT):
    """Check that an export can be written to a folder.

    Args:
      out: the folder.
      names: names of the files, that of the JSON header first.
      written: the format of the header.
    Raises:
      OSError: if it cannot, see `export_generator`.
    """
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"--out {out} is a file: give a folder")
    header = out / names[0]
    check_replaceable(header)
    present = [name for name in names if (out / name).exists()]
    if not present:
        return
    try:
        ours = json.loads(header.read_text())["format"] == written
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        ours = False
    if not ours:
        raise FileExistsError(
            f"{out} holds {', '.join(present)}, which jaxgan did not export: give another --out"
        )


def facts(generator: TrainedGenerator) -> dict[str, Any]:
    """What the headers of all exports say about a generator."""
    config, data = generator.config, generator.data
    packages = ("jaxgan", "jax", "jaxlib", "flax", "numpy", "safetensors")
    return {
        "recipe": config.options.recipe,
        "hyperparameters": config.options.hyperparameters,
        "data": config.options.input.source,
        "shape": list(data.shape),
        "latent_shape": list(latent_shape(generator)),
        "num_classes": data.num_classes,
        "attributes": list(data.attributes),
        "low": data.low,
        "high": data.high,
        "model_range": generator.model_range,
        "step": generator.step,
        "ema": generator.ema,
        "versions": {package: version(package) for package in packages},
        "trained_with": config.versions,
    }


def header(generator: TrainedGenerator, domain: Domain | None = None) -> dict[str, Any]:
    """The content of generator.json without `files`: everything needed to use a generator."""
    domain = chosen_domain(generator, domain)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **facts(generator),
        "stablehlo": {
            "made_by": "jax.export",
            "platforms": list(PLATFORMS),
            "arguments": [
                {"name": "key_data", "dtype": "uint32", "shape": [2], "of": f"a {_KEY} key"},
                {"name": "index", "dtype": "int32", "shape": ["b"], "of": "each sample, from 0 on"},
                *(each.described() for each in conditions(generator, domain)),
            ],
            "result": {"dtype": "float32", "shape": ["b", *result_shape(generator, domain)]},
        },
    }


# --- StableHLO


def stablehlo(generator: TrainedGenerator, domain: Domain | None = None) -> bytes:
    """A serialized `jax.export` artifact of `sampler`, for any batch size and all PLATFORMS."""
    (batch,) = jax.export.symbolic_shape("b")
    arguments = [jax.ShapeDtypeStruct((2,), jnp.uint32), jax.ShapeDtypeStruct((batch,), jnp.int32)]
    for each in conditions(generator, chosen_domain(generator, domain)):
        arguments.append(jax.ShapeDtypeStruct((batch, *each.shape), each.dtype))
    program = jax.jit(sampler(generator, domain))
    # As ordinary convolutions and products, which are fast on every platform.
    with auto_means("cpu"):
        exported = jax.export.export(program, platforms=PLATFORMS)(*arguments)
    return bytes(exported.serialize())


def sampler(generator: TrainedGenerator, domain: Domain | None = None) -> Callable[..., Array]:
    """Make a pure function that draws samples from plain arrays, with the parameters as constants.

    Returns:
      `(key_data, index, *conditions) -> samples`: uint32 [2], int32 [batch] and what the generator
      is conditioned on, an image float32 [batch, height, width, channels] in the range of the data,
      then labels int32 [batch] or attributes float32 [batch, n], to float32 [batch, *shape] in the
      range of the data. The generator must not look across samples outside training.
    """
    domain = chosen_domain(generator, domain)
    program, weights = make_program(generator, domain), all_weights(generator)
    names = [each.name for each in conditions(generator, domain)]

    def one(key_data: Array, index: Array, given: tuple[Array, ...]) -> Array:
        key = jax.random.wrap_key_data(key_data, impl=_KEY)
        named = {name: each[None] for name, each in zip(names, given, strict=True)}
        return program(weights, key, index[None], named)[0]

    def samples(key_data: Array, index: Array, *given: Array) -> Array:
        # One by one: layers take len(x), which a batch of symbolic size does not have.
        return jax.vmap(one, in_axes=(None, 0, 0))(key_data, index, given)

    return samples


# --- Safetensors


def load_safetensors(path: Path) -> tuple[dict[str, Any], PyTree, PyTree]:
    """Read the header, parameters and model state of an exported generator.

    Args:
      path: generator.safetensors, or its folder.
    Returns:
      `(header, params, model_state)`. Both trees are nested dicts of NumPy arrays, as
      `Network.apply` of the recipe's generator takes them; of a pyramid, dicts of those of each
      level by its number, "0" for the coarsest.
    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the file is damaged, not an export, or of a later format.
    """
    path = path / _WEIGHTS if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"no exported generator at {path}")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, TypeError, AttributeError) as error:
        # The last two arise for types that NumPy lacks, such as 8-bit floats.
        raise ValueError(f"{path} is damaged or not a safetensors file: {error}") from error
    try:
        head, trees = _header_in(metadata), _nested(tensors)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error
    return head, trees["params"], trees["model_state"]


def _header_in(metadata: Mapping[str, str]) -> dict[str, Any]:
    """The header in a file's metadata; the message of a ValueError continues the file's name."""
    if metadata.get("format") != FORMAT:
        raise ValueError(f"is not of the format {FORMAT}, but of {metadata.get('format')}")
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
    """Leaves of nested dicts by path; special characters in keys, such as /, are %-encoded."""
    if isinstance(tree, Mapping):
        parts = [_flat(tree[key], f"{name}/{_encoded(key, name)}") for key in tree]
        return {path: leaf for part in parts for path, leaf in part.items()}
    if not isinstance(tree, jax.Array | np.ndarray):
        raise ValueError(f"{name} must be nested dicts of arrays, got a {type(tree).__name__}")
    return {name: np.asarray(tree, order="C")}


def _encoded(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{name} must have strings as keys, got {key!r}")
    return quote(key, safe="")


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {"params": {}, "model_state": {}}
    for name, leaf in flat.items():
        *parts, last = map(unquote, name.split("/"))
        node = tree
        for part in parts:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ValueError(f"is damaged: its tensor {name} lies inside another one")
        if last in node:
            raise ValueError(f"is damaged: its tensor {name} has the name of a group of others")
        node[last] = leaf
    return tree

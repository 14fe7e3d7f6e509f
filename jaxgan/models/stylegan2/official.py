"""StyleGAN2 networks with the weights of official files, and files of their own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from jaxgan.atomic import replace_file
from jaxgan.models.stylegan2.discriminator import StyleGAN2Discriminator
from jaxgan.models.stylegan2.generator import StyleGAN2Generator
from jaxgan.models.stylegan2.official_file import OfficialNetwork
from jaxgan.types import Array, PyTree

_FORMAT = "jaxgan-stylegan2-generator"
_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


class Converted(NamedTuple):
    """A network with weights.

    Attributes:
      module: `StyleGAN2Generator` or `StyleGAN2Discriminator`.
      params: its parameters, float32.
      model_state: its other variables, such as the constant noise and the average style.
    """

    module: Any
    params: PyTree
    model_state: PyTree


# --- Options: None for those that are used or make no difference here, else the values supported.

_MAPPING: dict[str, tuple | None] = {
    "num_layers": None,  # counted among the weights
    "embed_features": None,  # their shapes are checked
    "layer_features": None,
    "activation": ("lrelu",),
    "lr_multiplier": (0.01,),
    "w_avg_beta": None,
}
_LAYERS: dict[str, tuple | None] = {
    "activation": ("lrelu",),
    "resample_filter": ([1, 3, 3, 1],),
}
_OF_BLOCKS: dict[str, tuple | None] = {
    "channel_base": None,
    "channel_max": None,
    "conv_clamp": None,
    "architecture": ("skip", "resnet", "orig"),
    "num_fp16_res": None,  # all is computed in one precision
    "fp16_channels_last": None,
}
_SIZES = dict.fromkeys(("c_dim", "img_resolution", "img_channels"))
_GENERATOR = _SIZES | dict.fromkeys(("z_dim", "w_dim", "mapping_kwargs", "synthesis_kwargs"))
_PARTS = dict.fromkeys(("block_kwargs", "mapping_kwargs", "epilogue_kwargs"))
_DISCRIMINATOR = _SIZES | _PARTS | _OF_BLOCKS | {"cmap_dim": None}
_EPILOGUE = {"mbstd_group_size": None, "mbstd_num_channels": (0, 1), "activation": ("lrelu",)}


def official_generator(network: OfficialNetwork) -> Converted:
    """A generator with official weights, which gives the official samples in float32.

    Args:
      network: "G_ema" or "G" of `read_official`.
    Raises:
      ValueError: if it has an option that `StyleGAN2Generator` lacks, or its weights do not fit its
        options.
    """
    options = network.options
    mapping, synthesis = (_part(options, f"{part}_kwargs") for part in ("mapping", "synthesis"))
    _check("Generator", options, _GENERATOR)
    _check("mapping_kwargs", mapping, _MAPPING)
    _check("synthesis_kwargs", synthesis, _OF_BLOCKS | _LAYERS | {"use_noise": (True,)})
    module = StyleGAN2Generator(
        _shape(options),
        *(_number(synthesis, "channel_base", 32_768), _number(synthesis, "channel_max", 512)),
        w_dim=_number(options, "w_dim"),
        mapping_layers=_layers(network),
        num_classes=_number(options, "c_dim", least=0) or None,
        architecture=synthesis.get("architecture", "skip"),
        clamp=_clamp(synthesis),
    )
    return _filled(module, _inputs(module, _number(options, "z_dim")), network)


def official_discriminator(network: OfficialNetwork) -> Converted:
    """A discriminator with official weights.

    In a batch, the official code compares interleaved samples, and `StyleGAN2Discriminator`
    consecutive ones: to get the official logits, reorder the batch.

    Args:
      network: "D" of `read_official`.
    Raises:
      ValueError: if it has an option that `StyleGAN2Discriminator` lacks, or its weights do not fit
        its options.
    """
    options = network.options
    block, mapping, epilogue = (_part(options, part) for part in _PARTS)
    _check("Discriminator", options, _DISCRIMINATOR)
    _check("block_kwargs", block, _LAYERS | {"fp16_channels_last": None, "freeze_layers": None})
    _check("mapping_kwargs", mapping, _MAPPING)
    _check("epilogue_kwargs", epilogue, _EPILOGUE)
    with_std = epilogue.get("mbstd_num_channels", 1) == 1
    classes = _number(options, "c_dim", least=0) or None
    module = StyleGAN2Discriminator(
        *(_number(options, "channel_base", 32_768), _number(options, "channel_max", 512)),
        group_size=_number(epilogue, "mbstd_group_size", 4) if with_std else None,
        num_classes=classes,
        mapping_layers=_layers(network),
        architecture=options.get("architecture", "resnet"),
        clamp=_clamp(options),
    )
    labels = () if classes is None else (jnp.zeros(1, jnp.int32),)
    return _filled(module, (jnp.zeros((1, *_shape(options))), *labels), network)


def _check(part: str, given: Mapping[str, Any], allowed: Mapping[str, tuple | None]):
    for name, value in given.items():
        values = allowed.get(name, ())
        if values is not None and value not in values:
            one_of = f"; {name} may be {' or '.join(map(str, values))}" if values else ""
            raise ValueError(
                f"the official {part} has {name}={value!r}, which StyleGAN2 has not here{one_of}"
            )


def _part(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = options.get(name, {})
    if not isinstance(part, Mapping):
        raise ValueError(f"the official option {name} must be a dictionary, got {part!r}")
    return part


def _number(options: Mapping[str, Any], name: str, default: Any = None, least: int = 1) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"the official option {name} must be an int >= {least}, got {value!r}")
    return value


def _clamp(options: Mapping[str, Any]) -> float | None:
    value = options.get("conv_clamp")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"the official option conv_clamp must be a number or None, got {value!r}")
    return None if value is None else float(value)


def _shape(options: Mapping[str, Any]) -> tuple[int, int, int]:
    side = _number(options, "img_resolution", least=8)
    if side & (side - 1):
        raise ValueError(f"the official option img_resolution must be a power of 2, got {side}")
    return side, side, _number(options, "img_channels")


def _layers(network: OfficialNetwork) -> int:
    """The number of layers of the mapping network; an option could claim any."""
    return sum(name.startswith("mapping.fc") and name.endswith("weight") for name in network.arrays)


# --- Weights


def _inputs(module: StyleGAN2Generator, latent_size: int) -> tuple[Array, ...]:
    labels = () if module.num_classes is None else (jnp.zeros(1, jnp.int32),)
    return jnp.zeros((1, latent_size)), *labels


def _variables(module: nn.Module, inputs: tuple[Array, ...]) -> PyTree:
    """The shapes of all variables of a network."""
    return jax.eval_shape(lambda key: module.init(key, *inputs, train=False), jax.random.key(0))


def _filled(module: nn.Module, inputs: tuple[Array, ...], network: OfficialNetwork) -> Converted:
    """A module with the official arrays, each of which must have its place."""
    left = dict(network.arrays)
    for name in [name for name in left if name.split(".")[-1] == "resample_filter"]:
        array = left.pop(name)
        if array.shape != _FILTER.shape or not np.allclose(array, _FILTER, atol=1e-6):
            raise ValueError(f"the official {name} is not the filter of [1, 3, 3, 1]")

    def leaf(path: tuple, wanted: Any) -> Array:
        name = official_name(path)
        if name not in left:
            raise ValueError(f"the official weights do not fit its options: {name} is missing")
        array = _in_our_order(name, left.pop(name), wanted.shape)
        if array.shape != wanted.shape:
            raise ValueError(
                f"the official weights do not fit its options: {name} must have the shape "
                f"{wanted.shape} here, got {array.shape}"
            )
        return jnp.asarray(array, jnp.float32)

    variables = jax.tree_util.tree_map_with_path(leaf, _variables(module, inputs))
    if left:
        raise ValueError(f"the official weights do not fit its options: {next(iter(left))} is more")
    return Converted(module, variables.pop("params"), variables)


def official_name(path: tuple) -> str:
    """The official name of a variable, from its path with the collection in front."""
    *modules, own = (part.key for part in path[1:])
    return ".".join((*modules, {"kernel": "weight", "w_avg": "mapping.w_avg"}.get(own, own)))


def _in_our_order(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An official array with the axes of ours: channels last, and those of the input first."""
    if name == "b4.fc.weight" and array.ndim == 2 and array.shape[1] % 16 == 0:
        array = array.reshape(len(array), -1, 4, 4).transpose(2, 3, 1, 0)
        return array.reshape(-1, array.shape[-1])
    if name == "mapping.w_avg" and array.shape == shape[-1:]:
        return np.broadcast_to(array, shape)  # the official code has one average for all classes
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if array.ndim == 3:
        return array.transpose(1, 2, 0)
    return array.T if name.endswith("weight") else array


# --- Files


def save_converted(converted: Converted, file: Path):
    """Write a generator of `official_generator` as a .safetensors file, for `load_converted`."""
    module = converted.module
    options = {
        "shape": list(module.shape),
        "latent_size": latent_size(converted),
        **{name: getattr(module, name) for name in _KEPT},
    }
    variables = {"params": converted.params, **converted.model_state}
    tensors = {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables)
    }
    content = safetensors.numpy.save(
        tensors, metadata={"format": _FORMAT, "options": json.dumps(options)}
    )
    replace_file(file, lambda beside: beside.write_bytes(content))


_KEPT = (
    *("channel_base", "channel_max", "w_dim", "mapping_layers"),
    *("num_classes", "architecture", "clamp"),
)


def load_converted(file: Path) -> Converted:
    """A generator from a file of `save_converted` or `jaxgan convert`.

    Draw samples with `converted.module.apply({"params": converted.params,
    **converted.model_state}, latents, train=False)`, for normal latents [num, latent_size(
    converted)].

    Raises:
      ValueError: if the file is of another kind.
      OSError: if it cannot be read.
    """
    try:
        with safetensors.safe_open(file, "numpy") as content:
            head = content.metadata() or {}
            if head.get("format") != _FORMAT:
                raise ValueError("it is not a generator that jaxgan converted")
            options = json.loads(head["options"])
            shape, size = tuple(options.pop("shape")), options.pop("latent_size")
            module = StyleGAN2Generator(shape, **{name: options[name] for name in _KEPT})
            wanted = _variables(module, _inputs(module, size))
            read = jax.tree_util.tree_map_with_path(
                lambda path, leaf: _tensor(content, path, leaf.shape), wanted
            )
    except (safetensors.SafetensorError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{file} is not a converted generator: {error}") from error
    return Converted(module, read.pop("params"), read)


def _tensor(content: Any, path: tuple, shape: tuple[int, ...]) -> Array:
    name = jax.tree_util.keystr(path, simple=True, separator="/")
    array = content.get_tensor(name)
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, not {shape}")
    return jnp.asarray(array, jnp.float32)


def latent_size(converted: Converted) -> int:
    """The length of the latents that a generator takes."""
    module, rows = converted.module, len(converted.params["mapping"]["fc0"]["kernel"])
    return rows if module.num_classes is None else rows - module.w_dim

"""Export of a trained generator as an ONNX model, checked against JAX.

generator.onnx       a model from latents, images, and labels or attributes to samples
generator.onnx.json  its inputs and outputs, and the run that it is from

    session = onnxruntime.InferenceSession("generator.onnx")
    latents = np.random.default_rng(0).normal(size=(64, 100)).astype(np.float32)
    (samples,) = session.run(None, {"latents": latents})

A model has no random numbers in it. Noise within the network, such as StyleGAN2's and the dropout
of pix2pix, is that of one sample and is part of the model, so that every sample has the same.
"""

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.atomic import replace_file
from jaxgan.choices import Domain
from jaxgan.data import to_data_range
from jaxgan.models.layers.convolution import auto_means
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs.export import check_folder, facts
from jaxgan.runs.outputs.programs import (
    Argument,
    all_weights,
    chosen_domain,
    conditions,
    draw_latents,
    latents,
    make_program,
    result_shape,
)
from jaxgan.runs.outputs.to_onnx.graph import Unsupported
from jaxgan.runs.outputs.to_onnx.model import OPSET, Tensor, onnx_model
from jaxgan.types import Array, Weights

FORMAT = "jaxgan-generator-onnx"
FORMAT_VERSION = 1
FILES = ("generator.onnx.json", "generator.onnx")
TOLERANCE = 1e-4
"""Largest difference from JAX's samples, as a fraction of the range of the data."""

_OUTPUT = "samples"
_CHECKED = 3  # samples
_DRAWN = 1000  # latents
_INSTALL = "pip install 'jaxgan[onnx]' (or pip install onnx onnxruntime)"


def export_onnx(
    generator: TrainedGenerator, out: Path, domain: Domain | None = None
) -> float | None:
    """Write a generator as an ONNX model and a JSON header; earlier ones are replaced.

    The model takes arrays of any batch size b: latents float32 [b, ...], an image float32
    [b, height, width, channels] in the range of the data, and labels int32 [b] or attributes
    float32 [b, n], as far as the generator does. It returns samples float32 [b, *shape] in the
    range of the data.

    Args:
      generator: from `load_generator`.
      out: the folder.
      domain: the domain to translate to, "a" or "b", of a run on two domains; None for "b".
    Returns:
      The largest difference between the samples of onnxruntime and JAX, as a fraction of the range;
      None if onnxruntime is not installed.
    Raises:
      FileExistsError: if files with these names are there that are not an export.
      NotADirectoryError: if `out` is a file.
      ValueError: if a domain is given for a run that has no two domains, the generator cannot be
        converted, or the samples differ. Nothing is written then.
    """
    check_onnx_folder(out)
    domain = chosen_domain(generator, domain)
    model = model_of(generator, domain)
    difference = largest_difference(generator, model, domain)
    if difference is not None and not difference <= TOLERANCE:
        raise ValueError(
            f"the ONNX model of the recipe {generator.config.options.recipe} differs from JAX by "
            f"{difference:.1e} of the range, more than {TOLERANCE:g}; it was not written"
        )
    head = json.dumps(header(generator, domain, difference), indent=2) + "\n"
    for name, content in zip(FILES, (head.encode(), model), strict=True):
        _write(out / name, content)
    return difference


def check_onnx_folder(out: Path):
    """Raise an OSError unless a model can be exported to a folder, see `export_onnx`."""
    check_folder(out, FILES, FORMAT)


def text(difference: float | None) -> str:
    """What `export_onnx` found, in words."""
    if difference is None:
        return f"The model was not compared with JAX, which needs onnxruntime: {_INSTALL}"
    return f"In onnxruntime its samples differ from JAX's by {difference:.1e} of the range at most"


def _write(path: Path, content: bytes):
    replace_file(path, lambda beside: beside.write_bytes(content))


# --- Header


def header(
    generator: TrainedGenerator, domain: Domain | None, difference: float | None
) -> dict[str, Any]:
    """The content of generator.onnx.json.

    Args:
      generator: the generator.
      domain: of the samples, from `chosen_domain`.
      difference: from JAX, see `export_onnx`.
    """
    drawn = draw_latents(generator, jax.random.key(0), _DRAWN)
    given = [each.described() for each in _inputs(generator, domain)]
    for each in given:
        if each["name"] in drawn:
            each["drawn_in_training"] = _statistics(drawn[each["name"]])
    shape = ["b", *result_shape(generator, domain)]
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **facts(generator),
        "onnx": {
            "made_by": f"jaxgan and onnx {version('onnx')}",
            "opset": OPSET,
            "domain": domain,
            "inputs": given,
            "outputs": [{"name": _OUTPUT, "dtype": "float32", "shape": shape}],
            "noise": "constant, that of one sample",
            "largest_difference_from_jax": difference,
        },
    }


def _inputs(generator: TrainedGenerator, domain: Domain | None) -> list[Argument]:
    return latents(generator) + conditions(generator, domain)


def _statistics(x: Array) -> dict[str, float]:
    """What tells a normal distribution from a uniform one."""
    found = {"mean": x.mean(), "standard_deviation": x.std(), "low": x.min(), "high": x.max()}
    return {name: round(float(value), 3) for name, value in found.items()}


# --- The model


def model_of(generator: TrainedGenerator, domain: Domain | None) -> bytes:
    """The serialized model of a generator.

    Args:
      generator: the generator.
      domain: of the samples, from `chosen_domain`.
    Raises:
      ValueError: if the package onnx is not installed, or the generator cannot be converted.
    """
    program = _sample(generator, domain)
    tensors = [Tensor(*each[:3]) for each in _inputs(generator, domain)]
    recipe = generator.config.options.recipe
    try:
        # XLA's operators have counterparts in ONNX; the forms that are fast in XLA are many nodes.
        with auto_means("xla"):
            model = onnx_model(
                lambda *given: [program(all_weights(generator), *given)], tensors, [_OUTPUT]
            )
    except ImportError as error:
        raise ValueError(f"export to ONNX needs the package onnx: {_INSTALL}") from error
    except Unsupported as error:
        raise ValueError(
            f"a run of the recipe {recipe} cannot be exported to ONNX, which lacks {error}; "
            "leave out --to onnx for StableHLO"
        ) from error
    return model.SerializeToString()


def _sample(generator: TrainedGenerator, domain: Domain | None) -> Callable[..., Array]:
    """`(weights, *inputs) -> sample`, of one sample without a batch axis."""
    program = make_program(generator, domain)
    names = [each.name for each in _inputs(generator, domain)]

    def sample(weights: Sequence[Weights], *given: Array) -> Array:
        named = {name: each[None] for name, each in zip(names, given, strict=True)}
        # The key of all noise in the network, which so becomes a constant.
        return program(weights, jax.random.key(0), jnp.arange(1), named)[0]

    return sample


# --- Check


def largest_difference(
    generator: TrainedGenerator, model: bytes, domain: Domain | None
) -> float | None:
    """The largest difference of a model's samples from JAX's, see `export_onnx`."""
    try:
        import onnxruntime
    except ImportError:
        return None
    given = examples(generator, domain, _CHECKED)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {name: np.asarray(each) for name, each in given.items()})
    sample = jax.vmap(_sample(generator, domain), in_axes=(None, *[0] * len(given)))
    wanted = np.asarray(jax.jit(sample)(all_weights(generator), *given.values()))
    low, high = _range(generator, wanted)
    return float(np.abs(got - wanted).max() / (high - low))


def _range(generator: TrainedGenerator, samples: np.ndarray) -> tuple[float, float]:
    """The range of the data; for unbounded data, of the samples."""
    low, high = generator.data.low, generator.data.high
    if low is None or high is None:
        return float(samples.min()), float(samples.max())
    return low, high


def examples(generator: TrainedGenerator, domain: Domain | None, num: int) -> dict[str, Array]:
    """Inputs [num, ...] of a model, in their order: random ones, and the first classes."""
    latents_key, image_key = jax.random.split(jax.random.key(1))
    given, data = draw_latents(generator, latents_key, num), generator.data
    for each in conditions(generator, domain):
        shape = (num, *each.shape)
        if each.name == "labels":
            given["labels"] = jnp.arange(num, dtype=jnp.int32) % (data.num_classes or 1)
        elif each.name == "attributes":
            given["attributes"] = jnp.asarray(data.kept_attributes(num))
        else:
            x = jax.random.uniform(image_key, shape, minval=-1.0)
            given["image"] = to_data_range(x, data.low, data.high, (-1.0, 1.0))
    return given

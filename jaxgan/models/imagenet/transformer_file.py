"""Reading a vision transformer from a .safetensors file, whichever names its tensors have.

The sizes of the network follow from the shapes of a few tensors. All others are then checked
against these sizes, so that the error for another file names the tensor.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.imagenet.safetensors_file import read_safetensors, tensor_shapes
from jaxgan.models.imagenet.vision_transformer import Block, Linear, Norm, VisionTransformer
from jaxgan.types import Array

_CHANNELS_PER_HEAD = 64
Shapes = Mapping[str, tuple[int, ...]]


class Layout(NamedTuple):
    """The names of a network's tensors in a file.

    `{}` is the number of the block, and `*` stands for `weight` and `bias`. "" and () mean that the
    network has no such tensor.

    Attributes:
      patches: weight of the patch embedding, and its bias if it has one.
      class_token: [width], or [1, 1, width] if `batched`.
      registers: further tokens [1, registers, width], which may be absent.
      positions: [tokens, width], or [1, tokens, width] if `batched`.
      batched: whether tokens and positions have a leading axis of length 1.
      norm_before: before the first block.
      norm_after: after the last block.
      projection: [outputs, inputs] if the name ends in `.weight`, else [inputs, outputs].
      norm1: before attention.
      qkv: queries, keys and values, in one tensor or three.
      out: after attention.
      scales: of the two results that a block adds to its input.
      norm2: before the two layers.
      layers: the two layers.
      gated: the two layers if the first one has a gate.
    """

    patches: tuple[str, ...]
    class_token: str
    registers: str
    positions: str
    batched: bool
    norm_before: str
    norm_after: str
    projection: str
    norm1: str
    qkv: tuple[str, ...]
    out: str
    scales: tuple[str, ...]
    norm2: str
    layers: tuple[str, str]
    gated: tuple[str, ...]


class Sizes(NamedTuple):
    """Sizes of a vision transformer.

    Attributes:
      width: of the tokens.
      depth: number of blocks.
      hidden: width between the two layers of a block.
      patch: pixels per side of a patch.
      grid: patches per side of the images that the positions are for.
      registers: number of registers.
      gated: whether the first layer of a block has a gate.
      features: outputs of the projection; 0 without one.
    """

    width: int
    depth: int
    hidden: int
    patch: int
    grid: int
    registers: int = 0
    gated: bool = False
    features: int = 0


def read_transformer(
    file: Path, layouts: Sequence[Layout], network: str
) -> tuple[VisionTransformer, Sizes]:
    """The float32 parameters and the sizes of the network in a file.

    Args:
      file: a .safetensors file of float32, float16 or bfloat16 tensors. Tensors without a place in
        the network, such as those of a text tower, are not read.
      layouts: the layouts that the file may have.
      network: the network's name, for errors.
    Raises:
      ValueError: if the file is missing or not a safetensors file, or a tensor is missing,
        non-finite or of another shape or dtype.
    """
    shapes = tensor_shapes(file)
    try:
        layout = _layout_of(shapes, layouts, network)
        sizes = sizes_of(shapes, layout)
        expected = expected_shapes(sizes, layout)
        _check_shapes(shapes, expected)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    tensors = read_safetensors(file, expected)
    for name, tensor in tensors.items():
        _check_numbers(f"{file}: tensor {name}", tensor)
    return assemble(tensors, sizes, layout), sizes


def heads_of(sizes: Sizes, heads: int | None) -> int:
    """The number of attention heads, by default one per 64 channels as in all published sizes.

    Raises:
      ValueError: if the width is not a multiple of the number or of 64.
    """
    if heads is None and sizes.width % _CHANNELS_PER_HEAD:
        raise ValueError(
            f"the file does not say how many attention heads the network of width {sizes.width} "
            "has, and it is not a multiple of 64: pass heads=NUMBER"
        )
    heads = sizes.width // _CHANNELS_PER_HEAD if heads is None else heads
    if heads < 1 or sizes.width % heads:
        raise ValueError(f"heads must divide the width {sizes.width}, got {heads}")
    return heads


# --- Sizes and shapes


def sizes_of(shapes: Shapes, layout: Layout) -> Sizes:
    """The sizes of a network whose tensors have these shapes.

    Raises:
      ValueError: if a tensor that says a size is missing or of another rank.
    """
    width, _, patch, _ = _shape(shapes, layout.patches[0], 4)
    tokens = _shape(shapes, layout.positions, 2 + layout.batched)[-2]
    gated = bool(layout.gated) and _weight(layout.gated[1], 0) in shapes
    second = layout.gated[1] if gated else layout.layers[1]
    _, hidden = _shape(shapes, _weight(second, 0), 2)
    registers = _shape(shapes, layout.registers, 3)[1] if layout.registers in shapes else 0
    projection = _shape(shapes, layout.projection, 2) if layout.projection else (0, 0)
    features = projection[0] if layout.projection.endswith(".weight") else projection[1]
    grid = math.isqrt(max(tokens - 1, 0))
    if not grid or grid**2 + 1 != tokens:
        raise ValueError(
            f"tensor {layout.positions} must be for one class token and a square of patches, got "
            f"{tokens} positions"
        )
    return Sizes(width, _depth(shapes, layout), hidden, patch, grid, registers, gated, features)


def expected_shapes(sizes: Sizes, layout: Layout) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors of a network, by their names in a file."""
    width, leading = sizes.width, (1,) if layout.batched else ()
    shapes: dict[str, tuple[int, ...]] = {
        layout.class_token: (*leading, *leading, width),
        layout.positions: (*leading, 1 + sizes.grid**2, width),
    }
    embedding = (width, 3, sizes.patch, sizes.patch), (width,)
    shapes |= dict(zip(layout.patches, embedding, strict=False))
    if sizes.registers:
        shapes[layout.registers] = (1, sizes.registers, width)
    if sizes.features:
        linear = (sizes.features, width)
        is_linear = layout.projection.endswith(".weight")
        shapes[layout.projection] = linear if is_linear else linear[::-1]
    for name in filter(None, (layout.norm_before, layout.norm_after)):
        shapes |= _with_bias(name, (width,))
    for i in range(sizes.depth):
        shapes |= _block_shapes(sizes, layout, i)
    return shapes


def _block_shapes(sizes: Sizes, layout: Layout, i: int) -> dict[str, tuple[int, ...]]:
    width, hidden = sizes.width, sizes.hidden
    first, second = layout.gated if sizes.gated else layout.layers
    kernels = dict.fromkeys(layout.qkv, (3 * width // len(layout.qkv), width)) | {
        layout.out: (width, width),
        first: (2 * hidden if sizes.gated else hidden, width),
        second: (width, hidden),
    }
    shapes: dict[str, tuple[int, ...]] = {name.format(i): (width,) for name in layout.scales}
    for name, shape in (kernels | {layout.norm1: (width,), layout.norm2: (width,)}).items():
        shapes |= _with_bias(name.format(i), shape)
    return shapes


def _layout_of(shapes: Shapes, layouts: Sequence[Layout], network: str) -> Layout:
    for layout in layouts:
        if layout.patches[0] in shapes:
            return layout
    wanted = " or ".join(layout.patches[0] for layout in layouts)
    raise ValueError(
        f"it does not hold {network}: tensor {wanted} is missing; its first tensors are "
        f"{', '.join(sorted(shapes)[:3]) or 'none'}"
    )


def _depth(shapes: Shapes, layout: Layout) -> int:
    """The number of blocks. One without any tensor is noticed as missing."""
    pattern = re.compile(re.escape(layout.norm1.partition("{}")[0]) + r"(\d+)\.")
    return 1 + max(int(found[1]) for found in map(pattern.match, shapes) if found)


def _shape(shapes: Shapes, name: str, rank: int) -> tuple[int, ...]:
    if name not in shapes:
        raise ValueError(f"tensor {name} is missing")
    if len(shapes[name]) != rank:
        raise ValueError(f"tensor {name} must have {rank} axes, got shape {shapes[name]}")
    return shapes[name]


def _check_shapes(shapes: Shapes, expected: Shapes):
    for name, shape in expected.items():
        if name not in shapes:
            raise ValueError(f"tensor {name} of shape {shape} is missing")
        if shapes[name] != shape:
            raise ValueError(f"tensor {name} must have shape {shape}, got {shapes[name]}")


def _check_numbers(name: str, tensor: np.ndarray):
    if not jnp.issubdtype(tensor.dtype, jnp.floating):
        raise ValueError(f"{name} must hold floats, got {tensor.dtype}")
    if not np.isfinite(tensor.astype(np.float32)).all():
        raise ValueError(f"{name} has non-finite values")


def _weight(name: str, i: int) -> str:
    return name.format(i).replace("*", "weight")


def _with_bias(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {name.replace("*", "weight"): shape, name.replace("*", "bias"): shape[:1]}


# --- Parameters


def assemble(
    tensors: Mapping[str, Array | np.ndarray], sizes: Sizes, layout: Layout
) -> VisionTransformer:
    """The parameters made of tensors with the shapes of `expected_shapes`, as float32."""

    def take(name: str) -> Array:
        return jnp.asarray(tensors[name], jnp.float32)

    def norm(name: str) -> Norm:
        return Norm(take(name.replace("*", "weight")), take(name.replace("*", "bias")))

    width, blocks = sizes.width, [_block(take, sizes, layout, i) for i in range(sizes.depth)]
    registers = take(layout.registers) if sizes.registers else jnp.zeros((0, width))
    projection = take(layout.projection) if sizes.features else None
    if projection is not None and layout.projection.endswith(".weight"):
        projection = projection.T
    return VisionTransformer(
        patches=take(layout.patches[0]).transpose(2, 3, 1, 0),
        patches_bias=take(layout.patches[1]) if len(layout.patches) > 1 else None,
        class_token=take(layout.class_token).reshape(width),
        registers=registers.reshape(-1, width),
        positions=take(layout.positions).reshape(-1, width),
        norm_before=norm(layout.norm_before) if layout.norm_before else None,
        blocks=jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks),
        norm_after=norm(layout.norm_after),
        projection=projection,
    )


def _block(take, sizes: Sizes, layout: Layout, i: int) -> Block:
    def pair(name: str) -> tuple[Array, Array]:
        name = name.format(i)
        return take(name.replace("*", "weight")), take(name.replace("*", "bias"))

    def linear(*names: str) -> Linear:
        weights, biases = zip(*map(pair, names), strict=True)
        return Linear(jnp.concatenate(weights).T, jnp.concatenate(biases))

    first, second = layout.gated if sizes.gated else layout.layers
    scale1, scale2 = (
        (take(name.format(i)) for name in layout.scales) if layout.scales else (None, None)
    )
    return Block(
        norm1=Norm(*pair(layout.norm1)),
        qkv=linear(*layout.qkv),
        out=linear(layout.out),
        scale1=scale1,
        norm2=Norm(*pair(layout.norm2)),
        fc1=linear(first),
        fc2=linear(second),
        scale2=scale2,
    )

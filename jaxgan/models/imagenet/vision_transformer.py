"""Vision transformers: image networks of DINOv2 and CLIP, as pure functions of their parameters.

    features = vision_transformer(parameters, images, Settings(heads=6))

`jaxgan.models.imagenet.transformer_file` reads the parameters from files. A block is normalised
before attention and before its two layers (pre-norm). Blocks are stacked along their first axis,
so that a network compiles as quickly as one block.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.types import Array

Activation = Literal["gelu", "quick_gelu"]


class Linear(NamedTuple):
    """A linear map: kernel [inputs, outputs] and bias [outputs]."""

    kernel: Array
    bias: Array


class Norm(NamedTuple):
    """A layer normalisation: scale and bias [width]."""

    scale: Array
    bias: Array


class Block(NamedTuple):
    """Parameters of one block.

    Attributes:
      norm1: before attention.
      qkv: queries, keys and values [width, 3 width].
      out: after attention [width, width].
      scale1: of the attention's result, [width]; None for 1.
      norm2: before the two layers.
      fc1: first layer [width, hidden]; with a gate [width, 2 hidden], the gated half first.
      fc2: second layer [hidden, width].
      scale2: of the layers' result, [width]; None for 1.
    """

    norm1: Norm
    qkv: Linear
    out: Linear
    scale1: Array | None
    norm2: Norm
    fc1: Linear
    fc2: Linear
    scale2: Array | None


class VisionTransformer(NamedTuple):
    """Parameters of a vision transformer.

    Attributes:
      patches: embedding of a patch [patch, patch, 3, width].
      patches_bias: [width], or None.
      class_token: [width].
      registers: further tokens [registers, width], perhaps none.
      positions: of the class token and of the patches by rows, [1 + grid^2, width].
      norm_before: before the first block, or None.
      blocks: the blocks' parameters, stacked along a first axis [depth, ...].
      norm_after: after the last block.
      projection: of the class token [width, features], or None.
    """

    patches: Array
    patches_bias: Array | None
    class_token: Array
    registers: Array
    positions: Array
    norm_before: Norm | None
    blocks: Block
    norm_after: Norm
    projection: Array | None


class Settings(NamedTuple):
    """What the shapes of the parameters do not say.

    Attributes:
      heads: number of attention heads.
      epsilon: added to the variance in layer normalisation.
      activation: between the two layers of a block: "gelu", x Phi(x), or "quick_gelu",
        x sigmoid(1.702 x). A gated layer has its own.
    """

    heads: int
    epsilon: float = 1e-6
    activation: Activation = "gelu"


def vision_transformer(vit: VisionTransformer, x: Array, settings: Settings) -> Array:
    """The features of images: the normalised, perhaps projected class token.

    Args:
      vit: the parameters.
      x: normalised images, float [batch, height, width, 3].
      settings: what else the network depends on.
    Returns:
      float32 [batch, features].
    Raises:
      ValueError: if x has another shape, or not as many patches as the network has positions.
    Source: Dosovitskiy et al. 2021, section 3.1, https://arxiv.org/abs/2010.11929; for registers
      Darcet et al. 2024, https://arxiv.org/abs/2309.16588
    """
    # By default accelerators round the factors of matrix products to fewer digits.
    with jax.default_matmul_precision("highest"):
        tokens = embed(vit, x, settings)
        tokens, _ = jax.lax.scan(
            lambda t, b: (apply_block(b, t, settings), None), tokens, vit.blocks
        )
        features = _normalized(vit.norm_after, tokens[:, 0], settings)
        return features if vit.projection is None else features @ vit.projection


def embed(vit: VisionTransformer, x: Array, settings: Settings) -> Array:
    """The tokens of images before the first block: class, registers, patches by rows.

    Args:
      vit: the parameters.
      x: normalised images, float [batch, height, width, 3].
      settings: what else the network depends on.
    Returns:
      float32 [batch, 1 + registers + patches, width].
    Raises:
      ValueError: if x has another shape, or not as many patches as the network has positions.
    """
    size, width = vit.patches.shape[0], vit.patches.shape[-1]
    _check(x, size, len(vit.positions) - 1)
    batch, rows, columns = x.shape[0], x.shape[1] // size, x.shape[2] // size
    patches = x.astype(jnp.float32).reshape(batch, rows, size, columns, size, 3)
    tokens = jnp.einsum("brpcqk,pqkw->brcw", patches, vit.patches).reshape(batch, -1, width)
    if vit.patches_bias is not None:
        tokens = tokens + vit.patches_bias[None, None]
    # Registers have no positions.
    first = jnp.concatenate([vit.class_token[None] + vit.positions[:1], vit.registers])
    first = jnp.broadcast_to(first[None], (batch, *first.shape))
    tokens = jnp.concatenate([first, tokens + vit.positions[None, 1:]], axis=1)
    return tokens if vit.norm_before is None else _normalized(vit.norm_before, tokens, settings)


def apply_block(block: Block, x: Array, settings: Settings) -> Array:
    """One block of the network.

    Args:
      block: its parameters, not stacked.
      x: tokens, float [batch, tokens, width].
      settings: what else the network depends on.
    Returns:
      Tokens of the same shape.
    """
    # x <- x + scale1 attention(norm1(x));  x <- x + scale2 layers(norm2(x))
    attended = _attention(block, _normalized(block.norm1, x, settings), settings.heads)
    x = x + _scaled(block.scale1, attended)
    return x + _scaled(
        block.scale2, _layers(block, _normalized(block.norm2, x, settings), settings)
    )


def _attention(block: Block, x: Array, heads: int) -> Array:
    # softmax(q k^T / sqrt(d)) v, for each head of d channels
    batch, tokens, width = x.shape
    qkv = _linear(block.qkv, x).reshape(batch, tokens, 3, heads, width // heads)
    q, k, v = jnp.moveaxis(qkv, 2, 0)
    weights = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k) / (width // heads) ** 0.5)
    attended = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
    return _linear(block.out, attended.reshape(batch, tokens, width))


def _layers(block: Block, x: Array, settings: Settings) -> Array:
    hidden = _linear(block.fc1, x)
    if hidden.shape[-1] == 2 * block.fc2.kernel.shape[0]:  # SwiGLU
        gated, values = jnp.split(hidden, 2, axis=-1)
        hidden = jax.nn.silu(gated) * values
    elif settings.activation == "quick_gelu":
        hidden = hidden * jax.nn.sigmoid(1.702 * hidden)
    else:
        hidden = jax.nn.gelu(hidden, approximate=False)
    return _linear(block.fc2, hidden)


def _linear(layer: Linear, x: Array) -> Array:
    return x @ layer.kernel + layer.bias[(None,) * (x.ndim - 1)]


def _scaled(scale: Array | None, x: Array) -> Array:
    return x if scale is None else x * scale[None, None]


def _normalized(norm: Norm, x: Array, settings: Settings) -> Array:
    # (x - mean) / sqrt(var + eps) scale + bias
    axes = (None,) * (x.ndim - 1)
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    var = jnp.mean(centred**2, axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(var + settings.epsilon) * norm.scale[axes] + norm.bias[axes]


def _check(x: Array, size: int, positions: int):
    if x.ndim != 4 or x.shape[3] != 3 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"x must be float [batch, height, width, 3], got {x.dtype} {x.shape}")
    rows, columns = x.shape[1] / size, x.shape[2] / size
    if rows * columns != positions or not (rows.is_integer() and columns.is_integer()):
        raise ValueError(
            f"images of {x.shape[1]} x {x.shape[2]} pixels do not have {positions} patches of "
            f"{size} x {size} pixels, for which the network has positions"
        )

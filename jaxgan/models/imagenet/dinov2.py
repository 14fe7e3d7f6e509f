"""The image features of DINOv2, with the user's weights.

    dinov2 = make_dinov2("model.safetensors")
    features = dinov2.features(images)  # uint8 [batch, height, width, 3]

Stein et al. 2023 (https://arxiv.org/abs/2306.04675) found that distances of these features agree
best with how people judge images; they use ViT-L/14.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.images.resampling import resampling_matrix
from jaxgan.models.imagenet.preprocessing import IMAGENET, normalized, resized_as_files
from jaxgan.models.imagenet.transformer_file import Layout, Sizes, heads_of, read_transformer
from jaxgan.models.imagenet.vision_transformer import (
    Settings,
    VisionTransformer,
    vision_transformer,
)
from jaxgan.types import Array

SIDE = 224  # pixels, as in dgm-eval
OFFICIAL = Layout(
    patches=("patch_embed.proj.weight", "patch_embed.proj.bias"),
    class_token="cls_token",
    registers="register_tokens",
    positions="pos_embed",
    batched=True,
    norm_before="",
    norm_after="norm.*",
    projection="",
    norm1="blocks.{}.norm1.*",
    qkv=("blocks.{}.attn.qkv.*",),
    out="blocks.{}.attn.proj.*",
    scales=("blocks.{}.ls1.gamma", "blocks.{}.ls2.gamma"),
    norm2="blocks.{}.norm2.*",
    layers=("blocks.{}.mlp.fc1.*", "blocks.{}.mlp.fc2.*"),
    gated=("blocks.{}.mlp.w12.*", "blocks.{}.mlp.w3.*"),
)
"""Names in the authors' files."""
_LAYER = "encoder.layer.{}"
HUGGING_FACE = Layout(
    patches=tuple(f"embeddings.patch_embeddings.projection.{part}" for part in ("weight", "bias")),
    class_token="embeddings.cls_token",
    registers="embeddings.register_tokens",
    positions="embeddings.position_embeddings",
    batched=True,
    norm_before="",
    norm_after="layernorm.*",
    projection="",
    norm1=f"{_LAYER}.norm1.*",
    qkv=tuple(f"{_LAYER}.attention.attention.{part}.*" for part in ("query", "key", "value")),
    out=f"{_LAYER}.attention.output.dense.*",
    scales=(f"{_LAYER}.layer_scale1.lambda1", f"{_LAYER}.layer_scale2.lambda1"),
    norm2=f"{_LAYER}.norm2.*",
    layers=(f"{_LAYER}.mlp.fc1.*", f"{_LAYER}.mlp.fc2.*"),
    gated=(f"{_LAYER}.mlp.weights_in.*", f"{_LAYER}.mlp.weights_out.*"),
)
"""Names in the files of Dinov2Model and Dinov2WithRegistersModel."""
PUBLISHED = {
    "vits14": Sizes(384, 12, 1536, 14, 37),
    "vitb14": Sizes(768, 12, 3072, 14, 37),
    "vitl14": Sizes(1024, 24, 4096, 14, 37),
    "vitg14": Sizes(1536, 40, 4096, 14, 37, gated=True),
}
PUBLISHED |= {f"{name}_reg": sizes._replace(registers=4) for name, sizes in PUBLISHED.items()}


class ImageFeatures(NamedTuple):
    """A network for features of images.

    Attributes:
      name: the network and its size, such as "dinov2_vitl14".
      side: pixels per side to which images are resized.
      features: compiled function from images, uint8 or float [batch, height, width, 1 or 3] in
        [0, 255], to features, float32 [batch, features]. It compiles once per shape and raises a
        ValueError for other arrays.
    """

    name: str
    side: int
    features: Callable[[Array | np.ndarray], Array]


def make_dinov2(file: str | Path, heads: int | None = None) -> ImageFeatures:
    """Make the extractor of DINOv2's features: the normalised class token.

    Images are resized to 224 x 224 as Pillow's BICUBIC does, and normalised by ImageNet's
    statistics.

    Args:
      file: the weights, a .safetensors file of the authors' names or of Hugging Face's
        `Dinov2Model` or `Dinov2WithRegistersModel`, of any size.
      heads: number of attention heads, by default one per 64 channels as in all published sizes.
    Raises:
      ValueError: if the file is missing, not a safetensors file, or holds other tensors than the
        network's.
    Source: Oquab et al. 2024, https://arxiv.org/abs/2304.07193, code at
      https://github.com/facebookresearch/dinov2; the preprocessing is that of
      https://github.com/layer6ai-labs/dgm-eval
    """
    vit, sizes = read_transformer(Path(file), (OFFICIAL, HUGGING_FACE), "DINOv2")
    if SIDE % sizes.patch:
        raise ValueError(f"{file}: images of {SIDE} x {SIDE} have no patches of {sizes.patch}")
    settings = Settings(heads_of(sizes, heads))
    vit = with_grid(vit, SIDE // sizes.patch)

    @jax.jit
    def features(vit: VisionTransformer, x: Array) -> Array:
        x = normalized(resized_as_files(x, (SIDE, SIDE)), IMAGENET)
        return vision_transformer(vit, x, settings)

    # The weights are an argument, since XLA would spend seconds folding them as constants.
    return ImageFeatures(
        size_name("dinov2", sizes, PUBLISHED), SIDE, functools.partial(features, vit)
    )


def size_name(network: str, sizes: Sizes, published: dict[str, Sizes]) -> str:
    """A network's name with that of its size, or with its width, depth and patch.

    >>> size_name("dinov2", PUBLISHED["vits14"], PUBLISHED)
    'dinov2_vits14'
    >>> size_name("dinov2", PUBLISHED["vits14"]._replace(depth=2), PUBLISHED)
    'dinov2_width384_depth2_patch14'
    """
    for name, known in published.items():
        if known == sizes:
            return f"{network}_{name}"
    return f"{network}_width{sizes.width}_depth{sizes.depth}_patch{sizes.patch}"


def with_grid(vit: VisionTransformer, grid: int) -> VisionTransformer:
    """A DINOv2 network for images of another size, with interpolated positions.

    As in the authors' code, networks with registers use antialiased bicubic interpolation. Those
    without use PyTorch's cubic kernel (a = -3/4) without antialiasing, for a grid that is larger by
    0.1. Hugging Face's code leaves out the 0.1, which gives slightly different features.

    Args:
      vit: the network.
      grid: patches per side of the images.
    Returns:
      The network with positions [1 + grid^2, width]; unchanged if it has this grid.
    Source: `interpolate_pos_encoding` in dinov2/models/vision_transformer.py, with the settings of
      dinov2/hub/backbones.py
    """
    old = round((len(vit.positions) - 1) ** 0.5)
    if grid == old:
        return vit
    matrix = resampling_matrix(old, grid) if len(vit.registers) else cubic_matrix(old, grid)
    patches = np.asarray(vit.positions[1:], np.float64).reshape(old, old, -1)
    patches = np.einsum("pr,qc,rcw->pqw", matrix, matrix, patches, optimize=True)
    positions = np.concatenate([vit.positions[:1], patches.reshape(grid**2, -1)])
    return vit._replace(positions=jnp.asarray(positions, jnp.float32))


def cubic_matrix(old: int, new: int, offset: float = 0.1, a: float = -0.75) -> np.ndarray:
    """The matrix [new, old] of PyTorch's bicubic interpolation by a factor (new + offset) / old."""
    # Keys's kernel: (a + 2) t^3 - (a + 3) t^2 + 1 for t < 1, a (t^3 - 5 t^2 + 8 t - 4) for t < 2
    positions = (np.arange(new) + 0.5) * old / (new + offset) - 0.5
    matrix = np.zeros((new, old))
    for shift in range(-1, 3):
        at = np.floor(positions) + shift
        t = np.abs(positions - at)
        near = (a + 2) * t**3 - (a + 3) * t**2 + 1
        far = a * (t**3 - 5 * t**2 + 8 * t - 4)
        # At the borders the outermost pixel is repeated.
        np.add.at(
            matrix,
            (np.arange(new), np.clip(at, 0, old - 1).astype(int)),
            np.where(t < 1, near, far),
        )
    return matrix

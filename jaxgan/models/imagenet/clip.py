"""The image embeddings of CLIP, with the user's weights.

clip = make_clip("model.safetensors")
features = clip.features(images)  # uint8 [batch, height, width, 3]
"""

import functools
import json
from pathlib import Path
from typing import get_args

import jax

from jaxgan.checks import check_choice
from jaxgan.models.imagenet.dinov2 import ImageFeatures, size_name
from jaxgan.models.imagenet.preprocessing import CLIP, normalized, resized_as_files
from jaxgan.models.imagenet.transformer_file import Layout, Sizes, heads_of, read_transformer
from jaxgan.models.imagenet.vision_transformer import (
    Activation,
    Settings,
    VisionTransformer,
    vision_transformer,
)
from jaxgan.types import Array

_BLOCK = "visual.transformer.resblocks.{}"
OFFICIAL = Layout(
    patches=("visual.conv1.weight",),
    class_token="visual.class_embedding",
    registers="",
    positions="visual.positional_embedding",
    batched=False,
    norm_before="visual.ln_pre.*",
    norm_after="visual.ln_post.*",
    projection="visual.proj",
    norm1=f"{_BLOCK}.ln_1.*",
    qkv=(f"{_BLOCK}.attn.in_proj_*",),
    out=f"{_BLOCK}.attn.out_proj.*",
    scales=(),
    norm2=f"{_BLOCK}.ln_2.*",
    layers=(f"{_BLOCK}.mlp.c_fc.*", f"{_BLOCK}.mlp.c_proj.*"),
    gated=(),
)
"""Names in the authors' files and those of open_clip."""
_LAYER = "vision_model.encoder.layers.{}"
HUGGING_FACE = Layout(
    patches=("vision_model.embeddings.patch_embedding.weight",),
    class_token="vision_model.embeddings.class_embedding",
    registers="",
    positions="vision_model.embeddings.position_embedding.weight",
    batched=False,
    norm_before="vision_model.pre_layrnorm.*",  # spelled so in the files
    norm_after="vision_model.post_layernorm.*",
    projection="visual_projection.weight",
    norm1=f"{_LAYER}.layer_norm1.*",
    qkv=tuple(f"{_LAYER}.self_attn.{part}_proj.*" for part in "qkv"),
    out=f"{_LAYER}.self_attn.out_proj.*",
    scales=(),
    norm2=f"{_LAYER}.layer_norm2.*",
    layers=(f"{_LAYER}.mlp.fc1.*", f"{_LAYER}.mlp.fc2.*"),
    gated=(),
)
"""Names in the files of CLIPModel and CLIPVisionModelWithProjection."""
PUBLISHED = {
    "vitb32": Sizes(768, 12, 3072, 32, 7, features=512),
    "vitb16": Sizes(768, 12, 3072, 16, 14, features=512),
    "vitl14": Sizes(1024, 24, 4096, 14, 16, features=768),
    "vitl14_336": Sizes(1024, 24, 4096, 14, 24, features=768),
}


def make_clip(
    file: str | Path, heads: int | None = None, activation: Activation | None = None
) -> ImageFeatures:
    """Make the extractor of CLIP's image embeddings, which are not normalised.

    Images are resized to the network's size (224 or 336 pixels per side) as Pillow's BICUBIC does,
    and normalised by CLIP's statistics. The authors' code resizes the shorter side and crops the
    centre, which is the same for square images. dgm-eval uses the class token before the
    projection instead of the embedding.

    Args:
      file: the weights of a vision transformer, a .safetensors file of the authors' names or of
        Hugging Face's `CLIPModel` or `CLIPVisionModelWithProjection`.
      heads: number of attention heads, by default one per 64 channels as in the authors' networks.
      activation: of the layers, which the weights do not say. By default it is the `hidden_act` of
        a config.json in the file's folder, and without one "quick_gelu", that of the authors'
        networks. Many networks of open_clip use "gelu".
    Raises:
      ValueError: if the file is missing, not a safetensors file, or holds other tensors than the
        network's; or the activation is unknown.
    Source: Radford et al. 2021, https://arxiv.org/abs/2103.00020, code at
      https://github.com/openai/CLIP
    """
    file = Path(file)
    vit, sizes = read_transformer(file, (OFFICIAL, HUGGING_FACE), "a CLIP image tower")
    activation = activation or _configured(file.with_name("config.json"))
    check_choice(activation=(activation, get_args(Activation)))
    settings = Settings(heads_of(sizes, heads), 1e-5, activation)
    side = sizes.grid * sizes.patch

    @jax.jit
    def features(vit: VisionTransformer, x: Array) -> Array:
        return vision_transformer(
            vit, normalized(resized_as_files(x, (side, side)), CLIP), settings
        )

    return ImageFeatures(
        size_name("clip", sizes, PUBLISHED), side, functools.partial(features, vit)
    )


def _configured(config: Path) -> Activation:
    """The activation that Hugging Face's configuration states, by default the authors'."""
    try:
        whole = json.loads(config.read_text())
        return whole.get("vision_config", whole).get("hidden_act", "quick_gelu")
    except (OSError, ValueError, AttributeError):
        return "quick_gelu"

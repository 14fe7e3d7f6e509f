"""DINOv2 and CLIP from safetensors files, against plain loops in NumPy."""


import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image
from transformer_cases import clip_features, dinov2_features, random_tensors

from jaxgan.models.imagenet import clip, dinov2
from jaxgan.models.imagenet.preprocessing import IMAGENET, normalized, resized_as_files
from jaxgan.models.imagenet.transformer_file import (
    Sizes,
    assemble,
    expected_shapes,
    read_transformer,
)
from jaxgan.models.imagenet.vision_transformer import Settings, vision_transformer

DINOV2 = Sizes(32, 2, 64, 4, 3)
TOWER = Sizes(32, 2, 64, 4, 3, features=8)
CASES = {
    "dinov2": (DINOV2, dinov2.OFFICIAL),
    "registers": (DINOV2._replace(registers=2), dinov2.OFFICIAL),
    "gated": (DINOV2._replace(gated=True, hidden=40), dinov2.OFFICIAL),
    "clip": (TOWER, clip.OFFICIAL),
}
RENAMED = {  # Hugging Face's names of the authors' tensors, in order of replacement
    "dinov2": (
        ("blocks.", "encoder.layer."), ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
        ("cls_token", "embeddings.cls_token"), ("pos_embed", "embeddings.position_embeddings"),
        ("register_tokens", "embeddings.register_tokens"), ("attn.proj", "attention.output.dense"),
        ("ls1.gamma", "layer_scale1.lambda1"), ("ls2.gamma", "layer_scale2.lambda1"),
        ("w12", "weights_in"), ("w3", "weights_out"),
    ),
    "clip": (
        ("visual.transformer.resblocks", "vision_model.encoder.layers"), ("ln_pre", "pre_layrnorm"),
        ("ln_post", "post_layernorm"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
        ("c_fc", "fc1"), ("c_proj", "fc2"), ("attn.out_proj", "self_attn.out_proj"),
        ("conv1.weight", "embeddings.patch_embedding.weight"),
        ("class_embedding", "embeddings.class_embedding"),
        ("positional_embedding", "embeddings.position_embedding.weight"), ("visual.", "vision_model."),
    ),
}  # fmt: skip


def renamed(tensors, network):
    """The same tensors as Hugging Face names them, with queries, keys and values apart."""
    found = {}
    for name, x in tensors.items():
        new = "layernorm" + name[4:] if name in ("norm.weight", "norm.bias") else name
        for old, other in RENAMED[network]:
            new = new.replace(old, other)
        if name == "visual.proj":
            found["visual_projection.weight"] = np.ascontiguousarray(x.T)
        elif "qkv" in new or "in_proj" in new:
            parts = zip(("query", "key", "value"), "qkv", np.split(x, 3), strict=True)
            for word, letter, part in parts:
                whole = new.replace("attn.qkv", f"attention.attention.{word}")
                found[whole.replace("attn.in_proj_", f"self_attn.{letter}_proj.")] = part
        else:
            found[new] = x
    return found


def images(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("name", CASES)
def test_features_equal_plain_loops(name):
    sizes, layout = CASES[name]
    tensors = random_tensors(sizes, layout)
    x = np.random.default_rng(1).normal(size=(2, 12, 12, 3)).astype(np.float32)
    settings = Settings(4, 1e-5, "quick_gelu") if name == "clip" else Settings(4)
    found = jax.jit(vision_transformer, static_argnums=2)(
        assemble(tensors, *CASES[name]), x, settings
    )
    reference = clip_features if name == "clip" else dinov2_features
    expected = np.stack([reference(tensors, image, heads=4) for image in x])
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_files_of_hugging_face_and_of_the_authors_give_equal_parameters(tmp_path, name):
    module, network = (clip, "clip") if name == "clip" else (dinov2, "dinov2")
    tensors, file = random_tensors(*CASES[name]), tmp_path / "theirs.safetensors"
    other = {"text_model.final_layer_norm.weight": np.ones(4, np.int64)}
    safetensors.numpy.save_file(renamed(tensors, network) | other, file)
    found, sizes = read_transformer(file, (module.OFFICIAL, module.HUGGING_FACE), network)
    assert sizes == CASES[name][0]
    jax.tree.map(np.testing.assert_array_equal, found, assemble(tensors, *CASES[name]))

"""DINOv2 and CLIP from safetensors files, against plain loops in NumPy."""

import json
import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image
from transformer_cases import clip_features, dinov2_features, random_tensors

from jaxgan.models import make_clip, make_dinov2
from jaxgan.models.imagenet import clip, dinov2
from jaxgan.models.imagenet.preprocessing import IMAGENET, resized_as_files
from jaxgan.models.imagenet.safetensors_file import read_safetensors
from jaxgan.models.imagenet.transformer_file import (
    Sizes,
    assemble,
    expected_shapes,
    read_transformer,
    sizes_of,
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
        ("blocks.", "encoder.layer."),
        ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
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
        ("positional_embedding", "embeddings.position_embedding.weight"),
        ("visual.", "vision_model."),
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


# --- Whole extractors


def saved(tensors, tmp_path):
    file = tmp_path / "weights.safetensors"
    safetensors.numpy.save_file(tensors, file)
    return file


def test_dinov2_resizes_images_and_interpolates_positions(tmp_path):
    sizes = Sizes(8, 1, 8, 56, 3)
    tensors = random_tensors(sizes, dinov2.OFFICIAL)
    network = make_dinov2(saved(tensors, tmp_path), heads=2)
    assert (network.name, network.side) == ("dinov2_width8_depth1_patch56", 224)
    x = images(2, 30, 40, 1)
    found = network.features(x)
    grey = np.repeat(x, 3, axis=3)
    np.testing.assert_array_equal(found, network.features(grey.astype(np.float32)))
    # The reference gets Pillow's image and positions of the network's own grid, 4 x 4.
    square = dinov2.cubic_matrix(3, 4)
    positions = tensors["pos_embed"][0, 1:].reshape(3, 3, 8)
    positions = np.einsum("pr,qc,rcw->pqw", square, square, positions).reshape(16, 8)
    tensors["pos_embed"] = np.concatenate([tensors["pos_embed"][0, :1], positions])[None]
    whole = np.asarray(Image.fromarray(grey[1]).resize((224, 224), Image.Resampling.BICUBIC))
    expected = dinov2_features(tensors, (whole / 255 - IMAGENET[0]) / IMAGENET[1], heads=2)
    np.testing.assert_allclose(found[1], expected, atol=2e-3)  # of values rounded differently


def test_clip_has_the_size_and_the_statistics_of_its_images(tmp_path):
    tensors = random_tensors(TOWER, clip.OFFICIAL)
    network = make_clip(saved(tensors, tmp_path), heads=4)
    assert (network.name, network.side) == ("clip_width32_depth2_patch4", 12)
    x = images(1, 12, 12, 3)
    mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    expected = clip_features(tensors, (x[0] / 255 - mean) / deviation, heads=4)
    np.testing.assert_allclose(network.features(x)[0], expected, rtol=1e-5, atol=1e-5)


def test_the_activation_of_clip_is_that_of_the_configuration_beside_the_file(tmp_path):
    file = saved(random_tensors(TOWER, clip.OFFICIAL), tmp_path)
    x = images(1, 12, 12, 3)
    found = {kind: make_clip(file, 4, kind).features(x) for kind in ("gelu", "quick_gelu")}
    assert np.abs(found["gelu"] - found["quick_gelu"]).max() > 1e-3
    np.testing.assert_array_equal(make_clip(file, 4).features(x), found["quick_gelu"])
    (tmp_path / "config.json").write_text(json.dumps({"vision_config": {"hidden_act": "gelu"}}))
    np.testing.assert_array_equal(make_clip(file, 4).features(x), found["gelu"])
    (tmp_path / "config.json").write_text(json.dumps({"hidden_act": "relu"}))
    with pytest.raises(ValueError, match="activation must be one of"):
        make_clip(file, 4)


def test_tensors_of_half_precision_are_read(tmp_path):
    tensors = random_tensors(DINOV2, dinov2.OFFICIAL)
    for kind in (np.float16, jnp.bfloat16):
        narrow = {name: x.astype(kind) for name, x in tensors.items()}
        vit, _ = read_transformer(saved(narrow, tmp_path), (dinov2.OFFICIAL,), "DINOv2")
        np.testing.assert_array_equal(
            vit.patches[1, 2, 0, 3], narrow["patch_embed.proj.weight"][3, 0, 1, 2]
        )
        assert {leaf.dtype for leaf in jax.tree.leaves(vit)} == {np.dtype(np.float32)}


# --- Preprocessing and positions


@pytest.mark.parametrize("old", [(32, 32), (224, 224), (211, 300), (512, 512)])
def test_images_are_resized_as_by_pillow(old):
    x = images(2, *old, 3)
    found = np.asarray(resized_as_files(x, (224, 224)))
    pillow = np.stack(
        [Image.fromarray(each).resize((224, 224), Image.Resampling.BICUBIC) for each in x]
    )
    differences = np.abs(found - pillow)
    assert differences.max() <= 1
    assert np.mean(differences > 0) < 1e-3


@pytest.mark.parametrize("registers", [0, 2])
def test_interpolated_positions_keep_constants_and_the_class_token(registers):
    sizes = DINOV2._replace(registers=registers)
    vit = assemble(random_tensors(sizes, dinov2.OFFICIAL), sizes, dinov2.OFFICIAL)
    constant = vit._replace(positions=vit.positions.at[1:].set(0.7))
    found = dinov2.with_grid(constant, 5).positions
    assert found.shape == (26, 32)
    np.testing.assert_array_equal(found[0], vit.positions[0])
    np.testing.assert_allclose(found[1:], 0.7, rtol=1e-6)
    assert dinov2.with_grid(vit, 3) is vit


def test_positions_without_registers_are_those_of_pytorch():
    # torch 2.13: interpolate(torch.arange(5.)[None, None, None] ** 2, scale_factor=(1, 3.1 / 5),
    # mode="bicubic"), our own figures
    found = dinov2.cubic_matrix(5, 3) @ np.arange(5.0) ** 2
    np.testing.assert_allclose(found, (0.1393, 3.5536, 13.1906), atol=1e-4)


# --- Published sizes


@pytest.mark.parametrize(("name", "count"), {
    # Sums over the parameters of the networks in dinov2/hub/backbones.py, which have a mask token
    "vits14": 22_056_576, "vits14_reg": 22_058_112, "vitb14": 86_580_480, "vitb14_reg": 86_583_552,
    "vitl14": 304_368_640, "vitl14_reg": 304_372_736, "vitg14": 1_136_480_768,
    "vitg14_reg": 1_136_486_912,
}.items())  # fmt: skip
def test_dinov2_has_as_many_parameters_as_published(name, count):
    sizes = dinov2.PUBLISHED[name]
    for layout in (dinov2.OFFICIAL, dinov2.HUGGING_FACE):
        assert parameters(sizes, layout) + sizes.width == count
        assert sizes_of(expected_shapes(sizes, layout), layout) == sizes
    assert dinov2.size_name("dinov2", sizes, dinov2.PUBLISHED) == f"dinov2_{name}"


@pytest.mark.parametrize(("name", "count"), {
    # Sums over the parameters of CLIPVisionModelWithProjection
    "vitb32": 87_849_216, "vitb16": 86_192_640, "vitl14": 303_966_208, "vitl14_336": 304_293_888,
}.items())  # fmt: skip
def test_clip_has_as_many_parameters_as_published(name, count):
    sizes = clip.PUBLISHED[name]
    for layout in (clip.OFFICIAL, clip.HUGGING_FACE):
        assert parameters(sizes, layout) == count
        assert sizes_of(expected_shapes(sizes, layout), layout) == sizes


def parameters(sizes, layout):
    """The number of parameters, without making them."""

    def make():
        shapes = expected_shapes(sizes, layout)
        return assemble({name: jnp.zeros(shape) for name, shape in shapes.items()}, sizes, layout)

    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(make)))


# --- Bad files


@pytest.mark.parametrize(("change", "message"), [
    ({"blocks.1.attn.qkv.bias": None}, r"blocks.1.attn.qkv.bias of shape \(96,\) is missing"),
    ({"blocks.0.ls2.gamma": None}, "tensor blocks.0.ls2.gamma of shape"),
    ({"patch_embed.proj.weight": None}, "it does not hold DINOv2: tensor patch_embed.proj.weight"),
    ({"pos_embed": None}, "tensor pos_embed is missing"),
    ({"pos_embed": np.zeros((1, 9, 32))}, "one class token and a square of patches, got 9"),
    ({"pos_embed": np.zeros((10, 32))}, r"pos_embed must have 3 axes, got shape \(10, 32\)"),
    ({"norm.weight": np.ones(31)}, r"norm.weight must have shape \(32,\), got \(31,\)"),
    ({"blocks.3.norm1.weight": np.ones(32)}, "tensor blocks.2.ls1.gamma of shape"),
    ({"norm.bias": np.full(32, np.nan)}, "tensor norm.bias has non-finite values"),
    ({"norm.bias": np.ones(32, np.int32)}, "tensor norm.bias must hold floats, got int32"),
])  # fmt: skip
def test_a_file_of_other_tensors_is_refused_with_the_name_of_one(tmp_path, change, message):
    tensors = random_tensors(DINOV2, dinov2.OFFICIAL) | change
    file = saved({name: x for name, x in tensors.items() if x is not None}, tmp_path)
    with pytest.raises(ValueError, match=f"{re.escape(str(file))}: .*{message}"):
        make_dinov2(file, heads=4)


def test_clip_without_the_projection_is_refused(tmp_path):
    tensors = random_tensors(TOWER, clip.HUGGING_FACE)
    del tensors["visual_projection.weight"]
    with pytest.raises(ValueError, match=r"tensor visual_projection.weight is missing"):
        make_clip(saved(tensors, tmp_path), heads=4)


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        make_dinov2(tmp_path / "nowhere")
    file = tmp_path / "weights.pth"
    for content in (pickle.dumps({"a": 1}), b"PK\3\4 and more of a zip archive"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="is a pickle, which can run code"):
            make_dinov2(file)
    file.write_bytes(b"not a file of tensors")
    with pytest.raises(ValueError, match="is not a safetensors file"):
        make_clip(file)


def test_a_safetensors_file_may_begin_like_a_pickle(tmp_path):
    file, size = tmp_path / "weights", 0
    for size in range(200):  # until the length of the header begins with the byte of a pickle
        safetensors.numpy.save_file({"a" * (1 + size): np.ones(1)}, file)
        if file.read_bytes()[0] == 0x80:
            break
    assert file.read_bytes()[0] == 0x80
    assert list(read_safetensors(file)) == ["a" * (1 + size)]


def test_the_number_of_heads_must_be_given_where_the_width_does_not_say_it(tmp_path):
    file = saved(random_tensors(DINOV2, dinov2.OFFICIAL), tmp_path)
    with pytest.raises(ValueError, match="width 32 has, and it is not a multiple of 64"):
        make_dinov2(file)
    with pytest.raises(ValueError, match="heads must divide the width 32, got 5"):
        make_dinov2(file, heads=5)


def test_images_must_have_as_many_patches_as_positions():
    vit = assemble(random_tensors(DINOV2, dinov2.OFFICIAL), DINOV2, dinov2.OFFICIAL)
    with pytest.raises(ValueError, match="16 x 16 pixels do not have 9 patches of 4 x 4"):
        vision_transformer(vit, jnp.zeros((1, 16, 16, 3)), Settings(4))
    with pytest.raises(ValueError, match="x must be float"):
        vision_transformer(vit, jnp.zeros((1, 12, 12, 1)), Settings(4))
    with pytest.raises(ValueError, match="x must be uint8 or float"):
        resized_as_files(np.zeros((1, 4, 4, 2), np.uint8), (8, 8))

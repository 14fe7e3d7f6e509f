"""DINOv2 and CLIP block by block against the package transformers, where it is installed."""

import warnings

import jax
import numpy as np
import pytest

from jaxgan.models.imagenet import clip, dinov2
from jaxgan.models.imagenet.preprocessing import CLIP, normalized, resized_as_files
from jaxgan.models.imagenet.transformer_file import read_transformer
from jaxgan.models.imagenet.vision_transformer import (
    Settings,
    apply_block,
    embed,
    vision_transformer,
)

pytestmark = pytest.mark.slow
SMALL = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2}
DINOV2 = SMALL | {"image_size": 70, "patch_size": 14, "mlp_ratio": 4, "num_channels": 3}
CASES = {  # model, configuration, side of the images
    "dinov2": ("Dinov2", DINOV2, 70),
    "registers": ("Dinov2WithRegisters", DINOV2 | {"num_register_tokens": 4}, 70),
    "gated": ("Dinov2", DINOV2 | {"use_swiglu_ffn": True}, 70),
    "smaller grid with registers": ("Dinov2WithRegisters", DINOV2, 42),
    "larger grid with registers": ("Dinov2WithRegisters", DINOV2, 98),
    "vits14": ("Dinov2", DINOV2 | {
        "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "image_size": 518,
    }, 518),
    "clip": ("CLIPVision", SMALL | {
        "intermediate_size": 512, "image_size": 96, "patch_size": 32, "projection_dim": 64,
    }, 96),
    "clip vitb32": ("CLIPVision", {}, 224),
}  # fmt: skip


@pytest.fixture(scope="module")
def transformers():
    pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these packages warn of while imported
        return pytest.importorskip("transformers")


def reference(transformers, name, file):
    """The network of a case with random weights, also written to the file."""
    import torch

    torch.manual_seed(0)
    kind, config, side = CASES[name]
    model = "CLIPVisionModelWithProjection" if kind == "CLIPVision" else f"{kind}Model"
    network = getattr(transformers, model)(getattr(transformers, f"{kind}Config")(**config)).eval()
    with torch.no_grad():
        for each in network.parameters():  # 0 and 1 would hide errors
            each += 0.02 * torch.randn_like(each)
    network.save_pretrained(file.parent)
    x = np.random.default_rng(0).normal(size=(1, side, side, 3)).astype(np.float32)
    with torch.no_grad():
        found = network(torch.from_numpy(x).permute(0, 3, 1, 2), output_hidden_states=True)
    return x, found


@pytest.mark.parametrize("name", CASES)
def test_every_block_and_the_features_equal_those_of_transformers(transformers, tmp_path, name):
    file = tmp_path / "model.safetensors"
    x, theirs = reference(transformers, name, file)
    module = clip if "clip" in name else dinov2
    vit, sizes = read_transformer(file, (module.OFFICIAL, module.HUGGING_FACE), "a network")
    rest = (1e-5, "quick_gelu") if module is clip else ()
    settings = Settings(sizes.width // 64, *rest)
    if module is dinov2:
        vit = dinov2.with_grid(vit, x.shape[1] // sizes.patch)
    tokens = jax.jit(embed, static_argnums=2)(vit, x, settings)
    block = jax.jit(apply_block, static_argnums=2)
    assert len(theirs.hidden_states) == sizes.depth + 1
    for i, expected in enumerate(theirs.hidden_states):
        assert error(tokens, expected) < 1e-5, f"block {i}"
        if i < sizes.depth:
            with jax.default_matmul_precision("highest"):
                tokens = block(
                    jax.tree.map(lambda leaf, i=i: leaf[i], vit.blocks), tokens, settings
                )
    features = jax.jit(vision_transformer, static_argnums=2)(vit, x, settings)
    expected = theirs.image_embeds if module is clip else theirs.pooler_output
    assert error(features, expected) < 1e-5


def error(ours, theirs):
    """The largest difference, relative to the largest value."""
    theirs = theirs.numpy()
    return np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max()


def test_clip_prepares_images_as_its_processor(transformers):
    from PIL import Image

    x = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        processor = transformers.CLIPImageProcessorPil()
    theirs = processor([Image.fromarray(each) for each in x], return_tensors="np")["pixel_values"]
    ours = normalized(resized_as_files(x, (224, 224)), CLIP)
    differences = np.abs(np.moveaxis(theirs, 1, 3) - ours)
    assert np.mean(differences > 1e-5) < 1e-3
    assert differences.max() < 1.01 / 255 / min(CLIP[1])


@pytest.mark.parametrize(("old", "new"), [(37, 16), (5, 3), (5, 7)])
def test_positions_are_interpolated_as_by_pytorch_with_the_scale_of_the_authors(old, new):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(old, old)).astype(np.float32)
    scale = (new + 0.1) / old
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(x)[None, None], scale_factor=(scale, scale), mode="bicubic"
    )
    matrix = dinov2.cubic_matrix(old, new)
    np.testing.assert_allclose(matrix @ x @ matrix.T, theirs[0, 0], atol=2e-5)

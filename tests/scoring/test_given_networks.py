"""Features of networks that the user brings: functions, ONNX files, files of DINOv2 and CLIP."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import flax.linen as nn
import jax
import numpy as np
import pytest
import safetensors.numpy
from transformer_cases import random_tensors

from jaxgan import data
from jaxgan.models.imagenet import dinov2
from jaxgan.models.imagenet.transformer_file import Sizes
from jaxgan.scoring import from_network, make_extractor
from jaxgan.scoring.extractors import EXTRACTORS
from jaxgan.scoring.scores import score_name

IMAGES = data.from_arrays(np.zeros((4, 8, 8, 3), np.uint8), name="images")
POINTS = data.from_arrays(np.zeros((4, 2), np.float32), name="points")


def samples(num, side=8, channels=3, seed=0):
    return (
        np.random.default_rng(seed).uniform(-1, 1, (num, side, side, channels)).astype(np.float32)
    )


# --- Functions


def test_a_flax_network_gives_its_own_features():
    network, x = nn.Dense(5), samples(73)
    params = network.init(jax.random.key(0), x[:1].reshape(1, -1))
    shapes = []

    def apply(images):
        shapes.append(images.shape)
        return network.apply(params, images.reshape(len(images), -1))

    extractor = from_network("dense", jax.jit(apply), facts={"seed": 0})
    found = extractor.run(x)
    np.testing.assert_allclose(found.features, apply(x), rtol=1e-5, atol=1e-5)
    assert found.logits is None
    assert shapes[0] == (50, 8, 8, 3)
    assert len(shapes) == 2  # traced once
    assert score_name("fd", extractor, 10_000, 10_000) == "fd_dense@10k"
    assert not extractor.any_size
    resized = from_network("dense", apply, "bicubic64x64")
    assert score_name("fd", resized, 100, 100) == "fd_dense-bicubic64x64@100"
    assert resized.any_size


@pytest.mark.parametrize("shape", [(50,), (50, 2, 2), (49, 2)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"features of mine must have shape \[num, width\], got"):
        from_network("mine", lambda x: np.zeros(shape)).run(samples(3))


@pytest.fixture
def module(monkeypatch):
    made = ModuleType("my_features")
    made.means = lambda x: x.mean(axis=(1, 2))
    made.number = 3
    monkeypatch.setitem(sys.modules, "my_features", made)


@pytest.mark.usefixtures("module")
def test_a_function_of_a_module_is_named_on_the_command_line():
    extractor = make_extractor("my_features:means", IMAGES)
    x = samples(3)
    np.testing.assert_allclose(extractor.run(x).features, x.mean(axis=(1, 2)), rtol=1e-6)
    assert score_name("fd", extractor, 1000, 1000) == "fd_means@1k"
    assert extractor.facts == {"function": "my_features:means"}
    assert make_extractor("my_features:means", POINTS).name == "means"  # the user knows best


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("my_features:medians", "medians does not exist in the module my_features"),
        ("my_features:number", "number is not a function in the module my_features"),
        ("nowhere.at_all:f", "the module nowhere.at_all cannot be imported .* set PYTHONPATH=."),
        ("my-features:f", "features must be one of"),
        ("dinov2", "features must be one of .* Did you mean 'dinov2:FILE'"),
        ("clip:", "features must be one of"),
    ],
)
def test_specs_that_name_no_function_are_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        make_extractor(spec, IMAGES)


# --- DINOv2 and CLIP


def test_scores_on_dinov2_name_the_size_of_the_network_and_the_images(tmp_path):
    file = tmp_path / "mine.safetensors"
    sizes = Sizes(64, 1, 8, 56, 2)
    safetensors.numpy.save_file(random_tensors(sizes, dinov2.OFFICIAL), file)
    extractor = make_extractor(f"dinov2:{file}", IMAGES)
    found = extractor.run(samples(2))
    assert found.features.shape == (2, 64)
    name = "fd_dinov2_width64_depth1_patch56-bicubic224x224@10k"
    assert score_name("fd", extractor, 10_000, 10_000) == name
    assert extractor.facts == {"weights": "mine.safetensors"}
    # Samples between whole numbers are those of image files.
    near = samples(2) + np.float32(1e-5)
    np.testing.assert_array_equal(extractor.run(near).features, found.features)


@pytest.mark.parametrize("kind", ["dinov2", "clip", "onnx", "inception"])
def test_networks_for_images_refuse_points_and_missing_files(kind):
    with pytest.raises(ValueError, match=f"{kind} features need grey or RGB images, and points"):
        make_extractor(f"{kind}:nowhere", POINTS)
    with pytest.raises(ValueError, match="there is no file nowhere"):
        make_extractor(f"{kind}:nowhere", IMAGES)
    assert any(known.startswith(f"{kind}:FILE") for known in EXTRACTORS)


# --- ONNX files, with a stand-in for onnxruntime


class Session:
    """What is used of onnxruntime.InferenceSession; its features are the mean of each channel."""

    shape: tuple = ("n", 3, "h", "w")
    type = "tensor(float)"
    seen: list

    def __init__(self, path, providers):
        self.seen = []
        if b"onnx" not in Path(path).read_bytes():
            raise RuntimeError("invalid protobuf")

    def get_inputs(self):
        return [SimpleNamespace(name="x", shape=list(self.shape), type=self.type)]

    def run(self, _, given):
        self.seen.append(given["x"])
        return [
            given["x"].astype(np.float64).mean(axis=(2, 3) if self.shape[1] in (1, 3) else (1, 2))
        ]


@pytest.fixture
def network(monkeypatch, tmp_path):
    """Makes an extractor of a file whose network has the given input."""

    def make(shape, kind="tensor(float)", scaling="", dataset=IMAGES):
        own = type("Own", (Session,), {"shape": shape, "type": kind})
        runtime = ModuleType("onnxruntime")
        runtime.InferenceSession = own
        monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
        file = tmp_path / "mine.onnx"
        file.write_bytes(b"onnx")
        return make_extractor(f"onnx:{file}{scaling}", dataset)

    return make


@pytest.mark.parametrize("shape", [("n", 3, "h", "w"), (None, None, None, 3), (7, 8, 8, 3)])
def test_onnx_networks_take_both_orders_of_axes_and_any_batch(network, shape):
    extractor, x = network(shape), samples(53)
    np.testing.assert_allclose(extractor.run(x).features, x.mean(axis=(1, 2)), atol=1e-6)
    assert extractor.name == "mine"


def test_onnx_networks_get_images_of_the_size_that_they_state(network):
    extractor = network((1, 3, 16, 16))
    grey = np.full((2, 8, 8, 1), 0.5, np.float32)
    np.testing.assert_allclose(extractor.run(grey).features, np.full((2, 3), 0.5), atol=1e-6)
    assert score_name("fd", extractor, 100, 100) == "fd_mine-bicubic16x16@100"


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("", 0.5),
        (",signed", 0.5),
        (",unit", 0.75),
        (",bytes", 191.25),
        (",imagenet", (0.75 - 0.485) / 0.229),
        (",clip", (0.75 - 0.48145466) / 0.26862954),
    ],
)
def test_the_scaling_of_an_onnx_network_is_stated_after_the_file(network, scaling, expected):
    x = np.full((2, 8, 8, 3), 0.5, np.float32)
    found = network(("n", 3, "h", "w"), scaling=scaling).run(x).features
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


def test_an_onnx_network_of_bytes_gets_whole_numbers(network):
    x = np.full((2, 8, 8, 3), 0.5, np.float32)
    found = network(("n", 3, "h", "w"), "tensor(uint8)").run(x).features
    np.testing.assert_array_equal(found, 191)
    with pytest.raises(ValueError, match="takes uint8 images, for which unit is no scaling"):
        network(("n", 3, "h", "w"), "tensor(uint8)", ",unit")


@pytest.mark.parametrize(
    ("shape", "kind", "scaling", "message"),
    [
        (("n", 3), "tensor(float)", "", "one input of images with four axes, got x"),
        ((1, 8, 8, 8), "tensor(float)", "", "must state 1 or 3 channels in its second axis"),
        ((1, 3, 8, 8), "tensor(int64)", "", "must hold float, float16 or uint8, got tensor.int64"),
        ((1, 3, 8, 8), "tensor(float)", ",units", "one of signed, .* Did you mean 'unit'"),
    ],
)
def test_onnx_networks_that_take_no_images_are_refused(network, shape, kind, scaling, message):
    with pytest.raises(ValueError, match=message):
        network(shape, kind, scaling)


def test_colours_are_not_made_grey_for_an_onnx_network(network):
    with pytest.raises(ValueError, match="takes grey images, and the samples have three channels"):
        network((1, 1, 8, 8)).run(samples(1))


def test_a_broken_onnx_file_and_a_missing_onnxruntime_are_named(network, monkeypatch, tmp_path):
    network((1, 3, 8, 8))
    (tmp_path / "mine.onnx").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"mine.onnx is not a network that onnxruntime reads: inv"):
        make_extractor(f"onnx:{tmp_path / 'mine.onnx'}", IMAGES)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"need onnxruntime: pip install 'jaxgan\[onnx\]'"):
        make_extractor(f"onnx:{tmp_path / 'mine.onnx'}", IMAGES)


def test_onnxruntime_runs_a_network_of_one_product(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["x"], ["means"]),
            helper.make_node("Flatten", ["means"], ["features"]),
        ],
        "means",
        [helper.make_tensor_value_info("x", kind, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("features", kind, ["n", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "means.onnx")
    extractor, x = make_extractor(f"onnx:{tmp_path / 'means.onnx'}", IMAGES), samples(53)
    np.testing.assert_allclose(extractor.run(x).features, x.mean(axis=(1, 2)), atol=1e-6)

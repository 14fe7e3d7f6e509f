"""The networks of StyleGAN2 against the official PyTorch code, on the same random weights.

`official.json` was made by the code of https://github.com/NVlabs/stylegan2-ada-pytorch at commit
d72cc7d, with PyTorch 2.13 on a CPU. All weights, buffers and inputs are `drawn` by their names. Of
the output of each case and of the gradients of its product with `CASE/direction`, the file holds
the product with the array drawn by the name `CASE/NAME`, and the norm. Official arrays have the
channels first. Names end in 0 or 3, the number of classes; networks with classes are clamped.
"""

import json
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import StyleGAN2Discriminator, StyleGAN2Generator
from jaxgan.models.layers.minibatch import MinibatchStd
from jaxgan.models.layers.modulated import SynthesisLayer, ToRGB
from jaxgan.models.stylegan2.discriminator import DiscriminatorBlock
from jaxgan.models.stylegan2.mapping import MappingNetwork
from jaxgan.models.stylegan2.styles import moved_average

OFFICIAL = json.loads((Path(__file__).parent / "official.json").read_text())
LABELS = np.array([0, 2, 1, 1, 0, 2, 2, 0])
ORDER = np.array([0, 2, 4, 6, 1, 3, 5, 7])  # official groups of samples are not consecutive


def drawn(name, shape):
    return np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape).astype(np.float32)


def images(name, shape):
    return jnp.asarray(drawn(name, shape).transpose(0, 2, 3, 1))


def name_of(path):
    return ".".join(part.key for part in path).replace("kernel", "weight")


def axes(name, shape):
    """Our axes of an official array."""
    if len(shape) == 4:
        return 2, 3, 1, 0
    if len(shape) == 3:
        return 1, 2, 0
    return (1, 0) if len(shape) == 2 and not name.endswith("noise_const") else (0, 1)[: len(shape)]


def to_official(name, array):
    """An array of ours in the official order of axes."""
    if name.endswith("b4.fc.weight"):  # of pixels and channels
        pixels = array.reshape(4, 4, -1, array.shape[-1])
        return pixels.transpose(3, 2, 0, 1).reshape(array.shape[-1], -1)
    return array.transpose(np.argsort(axes(name, array.shape)))


def filled(tree, prefix=""):
    """Weights of these names; kernels of a generator's mapping network are 100 times as large."""

    def leaf(path, shape):
        name = name_of(path)
        scale = 100 if "mapping" in name and "fc" in name and name.endswith("weight") else 1
        template = np.arange(np.prod(shape.shape, dtype=int)).reshape(shape.shape)
        place = to_official(name, template)
        official, ours = scale * drawn(prefix + name, place.shape), np.zeros(shape.shape)
        ours.ravel()[place.ravel()] = official.ravel()
        return jnp.asarray(ours, jnp.float32)

    return jax.tree_util.tree_map_with_path(leaf, tree)


def close(case, name, array):
    """Whether an array, in the official order, has the product and the norm of the official one."""
    product, norm = OFFICIAL[case][name]
    array = np.asarray(array, np.float64)
    direction = drawn(f"{case}/{name}", array.shape)
    np.testing.assert_allclose(np.linalg.norm(array), norm, rtol=1e-4, err_msg=f"{case} {name}")
    off = abs(np.vdot(array, direction) - product) / norm
    assert off < 1e-4, (case, name, off)


def first(array):
    """The channels of images first, and one column of logits."""
    array = np.asarray(array)
    return np.moveaxis(array, -1, 1) if array.ndim > 1 else array[:, None]


def check(case, function, params, inputs, order=slice(None)):
    """Compare `function(params, inputs)`, and its gradients, with the official numbers."""
    back = np.argsort(order) if isinstance(order, np.ndarray) else order
    zeros = np.zeros(jax.eval_shape(function, params, inputs).shape)
    direction = drawn(f"{case}/direction", first(zeros).shape)[order]
    direction = np.moveaxis(direction, 1, -1).reshape(zeros.shape)

    def product(params, inputs):
        y = function(params, inputs)
        return jnp.sum(y * direction), y

    run = jax.jit(jax.grad(product, (0, 1), has_aux=True))
    (to_params, to_inputs), y = run(params, inputs)
    found = {"y": first(y)[back]}
    for path, gradient in jax.tree.flatten_with_path(to_params)[0]:
        found[f"grad:{name_of(path)}"] = to_official(name_of(path), np.asarray(gradient))
    for name, gradient in to_inputs.items():
        ours = gradient if name == "ws" else first(gradient)[back]
        found[f"grad_in:{name}"] = ours
    for name, array in found.items():
        close(case, name, array)
    assert set(OFFICIAL[case]) - set(found) <= {"w_avg", "t"}
    return y


# ---- modules ----


def shapes(module, *inputs, **named):
    return jax.eval_shape(lambda key: module.init(key, *inputs, **named), jax.random.key(0))


@pytest.mark.parametrize("classes", [0, 3])
def test_mapping_and_the_average_of_its_outputs(classes):
    module, z = MappingNetwork(16, 3, classes or None), jnp.asarray(drawn("z", (8, 8)))
    labels = (LABELS,) if classes else ()
    params = filled(shapes(module, z, *labels)["params"], "mapping.")
    case = f"mapping{classes}"
    w = check(case, lambda p, x: module.apply({"params": p}, x["z"], *labels), params, {"z": z})
    average = moved_average(jnp.asarray(drawn("mapping.w_avg", (16,))), w, None, 0.995)
    close(case, "w_avg", average)


def test_a_synthesis_layer_that_doubles_the_size():
    x, ws = images("bx", (8, 12, 4, 4)), jnp.asarray(drawn("ws", (8, 6, 16)))
    layer = SynthesisLayer(12, (8, 8), up=True)
    made, prefix = shapes(layer, x, ws[:, 0], None, "const"), "generator.synthesis.b8.conv0."
    variables = {kind: filled(tree, prefix) for kind, tree in made.items()}

    def run(params, given):
        own = {"params": params, "noise": variables["noise"]}
        return layer.apply(own, given["x"], given["ws"][:, 0], None, "const")

    check("layer_up", run, variables["params"], {"x": x, "ws": ws})


def test_the_layer_that_makes_images():
    x, ws = images("bx", (8, 12, 4, 4)), jnp.asarray(drawn("ws", (8, 6, 16)))
    params = filled(shapes(ToRGB(3), x, ws[:, 0])["params"], "generator.synthesis.b8.torgb.")

    def run(params, given):
        return ToRGB(3).apply({"params": params}, given["x"], given["ws"][:, 0])

    check("torgb", run, params, {"x": x, "ws": ws})


def test_a_residual_block_that_halves_the_size():
    x, block = images("image", (8, 3, 16, 16))[ORDER], DiscriminatorBlock(8, 12, "resnet", None)
    params = filled(shapes(block, None, x)["params"], "discriminator.b16.")

    def run(params, given):
        return block.apply({"params": params}, None, given["x"])[0]

    check("dblock", run, params, {"x": x}, ORDER)


def test_minibatch_standard_deviation():
    h = images("h", (8, 12, 4, 4))[ORDER]
    check("mbstd", lambda p, x: MinibatchStd(4).apply({}, x["h"]), {}, {"h": h}, ORDER)


# ---- networks of three blocks ----


@pytest.mark.slow
@pytest.mark.parametrize("case", ["g_skip0", "g_skip3", "g_resnet0", "g_orig3"])
def test_generators(case):
    architecture, classes = case[2:-1], int(case[-1]) or None
    g = StyleGAN2Generator((16, 16, 3), 128, 12, 16, 3, classes, architecture)
    g = g.clone(clamp=8.0 if classes else None)
    z, labels = jnp.asarray(drawn("z", (8, 8))), (LABELS,) if classes else ()
    made = shapes(g, z, *labels, train=False)
    centre = drawn("generator.mapping.w_avg", (16,))
    fixed = {
        "noise": filled(made["noise"], "generator."),
        "averages": {"w_avg": jnp.broadcast_to(centre, made["averages"]["w_avg"].shape)},
    }
    params = filled(made["params"], "generator.")

    def run(params, given, g=g):
        return g.apply({"params": params, **fixed}, given["z"], *labels, train=False)

    check(case, run, params, {"z": z})
    truncated = g.clone(truncation=0.7, truncation_layers=3, noise="none")
    close(case, "t", first(jax.jit(lambda p: run(p, {"z": z}, truncated))(params)))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["d_resnet0", "d_resnet3", "d_skip0", "d_orig3"])
def test_discriminators(case):
    architecture, classes = case[2:-1], int(case[-1]) or None
    d = StyleGAN2Discriminator(128, 12, 4, classes, 2, architecture)
    d = d.clone(clamp=8.0 if classes else None)
    x, labels = images("image", (8, 3, 16, 16))[ORDER], (LABELS[ORDER],) if classes else ()
    params = filled(shapes(d, x, *labels, train=False)["params"], "discriminator.")

    def run(params, given):
        return d.apply({"params": params}, given["x"], *labels, train=False).logits

    check(case, run, params, {"x": x}, ORDER)

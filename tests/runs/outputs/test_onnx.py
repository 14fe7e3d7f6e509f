"""ONNX models of generators of all families against JAX."""

import functools
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import invoke, succeed
from jax import lax

from jaxgan.environment import environment
from jaxgan.images.pyramid import crop_to, expand
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.players import PassOptions, run_generator
from jaxgan.recipes import RECIPES, recipe
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs import onnx, programs
from jaxgan.runs.outputs.to_onnx.graph import Unsupported
from jaxgan.runs.outputs.to_onnx.model import Tensor, onnx_model
from jaxgan.runs.outputs.to_onnx.operators import OPERATORS
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.types import Batch, Weights

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SHAPES = {"flow": (2,), "spiral": (2,), "wgan": (2,), "waves": (16, 1), "ring": (2,), "grid": (2,)}
PAIRS = ("pix2pix", "cyclegan")
FAST = ("digits", "conditional-dcgan")


@functools.cache
def trained(name, shape=(8, 8, 3)):
    """A recipe's generator with weights that are nowhere 0 or 1, as initial ones often are."""
    shape = SHAPES.get(name, shape)
    shape = (*shape[:-1], 2 * shape[-1]) if name in PAIRS else shape
    plan = recipe(name).plan
    classes = 10 if plan.conditional else None
    low, high = (None, None) if plan.model_range is None else (0.0, 255.0)
    gan = recipe(name).gan(shape, classes)
    params, model_state = jax.jit(lambda: initial(gan, shape, classes))()
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: x + np.float32(0.03 * rng.normal(size=x.shape)), params)
    model_state = jax.tree.map(lambda x: x + np.float32(rng.uniform(size=x.shape)), model_state)
    data = DataFacts(shape, 100, classes, low, high, fingerprint="")
    config = Config(options_from_recipe(name), gan="", data=data, **environment())
    return TrainedGenerator(gan, params, model_state, False, 0, config)


def initial(gan, shape, classes):
    batch = Batch(jnp.zeros((2, *shape)), None if classes is None else jnp.zeros(2, jnp.int32))
    condition = (batch if gan.task is None else gan.task.prepare(batch)).condition
    z = gan.latent(jax.random.key(0), jnp.arange(2))
    inputs = (z,) if condition is None else (z, condition)
    return gan.generator.init(jax.random.key(1), *inputs)


def by_jax(generator, given, domain):
    """Samples of a batch, from the networks as they are."""
    gan, data = generator.gan, generator.data
    num = len(next(iter(given.values())))
    condition = tuple(given[name] for name in ("image", "labels") if name in given)
    if "image" in given:
        low, high = generator.model_range
        image = given["image"] / 255.0 * (high - low) + low
        condition = (image, image if domain else condition[-1])[: len(condition) + bool(domain)]
    condition = condition if len(condition) > 1 else next(iter(condition), None)
    keys = sample_keys(jax.random.split(jax.random.key(0))[1], jnp.zeros(num, jnp.int32))
    z = given.get("latents", jnp.zeros((num, 0)))
    weights = Weights(generator.params, generator.model_state)
    x = run_generator(gan, weights, z, keys, PassOptions(condition))[0]
    if domain:
        x = x["ab".index(domain)]
    elif gan.task is not None:
        x = gan.task.restore(x, condition)
    if data.low is None:
        return x
    low, high = generator.model_range
    return (x - low) / (high - low) * 255.0


def run(model, given):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {name: np.asarray(x) for name, x in given.items()})[0]


def check(generator, domain=None):
    domain = programs.chosen_domain(generator, domain)
    model, given = onnx.model_of(generator, domain), onnx.examples(generator, domain, 5)
    wanted = np.asarray(jax.jit(lambda given: by_jax(generator, given, domain))(given))
    got = run(model, given)
    span = 255.0 if generator.data.high is not None else np.ptp(wanted)
    assert np.abs(got[0] - got[1]).max() > 1e-3 * span  # the inputs matter
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4 * span)
    one = run(model, {name: x[3:4] for name, x in given.items()})
    np.testing.assert_allclose(one, wanted[3:4], rtol=0, atol=1e-4 * span)


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in RECIPES],
)
def test_models_of_every_recipe_give_the_samples_of_jax(name):
    check(trained(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "stylegan2", "biggan", "lapgan/fine", "r3gan"])
def test_models_of_images_of_odd_sizes_give_the_samples_of_jax(name):
    check(trained(name, (28, 20, 1)))


@pytest.mark.slow
@pytest.mark.parametrize("domain", ["a", "b"])
def test_a_model_of_two_domains_translates_to_the_one_asked_for(domain):
    generator = trained("cyclegan")
    check(generator, domain)
    a, b = (onnx.model_of(generator, each) for each in "ab")
    given = onnx.examples(generator, domain, 2)
    assert np.abs(run(a, given) - run(b, given)).max() > 1.0


def test_a_domain_is_refused_without_two(tmp_path):
    with pytest.raises(ValueError, match="digits has no two domains; leave --domain out"):
        onnx.export_onnx(trained("digits"), tmp_path, "a")


@pytest.mark.slow
@pytest.mark.parametrize("conditional", ["", "conditional-"])
def test_a_pyramid_is_one_model_with_latents_for_each_level(conditional, tmp_path):
    names = [f"{conditional}lapgan/{each}" for each in ("coarse", "middle", "fine")]
    levels = [trained(name, (12, 12, 1)) for name in names]
    generator = levels[-1]._replace(coarser=tuple(levels[:-1]))
    model, given = onnx.model_of(generator, None), onnx.examples(generator, None, 3)
    assert list(given)[:3] == ["latents_0", "latents_1", "latents_2"]
    assert ("labels" in given) == bool(conditional)
    labels, x = [given["labels"]] if conditional else [], None
    for number, level in enumerate(levels):
        low = [] if x is None else [expand(x)]
        condition = (*low, *labels)
        condition = condition if len(condition) > 1 else next(iter(condition), None)
        weights, keys = (
            Weights(level.params, level.model_state),
            jax.random.split(jax.random.key(0), 3),
        )
        z = given[f"latents_{number}"]
        x = run_generator(level.gan, weights, z, keys, PassOptions(condition))[0]
        x = x + low[0] if low else x
    wanted = (crop_to(x, (12, 12)) + 1.0) * 127.5
    np.testing.assert_allclose(run(model, given), wanted, rtol=0, atol=1e-4 * 255)
    onnx.export_onnx(generator, tmp_path)
    assert json.loads((tmp_path / "generator.onnx.json").read_text())["shape"] == [12, 12, 1]


def test_labels_out_of_range_give_nan():
    generator = trained("conditional-dcgan")
    z = onnx.examples(generator, None, 4)["latents"]
    got = run(
        onnx.model_of(generator, None), {"latents": z, "labels": np.array([0, 10, -1, 9], np.int32)}
    )
    assert np.isnan(got).any(axis=(1, 2, 3)).tolist() == [False, True, True, False]


# --- Files


def test_the_header_describes_the_model(tmp_path):
    generator = trained("conditional-dcgan")
    difference = onnx.export_onnx(generator, tmp_path / "deep" / "x")
    files = sorted(path.name for path in (tmp_path / "deep" / "x").iterdir())
    assert files == ["generator.onnx", "generator.onnx.json"]
    head = json.loads((tmp_path / "deep" / "x" / "generator.onnx.json").read_text())
    assert (head["recipe"], head["low"], head["high"]) == ("conditional-dcgan", 0.0, 255.0)
    session = onnxruntime.InferenceSession(str(tmp_path / "deep" / "x" / "generator.onnx"))
    for said, found in (
        (head["onnx"]["inputs"], session.get_inputs()),
        (head["onnx"]["outputs"], session.get_outputs()),
    ):
        assert [each["name"] for each in said] == [each.name for each in found]
        assert [each["shape"] for each in said] == [each.shape for each in found]
        kinds = {"float32": "tensor(float)", "int32": "tensor(int32)"}
        assert [kinds[each["dtype"]] for each in said] == [each.type for each in found]
    drawn = head["onnx"]["inputs"][0]["drawn_in_training"]
    assert -1.0 <= drawn["low"] < -0.9 < 0.9 < drawn["high"] <= 1.0
    assert head["onnx"]["largest_difference_from_jax"] == difference <= 1e-4
    onnx.export_onnx(generator, tmp_path / "deep" / "x")
    (tmp_path / "generator.onnx").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"generator.onnx, which jaxgan did not export"):
        onnx.export_onnx(generator, tmp_path)


def test_a_model_that_differs_from_jax_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setitem(OPERATORS, "logistic", OPERATORS["tanh"])
    with pytest.raises(ValueError, match=r"recipe digits differs from JAX by .*it was not written"):
        onnx.export_onnx(trained("digits"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_converted_is_named(monkeypatch):
    monkeypatch.delitem(OPERATORS, "dot_general")
    with pytest.raises(ValueError, match="to ONNX, which lacks the primitive dot_general; leave"):
        onnx.model_of(trained("digits"), None)
    for function, lacking in (
        (lambda x: jnp.sort(x), "the primitive sort"),
        (lambda x: x.astype(jnp.int32) & 3, "the primitive and of numbers"),
        (lambda x: x[x[:2].astype(jnp.int32)], "the primitive gather along several axes"),
    ):
        with pytest.raises(Unsupported, match=lacking):
            onnx_model(lambda x: [function(x)], [Tensor("x", (3,), "float32")], ["y"])  # noqa: B023


def test_missing_packages_are_named(monkeypatch, tmp_path):
    generator = trained("digits")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = onnx.export_onnx(generator, tmp_path)
    assert found is None
    assert "was not compared with JAX" in onnx.text(found)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ValueError, match=r"needs the package onnx: pip install 'jaxgan\[onnx\]'"):
        onnx.export_onnx(generator, tmp_path)


@pytest.mark.slow
def test_the_command_line_exports_beside_stablehlo(tmp_path):
    succeed("train", "digits", "--steps", 3, "--out", tmp_path / "run", "--devices", 1)
    assert "of the range at most" in succeed("export", tmp_path / "run", "--to", "onnx").output
    succeed("export", tmp_path / "run")
    assert len(list((tmp_path / "run" / "export").iterdir())) == 5
    result = invoke("export", tmp_path / "run", "--to", "onnx", "--domain", "a")
    assert "digits has no two domains" in str(result.exception)


# --- Primitives


TABLE = np.arange(12, dtype=np.float32).reshape(3, 2, 2)


def convolution(stride=1, dilation=1, between=1, groups=1, padding=((1, 2), (0, 1))):
    kernel = np.random.default_rng(0).normal(size=(3, 2, 4 // groups, 6)).astype(np.float32)

    def convolved(x):
        return lax.conv_general_dilated(
            x[None],
            kernel,
            (stride, 1),
            padding,
            (between, 1),
            (dilation, 1),
            ("NHWC", "HWIO", "NHWC"),
            groups,
        )[0]

    return convolved


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(function, id=name)
        for name, function in {
            "convolution": convolution(),
            "strides and groups": convolution(stride=2, groups=2),
            "dilation and cropping": convolution(dilation=2, padding=((-1, 2), (3, -1))),
            "transposed": convolution(between=3, groups=2),
            "transposed and far outside": convolution(between=2, padding=((4, 0), (-1, 5))),
            "pad": lambda x: lax.pad(x, 2.0, ((1, 2, 0), (-1, 0, 2), (0, -1, 1))),
            "rev": lambda x: jnp.flip(x, (0, 2)),
            "slice": lambda x: x[1:5:2, :, -1],
            "products": lambda x: jnp.einsum("hwc,hvc->hwv", x, x),
            "product": lambda x: x @ np.arange(12, dtype=np.float32).reshape(4, 3),
            "sums": lambda x: jnp.stack([x.sum((0, 2)), x.max((0, 2)), x.min((0, 2))], 1),
            "broadcasts": lambda x: jnp.broadcast_to(x[:, None], (6, 2, 5, 4)) + x[:, None],
            "powers": lambda x: x**3 + jnp.square(x) + jnp.abs(x) ** 0.3 + lax.rsqrt(jnp.abs(x)),
            "logarithms": lambda x: jnp.log1p(jnp.abs(x)) + jnp.expm1(x) + jax.nn.softplus(x),
            "choices": lambda x: jnp.where(x != 0.5, jnp.clip(x, -0.3, 0.3), jnp.round(3 * x)),
            "logic": lambda x: jnp.where((x > 0) & ~(x > 1) | (x < -1), x, 0.0),
            "split": lambda x: jnp.concatenate(jnp.split(x, [1, 3], axis=2)[::-1], axis=2),
            "take": lambda x: jnp.take(TABLE, (x[0] > 0).astype(jnp.int32), axis=1),
            "rows": lambda x: jnp.asarray([[1.0], [2.0]])[(x > 0).astype(jnp.int32)],
            "constant": lambda x: jax.random.normal(jax.random.key(0), (2,)),
        }.items()
    ],
)
def test_primitives_are_those_of_jax(function):
    x = np.random.default_rng(1).normal(size=(3, 6, 5, 4)).astype(np.float32)
    model = onnx_model(lambda x: [function(x)], [Tensor("x", x.shape[1:], "float32")], ["y"])
    got = run(model.SerializeToString(), {"x": x})
    np.testing.assert_allclose(got, jax.vmap(function)(x), rtol=1e-5, atol=1e-5)

"""ONNX models of all families against JAX, from generators with arbitrary weights."""

import functools
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import invoke, succeed

from jaxgan.environment import environment
from jaxgan.recipes import RECIPES, recipe
from jaxgan.runs.disk.generator import TrainedGenerator
from jaxgan.runs.outputs import export, onnx, programs
from jaxgan.runs.outputs.to_onnx import operators
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.types import Batch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SHAPES = {"flow": (2,), "spiral": (2,), "wgan": (2,), "waves": (16, 1)}  # else (8, 8, 3)
PAIRS = ("pix2pix", "cyclegan")
FAST = ("digits", "conditional-dcgan", "cyclegan")


@functools.cache
def arbitrary(name):
    """A recipe's generator with random weights, which initialisers would leave at 0 and 1."""
    shape = (8, 8, 6) if name in PAIRS else SHAPES.get(name, (8, 8, 3))
    plan = recipe(name).plan
    classes = 10 if plan.conditional else None
    low, high = (None, None) if plan.model_range is None else (0.0, 255.0)
    gan = recipe(name).gan(shape, classes)
    params, model_state = jax.eval_shape(lambda: initial(gan, shape, classes))
    rng = np.random.default_rng(0)

    def param(x):
        width = np.sqrt(np.prod(x.shape[:-1])) if x.ndim > 1 else 2.0
        return jnp.asarray(rng.normal(size=x.shape) / width, x.dtype)

    def positive(x):  # variances, among others
        return jnp.asarray(rng.uniform(0.5, 1.5, x.shape), x.dtype)

    data = DataFacts(shape, 100, classes, low, high, fingerprint="")
    config = Config(options_from_recipe(name), gan="", data=data, **environment())
    params, model_state = jax.tree.map(param, params), jax.tree.map(positive, model_state)
    return TrainedGenerator(gan, params, model_state, False, 0, config)


def initial(gan, shape, classes):
    labels = None if classes is None else jnp.zeros(2, jnp.int32)
    batch = Batch(jnp.zeros((2, *shape)), labels)
    batch = batch if gan.task is None else gan.task.prepare(batch)
    z = gan.latent(jax.random.key(0), jnp.arange(2))
    inputs = (z,) if batch.condition is None else (z, batch.condition)
    return gan.generator.init(jax.random.key(1), *inputs)


def pyramid():
    *coarser, finest = [arbitrary(f"lapgan/{each}") for each in ("coarse", "middle", "fine")]
    return finest._replace(coarser=tuple(coarser))


def model_of(generator, domain=None):
    return onnx._model(generator, programs.chosen_domain(generator, domain))


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in RECIPES],
)
def test_every_recipe_gives_the_samples_of_jax(name):
    generator = arbitrary(name)
    domain = programs.chosen_domain(generator, None)
    difference = onnx.largest_difference(generator, model_of(generator), domain)
    print(name, difference)
    assert difference <= 1e-4

"""Outputs of a run's folder in one call."""

import jax
import jax.numpy as jnp

import jaxgan
from jaxgan.environment import environment
from jaxgan.recipes import recipe_gan, recipe_hyperparameters
from jaxgan.runs.disk.generator import TrainedGenerator, load_generator
from jaxgan.runs.outputs.evaluate import evaluate_generator
from jaxgan.runs.outputs.samples import draw_samples
from jaxgan.runs.settings.config import Config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.runs.settings.resolve import options_from_recipe
from jaxgan.runs.settings.run_data import load_data
from jaxgan.scoring import EvaluationOptions
from jaxgan.types import Batch


def sample_run(run, num, seed, use_ema=True, labels=None, which="latest"):
    return draw_samples(load_generator(run, use_ema, which), num, seed, labels)


def evaluate_run(run, use_ema=True, which="latest", source=None, **options):
    """Scores of a run against its data, or those at `source`, quickly: without errors."""
    generator = load_generator(run, use_ema, which)
    dataset, differ = load_data(generator.config, source)
    options = EvaluationOptions(**{"errors": False} | options)
    return evaluate_generator(generator, dataset, options, differ)


def untrained(name, shape=(8, 8, 1), class_names=None, high=16.0, **hyperparameters):
    """The generator of a recipe as it is before training."""
    classes = None if class_names is None else len(class_names)
    data = DataFacts(shape, 100, classes, 0.0, high, fingerprint="", class_names=class_names)
    options = options_from_recipe(name)
    values = recipe_hyperparameters(name)
    kept = {each: value.default for each, value in values.items()} | hyperparameters
    options = options._replace(hyperparameters=kept)
    gan = recipe_gan(name, shape, classes, hyperparameters=hyperparameters)
    x = jnp.zeros((4, *shape))
    batch = x if classes is None else Batch(x, jnp.zeros(4, jnp.int32))
    state = jax.jit(lambda: jaxgan.init(jax.random.key(0), gan, batch))()
    config = Config(options, gan="", data=data, **environment())
    return TrainedGenerator(
        gan, state.generator.params, state.generator.model_state, False, options.steps, config
    )


def described(config):
    """A generator without networks, for what only looks at a run's configuration."""
    return TrainedGenerator(None, None, None, ema=False, step=0, config=config)

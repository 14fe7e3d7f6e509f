"""The trained generator of a run, loaded once as a value."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.players import PassOptions, generate
from jaxgan.recipes import recipe_gan
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.folder import CHECKPOINTS
from jaxgan.runs.settings.config import Config, read_config
from jaxgan.steps import unchecked_init
from jaxgan.training.state import run_state
from jaxgan.types import GAN, Array, Batch, GANState, PyTree, Weights


class TrainedGenerator(NamedTuple):
    """A run's generator as it was trained, and the config.json of the run.

    `params` and `model_state` are those of `gan.generator`; `ema` says whether they are averaged,
    `step` counts the generator updates behind them.
    """

    gan: GAN
    params: PyTree
    model_state: PyTree
    ema: bool
    step: int
    config: Config


def load_generator(run: Path, use_ema: bool = True, which: str = "latest") -> TrainedGenerator:
    """The generator of a run, as a checkpoint holds it.

    Args:
      run: its folder.
      use_ema: the averaged one, if the run keeps an average.
      which: "latest", "best" by the run's own metric, or the number of a checkpoint.
    Raises:
      FileNotFoundError: if the folder holds no run, or one without a checkpoint.
      ValueError: if there is no such checkpoint, or config.json is no good.
      CheckpointError: if the checkpoint is damaged, or not there.
    """
    config = read_config(run)
    gan = recipe_gan(
        config.options.recipe, config.data.shape, config.data.num_classes, config.options.augment
    )
    found = _restored(run, gan, config, which)
    state = found.state.gan
    ema = use_ema and state.ema is not None
    source = state.ema if ema else state.generator
    return TrainedGenerator(gan, source.params, source.model_state, ema, int(state.step), config)


def _restored(run: Path, gan: GAN, config: Config, which: str) -> checkpoint.Restored:
    directory = run / CHECKPOINTS
    target = jax.eval_shape(lambda: run_state(jax.random.key(0), _init(gan, config)))
    if which == "latest":
        found = checkpoint.restore_latest(directory, target)
        if found is None:
            raise FileNotFoundError(
                f"{run} has no checkpoint yet: wait for the first save, or lower --save-every"
            )
        return found
    if which != "best" and not (which.isascii() and which.isdigit()):
        raise ValueError(f"checkpoint must be latest, best or a round, got {which!r}")
    keep, present = config.options.saving.keep, checkpoint.numbers(directory)
    if which == "best" and keep.metric is None:
        raise ValueError(f"{run} was trained without --keep-best: choose latest or a round")
    number = checkpoint.best_number(directory, keep) if which == "best" else int(which)
    if number not in present:
        available = ", ".join(map(str, present)) or "none"
        raise ValueError(f"{run} has no checkpoint of round {number}; available: {available}")
    return checkpoint.Restored(number, checkpoint.restore(directory, number, target), ())


def _init(gan: GAN, config: Config) -> GANState:
    classes = config.data.num_classes
    rows = 2 * gan.discriminator.pack
    labels = None if classes is None else jnp.zeros(rows, jnp.int32)
    batch = Batch(jnp.zeros((rows, *config.data.shape), jnp.float32), labels)
    return unchecked_init(jax.random.key(0), gan, batch)


def make_generate(loaded: TrainedGenerator) -> Callable[[Array, PyTree, Array], Array]:
    """A compiled `(key, condition, index) -> samples` of a generator, in the model's range."""

    # The weights as arguments: XLA would fold constants for seconds.
    @jax.jit
    def draw(params, model_state, key, condition, index):
        weights, options = Weights(params, model_state), PassOptions(condition)
        return generate(key, loaded.gan, weights, index, options).x

    return functools.partial(draw, loaded.params, loaded.model_state)

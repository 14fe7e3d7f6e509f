"""The trained generator of a run, loaded once and passed on as a value."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.fine_tuning import freeze_d
from jaxgan.players import PassOptions, generate
from jaxgan.recipes import recipe_gan, recipe_maker, recipe_numbers
from jaxgan.recipes.hyperparameters import Given
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.folder import CHECKPOINTS
from jaxgan.runs.disk.stage_folders import staged_in
from jaxgan.runs.settings.config import Config, read_config
from jaxgan.runs.settings.fingerprint import DataFacts
from jaxgan.steps import unchecked_init
from jaxgan.training.programs import update_rule
from jaxgan.training.sampling import has_images
from jaxgan.training.state import run_state
from jaxgan.types import GAN, Array, Batch, GANState, PlayerState, PyTree, Weights


class TrainedGenerator(NamedTuple):
    """A trained generator; for a pyramid of GANs, the generators of all its levels.

    Attributes:
      gan: networks, latent distribution and task; for a pyramid, of the finest level.
      params: parameters of `gan.generator`.
      model_state: its model state.
      ema: whether `params` and `model_state` are exponential moving averages.
      step: number of generator updates.
      config: settings of the run.
      coarser: the generators of a pyramid's coarser levels, coarsest first; otherwise empty.
      truncation: of its samples, see `truncated`; None for none.
      standing: number of batches of samples whose batch statistics the model state has, see
        `jaxgan.runs.outputs.standing`; 0 for the running averages of training.
    """

    gan: GAN
    params: PyTree
    model_state: PyTree
    ema: bool
    step: int
    config: Config
    coarser: tuple[Any, ...] = ()  # of `TrainedGenerator`: a field cannot name its own class
    truncation: float | None = None
    standing: int = 0

    @property
    def levels(self) -> tuple["TrainedGenerator", ...]:
        """The generators of all levels, coarsest first; a single one outside of pyramids."""
        return (*self.coarser, self._replace(coarser=()))

    @property
    def data(self) -> DataFacts:
        """Facts about the training data, such as their shape and range."""
        return self.config.data

    @property
    def model_range(self) -> tuple[float, float] | None:
        """The range of the generator's samples; None for the range of the data."""
        return self.config.options.plan.model_range


def load_generator(run: Path, use_ema: bool = True, which: str = "latest") -> TrainedGenerator:
    """Load the generator of a run from a checkpoint.

    For a run with several stages, this is the generator of the last stage; for a pyramid, the
    generators of all levels.

    Args:
      run: folder of the run.
      use_ema: load the EMA generator, if the run keeps one.
      which: the checkpoint: "latest", "best" by the metric of the run's --keep-best, or a round.
        For a pyramid, "best" is the best checkpoint of each level, and every level must have a
        checkpoint of the given round.
    Raises:
      FileNotFoundError: if the folder holds no run, or the run has no checkpoint yet.
      ValueError: if there is no such checkpoint, or config.json is invalid.
      CheckpointError: if the checkpoint is damaged or missing.
    """
    staged = staged_in(run)
    if staged is None:
        return _load(run, use_ema, which)
    folders = [run / recipe.stage for recipe in staged.stages]
    if staged.drawn_by != "pyramid":
        return _load(folders[-1], use_ema, which)
    *coarser, finest = [_load(folder, use_ema, which) for folder in folders]
    return finest._replace(coarser=tuple(coarser))


def load_players(
    run: Path, use_ema: bool = True, which: str = "latest"
) -> tuple[TrainedGenerator, PlayerState]:
    """Load the generator and the discriminator of a run, or of the last stage of one.

    Args:
      run: folder of the run.
      use_ema: load the EMA generator, if the run keeps one.
      which: the checkpoint, see `load_generator`.
    Raises:
      ValueError: if the run is a pyramid of GANs; otherwise as `load_generator`.
    """
    return _load_both(_of_one_gan(run), use_ema, which)


def _of_one_gan(run: Path) -> Path:
    """The folder of a run, or of the last stage of one."""
    staged = staged_in(run)
    if staged is not None and staged.drawn_by == "pyramid":
        raise ValueError(
            f"{run} has a discriminator for each level of its pyramid: give one of its folders, "
            f"such as {run / staged.stages[0].stage}"
        )
    return run if staged is None else run / staged.stages[-1].stage


def load_state(run: Path, which: str = "latest") -> GANState:
    """Load the state of both players of a run, for `jaxgan.transfer`.

    Arguments and errors are those of `load_players`.
    """
    folder = _of_one_gan(run)
    config = read_config(folder)
    return _restored(folder, gan_of(config, {}), config, which).state.gan


def _load(run: Path, use_ema: bool, which: str) -> TrainedGenerator:
    return _load_both(run, use_ema, which)[0]


def _load_both(run: Path, use_ema: bool, which: str) -> tuple[TrainedGenerator, PlayerState]:
    config = read_config(run)
    gan = gan_of(config, {})
    state = _restored(run, gan, config, which).state.gan
    ema = use_ema and state.ema is not None
    source = state.ema if ema else state.generator
    step = int(state.step)
    generator = TrainedGenerator(gan, source.params, source.model_state, ema, step, config)
    return generator, state.discriminator


def gan_of(config: Config, hyperparameters: Given) -> GAN:
    """The GAN of a run, with other values for hyper-parameters that leave its state as it is."""
    options, data = config.options, config.data
    values = options.hyperparameters | hyperparameters
    gan = recipe_gan(options.recipe, data.shape, data.condition_width, options.augment, values)
    layers = options.start.freeze_d
    return freeze_d(gan, _example(gan, config), layers) if layers else gan


def truncated(generator: TrainedGenerator, truncation: float) -> TrainedGenerator:
    """A generator with truncation: samples of higher quality and lower diversity.

    Args:
      generator: of a recipe with a number called truncation, such as stylegan2.
      truncation: psi; 1 for none, 0 for the average sample of each class.
    Raises:
      ValueError: if the recipe has no truncation, or it is not finite.
    """
    check_truncation(generator, f"--truncation {truncation}")
    if not math.isfinite(truncation):
        raise ValueError(f"--truncation must be a finite number, got {truncation}")
    gan = gan_of(generator.config, {"truncation": truncation})
    return generator._replace(gan=gan, truncation=truncation)


def check_truncation(generator: TrainedGenerator, option: str):
    """Raise a ValueError unless a generator's recipe has truncation; `option` asked for it."""
    name = generator.config.options.recipe
    if "truncation" not in recipe_numbers(name):
        raise ValueError(
            f"{option}: the recipe {name} has no truncation, as stylegan2 has: leave it out"
        )


def with_truncation(generator: TrainedGenerator, truncation: Array) -> GAN:
    """A generator's GAN with a truncation that may be traced, see `truncated`."""
    options, data = generator.config.options, generator.data
    make = recipe_maker(options.recipe, data.shape, data.condition_width)
    return make(**options.hyperparameters | {"truncation": truncation})


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
    number = _number(run, config.options.saving.keep, which)
    return checkpoint.Restored(number, checkpoint.restore(directory, number, target), ())


def _number(run: Path, keep: checkpoint.Keep, which: str) -> int:
    """The number of the checkpoint "best", or of a round given as text."""
    if which != "best" and not (which.isascii() and which.isdigit()):
        raise ValueError(f"checkpoint must be latest, best or a round, got {which!r}")
    if which == "best" and keep.metric is None:
        raise ValueError(f"{run} was trained without --keep-best: choose latest or a round")
    directory = run / CHECKPOINTS
    number = checkpoint.best_number(directory, keep) if which == "best" else int(which)
    present = checkpoint.numbers(directory)
    if number not in present:
        available = ", ".join(map(str, present)) or "none"
        raise ValueError(f"{run} has no checkpoint of round {number}; available: {available}")
    return number


def _init(gan: GAN, config: Config) -> GANState:
    rule = update_rule(config.options.plan)
    return unchecked_init(jax.random.key(0), gan, _example(gan, config), rule)


def state_structure(gan: GAN, config: Config) -> GANState:
    """The shapes and dtypes of a run's state, without its values."""
    return jax.eval_shape(lambda: _init(gan, config))


def _example(gan: GAN, config: Config) -> Batch:
    """A batch of zeros of the shape of a run's samples."""
    data, rows = config.data, 2 * gan.discriminator.pack
    labels = None if data.num_classes is None else jnp.zeros(rows, jnp.int32)
    if data.attributes:
        labels = jnp.zeros((rows, len(data.attributes)), jnp.float32)
    return Batch(jnp.zeros((rows, *data.shape), jnp.float32), labels)


# --- Use


def make_draw(generator: TrainedGenerator) -> Callable[[Array, PyTree, Array], Array]:
    """Make a compiled `(key, condition, index) -> samples`, in the generator's own range."""

    # The weights are arguments: XLA would spend seconds on folding constants.
    @jax.jit
    def draw(params, model_state, key, condition, index):
        weights, options = Weights(params, model_state), PassOptions(condition)
        return generate(key, generator.gan, weights, index, options).x

    return functools.partial(draw, generator.params, generator.model_state)


def takes_images(generator: TrainedGenerator) -> bool:
    """Whether a generator is conditioned on images."""
    facts = generator.data
    return has_images(generator.gan, facts.shape, facts.condition_width is not None)

"""A new run that starts from the weights of another one, or of an exported generator."""

from collections.abc import Sequence
from pathlib import Path

import jax

from jaxgan.fine_tuning import Unmatched, first_layers, transfer
from jaxgan.runs.disk.generator import load_state
from jaxgan.runs.disk.stage_folders import check_run
from jaxgan.runs.run import Run
from jaxgan.runs.settings.options import Start
from jaxgan.training.batches import example_batch
from jaxgan.training.programs import update_rule
from jaxgan.training.state import RunState
from jaxgan.types import GANState, Weights

SUFFIX = ".safetensors"


def check_start(start: Start):
    """Raise an error unless there is something to start from, before anything is computed.

    Raises:
      FileNotFoundError: if the source is not there.
      ValueError: if it is no run, or layers are to be frozen without a discriminator's weights.
    """
    frozen = f"--freeze-d {start.freeze_d}"
    if start.source is None:
        if start.freeze_d:
            raise ValueError(
                f"{frozen} keeps layers of another run's discriminator: give it with --from RUN"
            )
        return
    path = Path(start.source)
    if path.suffix != SUFFIX:
        check_run(path)
    elif not path.is_file():
        raise FileNotFoundError(f"--from {path}: there is no such file")
    elif start.freeze_d:
        raise ValueError(
            f"{frozen} keeps layers of a discriminator, but {path} has a generator alone: give a "
            "run with --from RUN"
        )


def started_from(run: Run, state: RunState) -> tuple[RunState, str]:
    """The first state of a run with the weights of its source.

    Args:
      run: the run, whose options have a source.
      state: the state that starts from the seed.
    Returns:
      The state, and what it starts from and which arrays do not match, in words.
    Raises:
      FileNotFoundError: if the source is not there.
      ValueError: if it is damaged, nothing of it matches, or a frozen layer does not.
    """
    options = run.config.options
    path = Path(str(options.start.source))
    source = _source(path)
    sharding = jax.tree.leaves(state.gan.generator.params)[0].sharding
    try:
        found = transfer(state.gan, source, update_rule(options.plan))
        _check_frozen(run, found.unmatched)
    except ValueError as error:
        raise ValueError(f"cannot start from {path}: {error}") from error
    started = state._replace(gan=jax.device_put(found.state, sharding))
    return started, _said(path, source, found.unmatched)


def _source(path: Path) -> GANState | Weights:
    if path.suffix != SUFFIX:
        return load_state(path)
    from jaxgan.runs.outputs.export import load_safetensors  # here, since it imports jax.export

    _, params, model_state = load_safetensors(path)
    return Weights(params, model_state)


def _check_frozen(run: Run, unmatched: Sequence[Unmatched]):
    """Raises a ValueError unless all frozen layers have the weights of the source."""
    options = run.config.options
    if not options.start.freeze_d:
        return
    batch = example_batch(run.dataset, 2 * run.gan.discriminator.pack, options.plan.conditional)
    for layer in first_layers(run.gan, batch, options.start.freeze_d):
        for each in unmatched:
            if each.here is not None and f"{each.name}/".startswith(
                f"discriminator/params/{layer}/"
            ):
                raise ValueError(f"--freeze-d would keep untrained weights: {each}")


def _said(path: Path, source: GANState | Weights, unmatched: Sequence[Unmatched]) -> str:
    if isinstance(source, GANState):
        what = f"starts from both players of {path} at step {int(source.step):,}"
    else:
        what = f"starts from the generator in {path}, with a new discriminator"
    if not unmatched:
        return what
    listed = ", ".join(map(str, unmatched))
    return f"{what}; {len(unmatched)} arrays do not match and are left as they are: {listed}"

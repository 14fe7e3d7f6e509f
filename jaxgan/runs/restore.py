"""The state that a run starts from or resumes from."""

import functools

import jax
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan import nonfinite, parallel
from jaxgan.ema import start_average
from jaxgan.parallel import processes
from jaxgan.recipes import recipe
from jaxgan.runs.disk import checkpoint
from jaxgan.runs.disk.folder import CHECKPOINTS
from jaxgan.runs.disk.generator import load_generator
from jaxgan.runs.disk.log import write_event
from jaxgan.runs.run import Run
from jaxgan.runs.start import started_from
from jaxgan.training.keys import run_keys
from jaxgan.training.state import RunState, init_run
from jaxgan.types import PyTree, Weights


def restore_or_init(run: Run) -> tuple[RunState, str]:
    """The state to train from: that of the last readable checkpoint, or a new one.

    Returns:
      The state, and what a new one starts from beside its seed, in words; "" for nothing.
    """
    options = run.config.options
    init = functools.partial(init_run, gan=run.gan, data=run.dataset, plan=options.plan)
    key = run_keys(options.seed).training
    directory = run.out / CHECKPOINTS
    sharding = NamedSharding(parallel.make_mesh(options.plan.devices), PartitionSpec())
    found = checkpoint.restore_latest(directory, jax.eval_shape(init, key), sharding)
    processes.check_same(checkpoint="none" if found is None else str(found.number))
    if found is None:
        state = init(key)
        if options.start.source is not None:
            return started_from(run, state)
        return _with_earlier_generator(run, state), ""
    if processes.is_writer():
        for number, message in found.damaged:
            place = checkpoint.quarantine(directory, number)
            write_event(run.out, "damaged", number, f"{message}; it is now {place.name}")
    return found.state, ""


def _with_earlier_generator(run: Run, state: RunState) -> RunState:
    """The state with the generator of the stage before, if the recipe starts from one."""
    stage = recipe(run.config.options.recipe).begins_with
    if stage is None:
        return state
    folder = run.out.parent / stage
    try:
        loaded = load_generator(folder)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{run.config.options.recipe} starts from the generator of the stage {stage}, which is "
            f"trained before it: {folder} holds none"
        ) from None
    own = (state.gan.generator.params, state.gan.generator.model_state)
    earlier = (loaded.params, loaded.model_state)
    check_handed_on(stage, earlier, own)
    sharding = jax.tree.leaves(own)[0].sharding
    params, model_state = jax.device_put(earlier, sharding)
    generator = state.gan.generator._replace(params=params, model_state=model_state)
    ema = state.gan.ema if state.gan.ema is None else Weights(*start_average((params, model_state)))
    return state._replace(gan=state.gan._replace(generator=generator, ema=ema))


def check_handed_on(stage: str, earlier: PyTree, own: PyTree):
    """Raises a ValueError unless a stage can start from an earlier stage's generator.

    Args:
      stage: name of the earlier stage.
      earlier: its generator, a tree of arrays or of `jax.ShapeDtypeStruct`.
      own: the generator of the later stage.
    """
    was, now = _shapes(earlier), _shapes(own)
    for name in was | now:
        if was.get(name) != now.get(name):
            raise ValueError(
                f"its generator cannot start from that of the stage {stage}: {name} is "
                f"{was.get(name, 'missing')} there and {now.get(name, 'missing')} here"
            )


def _shapes(tree: PyTree) -> dict[str, str]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): x for path, x in leaves}
    return {name: f"{x.dtype}{x.shape}" for name, x in named.items()}


def with_fresh_key(
    run: Run, state: RunState, error: nonfinite.NonFiniteError, in_a_row: int
) -> RunState:
    """The state of a checkpoint with a fresh key, after a rollback; also writes an event."""
    rollbacks = state.rollbacks + in_a_row
    if processes.is_writer():
        message = f"{error}: rolled back to round {int(state.round)} with a fresh key"
        write_event(run.out, "rollback", error.nonfinite.round, message)
    return state._replace(key=jax.random.fold_in(state.key, rollbacks), rollbacks=rollbacks)


def quarantine_later_checkpoints(run: Run, played: int):
    """Moves aside checkpoints of later rounds: abandoned saves that completed after all."""
    directory = run.out / CHECKPOINTS
    if processes.is_writer():
        for number in checkpoint.numbers(directory):
            if number > played:
                place = checkpoint.quarantine(directory, number)
                message = (
                    f"the run resumes from round {played}; checkpoint {number} is {place.name}"
                )
                write_event(run.out, "later", number, message)
    processes.largest([0])  # the others wait

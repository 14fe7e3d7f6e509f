"""The compiled programs of members, whose numbers are traced: one program serves all settings."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan import nonfinite, parallel
from jaxgan.caching import cached
from jaxgan.steps import init
from jaxgan.training.batches import Form
from jaxgan.training.keys import training_keys
from jaxgan.training.plan import Plan
from jaxgan.training.programs import (
    InitInput,
    example_of,
    forward_bytes,
    has_convolutions,
    state_like,
    update_rule,
)
from jaxgan.training.rounds import Round, make_round, many
from jaxgan.types import GAN, PyTree

MakeGAN = Callable[..., GAN]
"""`make_gan(**numbers) -> GAN`; the numbers are traced float32 scalars."""
Score = Callable[..., Any]
"""`score(key, gan, state) -> scalar, or dict of scalars`, pure and traced."""
AXIS = "members"


def over_members(
    function: Callable[[PyTree, PyTree], PyTree], devices: int | None, options: dict[str, str]
) -> Callable[[PyTree, PyTree], PyTree]:
    """A function of one member as a compiled function of several, split over the devices.

    Args:
      function: `(own, shared) -> result` of one member.
      devices: number of devices; all if None.
      options: XLA options.
    Returns:
      `(own, shared) -> result`, where own and result have a leading axis [members].
    """

    def on_a_device(own, shared):
        if len(jax.tree.leaves(own)[0]) > 1:
            return jax.vmap(function, in_axes=(0, None))(own, shared)
        # Products of one batch each, as in a run by itself: faster for all but small networks.
        alone = function(jax.tree.map(lambda x: x[0], own), shared)
        return jax.tree.map(lambda x: x[None], alone)

    mesh, split, whole = member_mesh(devices), PartitionSpec(AXIS), PartitionSpec()
    # No device asks another for anything, which shard_map guarantees.
    mapped = jax.shard_map(
        on_a_device, mesh=mesh, in_specs=(split, whole), out_specs=split, check_vma=False
    )
    program = jax.jit(mapped, compiler_options=options)

    def call(own, shared):
        # Arrays that lie elsewhere would be compiled for once more.
        own = jax.device_put(own, NamedSharding(mesh, split))
        return program(own, jax.device_put(shared, NamedSharding(mesh, whole)))

    return call


def member_mesh(devices: int | None) -> Mesh:
    """The devices over which members are split; all if None."""
    return Mesh(np.asarray(parallel.select_devices(devices)), (AXIS,))


@cached
def compiled_starts(make_gan: MakeGAN, example: InitInput, plan: Plan) -> Callable:
    """First states, `((numbers, key), ()) -> GANState`, of compiled members."""

    def start(own, _):
        numbers, key = own
        start_key, batch = training_keys(key).init, example_of(example)
        return init(start_key, make_gan(**numbers), batch, update_rule(plan))

    return over_members(start, plan.devices, {})


@cached
def compiled_member_rounds(make_gan: MakeGAN, form: Form, plan: Plan, convolves: bool) -> Callable:
    """Many rounds, `((numbers, RunState, payloads), records) -> RunState`, of compiled members."""

    def rounds(own, records):
        numbers, state, payloads = own
        one_round = make_round(make_gan(**numbers), "both", form, plan)
        if plan.nonfinite == "stop":
            one_round = _until_nonfinite(one_round)
        keys = training_keys(state.key)
        return many(_without_metrics(one_round))(
            (keys.rounds, keys.transforms), state, payloads, records
        )[0]

    options = parallel.convolution_options() if convolves else {}
    return over_members(rounds, plan.devices, options)


def _until_nonfinite(one_round: Round) -> Round:
    """Rounds that keep a member as it was before its first non-finite update, and count that."""

    def guarded(keys, state, payload, records):
        new, metrics = one_round(keys, state, payload, records)
        bad = jnp.where(state.discarded > 0, 0, nonfinite.count(metrics))
        stopped = (bad > 0) | (state.discarded > 0)
        gan = jax.tree.map(lambda old, new: jnp.where(stopped, old, new), state.gan, new.gan)
        return new._replace(gan=gan, discarded=state.discarded + bad), metrics

    return guarded


def _without_metrics(one_round: Round) -> Round:
    """Rounds whose metrics need no memory, [rounds] for each member."""

    def plain(keys, state, payload, records):
        return one_round(keys, state, payload, records)[0], {}

    return plain


@cached
def compiled_scores(make_gan: MakeGAN, score: Score | None, devices: int | None) -> Callable:
    """Scores, `((numbers, key, GANState), ()) -> (dict of scores, finite)`, of compiled members."""

    def scored(own, _):
        numbers, key, state = own
        values = {} if score is None else named_scores(score(key, make_gan(**numbers), state))
        return values, _is_finite((state.generator.params, state.discriminator.params))

    return over_members(scored, devices, {})


def named_scores(scores: Any) -> dict[str, jax.Array]:
    """Scores by name; a single one is called "score".

    Raises:
      ValueError: if they are no scalars.
    """
    named = dict(scores) if isinstance(scores, dict) else {"score": scores}
    for name, value in named.items():
        if jnp.shape(value) != ():
            raise ValueError(
                f"score must return scalars, got {name} of shape {jnp.shape(value)}: take a mean"
            )
    return {name: jnp.asarray(value, jnp.float32) for name, value in named.items()}


def _is_finite(tree: PyTree) -> jax.Array:
    finite = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(tree)]
    return jnp.all(jnp.stack(finite)) if finite else jnp.asarray(True)


# --- How many members a program holds

ON_CPU = ((2**18, 64), (2**23, 8))
"""On CPU, how many members are computed together, up to a product of batch size and number of
parameters; above all of these one. `benchmarks/population.py --measure` compares several sizes."""
MOST = 1024
MEMORY_SHARE, PASSES = 0.5, 12


def members_at_once(gan: GAN, example: InitInput, plan: Plan) -> int:
    """How many members a program computes together on each device.

    On CPU, small networks are computed together, where overhead per operation dominates; larger
    ones and convolutions are as fast one after the other. On other devices as many are computed
    together as fit their memory.

    Args:
      gan: one of the GANs.
      example: a batch of its data.
      plan: how the GANs are trained.
    """
    state = state_like(gan, example, update_rule(plan))
    device = parallel.select_devices(plan.devices)[0]
    if device.platform == "cpu":
        params = jax.tree.leaves((state.generator.params, state.discriminator.params))
        size = plan.batch_size * sum(x.size for x in params)
        if has_convolutions(gan, example):
            return 1
        return next((members for largest, members in ON_CPU if size <= largest), 1)
    stats = device.memory_stats() or {}
    free = stats.get("bytes_limit", 2**34) - stats.get("bytes_in_use", 0)
    held = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state))
    # A state before and after; a round makes several passes and their gradients.
    one = 3 * held + PASSES * forward_bytes(gan, example)
    return int(np.clip(MEMORY_SHARE * free / one, 1, MOST))

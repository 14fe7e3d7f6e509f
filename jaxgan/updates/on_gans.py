"""The moves of a real GAN's game, of which update rules are made."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import nonfinite
from jaxgan.checks import check_key, check_positive
from jaxgan.ema import decay_at, moving_average
from jaxgan.objectives import (
    Carry,
    Loss,
    Sampled,
    make_discriminator_loss,
    make_generator_loss,
)
from jaxgan.optimizers import Proposal, moved, proposed
from jaxgan.parallel.global_batch import mean_over_devices, num_samples, sample_index
from jaxgan.players import prepared_batch
from jaxgan.types import (
    GAN,
    Array,
    Batch,
    GANState,
    Metrics,
    Player,
    PlayerState,
    PyTree,
    Weights,
)
from jaxgan.updates.moves import Evaluation, Moves
from jaxgan.weighted_terms import count_update


def make_moves(
    gan: GAN, axis_name: str | None = None, accumulate: int = 1, skip_nonfinite: bool = False
) -> Moves:
    """The moves of a GAN's game, of which update rules are made.

    Arguments and errors are those of `jaxgan.make_discriminator_step`.
    """
    check_positive(accumulate=accumulate)
    losses = {
        "discriminator": make_discriminator_loss(gan, axis_name),
        "generator": make_generator_loss(gan, axis_name),
    }

    def loss(player: Player, key: Array, state: GANState, batch: Batch | Array):
        point = _point(player, gan, key, state, batch, axis_name)
        value, aux = losses[player](*point)
        return value, aux

    def evaluate(player: Player, key: Array, state: GANState, batch: Batch | Array) -> Evaluation:
        params, carry, opponent, sampled = _point(player, gan, key, state, batch, axis_name)
        grads_fn = functools.partial(_gradients, losses[player], params, opponent)
        grads, carry, metrics = _accumulated(grads_fn, carry, sampled, accumulate)
        grads, metrics = mean_over_devices((grads, metrics), axis_name)
        return Evaluation(grads, metrics[f"{player}_loss"], (carry, metrics))

    def propose(player: Player, state: GANState, evaluation: Evaluation) -> Proposal:
        optimizer, own = getattr(gan, f"{player}_optimizer"), getattr(state, player)
        return proposed(optimizer, own, evaluation.gradient, evaluation.loss)

    finish = _make_finish(gan, skip_nonfinite)
    return Moves(loss, evaluate, propose, finish, axis_name, accumulate)


def _point(
    player: Player,
    gan: GAN,
    key: Array,
    state: GANState,
    batch: Batch | Array,
    axis_name: str | None,
) -> tuple[PyTree, Carry, PlayerState, Sampled]:
    """The arguments of a player's loss."""
    check_key(key)
    batch, own = prepared_batch(gan, batch), getattr(state, player)
    opponent = state.generator if player == "discriminator" else state.discriminator
    index = sample_index(num_samples(batch.x), axis_name)
    carry = Carry(own.model_state, own.terms, state.augmentation, state.pool)
    return own.params, carry, opponent, Sampled(key, state.step, batch, index)


def _make_finish(gan: GAN, skip_nonfinite: bool) -> Callable:
    """See `jaxgan.updates.Moves.finish`."""

    def finish(
        player: Player, state: GANState, evaluation: Evaluation, proposal: Proposal
    ) -> tuple[GANState, Metrics]:
        carry, metrics = evaluation.aux
        own, generates = getattr(state, player), player == "generator"
        terms = count_update(gan.generator_terms if generates else gan.penalties, carry.terms)
        own = own._replace(model_state=carry.model_state, terms=terms)
        changed: dict[str, Any] = {player: moved(own, proposal)}
        if not generates:
            changed |= {"augmentation": carry.augmentation, "pool": carry.pool}
        new = state._replace(**changed)
        if generates and gan.ema_decay is not None:
            present = Weights(new.generator.params, new.generator.model_state)
            ema = moving_average(state.ema, present, decay_at(gan.ema_decay, state.step))
            new = new._replace(ema=ema)
        metrics |= nonfinite.gradient_metrics(player, evaluation.loss, evaluation.gradient)
        if skip_nonfinite:
            new = nonfinite.keep_if_nonfinite(player, metrics, state, new)
        return (new._replace(step=state.step + 1) if generates else new), metrics

    return finish


def _gradients(
    loss_fn: Loss, params: PyTree, opponent: PlayerState, carry: Carry, sampled: Sampled
) -> tuple[Carry, tuple[PyTree, Metrics]]:
    grads, (carry, metrics) = jax.grad(loss_fn, has_aux=True)(params, carry, opponent, sampled)
    return carry, (grads, metrics)


def _accumulated(
    grads_fn: Callable, carry: Carry, sampled: Sampled, accumulate: int
) -> tuple[PyTree, Carry, Metrics]:
    """Gradients and metrics averaged over micro-batches; the carry runs through them."""
    size = num_samples(sampled.batch.x)
    if size % accumulate:
        raise ValueError(f"accumulate={accumulate} does not divide the batch of {size}")
    if accumulate == 1:
        carry, (grads, metrics) = grads_fn(carry, sampled)
        return grads, carry, metrics
    # Strided, so that each device holds an equal part of every micro-batch.
    micros = jax.tree.map(
        lambda x: x.reshape(-1, accumulate, *x.shape[1:]).swapaxes(0, 1),
        (sampled.batch, sampled.indices),
    )

    def body(carry, micro):
        batch, index = micro
        return grads_fn(carry, sampled._replace(batch=batch, indices=index))

    carry, (grads, metrics) = _scan_mean(body, carry, micros)
    return grads, carry, metrics


def _scan_mean(body: Callable, carry: PyTree, xs: PyTree) -> tuple[PyTree, PyTree]:
    """`lax.scan` that keeps the mean of the outputs instead of all of them."""
    _, shapes = jax.eval_shape(body, carry, jax.tree.map(lambda x: x[0], xs))
    length = len(jax.tree.leaves(xs)[0])

    def add(state, x):
        carry, means = state
        carry, new = body(carry, x)
        return (carry, jax.tree.map(lambda mean, y: mean + y / length, means, new)), None

    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    # XLA runs convolutions inside a loop many times slower on CPU: unrolled there.
    return jax.lax.scan(add, (carry, zeros), xs, unroll=jax.default_backend() == "cpu")[0]

"""The training steps: pure functions `step(key, state, batch) -> (state, metrics)`.

None is jitted; wrap a step with `jax.jit`, or with `jaxgan.parallel` for several devices. A player
that is not on turn keeps every bit of its parameters, statistics and optimizer state.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan import nonfinite
from jaxgan.augment.apply import initial_memory
from jaxgan.checks import check_choice, check_key, check_positive, check_samples
from jaxgan.choices import Player, UpdateOrder
from jaxgan.compatibility import check_players
from jaxgan.ema import decay_at, moving_average, start_average
from jaxgan.objectives import discriminator_objective, generator_objective
from jaxgan.optimizers import started, updated
from jaxgan.parallel.global_batch import mean_over_devices, sample_index
from jaxgan.players import inputs, pair
from jaxgan.types import GAN, Array, Average, Batch, GANState, Metrics, PlayerState, PyTree

Step = Callable[[Array, GANState, Batch | Array], tuple[GANState, Metrics]]


# --- Start


def init(key: Array, gan: GAN, batch: Batch | Array) -> GANState:
    """The state before the first step.

    Args:
      key: PRNG key of both players' parameters.
      gan: the setting to start.
      batch: real samples [batch, ...] of the right shape and dtype, with their condition if there
        is one. Only shapes matter.
    Raises:
      ValueError: if the generator's samples or the discriminator's logits have a wrong shape or
        dtype, the discriminator ends in a sigmoid though the loss takes logits, or its samples see
        each other (batch norm) under a gradient penalty, see `jaxgan.types.Penalty`; or if an
        optimizer needs what a step does not have.
    """
    check_key(key)
    state = unchecked_init(key, gan, batch)
    check_players(gan, state, prepared_batch(gan, batch))
    return state


def unchecked_init(key: Array, gan: GAN, batch: Batch | Array) -> GANState:
    """`init` of a GAN that is known to be sound, for instance one that has been trained before."""
    batch = prepared_batch(gan, batch)
    generator_key, discriminator_key, probe_key = jax.random.split(key, 3)
    shapes = jax.eval_shape(gan.latent, probe_key, sample_index(len(batch.x)))
    latents = jnp.zeros(shapes.shape, shapes.dtype)
    generator = _started("generator", gan, generator_key, latents, batch.condition)
    discriminator = _started("discriminator", gan, discriminator_key, batch.x, batch.condition)
    return GANState(
        step=jnp.zeros((), jnp.int32),
        generator=PlayerState(
            *generator, started("generator", gan.generator_optimizer, generator[0])
        ),
        discriminator=PlayerState(
            *discriminator, started("discriminator", gan.discriminator_optimizer, discriminator[0])
        ),
        ema=None if gan.ema_decay is None else Average(*start_average(generator)),
        extras={p.name: p.init() for p in gan.penalties if p.init is not None}
        | initial_memory(gan),
    )


def _started(
    player: Player, gan: GAN, key: Array, x: Array, condition: PyTree
) -> tuple[PyTree, PyTree]:
    """A player's first `(params, model_state)`."""
    network = gan.generator if player == "generator" else gan.discriminator
    returned = network.init(key, *inputs(x, condition))
    return pair(f"{player}'s init", returned, "(params, model_state)")


def as_batch(batch: Batch | Array) -> Batch:
    """A batch of plain samples, where only an array is given.

    Raises:
      ValueError: if the samples are no array, not floating, or none.
    """
    batch = batch if isinstance(batch, Batch) else Batch(batch)
    check_samples(batch.x)
    return batch


def prepared_batch(gan: GAN, batch: Batch | Array) -> Batch:
    """What the players see of a batch of whole images; all of it, if the GAN has no view."""
    batch = as_batch(batch)
    return batch if gan.task is None else gan.task.prepare(batch)


# --- One turn of one player


def make_discriminator_step(
    gan: GAN,
    axis_name: str | None = None,
    accumulate: int = 1,
    skip_nonfinite: bool = False,
) -> Step:
    """One update of the discriminator; the generator is frozen.

    Args:
      gan: the setting.
      axis_name: mapped device axis, inside `pmap`; None under `jit`.
      accumulate: micro-batches whose gradients are averaged into one update. Batch statistics,
        and losses that look across samples, then look across one micro-batch.
      skip_nonfinite: leave the player as it was where the loss or a gradient is not finite. The
        metrics say so in any case, see `jaxgan.nonfinite`.
    Returns:
      `step(key, state, batch) -> (state, metrics)` for one batch [batch, ...].
    Raises:
      ValueError: if accumulate is not positive (or, in the step, does not divide the batch).
    """
    check_positive(accumulate=accumulate)

    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        check_key(key)

        def objective(params, carry, batch, index):
            return discriminator_objective(
                key, gan, state.generator, params, carry, batch, index, axis_name, state.step
            )

        player = state.discriminator
        carry = (player.model_state, state.extras)
        batch = prepared_batch(gan, batch)
        grads, carry, metrics = _gradients(
            objective, player.params, carry, batch, axis_name, accumulate
        )
        model_state, extras = carry
        loss = metrics["discriminator_loss"]
        player = updated(gan.discriminator_optimizer, player, grads, model_state, loss)
        metrics |= nonfinite.gradient_metrics("discriminator", loss, grads)
        new = state._replace(discriminator=player, extras=extras)
        if skip_nonfinite:
            new = nonfinite.keep_if_nonfinite("discriminator", metrics, state, new)
        return new, metrics

    return step


def make_generator_step(
    gan: GAN,
    axis_name: str | None = None,
    accumulate: int = 1,
    skip_nonfinite: bool = False,
) -> Step:
    """One update of the generator and its average; the discriminator is frozen.

    The real samples of the batch serve only the condition and losses that look at them. A skipped
    update counts as a step. Arguments, result and errors are those of `make_discriminator_step`.
    """
    check_positive(accumulate=accumulate)

    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        check_key(key)

        def objective(params, carry, batch, index):
            return generator_objective(
                key,
                gan,
                state.discriminator,
                params,
                carry,
                batch,
                index,
                axis_name,
                state.extras,
                state.step,
            )

        player = state.generator
        batch = prepared_batch(gan, batch)
        grads, model_state, metrics = _gradients(
            objective, player.params, player.model_state, batch, axis_name, accumulate
        )
        loss = metrics["generator_loss"]
        player = updated(gan.generator_optimizer, player, grads, model_state, loss)
        metrics |= nonfinite.gradient_metrics("generator", loss, grads)
        average = state.ema
        if gan.ema_decay is not None:
            present = Average(player.params, player.model_state)
            average = moving_average(average, present, decay_at(gan.ema_decay, state.step))
        new = state._replace(generator=player, ema=average)
        if skip_nonfinite:
            new = nonfinite.keep_if_nonfinite("generator", metrics, state, new)
        return new._replace(step=state.step + 1), metrics

    return step


def _gradients(
    objective: Callable,
    params: PyTree,
    carry: PyTree,
    batch: Batch,
    axis_name: str | None,
    accumulate: int,
) -> tuple[PyTree, PyTree, Metrics]:
    """Gradients and metrics, averaged over micro-batches and devices; the carry runs through."""
    index = sample_index(len(batch.x), axis_name)
    if len(batch.x) % accumulate:
        raise ValueError(f"accumulate={accumulate} does not divide the batch of {len(batch.x)}")

    def body(carry, micro):
        grads, (carry, metrics) = jax.grad(objective, has_aux=True)(params, carry, *micro)
        return carry, (grads, metrics)

    if accumulate == 1:
        carry, means = body(carry, (batch, index))
    else:
        # Strided, so that each device holds an equal part of every micro-batch.
        micros = jax.tree.map(
            lambda x: x.reshape(-1, accumulate, *x.shape[1:]).swapaxes(0, 1), (batch, index)
        )
        carry, means = _scan_mean(body, carry, micros)
    grads, metrics = mean_over_devices(means, axis_name)
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


# --- Both players


def make_train_step(
    gan: GAN,
    n_critic: int = 1,
    n_generator: int = 1,
    update: UpdateOrder = "alternating",
    first: Player = "discriminator",
    axis_name: str | None = None,
    accumulate: int = 1,
    skip_nonfinite: bool = False,
) -> Step:
    """One round of the game: n_critic discriminator turns, then n_generator generator turns.

    Args:
      gan: the setting.
      n_critic: discriminator turns a round.
      n_generator: generator turns a round.
      update: alternating turns see what the turn before made; simultaneous ones both start from
        the state before (one turn each).
      first: the player whose turns come first when alternating.
      axis_name: mapped device axis, inside `pmap`; None under `jit`.
      accumulate: micro-batches a turn, see `make_discriminator_step`.
      skip_nonfinite: discard updates that are not finite, see `make_discriminator_step`.
    Returns:
      `step(key, state, batch) -> (state, metrics)`. With `turns = max(n_critic, n_generator)`
      above 1 the batch has a leading axis [turns, batch, ...]: fresh data for each turn, the last
      ones for the player with fewer. Metrics are those of each player's last turn, but for the
      counts of `jaxgan.nonfinite`, which are of all.
    Raises:
      ValueError: if an argument is out of range or simultaneous updates are to have many turns.
    Source: Goodfellow et al. 2014, algorithm 1.
    """
    check_positive(n_critic=n_critic, n_generator=n_generator)
    check_choice(update=(update, ("alternating", "simultaneous")))
    check_choice(first=(first, ("discriminator", "generator")))
    options = (gan, axis_name, accumulate, skip_nonfinite)
    players: dict[Player, tuple[Step, int]] = {
        "discriminator": (make_discriminator_step(*options), n_critic),
        "generator": (make_generator_step(*options), n_generator),
    }
    if update == "simultaneous":
        if (n_critic, n_generator) != (1, 1):
            raise ValueError(
                "simultaneous updates have one turn each, "
                f"got n_critic={n_critic}, n_generator={n_generator}"
            )
        return _simultaneous(players["discriminator"][0], players["generator"][0])
    second: Player = "generator" if first == "discriminator" else "discriminator"
    return _alternating([players[first], players[second]])


def _alternating(players: list[tuple[Step, int]]) -> Step:
    turns = max(count for _, count in players)

    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        check_key(key)
        keys = iter(jax.random.split(key, sum(count for _, count in players)))
        metrics: Metrics = {}
        for player_step, count in players:
            for turn in range(turns - count, turns):
                own = batch if turns == 1 else _turn(batch, turn, turns)
                state, own_metrics = player_step(next(keys), state, own)
                metrics = nonfinite.add_turn(metrics, own_metrics)
        return state, metrics

    return step


def _turn(batch: Batch | Array, turn: int, turns: int) -> Batch:
    batch = as_batch(batch)
    if len(batch.x) != turns:
        raise ValueError(
            f"batch needs a leading axis of {turns} turns, got shape {batch.x.shape}: "
            "fresh samples [turns, batch, ...] for each"
        )
    return jax.tree.map(lambda x: x[turn], batch)


def _simultaneous(discriminator_step: Step, generator_step: Step) -> Step:
    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        check_key(key)
        # One key for both: they look at the same generated samples, which are computed once.
        new, metrics = discriminator_step(key, state, batch)
        other, other_metrics = generator_step(jax.random.clone(key), state, batch)
        new = other._replace(discriminator=new.discriminator, extras=new.extras)
        return new, metrics | other_metrics

    return step

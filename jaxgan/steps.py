"""The training steps: pure functions `step(key, state, batch) -> (state, metrics)`.

None is jitted; wrap a step with `jax.jit`, or with `jaxgan.parallel` for several devices. An update
of one player keeps every bit of the other's parameters, statistics and optimizer state.
"""

import jax
import jax.numpy as jnp

from jaxgan import nonfinite
from jaxgan.augment.apply import init_augmentation
from jaxgan.checks import check_key
from jaxgan.compatibility import check_players
from jaxgan.ema import start_average
from jaxgan.optimizers import started
from jaxgan.parallel.global_batch import num_samples, sample_index
from jaxgan.players import inputs, pair, prepared_batch, shown_example
from jaxgan.pools import init_pool
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
from jaxgan.updates.moves import Step, Update, apply, memory
from jaxgan.updates.on_gans import make_moves
from jaxgan.updates.plain import alternating
from jaxgan.weighted_terms import init_terms

# --- Start


def init(
    key: Array,
    gan: GAN,
    batch: Batch | Array,
    update: Update = alternating(),  # noqa: B008 (it is immutable)
) -> GANState:
    """The state before the first step.

    Args:
      key: PRNG key of both players' parameters.
      gan: the GAN to train.
      batch: real samples [batch, ...] of the right shape and dtype, with their condition if there
        is one. Only shapes matter.
      update: the update rule that the state will be trained with. Some keep gradients or
        parameters of earlier rounds.
    Raises:
      ValueError: if the generator's samples or the discriminator's logits have a wrong shape or
        dtype; if the discriminator ends in a sigmoid though the loss takes logits; if its samples
        see each other (batch norm) under a gradient penalty, see `jaxgan.types.Term`; or if an
        optimizer needs what a step does not have.
    """
    check_key(key)
    state = unchecked_init(key, gan, batch, update)
    check_players(gan, state, prepared_batch(gan, batch))
    return state


def unchecked_init(
    key: Array,
    gan: GAN,
    batch: Batch | Array,
    update: Update = alternating(),  # noqa: B008 (it is immutable)
) -> GANState:
    """`init` of a GAN that is known to be sound, for instance one that has been trained before."""
    batch = prepared_batch(gan, batch)
    generator_key, discriminator_key, latent_key = jax.random.split(key, 3)
    latents = _zero_latents(latent_key, gan, num_samples(batch.x))
    generator = _init_player("generator", gan, generator_key, latents, batch.condition)
    x = shown_example(gan, generator, batch)
    discriminator = _init_player("discriminator", gan, discriminator_key, x, batch.condition)
    weights = (generator.params, generator.model_state)
    state = GANState(
        step=jnp.zeros((), jnp.int32),
        generator=generator,
        discriminator=discriminator,
        ema=None if gan.ema_decay is None else Weights(*start_average(weights)),
        augmentation=init_augmentation(gan),
        pool=init_pool(gan.pool_size, x),
    )
    return state._replace(update=memory(update, state))


def _zero_latents(key: Array, gan: GAN, num: int) -> PyTree:
    """Zeros shaped as the latents of `num` samples.

    Raises:
      ValueError: if the latent distribution is no function (key, index) with one latent per index.
    """
    wanted = (
        "latent must be a function (key, index) -> latents [batch, ...] of a PRNG key and the "
        "indices of the samples, int32 [batch]"
    )
    instead = "use one of jaxgan.latents, or draw each latent from fold_in(key, index[i])"
    try:
        shapes = jax.eval_shape(gan.latent, key, sample_index(num))
    except TypeError as error:
        why = str(error).strip().partition("\n")[0]
        raise ValueError(f"{wanted}; called so, {gan.latent!r} fails ({why}): {instead}") from error
    found = [getattr(leaf, "shape", ()) for leaf in jax.tree.leaves(shapes)]
    if not found or any(shape[:1] != (num,) for shape in found):
        shown = ", ".join(map(str, found)) or "nothing"
        raise ValueError(f"{wanted}; for {num} indices it returned shape {shown}: {instead}")
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _init_player(player: Player, gan: GAN, key: Array, x: PyTree, condition: PyTree) -> PlayerState:
    returned = getattr(gan, player).init(key, *inputs(x, condition))
    params, model_state = pair(f"{player}'s init", returned, "(params, model_state)")
    optimizer = getattr(gan, f"{player}_optimizer")
    terms = gan.generator_terms if player == "generator" else gan.penalties
    opt_state = started(player, optimizer, params)
    return PlayerState(params, model_state, opt_state, init_terms(terms))


# --- One update of one player


def make_discriminator_step(
    gan: GAN,
    axis_name: str | None = None,
    accumulate: int = 1,
    skip_nonfinite: bool = False,
) -> Step:
    """One update of the discriminator; the generator is frozen.

    Args:
      gan: the GAN.
      axis_name: mapped device axis, inside `pmap`; None under `jit`.
      accumulate: number of micro-batches whose gradients are averaged into one update. Batch
        statistics, and losses that look across samples, then look across one micro-batch.
      skip_nonfinite: leave the player as it was if the loss or a gradient is non-finite. The
        metrics report it in any case, see `jaxgan.nonfinite`.
    Returns:
      `step(key, state, batch) -> (state, metrics)` for one batch [batch, ...].
    Raises:
      ValueError: if accumulate is not positive (or, in the step, does not divide the batch).
    """
    return _make_player_step("discriminator", gan, axis_name, accumulate, skip_nonfinite)


def make_generator_step(
    gan: GAN,
    axis_name: str | None = None,
    accumulate: int = 1,
    skip_nonfinite: bool = False,
) -> Step:
    """One update of the generator and of its EMA; the discriminator is frozen.

    Real samples are only used for conditioning and by losses that need them (relativistic ones, for
    example). A skipped update still increments `step`. Arguments, result and errors are those of
    `make_discriminator_step`.
    """
    return _make_player_step("generator", gan, axis_name, accumulate, skip_nonfinite)


def _make_player_step(
    player: Player, gan: GAN, axis_name: str | None, accumulate: int, skip_nonfinite: bool
) -> Step:
    moves = make_moves(gan, axis_name, accumulate, skip_nonfinite)

    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        return apply(moves, player, state, moves.evaluate(player, key, state, batch))

    return step


# --- Both players


def make_train_step(
    gan: GAN,
    update: Update = alternating(),  # noqa: B008 (a pure function)
    axis_name: str | None = None,
    accumulate: int = 1,
    skip_nonfinite: bool = False,
) -> Step:
    """One round of training: updates of both players.

    Args:
      gan: the GAN.
      update: the update rule, such as `alternating(n_critic=5)` or `extragradient()`, see
        `jaxgan.updates`. Start with `jaxgan.init(key, gan, batch, update)`.
      axis_name: mapped device axis, inside `pmap`; None under `jit`.
      accumulate: micro-batches per update, see `make_discriminator_step`.
      skip_nonfinite: discard updates that are non-finite, see `make_discriminator_step`.
    Returns:
      `step(key, state, batch) -> (state, metrics)`.
    Raises:
      ValueError: if an argument is out of range.
    """
    if not isinstance(update, Update):
        raise ValueError(
            f"update must be an update rule, got {update!r}: pass what a function of "
            "jaxgan.updates returns, such as jaxgan.updates.extragradient()"
        )
    play = update.make_round(make_moves(gan, axis_name, accumulate, skip_nonfinite))
    return play if update.init is None else _remembering(play, skip_nonfinite)


def _remembering(play: Step, skip_nonfinite: bool) -> Step:
    """A round of a rule that keeps something in the state."""

    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        if state.update is None:
            raise ValueError(
                "the state has nothing of the update rule, which keeps something from round to "
                "round: start with jaxgan.init(key, gan, batch, update)"
            )
        new, metrics = play(key, state, batch)
        if skip_nonfinite:  # what the rule keeps belongs to both players: all or nothing
            bad = nonfinite.count(metrics) > 0
            kept = jax.tree.map(lambda old, x: jnp.where(bad, old, x), state, new)
            new = kept._replace(step=new.step)
        return new, metrics

    return step

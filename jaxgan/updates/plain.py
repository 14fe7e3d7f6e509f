"""Plain descent: one player after the other, or both at once."""

from collections.abc import Sequence

import jax

from jaxgan import nonfinite
from jaxgan.checks import check_choice, check_key, check_positive
from jaxgan.players import as_batch
from jaxgan.types import Array, Batch, GANState, Metrics, Player
from jaxgan.updates.moves import Moves, Step, Update, apply, apply_both, evaluate_both


def alternating(n_critic: int = 1, n_generator: int = 1, first: Player = "discriminator") -> Update:
    """Update one player, then the other; each update starts from the result of the one before.

    With `n = max(n_critic, n_generator)` above 1 the batch has a leading axis [n, batch, ...] with
    fresh data for each update; the player with fewer updates takes the last ones. Metrics are
    those of each player's last update, except for the counts of `jaxgan.nonfinite`, which are sums.

    Each update draws latents of its own, where PyTorch's DCGAN example shows the generator the
    discriminator's generated samples again. With one update per player both see the same real
    samples, where R3GAN's code draws others for the generator, whose loss depends on them.

    Negative momentum needs no rule of its own: it is this rule with the optimizer
    `optax.sgd(learning_rate, momentum=-0.5)` (Gidel et al. 2019, https://arxiv.org/abs/1807.04740).

    Args:
      n_critic: discriminator updates per round.
      n_generator: generator updates per round.
      first: the player that is updated first.
    Returns:
      An update rule for `jaxgan.make_train_step`.
    Raises:
      ValueError: if a number is not positive, or first is not a player.
    Source: Goodfellow et al. 2014, algorithm 1, https://arxiv.org/abs/1406.2661
    """
    check_positive(n_critic=n_critic, n_generator=n_generator)
    check_choice(first=(first, ("discriminator", "generator")))
    both: list[tuple[Player, int]] = [("discriminator", n_critic), ("generator", n_generator)]
    order = both if first == "discriminator" else both[::-1]
    return Update(
        lambda moves: _in_turn(moves, order),
        gradients=n_critic + n_generator,
        batches=max(n_critic, n_generator),
    )


def _in_turn(moves: Moves, order: Sequence[tuple[Player, int]]) -> Step:
    batches = max(count for _, count in order)

    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        check_key(key)
        keys = iter(jax.random.split(key, sum(count for _, count in order)))
        metrics: Metrics = {}
        for player, count in order:
            for number in range(batches - count, batches):
                own = batch if batches == 1 else one_batch(batch, number, batches)
                evaluation = moves.evaluate(player, next(keys), state, own)
                state, own_metrics = apply(moves, player, state, evaluation)
                metrics = nonfinite.add_update(metrics, own_metrics)
        return state, metrics

    return step


def one_batch(batch: Batch | Array, number: int, batches: int) -> Batch:
    """One of the batches of a round, [batches, batch, ...]."""
    batch = as_batch(batch)
    shape = jax.tree.leaves(batch.x)[0].shape
    if shape[0] != batches:
        raise ValueError(
            f"batch needs a leading axis of {batches} updates, got shape {shape}: "
            "fresh samples [updates, batch, ...] for each"
        )
    return jax.tree.map(lambda x: x[number], batch)


def simultaneous() -> Update:
    """Update both players from the state before, on the same generated samples.

    Returns:
      An update rule for `jaxgan.make_train_step`.
    Source: Mescheder et al. 2017, section 2, https://arxiv.org/abs/1705.10461
    """

    def make_round(moves: Moves) -> Step:
        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            return apply_both(moves, state, evaluate_both(moves, key, state, batch))

        return play

    return Update(make_round)

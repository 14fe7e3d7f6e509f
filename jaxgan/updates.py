"""Update rules: which updates of the two players a round of training consists of."""

from collections.abc import Callable, Sequence

import jax

from jaxgan import nonfinite
from jaxgan.checks import check_choice, check_key, check_positive, check_samples
from jaxgan.types import Array, Batch, GANState, Metrics, Player

Step = Callable[[Array, GANState, Batch | Array], tuple[GANState, Metrics]]
"""`step(key, state, batch) -> (state, metrics)`, an update of one player or a round."""
Update = Callable[[Step, Step], Step]
"""An update rule: from one update of the discriminator and one of the generator to a round."""


def alternating(n_critic: int = 1, n_generator: int = 1, first: Player = "discriminator") -> Update:
    """Updates one player, then the other; each update starts from the result of the one before.

    With `n = max(n_critic, n_generator)` above 1 the batch has a leading axis [n, batch, ...] with
    fresh data for each update; the player with fewer updates takes the last ones. Metrics are
    those of each player's last update, except for the counts of `jaxgan.nonfinite`, which are sums.

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

    def update(discriminator_step: Step, generator_step: Step) -> Step:
        both = [(discriminator_step, n_critic), (generator_step, n_generator)]
        return _in_turn(both if first == "discriminator" else both[::-1])

    return update


def _in_turn(players: Sequence[tuple[Step, int]]) -> Step:
    batches = max(count for _, count in players)

    def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
        check_key(key)
        keys = iter(jax.random.split(key, sum(count for _, count in players)))
        metrics: Metrics = {}
        for player_step, count in players:
            for number in range(batches - count, batches):
                own = batch if batches == 1 else _one_batch(batch, number, batches)
                state, own_metrics = player_step(next(keys), state, own)
                metrics = nonfinite.add_update(metrics, own_metrics)
        return state, metrics

    return step


def _one_batch(batch: Batch | Array, number: int, batches: int) -> Batch:
    batch = as_batch(batch)
    shape = jax.tree.leaves(batch.x)[0].shape
    if shape[0] != batches:
        raise ValueError(
            f"batch needs a leading axis of {batches} updates, got shape {shape}: "
            "fresh samples [updates, batch, ...] for each"
        )
    return jax.tree.map(lambda x: x[number], batch)


def as_batch(batch: Batch | Array) -> Batch:
    """A batch of plain samples, where only an array is given.

    Raises:
      ValueError: if the samples are not an array, not floating, or there are none.
    """
    batch = batch if isinstance(batch, Batch) else Batch(batch)
    check_samples(batch.x)
    return batch


def simultaneous() -> Update:
    """One update of each player, both from the state before, on the same generated samples."""

    def update(discriminator_step: Step, generator_step: Step) -> Step:
        def step(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            # One key for both: they look at the same generated samples, which are computed once.
            new, metrics = discriminator_step(key, state, batch)
            other, other_metrics = generator_step(jax.random.clone(key), state, batch)
            new = other._replace(discriminator=new.discriminator, augmentation=new.augmentation)
            return new, metrics | other_metrics

        return step

    return update

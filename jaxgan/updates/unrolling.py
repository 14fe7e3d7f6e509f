"""Unrolled GANs: the generator looks through the discriminator's next updates."""

import jax

from jaxgan.checks import check_key, check_positive
from jaxgan.parallel.global_batch import mean_over_devices
from jaxgan.types import Array, Batch, GANState, Metrics, PyTree
from jaxgan.updates.moves import Evaluation, Moves, Step, Update, apply


def unrolled(k: int = 5) -> Update:
    """Update the generator by its loss after k further discriminator updates, then discarded.

    The generator's gradient runs through the k updates, made by the discriminator's optimizer on
    the batch of the round; so the optimizer must be differentiable (`eps_root` above 0 for Adam).
    The discriminator itself is updated once per round, before the generator.

    Args:
      k: discriminator updates inside the generator's loss; 0 for plain alternation.
    Returns:
      An update rule for `jaxgan.make_train_step`.
    Raises:
      ValueError: if k is negative or no int, or for gradient accumulation.
    Source: Metz et al. 2017, equations 7 to 11, https://arxiv.org/abs/1611.02163
    """
    if k:
        check_positive(k=k)

    def make_round(moves: Moves) -> Step:
        if moves.accumulate > 1:
            raise ValueError(
                f"unrolled differentiates whole batches, got accumulate={moves.accumulate}: use "
                "accumulate=1"
            )

        def play(key: Array, state: GANState, batch: Batch | Array) -> tuple[GANState, Metrics]:
            check_key(key)
            discriminator_key, generator_key, unrolled_key = jax.random.split(key, 3)
            before = moves.evaluate("discriminator", discriminator_key, state, batch)
            state, metrics = apply(moves, "discriminator", state, before)
            keys = (generator_key, jax.random.split(unrolled_key, k))
            evaluation = _evaluate(moves, keys, state, batch)
            new, others = apply(moves, "generator", state, evaluation)
            return new, metrics | others

        return play

    return Update(make_round, gradients=2 + 2 * k)


def _evaluate(
    moves: Moves, keys: tuple[Array, Array], state: GANState, batch: Batch | Array
) -> Evaluation:
    """L_G(theta, psi_k(theta)) with psi_(i+1) = psi_i + u(grad_psi L_D(theta, psi_i))."""
    generator_key, unrolled_keys = keys

    def loss(theta: PyTree):
        now = state._replace(generator=state.generator._replace(params=theta))
        for own_key in unrolled_keys:
            ahead = moves.evaluate("discriminator", own_key, now, batch)
            now, _ = apply(moves, "discriminator", now, ahead)
        return moves.loss("generator", generator_key, now, batch)

    (value, aux), gradient = jax.value_and_grad(loss, has_aux=True)(state.generator.params)
    if moves.axis_name is not None:
        carry, metrics = aux  # what is carried is the same on all devices, and may hold counters
        gradient, value, metrics = mean_over_devices((gradient, value, metrics), moves.axis_name)
        aux = (carry, metrics)
    return Evaluation(gradient, value, aux)

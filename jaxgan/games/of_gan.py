"""A real GAN's game at a batch."""

import jax

from jaxgan.checks import check_key
from jaxgan.games.field import Game
from jaxgan.objectives import Carry, Loss, Sampled, make_discriminator_loss, make_generator_loss
from jaxgan.parallel.global_batch import num_samples, sample_index
from jaxgan.players import prepared_batch
from jaxgan.types import GAN, Array, Batch, GANState, PlayerState, PyTree


def at_batch(key: Array, gan: GAN, state: GANState, batch: Batch | Array) -> Game:
    """The game that a GAN's players play at a batch, as a function of both players' parameters.

    Everything else is bound: the batch with its condition, the latents and all other random
    numbers, the model states, the terms' states, the augmentation and the pool. Its losses are
    those that the steps minimise, with penalties and terms.

    Args:
      key: of all random numbers; both players see the same generated samples.
      gan: the GAN.
      state: a training state. Its parameters do not count: they are the game's arguments.
      batch: real samples [batch, ...] with their condition, as for a step.
    Returns:
      A game, whose losses come with the metrics of the step.
    """
    check_key(key)
    batch = prepared_batch(gan, batch)
    sampled = Sampled(key, state.step, batch, sample_index(num_samples(batch.x)))

    def loss_of(loss: Loss, own: PyTree, player: PlayerState, opponent: PlayerState):
        carry = Carry(player.model_state, player.terms, state.augmentation, state.pool)
        value, (_, metrics) = loss(own, carry, opponent, _fresh(sampled))
        return value, metrics

    to_generator, to_discriminator = make_generator_loss(gan), make_discriminator_loss(gan)

    def generator_loss(theta: PyTree, psi: PyTree):
        opponent = state.discriminator._replace(params=psi)
        return loss_of(to_generator, theta, state.generator, opponent)

    def discriminator_loss(theta: PyTree, psi: PyTree):
        opponent = state.generator._replace(params=theta)
        return loss_of(to_discriminator, psi, state.discriminator, opponent)

    return Game(generator_loss, discriminator_loss)


def _fresh(sampled: Sampled) -> Sampled:
    """The same samples again, on purpose."""
    return sampled._replace(key=jax.random.clone(sampled.key))

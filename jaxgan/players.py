"""The two trained players as plain functions, to look at them outside of training."""

from collections.abc import Callable

from jaxgan.checks import check_key
from jaxgan.objectives import as_output, inputs
from jaxgan.parallel.global_batch import sample_index, sample_keys
from jaxgan.types import GAN, Array, GANState, PyTree

Player = Callable[..., Array]


def make_generate(key: Array, gan: GAN, state: GANState, use_ema: bool = True) -> Player:
    """The generator as `(latents, condition=None) -> samples`, for latents of one's own choice.

    Args:
      key: PRNG key of the noise within the network, for networks that have any.
      gan: the setting.
      state: a training state.
      use_ema: the averaged generator, if the GAN keeps one.
    Returns:
      A function of latents [batch, ...] and, for a conditional GAN, the condition [batch, ...],
      that gives samples [batch, ...] in the range that the generator was trained on.
    Raises:
      ValueError: if key is no PRNG key.
    """
    check_key(key)
    source = state.generator if state.ema is None or not use_ema else state.ema

    def generate(latents: Array, condition: PyTree = None) -> Array:
        keys = sample_keys(key, sample_index(len(latents)))
        return gan.generator.apply(
            source.params,
            source.model_state,
            *inputs(latents, condition),
            keys=keys,
            train=False,
        )[0]

    return generate


def make_discriminate(key: Array, gan: GAN, state: GANState) -> Player:
    """The discriminator as `(x, condition=None) -> logits`, out of training: without dropout.

    Args:
      key: PRNG key of the noise within the network, for networks that have any.
      gan: the setting.
      state: a training state.
    Returns:
      A function of samples [batch, ...] and, for a conditional GAN, the condition [batch, ...],
      that gives logits [batch], or a map of them for a discriminator of patches.
    Raises:
      ValueError: if key is no PRNG key.
    """
    check_key(key)
    player = state.discriminator

    def discriminate(x: Array, condition: PyTree = None) -> Array:
        keys = sample_keys(key, sample_index(len(x)))
        output = gan.discriminator.apply(
            player.params, player.model_state, *inputs(x, condition), keys=keys, train=False
        )[0]
        return as_output(output).logits

    return discriminate

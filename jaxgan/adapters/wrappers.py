"""Wrappers that hide an input from a network, and a network for training without discriminator."""

import jax

from jaxgan.parallel.global_batch import num_samples
from jaxgan.types import Network


def without_condition(network: Network) -> Network:
    """A network that ignores the condition, for conditional training of the other player.

    Use it for a discriminator that has to predict the class itself (auxiliary classifier), or for
    an unconditional generator with labelled data (semi-supervised classification).

    Args:
      network: takes samples or latents only.
    Returns:
      A network that takes a condition too, and ignores it.
    """

    def init(key, x, condition=None):
        return network.init(key, x)

    def apply(params, model_state, x, condition=None, *, keys, train, axis_name=None):
        return network.apply(params, model_state, x, keys=keys, train=train, axis_name=axis_name)

    return network._replace(init=init, apply=apply)


def without_latents(network: Network) -> Network:
    """A generator that ignores the latents, such as an image-to-image network.

    Args:
      network: takes the condition only, such as images or (images, labels).
    Returns:
      A network that takes latents too, and ignores them.
    """

    def init(key, latents, condition):
        return network.init(key, condition)

    def apply(params, model_state, latents, condition, *, keys, train, axis_name=None):
        return network.apply(
            params, model_state, condition, keys=keys, train=train, axis_name=axis_name
        )

    return network._replace(init=init, apply=apply)


def no_discriminator() -> Network:
    """A discriminator without parameters that returns zeros [batch], to train a generator alone.

    Use it with `jaxgan.losses.without_generator` and generator terms.
    """

    def apply(params, model_state, x, condition=None, *, keys, train, axis_name=None):
        return jax.numpy.zeros(num_samples(x), jax.numpy.float32), model_state

    return Network(lambda key, x, condition=None: ({}, {}), apply)

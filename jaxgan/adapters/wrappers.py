"""Networks made of other networks: without a condition, without latents, or no discriminator."""

import jax

from jaxgan.types import Network


def without_condition(network: Network) -> Network:
    """A network that is not shown the condition, for conditional training of the other player.

    So a discriminator has to tell the class by itself (auxiliary classifiers), or a generator
    without classes trains against labelled data (semi-supervised classes).

    Args:
      network: takes samples or latents only.
    """

    def init(key, x, condition=None):
        return network.init(key, x)

    def apply(params, model_state, x, condition=None, *, keys, train, axis_name=None):
        return network.apply(params, model_state, x, keys=keys, train=train, axis_name=axis_name)

    return network._replace(init=init, apply=apply)


def without_latents(network: Network) -> Network:
    """A generator that is given the condition alone: one image is made of another.

    Args:
      network: takes the condition only, for instance images or (images, labels).
    """

    def init(key, latents, condition):
        return network.init(key, condition)

    def apply(params, model_state, latents, condition, *, keys, train, axis_name=None):
        return network.apply(
            params, model_state, condition, keys=keys, train=train, axis_name=axis_name
        )

    return network._replace(init=init, apply=apply)


def no_discriminator() -> Network:
    """A discriminator without parameters, of logits 0 [batch], where a generator trains alone.

    It goes with `jaxgan.losses.without_generator` and terms of the generator's own.
    """

    def apply(params, model_state, x, condition=None, *, keys, train, axis_name=None):
        return jax.numpy.zeros(len(x), jax.numpy.float32), model_state

    return Network(lambda key, x, condition=None: ({}, {}), apply)

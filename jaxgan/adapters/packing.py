"""Packing (PacGAN): a discriminator judges several samples together, to detect mode collapse."""

import jax

from jaxgan.checks import check_positive
from jaxgan.types import Array, DiscriminatorOutput, Network, PyTree


def packed(network: Network, size: int) -> Network:
    """A discriminator of packs: neighbouring samples of the batch, concatenated by channel.

    Samples [batch, ..., channels] become [batch / size, ..., size * channels], with one logit per
    pack. Losses, metrics and penalties are means over packs, and gradients are taken with respect
    to a whole pack. Conditioning images are packed like samples. Layers that draw random numbers
    receive the key of a pack's first sample. Augmentation is applied before packing.

    Args:
      network: takes samples with size * channels channels.
      size: samples per pack, at least 1. It must divide the (micro-)batch of each device, so that
        the packs are the same on any number of devices.
    Returns:
      A network with one logit per pack.
    Raises:
      ValueError: if size is not positive. When called, if size does not divide the batch, or the
        network receives labels or returns class logits, since a pack has several classes.
    Source: Lin et al. 2018 (PacGAN), section 2, https://arxiv.org/abs/1712.04086
    """
    check_positive(size=size)

    def init(key, *inputs):
        return network.init(key, *_packs(inputs, size))

    def apply(params, model_state, *inputs, keys, train, axis_name=None):
        output, model_state = network.apply(
            params,
            model_state,
            *_packs(inputs, size),
            keys=keys[::size],
            train=train,
            axis_name=axis_name,
        )
        if isinstance(output, DiscriminatorOutput) and output.class_logits is not None:
            raise ValueError(
                "a packed discriminator cannot return class logits: a pack has several classes"
            )
        return output, model_state

    return Network(init, apply, pack=size * network.pack)


def _packs(inputs: tuple[PyTree, ...], size: int) -> tuple[PyTree, ...]:
    return jax.tree.map(lambda x: pack(x, size), inputs)


def pack(x: Array, size: int) -> Array:
    """Packs of neighbouring samples, concatenated along the last axis.

    Args:
      x: [batch, ..., channels].
      size: samples per pack.
    Returns:
      [batch / size, ..., size * channels].
    Raises:
      ValueError: if x has only one axis, as labels do, or size does not divide the batch.

    >>> import jax.numpy as jnp
    >>> pack(jnp.arange(8).reshape(4, 2), 2).tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    if x.ndim < 2:
        raise ValueError(
            "a packed discriminator takes samples and images [batch, ..., channels], "
            f"got shape {x.shape}: labels cannot be packed"
        )
    if len(x) % size:
        raise ValueError(
            f"the batch of {len(x)} samples per device is not divisible by the pack size {size}: "
            f"use a batch size that is a multiple of {size} * devices * accumulate"
        )
    separate = x.reshape(len(x) // size, size, *x.shape[1:])
    neighbours = jax.numpy.moveaxis(separate, 1, -2)
    return neighbours.reshape(*neighbours.shape[:-2], size * x.shape[-1])

"""Packing: a discriminator judges several samples at a time, and so sees when they are alike."""

import jax

from jaxgan.checks import check_positive
from jaxgan.types import Array, DiscriminatorOutput, Network, PyTree


def packed(network: Network, size: int) -> Network:
    """A discriminator that is shown packs of samples: neighbours in the batch, joined by channels.

    Samples [batch, ..., channels] become [batch / size, ..., size * channels], and there is one
    logit a pack: losses, metrics and penalties are means over packs, and a gradient is that by a
    whole pack. Images that samples are conditioned on are packed as they are. A layer that draws
    gets the key of a pack's first sample. Augmentation changes each sample before it is packed.

    Args:
      network: takes samples of size times the channels.
      size: samples a pack, 1 or more; it has to divide what a device gets of a (micro-)batch, so
        that the packs are the same on any number of devices.
    Raises:
      ValueError: if size is not positive; when called, if it does not divide the batch, or the
        network is given labels or tells classes, of which a pack has many.
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
            raise ValueError("a packed discriminator cannot tell classes: a pack has many")
        return output, model_state

    return Network(init, apply, pack=size * network.pack)


def _packs(inputs: tuple[PyTree, ...], size: int) -> tuple[PyTree, ...]:
    return jax.tree.map(lambda x: pack(x, size), inputs)


def pack(x: Array, size: int) -> Array:
    """Packs of so many neighbours, joined along the last axis.

    Args:
      x: [batch, ..., channels].
      size: samples a pack.
    Returns:
      [batch / size, ..., size * channels].
    Raises:
      ValueError: if x has one axis only, as labels have, or size does not divide the batch.

    >>> import jax.numpy as jnp
    >>> pack(jnp.arange(8).reshape(4, 2), 2).tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    if x.ndim < 2:
        raise ValueError(
            "a packed discriminator takes samples and images [batch, ..., channels], "
            f"got {x.shape}: labels cannot be packed"
        )
    if len(x) % size:
        raise ValueError(
            f"packs of {size} do not divide the {len(x)} samples that a device is given at a time: "
            f"choose a batch size that is a multiple of {size} times devices times accumulate"
        )
    apart = x.reshape(len(x) // size, size, *x.shape[1:])
    joined = jax.numpy.moveaxis(apart, 1, -2)
    return joined.reshape(*joined.shape[:-2], size * x.shape[-1])

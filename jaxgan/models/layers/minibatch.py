"""Layers that let a discriminator compare the samples of a batch."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.linear import Dense
from jaxgan.parallel.global_batch import gather, mean_over_devices, sample_index
from jaxgan.types import Array


class MinibatchStd(nn.Module):
    """The deviation between samples as one further channel, so that a lack of variety shows.

    s = mean over features and places of sqrt(var over samples + epsilon)

    Attributes:
      group_size: None compares all samples of the global batch; a number, each so many
        consecutive samples among themselves.
      epsilon: added to the variance; keeps derivatives finite where all samples are the same.
    Source: Karras et al. 2018, section 3, https://arxiv.org/abs/1710.10196
    """

    group_size: int | None = None
    epsilon: float = 1e-8

    @nn.compact
    def __call__(self, x: Array, axis_name: str | None = None) -> Array:
        """Channels of x [batch, ..., channels], then s: [batch, ..., channels + 1].

        Raises:
          ValueError: if the batch on one device is not a number of whole groups.
        """
        size = len(x) if self.group_size is None else self.group_size
        if size < 1 or len(x) % size:
            raise ValueError(f"group_size={size} does not divide {len(x)} samples on a device")
        over = axis_name if self.group_size is None else None
        groups = x.astype(jnp.float32).reshape(-1, size, *x.shape[1:])
        mean = mean_over_devices(jnp.mean(groups, axis=1, keepdims=True), over)
        var = mean_over_devices(jnp.mean((groups - mean) ** 2, axis=1), over)
        deviation = jnp.sqrt(var + self.epsilon)
        s = jnp.mean(deviation, axis=tuple(range(1, x.ndim)))  # [groups]
        s = jnp.repeat(s, size).reshape(-1, *[1] * (x.ndim - 1))
        s = jnp.broadcast_to(s, (*x.shape[:-1], 1)).astype(x.dtype)
        return jnp.concatenate([x, s], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """How close each sample is to the others of the global batch, by learnt kernels.

    M = x T,  o_b(i) = sum over j != i of exp(-|M_ib - M_jb|_1)

    The paper's sum has the term j = i too, which is always 1; like the authors' code we leave it
    out. The sum grows with the global batch, so evaluate at the size of training.

    Attributes:
      num_kernels: number of features o_b added.
      kernel_dim: length of each vector M_ib.
    Source: Salimans et al. 2016, section 3.2, https://arxiv.org/abs/1606.03498
    """

    num_kernels: int = 50
    kernel_dim: int = 5

    @nn.compact
    def __call__(self, x: Array, axis_name: str | None = None) -> Array:
        """Features x [batch, features], then o: [batch, features + num_kernels].

        Raises:
          ValueError: if x has another number of axes.
        """
        if x.ndim != 2:
            raise ValueError(f"x must be [batch, features], got shape {x.shape}")
        m = Dense(self.num_kernels * self.kernel_dim, use_bias=False, name="T")(x)
        m = m.astype(jnp.float32).reshape(len(x), self.num_kernels, self.kernel_dim)
        everyone = gather(m, axis_name)
        distance = jnp.sum(jnp.abs(m[:, None] - everyone[None]), axis=-1)  # [here, all, kernels]
        here, there = sample_index(len(x), axis_name), jnp.arange(len(everyone))
        other = (here[:, None] != there[None]).astype(jnp.float32)
        o = jnp.sum(jnp.exp(-distance) * other[:, :, None], axis=1)
        return jnp.concatenate([x, o.astype(x.dtype)], axis=-1)

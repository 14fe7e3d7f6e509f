"""Layers that compare the samples of a batch, so that a discriminator can detect mode collapse."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.models.layers.linear import Dense
from jaxgan.parallel.global_batch import gather, mean_over_devices, sample_index
from jaxgan.types import Array


class MinibatchStd(nn.Module):
    """Appends the minibatch standard deviation as an extra channel.

    s = mean over features and positions of sqrt(var over samples + epsilon)

    Attributes:
      group_size: number of consecutive samples that are compared with each other; None to compare
        all samples of the global batch.
      epsilon: added to the variance; keeps derivatives finite if all samples are equal.
    Source: Karras et al. 2018, section 3, https://arxiv.org/abs/1710.10196
    """

    group_size: int | None = None
    epsilon: float = 1e-8

    @nn.compact
    def __call__(self, x: Array, axis_name: str | None = None) -> Array:
        """Float [batch, ..., channels + 1]: x [batch, ..., channels] with s appended.

        Raises:
          ValueError: if group_size does not divide the batch on one device.
        """
        size = len(x) if self.group_size is None else self.group_size
        if size < 1 or len(x) % size:
            raise ValueError(
                f"group_size={size} must divide the number of samples per device, {len(x)}"
            )
        over = axis_name if self.group_size is None else None
        groups = x.astype(jnp.float32).reshape(-1, size, *x.shape[1:])
        mean = mean_over_devices(jnp.mean(groups, axis=1, keepdims=True), over)
        var = mean_over_devices(jnp.mean((groups - mean) ** 2, axis=1), over)
        std = jnp.sqrt(var + self.epsilon)
        s = jnp.mean(std, axis=tuple(range(1, x.ndim)))  # [groups]
        s = jnp.repeat(s, size).reshape(-1, *[1] * (x.ndim - 1))
        s = jnp.broadcast_to(s, (*x.shape[:-1], 1)).astype(x.dtype)
        return jnp.concatenate([x, s], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """Appends how close each sample is to the others of the global batch, by learned kernels.

    M = x T,  o_b(i) = sum over j != i of exp(-|M_ib - M_jb|_1)

    The paper's sum includes the term j = i, which is always 1; the authors' code and this layer
    leave it out. The sum grows with the global batch, so evaluate with the batch size of training.

    Attributes:
      num_kernels: number of appended features o_b.
      kernel_dim: length of each vector M_ib.
    Source: Salimans et al. 2016, section 3.2, https://arxiv.org/abs/1606.03498
    """

    num_kernels: int = 50
    kernel_dim: int = 5

    @nn.compact
    def __call__(self, x: Array, axis_name: str | None = None) -> Array:
        """Float [batch, features + num_kernels]: x [batch, features] with o appended.

        Raises:
          ValueError: if x has another rank.
        """
        if x.ndim != 2:
            raise ValueError(f"x must be [batch, features], got shape {x.shape}")
        m = Dense(self.num_kernels * self.kernel_dim, use_bias=False, name="T")(x)
        m = m.astype(jnp.float32).reshape(len(x), self.num_kernels, self.kernel_dim)
        global_m = gather(m, axis_name)
        distance = jnp.sum(jnp.abs(m[:, None] - global_m[None]), axis=-1)  # [batch, all, kernels]
        i, j = sample_index(len(x), axis_name), jnp.arange(len(global_m))
        other = (i[:, None] != j[None]).astype(jnp.float32)
        o = jnp.sum(jnp.exp(-distance) * other[:, :, None], axis=1)
        return jnp.concatenate([x, o.astype(x.dtype)], axis=-1)

"""The small networks of the Stacked MNIST benchmark, after Metz et al. and Lin et al.

Source: Metz et al. 2017, appendix D, https://arxiv.org/abs/1611.02163; Lin et al. 2018, section 4.2
  and table 3, https://arxiv.org/abs/1712.04086, and their code,
  https://github.com/fjxmlzn/PacGAN
"""

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models import BatchNorm, Conv, ConvTranspose, Dense
from jaxgan.types import Array


class Generator(nn.Module):
    """Latents [batch, 256] to images [batch, 28, 28, channels], by 4x4x64, 7x7x32, 14x14x16."""

    channels: int = 3

    @nn.compact
    def __call__(self, latents: Array, *, train: bool, axis_name: str | None = None) -> Array:
        def activated(x):
            return nn.relu(BatchNorm()(x, train, axis_name))

        init = nn.initializers.normal(0.02)
        x = Dense(4 * 4 * 64, use_bias=False, kernel_init=init)(latents)
        x = activated(x.reshape(-1, 4, 4, 64))
        for size, width in ((7, 32), (14, 16), (28, 8)):
            x = ConvTranspose(width, 3, 2, use_bias=False, kernel_init=init)(x)[:, :size, :size]
            x = activated(x)
        return jnp.tanh(Conv(self.channels, 3, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Images [batch, 28, 28, channels] to logits [batch]: 8, 16 and 32 channels times `share`.

    The published ones have batch norm in all three layers; penalties on gradients need "none".
    """

    share: float = 0.5
    norm: Literal["batch", "none"] = "batch"

    @nn.compact
    def __call__(self, x: Array, *, train: bool, axis_name: str | None = None) -> Array:
        batch = self.norm == "batch"
        init = nn.initializers.normal(0.02) if batch else nn.initializers.he_normal()
        for width in (8, 16, 32):
            x = Conv(round(width * self.share), 3, 2, use_bias=not batch, kernel_init=init)(x)
            x = BatchNorm()(x, train, axis_name) if batch else x
            x = jax.nn.leaky_relu(x, 0.3)
        return Dense(1, kernel_init=init)(x.reshape(len(x), -1))[:, 0]

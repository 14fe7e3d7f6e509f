"""Self-attention over positions."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.linear import Dense, as_float32
from jaxgan.models.layers.spectral_norm import SpectralNorm
from jaxgan.types import Array


class SelfAttention(nn.Module):
    """Self-attention over all positions of an image (SAGAN), with a residual connection.

    y = x + gamma (softmax(q k') v) W_o,  q = x W_q,  k = x W_k,  v = x W_v

    The learned gamma starts at 0, so the layer starts as the identity. Queries and keys have 1/8 of
    the channels, values 1/2.

    Attributes:
      pool: max-pool keys and values over 2 x 2 positions if all sides are even, as the authors'
        code does; it saves 75% of the work.
      spectral_norm: divide the weights W by their largest singular value.
      kernel_init: initialiser of the weights W.
    Source: Zhang et al. 2019, section 3, https://arxiv.org/abs/1805.08318
    """

    pool: bool = True
    spectral_norm: bool = False
    kernel_init: Callable = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array, train: bool | None = None) -> Array:
        """Float [batch, ..., channels] for x of the same shape, with at least one spatial axis.

        `train` is required with spectral norm and ignored otherwise.

        Raises:
          ValueError: if x has no spatial axis, or `train` is missing with spectral norm.
        """
        if x.ndim < 3:
            raise ValueError(
                f"x must be [batch, ..., channels] with a spatial axis, got shape {x.shape}"
            )
        channels = x.shape[-1]

        def dense(x: Array, features: int) -> Array:
            layer = Dense(max(features, 1), use_bias=False, kernel_init=self.kernel_init)
            return SpectralNorm(layer)(x, train=train) if self.spectral_norm else layer(x)

        q, k, v = dense(x, channels // 8), dense(x, channels // 8), dense(x, channels // 2)
        if self.pool and all(side % 2 == 0 for side in x.shape[1:-1]):
            k, v = _pooled(k), _pooled(v)
        q, k, v = (part.reshape(len(x), -1, part.shape[-1]) for part in (q, k, v))
        scores = jnp.einsum("bqc,bkc->bqk", q, k).astype(jnp.float32)
        attended = jnp.einsum("bqk,bkc->bqc", jax.nn.softmax(scores).astype(v.dtype), v)
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        added = as_float32(gamma) * dense(attended, channels).reshape(x.shape)
        return x + added.astype(x.dtype)


def _pooled(x: Array) -> Array:
    """Max pooling by 2 along each spatial axis (even sizes), twice differentiable."""
    pairs = [size for side in x.shape[1:-1] for size in (side // 2, 2)]
    return jnp.max(x.reshape(len(x), *pairs, x.shape[-1]), axis=tuple(range(2, 2 * x.ndim - 3, 2)))

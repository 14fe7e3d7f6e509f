"""Layers that flax lacks, or whose results would depend on the number of devices."""

import math
import zlib

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.types import Array


class Dropout(nn.Module):
    """Dropout with one mask a sample, drawn from that sample's key.

    So the masks are the same however the batch is split. The rate is exact to 1/65536.

    Attributes:
      rate: share of values set to 0, in [0, 1); the others are divided by the share kept.
    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, keys: Array, train: bool) -> Array:
        """Dropped-out x [batch, ...]; x itself outside training.

        Raises:
          ValueError: if the rate is out of range.
        """
        if not 0.0 <= self.rate < 1.0:
            raise ValueError(f"rate must lie in [0, 1), got {self.rate}")
        if not train or self.rate == 0.0:
            return x
        # Layers of one network share the sample keys: each folds in its own place.
        place = zlib.crc32("/".join(self.path).encode())
        keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, place)
        kept = jax.vmap(lambda key: _half_words(key, math.prod(x.shape[1:])))(keys)
        threshold = round(self.rate * 65536)
        kept = kept.reshape(x.shape) >= threshold
        return jnp.where(kept, x * (65536 / (65536 - threshold)), 0)


def _half_words(key: Array, num: int) -> Array:
    """Uniform uint16 [num]: two from each word drawn, which halves the cost of drawing."""
    words = jax.random.bits(key, ((num + 1) // 2,), "uint32")
    return jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(-1)[:num]

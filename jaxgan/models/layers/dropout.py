"""Dropout with one key per sample."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.keys import layer_keys
from jaxgan.types import Array


class Dropout(nn.Module):
    """Dropout with one mask per sample, drawn from that sample's key.

    The masks do not depend on how the batch is split over devices.

    y = x mask / (1 - rate),  mask ~ Bernoulli(1 - rate)

    Attributes:
      rate: fraction of values set to 0, in [0, 1).
    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, keys: Array, train: bool) -> Array:
        """Apply dropout to x [batch, ...] in training; return x itself otherwise.

        Raises:
          ValueError: if the rate is out of range.
        """
        if not 0.0 <= self.rate < 1.0:
            raise ValueError(f"rate must be in [0, 1), got {self.rate}")
        if not train or self.rate == 0.0:
            return x
        keys = layer_keys(keys, self.path)
        words = random_words(keys, math.prod(x.shape[1:])).reshape(x.shape)
        kept = words >= jnp.uint32(round(self.rate * 2**32))
        return jnp.where(kept, x * (1.0 / (1.0 - self.rate)), 0)


def random_words(keys: Array, num: int) -> Array:
    """Uniform uint32 [batch, num], one row per key; fast, and good enough for masks.

    x_i = hash(start + stride i), where threefry gives each row its start and odd stride

    XLA fuses the integer hash into the code that uses the words, which it cannot do with threefry's
    loop. Dropout then costs next to nothing on CPU.
    """
    start, stride = jnp.split(jax.vmap(lambda key: jax.random.bits(key, (2,)))(keys), 2, axis=1)
    x = start + (stride | 1) * jnp.arange(num, dtype=jnp.uint32)[None, :]
    # The 32-bit hash of two multiplications with the least bias that the search of
    # https://github.com/skeeto/hash-prospector found.
    x = (x ^ (x >> 16)) * jnp.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * jnp.uint32(0xD35A2D97)
    return x ^ (x >> 15)

"""Dropout with one key per sample."""

import math
import zlib

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.types import Array


class Dropout(nn.Module):
    """Dropout with one mask a sample, drawn from that sample's key.

    So the masks are the same however the batch is split.

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
        words = random_words(keys, math.prod(x.shape[1:])).reshape(x.shape)
        kept = words >= jnp.uint32(round(self.rate * 2**32))
        return jnp.where(kept, x * (1.0 / (1.0 - self.rate)), 0)


def random_words(keys: Array, num: int) -> Array:
    """Uniform uint32 [batch, num], a row from each key, good enough for masks and fast.

    Threefry gives each row the start and the stride of a counter; an integer hash makes words of
    it. XLA fuses that into whatever uses the words, which it cannot do with threefry's own loop:
    dropout then costs next to nothing on CPU.
    """
    start, stride = jnp.split(jax.vmap(lambda key: jax.random.bits(key, (2,)))(keys), 2, axis=1)
    x = start + (stride | 1) * jnp.arange(num, dtype=jnp.uint32)[None, :]
    # The hash of 32 bits that the search of https://github.com/skeeto/hash-prospector found to
    # have the least bias with two multiplications.
    x = (x ^ (x >> 16)) * jnp.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * jnp.uint32(0xD35A2D97)
    return x ^ (x >> 15)

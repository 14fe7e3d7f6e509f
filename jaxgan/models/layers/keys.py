"""Keys for the layers of a network, which all share one key per sample."""

import zlib
from collections.abc import Sequence

import jax

from jaxgan.types import Array


def layer_keys(keys: Array, path: Sequence[str]) -> Array:
    """Keys [batch] for one use of the sample keys [batch], such as a layer, named by its path."""
    number = zlib.crc32("/".join(path).encode())
    return jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, number)

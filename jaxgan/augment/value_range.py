"""The range of values that a transform expects, and the check of its inputs."""

import math
from collections.abc import Callable

from jaxgan.types import Array, Range

Transform = Callable[[Array, Array], Array]
"""`(keys [batch], samples [batch, ...]) -> samples [batch, ...]`."""


def in_range(transform: Callable[..., Array], model_range: Range) -> Callable[..., Array]:
    """A transform of samples in [-1, 1], made to work on samples in another range.

    Args:
      transform: `(keys, samples[, strength]) -> samples` for samples in [-1, 1].
      model_range: (low, high) of the samples, as in `jaxgan.fit`; (0, 1) for a sigmoid generator.
    Returns:
      A transform with the same arguments, for samples in `model_range`.
    Raises:
      ValueError: if the range is not finite or low is not below high.

    >>> import jax, jax.numpy as jnp
    >>> from jaxgan.augment import cutout
    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> print(jnp.unique(in_range(cutout, (0.0, 1.0))(keys, jnp.ones((2, 8, 8, 1)))))
    [0.5 1. ]
    """
    low, high = model_range
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            f"model_range must be finite (low, high) with low < high, got {model_range}"
        )
    if (low, high) == (-1.0, 1.0):
        return transform
    middle, half = (low + high) / 2, (high - low) / 2

    def mapped(keys: Array, x: Array, *strength: Array | float) -> Array:
        return transform(keys, (x - middle) / half, *strength) * half + middle

    return mapped


def check_images(keys: Array, x: Array):
    """Check that x holds images and keys one key per image.

    Raises:
      ValueError: if not.
    """
    if x.ndim != 4:
        raise ValueError(
            f"augmentation needs images [batch, height, width, channels], got shape {x.shape}"
        )
    if keys.shape != x.shape[:1]:
        raise ValueError(f"keys must be one per sample, [{len(x)}], got shape {keys.shape}")

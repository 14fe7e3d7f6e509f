"""Argument checks of the metrics on features."""

import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array

Features = Array | np.ndarray
"""Features of samples, floats [num, features]."""


def check_features(real: Features, fake: Features, fewest: int = 2):
    """Raises a ValueError unless both are finite sets of features that can be compared.

    Args:
      real: features of real samples [num, features].
      fake: features of generated samples [num, features]; num may differ.
      fewest: the smallest number of samples in each set.
    """
    check_shapes(real, fake, fewest)
    for name, x in (("real", real), ("fake", fake)):
        check_finite(name, x)


def check_shapes(real: Features, fake: Features, fewest: int):
    """The part of `check_features` that also works on traced arrays."""
    shapes = np.shape(real), np.shape(fake)
    if any(len(shape) != 2 or min(shape) < 1 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            "real and fake must be [num, features] with the same number of features, got "
            f"{shapes[0]} and {shapes[1]}"
        )
    for name, shape in zip(("real", "fake"), shapes, strict=True):
        if shape[0] < fewest:
            raise ValueError(f"{name} must have at least {fewest} samples, got {shape[0]}")


def check_finite(name: str, x: Features):
    """Raises a ValueError that names the argument if it has a non-finite value."""
    if not bool(jnp.isfinite(x).all() if isinstance(x, Array) else np.isfinite(x).all()):
        raise ValueError(f"{name} has non-finite values (NaN or infinity)")

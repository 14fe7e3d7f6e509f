"""What the metrics of features refuse."""

import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array

Features = Array | np.ndarray
"""Features of samples, floats [num, features]."""


def check_features(real: Features, fake: Features, fewest: int = 2):
    """Raises a ValueError unless both are sets of features that can be compared.

    Args:
      real: [num, features].
      fake: [num, features]; the numbers may differ.
      fewest: samples that either must have.
    """
    check_shapes(real, fake, fewest)
    for name, x in (("real", real), ("fake", fake)):
        check_finite(name, x)


def check_shapes(real: Features, fake: Features, fewest: int):
    """The part of `check_features` that can be done while a function is traced."""
    shapes = np.shape(real), np.shape(fake)
    if any(len(shape) != 2 or min(shape) < 1 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            "real and fake must be features [num, features] of one length, got "
            f"{shapes[0]} and {shapes[1]}"
        )
    for name, shape in zip(("real", "fake"), shapes, strict=True):
        if shape[0] < fewest:
            raise ValueError(f"{name} must have {fewest} samples or more, got {shape[0]}")


def check_finite(name: str, x: Features):
    """Raises a ValueError that names the argument if a value is not finite."""
    if not bool(jnp.isfinite(x).all() if isinstance(x, Array) else np.isfinite(x).all()):
        raise ValueError(f"{name} has values that are not finite")

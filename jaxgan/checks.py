"""Refusals of arguments that are no good; each names the argument, and says what came."""

import difflib
import numbers
from collections.abc import Iterable


def check_positive(**counts: int):
    """Raises a ValueError that names the first count that is not a positive int."""
    for name, count in counts.items():
        if not isinstance(count, numbers.Integral) or count < 1:
            raise ValueError(f"{name} must be a positive int, got {count!r}")
        if count >= 2**31:
            raise ValueError(f"{name} must be less than 2**31, got {count}")


def check_seed(seed: int):
    """Raises a ValueError unless a seed has at most 32 bits: jax leaves further ones out."""
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an int from 0 to 2**32 - 1, got {seed!r}")


def check_choice(**choices: tuple[str, tuple[str, ...]]):
    """Raises a ValueError that names the first `(value, allowed)` where it is not."""
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def closest(name: str, known: Iterable[str]) -> str:
    """A question for the end of a message on an unknown name; nothing if no known one is near.

    >>> closest("digts", ["digits", "spiral"])
    " Did you mean 'digits'?"
    """
    near = difflib.get_close_matches(name.lower(), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""

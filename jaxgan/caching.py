"""Results that are kept for the next call with the same arguments."""

import functools
from collections.abc import Callable
from typing import TypeVar

KEPT = 8
"""How many results of a function are kept; then the least recently used one is dropped."""

Result = TypeVar("Result")


def kept(make: Callable[..., Result]) -> Callable[..., Result]:
    """A function that keeps its last few results; those of unhashable arguments are not kept."""
    cached = functools.lru_cache(maxsize=KEPT)(make)

    @functools.wraps(make)
    def again(*arguments):
        try:
            hash(arguments)
        except TypeError:  # such as an array among the parts of a GAN
            return make(*arguments)
        return cached(*arguments)

    return again

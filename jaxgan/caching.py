"""A cache of a function's last results, by its arguments."""

import functools
from collections.abc import Callable
from typing import TypeVar

MAX_RESULTS = 8
"""Number of results cached per function; the least recently used one is dropped first."""

Result = TypeVar("Result")


def cached(make: Callable[..., Result]) -> Callable[..., Result]:
    """A function that caches its last results, except for calls with unhashable arguments."""
    remember = functools.lru_cache(maxsize=MAX_RESULTS)(make)

    @functools.wraps(make)
    def call(*arguments):
        try:
            hash(arguments)
        except TypeError:  # such as an array among the parts of a GAN
            return make(*arguments)
        return remember(*arguments)

    return call

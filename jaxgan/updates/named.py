"""Update rules by name, for settings and the command line."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, get_args

from jaxgan.calls import parse_call, parse_number
from jaxgan.choices import Player
from jaxgan.updates.adjusted import competitive, consensus, symplectic
from jaxgan.updates.averaged import anderson, lookahead
from jaxgan.updates.extrapolated import (
    extragradient,
    extrapolation_from_the_past,
    optimistic,
)
from jaxgan.updates.moves import Update
from jaxgan.updates.ode import runge_kutta
from jaxgan.updates.plain import alternating, simultaneous
from jaxgan.updates.unrolling import unrolled

RULES: Mapping[str, Callable[..., Update]] = {
    make.__name__: make
    for make in (
        *(alternating, simultaneous, extragradient, extrapolation_from_the_past, optimistic),
        *(consensus, symplectic, competitive, unrolled, lookahead, runge_kutta, anderson),
    )
}


@functools.cache
def from_name(text: str, plain: Update = alternating()) -> Update:  # noqa: B008 (immutable)
    """An update rule from its name and numbers, `NAME` or `NAME:PARAMETER=VALUE,...`.

    Args:
      text: for instance "extragradient", or "lookahead:k=10,alpha=0.5,inner=alternating".
      plain: the rule that "alternating" without numbers stands for, such as one with n_critic.
    Raises:
      ValueError: if there is no rule of that name, or its numbers are wrong.

    >>> from_name("unrolled:k=3").gradients
    8
    """
    make, texts = parse_call("update", text, RULES)
    if text == "alternating":
        return plain
    name = text.partition(":")[0]
    given = {
        parameter: from_name(value, plain)
        if parameter == "inner"
        else _value(f"update {name}: {parameter}", value)
        for parameter, value in texts.items()
    }
    return make(**given)


def _value(where: str, value: str) -> Any:
    return value if value in get_args(Player) else parse_number(where, value)

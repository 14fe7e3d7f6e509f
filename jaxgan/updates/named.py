"""Update rules by name, for settings and the command line."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.checks import check_choice, closest
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
    "alternating": alternating,
    "simultaneous": simultaneous,
    "extragradient": extragradient,
    "extrapolation-from-the-past": extrapolation_from_the_past,
    "optimistic": optimistic,
    "consensus": consensus,
    "symplectic": symplectic,
    "competitive": competitive,
    "unrolled": unrolled,
    "lookahead": lookahead,
    "runge-kutta": runge_kutta,
    "anderson": anderson,
}
_OVER_ANOTHER = ("lookahead", "anderson")


@functools.cache
def from_name(text: str, inner: Update | None = None) -> Update:
    """An update rule from its name and numbers, `NAME` or `NAME:PARAMETER=NUMBER,...`.

    Args:
      text: for instance "extragradient" or "lookahead:k=10,alpha=0.5".
      inner: of the rules that play another one; plain alternation by default.
    Raises:
      ValueError: if there is no rule of that name, or its numbers are wrong.

    >>> from_name("unrolled:k=3").gradients
    8
    """
    name, _, numbers = text.partition(":")
    check_choice(update=(name, tuple(RULES)))
    make = RULES[name]
    taken = [p for p in inspect.signature(make).parameters.values() if p.name != "inner"]
    given = dict(
        _number(name, part, [p.name for p in taken]) for part in numbers.split(",") if part
    )
    missing = [p.name for p in taken if p.default is p.empty and p.name not in given]
    if missing:
        raise ValueError(f"update {name} needs {missing[0]}: write {name}:{missing[0]}=NUMBER")
    if name in _OVER_ANOTHER and inner is not None:
        given["inner"] = inner
    return make(**given)


def _number(rule: str, part: str, known: list[str]) -> tuple[str, Any]:
    name, equals, value = part.partition("=")
    if name not in known:
        known_names = ", ".join(known) or "none"
        raise ValueError(
            f"update {rule} has no parameter {name!r}.{closest(name, known)} It has {known_names}"
        )
    words = {
        "true": True,
        "false": False,
        "discriminator": "discriminator",
        "generator": "generator",
    }
    if value in words:
        return name, words[value]
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    raise ValueError(f"update {rule}: {name} must be a number, got {value or equals!r}")

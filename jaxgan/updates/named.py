"""Update rules by name, for settings and the command line."""

import contextlib
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
    name, _, numbers = text.partition(":")
    check_choice(update=(name, tuple(RULES)))
    if text == "alternating":
        return plain
    parameters = inspect.signature(RULES[name]).parameters
    given: dict[str, Any] = {}
    for part in filter(None, numbers.split(",")):
        parameter, _, value = part.partition("=")
        if parameter not in parameters:
            known = ", ".join(parameters) or "none"
            near = closest(parameter, parameters)
            raise ValueError(
                f"update {name} has no parameter {parameter!r}.{near} Its parameters: {known}"
            )
        inner = parameter == "inner"
        given[parameter] = from_name(value, plain) if inner else _value(name, parameter, value)
    for needed in parameters.values():
        if needed.default is needed.empty and needed.name not in given:
            raise ValueError(
                f"update {name} needs {needed.name}: write {name}:{needed.name}=NUMBER"
            )
    return RULES[name](**given)


_WORDS = {"true": True, "false": False, "discriminator": "discriminator", "generator": "generator"}


def _value(rule: str, parameter: str, value: str) -> Any:
    if value in _WORDS:
        return _WORDS[value]
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    raise ValueError(f"update {rule}: {parameter} must be a number, got {value!r}")

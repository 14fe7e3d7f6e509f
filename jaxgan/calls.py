"""Functions called by a text `NAME:PARAMETER=VALUE,...`, for settings and the command line."""

import contextlib
import inspect
from collections.abc import Callable, Mapping

from jaxgan.checks import check_choice, closest


def parse_call(
    kind: str, text: str, functions: Mapping[str, Callable]
) -> tuple[Callable, dict[str, str]]:
    """The function that a text names, and the texts of the arguments it gives.

    Args:
      kind: what the functions are, for errors, such as "update".
      text: for instance "unrolled:k=3".
      functions: by name; a text may give all of their parameters that have a name.
    Raises:
      ValueError: if there is no such function or parameter, or one without a default is missing.
    """
    name, _, numbers = text.partition(":")
    check_choice(**{kind: (name, tuple(functions))})
    parameters = {
        each.name: each
        for each in inspect.signature(functions[name]).parameters.values()
        if each.kind is not each.POSITIONAL_ONLY
    }
    given: dict[str, str] = {}
    for part in filter(None, numbers.split(",")):
        parameter, _, value = part.partition("=")
        if parameter not in parameters:
            known = ", ".join(parameters) or "none"
            near = closest(parameter, parameters)
            raise ValueError(
                f"{kind} {name} has no parameter {parameter!r}.{near} Its parameters: {known}"
            )
        given[parameter] = value
    for needed in parameters.values():
        if needed.default is needed.empty and needed.name not in given:
            raise ValueError(
                f"{kind} {name} needs {needed.name}: write {name}:{needed.name}=NUMBER"
            )
    return functions[name], given


def parse_number(where: str, value: str) -> int | float | bool:
    """A number, or true or false.

    Args:
      where: what the value is for, for errors.
      value: the text.
    Raises:
      ValueError: if it is neither.

    >>> parse_number("update lookahead: k", "10")
    10
    """
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    raise ValueError(f"{where} must be a number, got {value!r}")

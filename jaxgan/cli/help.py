"""Commands whose help fits 80 columns: plain placeholders for values, and one form of defaults."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

_METAVARS = {"int": "N", "float": "X", "str": "TEXT", "path": "PATH"}


class Command(TyperCommand):
    """A command with readable options."""

    def get_params(self, ctx: Any) -> list:
        """The parameters of the command, for its help and its parser."""
        return [_readable(each, ctx) for each in super().get_params(ctx)]


class Group(TyperGroup):
    """The command line itself, with readable options."""

    def get_params(self, ctx: Any) -> list:
        """The parameters of the command line, for its help and its parser."""
        return [_readable(each, ctx) for each in super().get_params(ctx)]


def _readable(parameter: Any, ctx: Any) -> Any:
    """A parameter without a type where it takes no value; its default is a sentence of its help."""
    if parameter.param_type_name == "argument":
        parameter.metavar = parameter.metavar or parameter.name.upper()
    elif getattr(parameter, "is_flag", False):
        parameter.metavar = ""
    elif parameter.metavar is None:
        kind = parameter.display_type(ctx).strip("<>")
        parameter.metavar = _METAVARS.get(kind.partition(" ")[0], kind)
    default = _default(parameter)
    if default:
        parameter.help = f"{parameter.help} Default: {default}."
    parameter.show_default = False
    return parameter


def _default(parameter: Any) -> str:
    """The default of a parameter, as its help shows it; empty if it shows none."""
    shown, default = parameter.show_default, parameter.default
    if isinstance(shown, str):
        return shown
    if not shown or default is None:
        return ""
    if not getattr(parameter, "is_flag", False):
        return str(default)
    names = parameter.opts if default else parameter.secondary_opts
    return names[0] if names else ""

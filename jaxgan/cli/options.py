"""The options of `jaxgan train` and `jaxgan resume`, generated from the declared settings."""

import contextlib
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from jaxgan.recipes.hyperparameters import Given
from jaxgan.runs.settings.options import Options, Overrides
from jaxgan.settings import Declared, Setting, bare, check_value, declared

_METAVARS = {int: "N", float: "X", str: "TEXT"}


def with_options(
    command: Callable[..., None],
    chosen: Callable[[Setting], bool] = lambda setting: True,
    show_defaults: bool = True,
) -> Callable[..., None]:
    """A command with an option for each setting of a run in place of its parameter `overrides`.

    Args:
      command: takes `overrides`, a dict of the given options, and its own options.
      chosen: whether there is an option for a setting.
      show_defaults: whether the help shows the defaults of the settings.
    """
    settings = {
        each.path.replace(".", "_"): each
        for each in declared(Options)
        if not each.setting.python_only and chosen(each.setting)
    }

    def generated(**values: Any) -> None:
        given = {name: values.pop(name) for name in settings}
        overrides: Overrides = {
            settings[name].path: _value(settings[name], value)
            for name, value in given.items()
            if value is not None and value != []
        }
        return command(overrides=overrides, **values)

    own = dict(inspect.signature(command).parameters)
    del own["overrides"]
    options = [_option(name, each, show_defaults) for name, each in settings.items()]
    parameters = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*options, *own.values())
    ]
    generated.__name__, generated.__doc__ = command.__name__, _paragraphs(command)
    generated.__annotations__ = {each.name: each.annotation for each in parameters}
    generated.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return generated


def _paragraphs(command: Callable) -> str:
    """The docstring of a command, with each paragraph on one line: the help wraps it again."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _option(name: str, each: Declared, show_default: bool) -> inspect.Parameter:
    """The parameter of a command for a setting; None means that it was not given."""
    setting, kind = each.setting, bare(each.kind)
    shown = _constant(each) if setting.shown_default is None else setting.shown_default
    option: Any
    facts: dict[str, Any] = {
        "help": setting.help,
        "show_default": shown if show_default and shown else False,
        "metavar": setting.metavar or _METAVARS.get(kind),
        "rich_help_panel": setting.panel or None,
    }
    if not setting.flag.startswith("--"):
        option = typer.Argument(**facts | {"metavar": setting.flag.upper()})
    elif kind is bool:
        option = typer.Option(f"{setting.flag}/--no-{setting.flag[2:]}", **facts)
    else:
        option = typer.Option(setting.flag, **facts)
    typed: Any = {tuple: str, dict: list[str]}.get(get_origin(kind), kind)
    annotation: Any = Annotated[typed | None, option]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=None, annotation=annotation)


def _constant(each: Declared) -> str:
    """The default of a setting, as its help shows it."""
    default = each.default
    if default is None or isinstance(default, bool):
        return ""
    if isinstance(default, tuple):
        return ",".join(default) or "none"
    return str(default)


def _value(each: Declared, given: Any) -> Any:
    """The value of a setting from what was typed.

    Raises:
      ValueError: if it is out of range.
    """
    kind, flag = bare(each.kind), each.setting.flag
    if get_origin(kind) is tuple:
        given = _names(given, get_args(get_args(kind)[0]), flag)
    elif get_origin(kind) is dict:
        given = named_numbers(given, flag)
    return check_value(each.kind, given, flag)


def named_numbers(texts: Sequence[str], flag: str) -> Given:
    """The values in several NAME=VALUE; integers are ints.

    Raises:
      ValueError: if a text has another form, or a name is given twice.
    """
    given: Given = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            raise ValueError(f"{flag} takes NAME=VALUE, such as gamma=0.5, got {text!r}")
        if name in given:
            raise ValueError(f"{flag} gives {name} twice")
        given[name] = _number(f"{flag} {text}", value)
    return given


def _number(typed: str, value: str) -> int | float | Literal["auto"]:
    if value == "auto":
        return "auto"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    raise ValueError(f"{typed}: the value must be a number, got {value!r}")


def _names(text: str, allowed: tuple[str, ...], flag: str) -> tuple[str, ...]:
    """The names in NAME,NAME,... or none; each once and in order, if only some are allowed."""
    names = () if text == "none" else tuple(text.split(","))
    if not allowed:
        return names
    if not set(names) <= set(allowed):
        raise ValueError(f"{flag} must be some of {','.join(allowed)}, or none, got {text!r}")
    return tuple(name for name in allowed if name in names)

"""How a setting is declared: once, with its type, range, default, help text and what it may do.

    class Saving(NamedTuple):
        minutes: Annotated[
            float, pydantic.Field(ge=0), Setting("Minutes between checkpoints.", may_change=True)
        ] = 10.0

Checks, the command line, `config.json`, the comparison on resume and the documentation of the
fields are derived from such declarations. Groups of settings are fields of other groups. Nothing
here imports JAX, so that the command line can show its help at once.
"""

import dataclasses
import functools
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import pydantic

Group = TypeVar("Group")


def _plain_int(count: Any) -> Any:
    """NumPy's integers count as ints; booleans do not."""
    is_index = hasattr(count, "__index__") and not isinstance(count, bool)
    return int(count) if is_index and getattr(count, "shape", ()) == () else count


Count = Annotated[int, pydantic.BeforeValidator(_plain_int), pydantic.Field(ge=1, lt=2**31)]
"""A positive number that fits int32, the type of counts on the device."""
Seed = Annotated[int, pydantic.Field(ge=0, lt=2**32)]
"""JAX would take only the last 32 bits of larger ones."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is declared of a setting, beside its type, range and default.

    Attributes:
      help: what it is, for the command line and the documentation.
      may_change: whether a resumed run may change it, because it does not change the results. By
        default it may not.
      flag: its option on the command line; "--" and its name by default. A flag without dashes
        is a positional argument.
      python_only: whether it has no option on the command line.
      panel: the group of options that shows it in the help; by default that of its group.
      shown_default: the default in words; "" for none, and by default the group's, or else the
        default of the declaration.
      metavar: the value in the help, such as METRIC:max|min; by default it follows from the type.
      per_process: whether each process of a run may have its own value.
      absolute: returns the value with absolute paths, for values that contain paths.
    """

    help: str = ""
    may_change: bool = False
    flag: str = ""
    python_only: bool = False
    panel: str = ""
    shown_default: str | None = None
    metavar: str = ""
    per_process: bool = False
    absolute: Callable[[str], str] | None = None


class Declared(NamedTuple):
    """A setting in a tree of groups.

    Attributes:
      path: dotted name, such as "saving.minutes".
      kind: its type, with its range.
      default: the default of its field; None where there is none.
      setting: what is declared of it, with its flag and panel.
    """

    path: str
    kind: Any
    default: Any
    setting: Setting


def declared(group: type, path: str = "", inherited: Setting = Setting()) -> Iterator[Declared]:
    """Yields the settings of a group, a NamedTuple, and of all groups in it.

    Fields without a `Setting` count as settings that may not change. A group's own `Setting` has
    the panel and the shown default of those of its settings that have none.

    >>> class Size(NamedTuple):
    ...     width: Annotated[Count, Setting("Width in pixels.", may_change=True)] = 8
    >>> [(each.path, each.default, each.setting.flag) for each in declared(Size)]
    [('width', 8, '--width')]
    """
    defaults = getattr(group, "_field_defaults", {})
    for name, kind in get_type_hints(group, include_extras=True).items():
        setting = next((x for x in _metadata(kind) if isinstance(x, Setting)), Setting())
        shown = setting.shown_default
        setting = dataclasses.replace(
            setting,
            flag=setting.flag or f"--{name.replace('_', '-')}",
            panel=setting.panel or inherited.panel,
            shown_default=inherited.shown_default if shown is None else shown,
        )
        if is_group(bare(kind)):
            yield from declared(bare(kind), f"{path}{name}.", setting)
        else:
            yield Declared(f"{path}{name}", kind, defaults.get(name), setting)


def _metadata(kind: Any) -> tuple:
    return get_args(kind)[1:] if get_origin(kind) is Annotated else ()


def bare(kind: Any) -> Any:
    """A type without its metadata and without None: int of `Annotated[int, ...] | None`."""
    if get_origin(kind) is Annotated:
        return bare(get_args(kind)[0])
    if type(None) in get_args(kind):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
        return bare(kind)
    return kind


def is_group(kind: Any) -> bool:
    """Whether a type is a NamedTuple."""
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def documented(group: type[Group]) -> type[Group]:
    """A NamedTuple whose docstring lists its fields, by their help texts."""
    lines = []
    for name, kind in get_type_hints(group, include_extras=True).items():
        setting = next((x for x in _metadata(kind) if isinstance(x, Setting)), Setting())
        lines.append(f"      {name}: {setting.help}")
    text = (group.__doc__ or "").rstrip()
    group.__doc__ = "\n".join([text, "", "    Attributes:", *lines, "    "])
    # Signatures show the types alone.
    group.__new__.__annotations__ = get_type_hints(group)
    return group


# --- Values


def flatten(values: Any, path: str = "") -> dict[str, Any]:
    """The values of a group and of all groups in it, by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in values._asdict().items():
        flat |= flatten(value, f"{path}{name}.") if is_group(type(value)) else {path + name: value}
    return flat


def with_values(values: Group, changes: Mapping[str, Any]) -> Group:
    """A group with other values for some settings, given by dotted name.

    Raises:
      ValueError: if there is no setting of a name.
    """
    known = flatten(values)
    for path, value in changes.items():
        if path not in known:
            raise ValueError(f"there is no setting {path!r}")
        values = _replaced(values, path, value)
    return values


def _replaced(values: Any, path: str, value: Any) -> Any:
    name, _, rest = path.partition(".")
    new = _replaced(getattr(values, name), rest, value) if rest else value
    return values._replace(**{name: new})


@functools.cache
def _adapter(kind: Any) -> pydantic.TypeAdapter:
    return pydantic.TypeAdapter(kind)


def check_fields(values: Group) -> Group:
    """Returns a group if all its values have their types and lie in their ranges.

    Raises:
      ValueError: if they do not; it names all that do not.
    """
    return check_value(type(values), values)


def check_value(kind: Any, value: Any, name: str = "") -> Any:
    """Returns a value if it is of a type and in its range; `name` is what errors call it.

    Raises:
      ValueError: if it is not.
    """
    try:
        return _adapter(kind).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        raise ValueError(problems(error, name)) from None


def read_json(kind: Callable[..., Group], text: bytes) -> Group:
    """A group from JSON.

    Raises:
      ValueError: if it is not valid JSON, or has unknown, missing or invalid values.
    """
    try:
        return _adapter(kind).validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        raise ValueError(problems(error)) from None


def problems(error: pydantic.ValidationError, name: str = "") -> str:
    """What is wrong with values, in words."""
    return "; ".join(_problem(problem, name) for problem in error.errors(include_url=False))


def _problem(problem: Any, name: str) -> str:
    place = name or ".".join(str(part) for part in problem["loc"]) or "the file"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    for start in ("input should", "must"):
        if message.startswith(start):
            verb = start.removeprefix("input ")
            return f"{place} {verb}{message.removeprefix(start)}, got {_shown(problem['input'])}"
    told = problem["type"].startswith("missing") or problem["type"] == "json_invalid"
    return f"{place}: {message}" + ("" if told else f", got {_shown(problem['input'])}")


def _shown(value: Any) -> str:
    return reprlib.repr(value)

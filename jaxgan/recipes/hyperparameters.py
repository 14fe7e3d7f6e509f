"""Hyper-parameters: what of a recipe may be changed, such as its learning rate.

They are the keyword-only parameters of the function that makes the recipe's GAN. Each has a type of
this module, with its range and its help text, and a default:

    def digits_gan(shape, num_classes=None, *, learning_rate: LearningRate = 2e-4) -> GAN: ...

Numbers may be traced, as in sweeps; integers decide shapes or Python branches.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_args

import pydantic

from jaxgan.settings import Setting, bare, check_value

Value = int | float
Given = dict[str, int | float | Literal["auto"]]
"""Values by name; "auto" asks for the value of a rule, see `HyperParameter`."""


class Rule(NamedTuple):
    """A rule for a value, which is used only when asked for by "auto".

    Attributes:
      text: the rule as a formula.
      value: maps the shape of a sample and the batch size to the value.
    """

    text: str
    value: Callable[[tuple[int, ...], int], float]


def _r1_gamma(shape: tuple[int, ...], batch_size: int) -> float:
    from jaxgan.regularizers import r1_gamma

    return r1_gamma(shape, batch_size)


# --- Types

_FIXED = "fixed"
"""Marks a number that cannot be traced, though it is no integer."""
_Number = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
_Fraction = Annotated[float, pydantic.Field(ge=0, lt=1, allow_inf_nan=False)]
_Count = Annotated[int, pydantic.Field(ge=1)]

LearningRate = Annotated[_Positive, Setting("Learning rate of both players.")]
Beta1 = Annotated[_Fraction, Setting("Adam's b1, the decay of its mean of gradients.")]
Beta2 = Annotated[_Fraction, Setting("Adam's b2, the decay of its mean of squared gradients.")]
Gamma = Annotated[_Number, Setting("Strength of R1 and R2: each has the weight gamma / 2.")]
RuledGamma = Annotated[
    Gamma,
    Setting("Strength of R1, which has the weight gamma / 2."),
    Rule("0.0002 * height * width / batch size", _r1_gamma),
]
Weight = Annotated[_Number, Setting("Weight of the penalty.")]
Limit = Annotated[_Positive, Setting("Weights are clipped to this absolute value.")]
EMADecay = Annotated[_Fraction, Setting("Decay of the EMA generator.")]
HalfLife = Annotated[_Positive, Setting("Half-life of the EMA generator, in updates.")]
Truncation = Annotated[float, pydantic.Field(allow_inf_nan=False), Setting("Psi, in sampling.")]
Width = Annotated[_Count, Setting("Units of each hidden layer of both players.")]
Channels = Annotated[_Count, Setting("Channels at full size; deeper levels follow from it.")]
Dropout = Annotated[_Fraction, Setting("Dropout of the discriminator."), _FIXED]
Latents = Annotated[_Count, Setting("Size of the latents.")]
Every = Annotated[_Count, Setting("Updates of the discriminator between penalties.")]
Steps = Annotated[_Count, Setting("Steps of the schedules.")]


class HyperParameter(NamedTuple):
    """A hyper-parameter of a recipe.

    Attributes:
      kind: its type, with its range.
      default: the value of the recipe.
      help: what it is.
      rule: for the value "auto"; None if it has none.
    """

    kind: Any
    default: Value
    help: str
    rule: Rule | None = None

    @property
    def is_integer(self) -> bool:
        """Whether it is an integer."""
        return bare(self.kind) is int

    @property
    def is_traceable(self) -> bool:
        """Whether one program serves all its values, as in sweeps."""
        return not self.is_integer and _FIXED not in get_args(self.kind)

    @property
    def described(self) -> str:
        """Its type and range in words, as in "an integer, at least 1"."""
        return f"{'an integer' if self.is_integer else 'a number'}{_range(self.kind)}"


_BOUNDS = {
    **{"gt": "above", "ge": "at least", "lt": "below", "le": "at most"},
    "multiple_of": "a multiple of",
}


def _range(kind: Any) -> str:
    """The range of a type in words, after a comma; empty if it has none."""
    fields = [each for each in get_args(kind)[1:] if isinstance(each, pydantic.fields.FieldInfo)]
    bounds = [
        f"{word} {getattr(each, name):,}"
        for field in fields
        for each in field.metadata
        for name, word in _BOUNDS.items()
        if hasattr(each, name)
    ]
    return ", " + " and ".join(bounds) if bounds else ""


def hyperparameters_of(function: Callable[..., Any]) -> dict[str, HyperParameter]:
    """The hyper-parameters of a function that makes a GAN, in order."""
    found = {}
    for each in inspect.signature(function).parameters.values():
        parts = get_args(each.annotation)[1:]
        settings = [part for part in parts if isinstance(part, Setting)]
        if settings:  # the last one, since a type may be declared from another
            rule = next((part for part in parts if isinstance(part, Rule)), None)
            text = settings[-1].help
            found[each.name] = HyperParameter(each.annotation, each.default, text, rule)
    return found


# --- Values


def checked(
    recipe: str,
    known: Mapping[str, HyperParameter],
    given: Mapping[str, Any],
    rules: bool = False,
) -> Given:
    """Returns given values, each of its type and in its range.

    Args:
      recipe: name of the recipe, for errors.
      known: its hyper-parameters.
      given: values for some of them.
      rules: also accept "auto" where there is a rule.
    Raises:
      ValueError: if a name is unknown, or a value is of another type or out of range.
    """
    values: Given = {}
    for name, value in given.items():
        if name not in known:
            raise unknown(f"recipe {recipe}", name, known)
        ruled = rules and known[name].rule is not None
        values[name] = "auto" if ruled and value == "auto" else _checked(recipe, known, name, value)
    return values


def _checked(recipe: str, known: Mapping[str, HyperParameter], name: str, value: Any) -> Any:
    wanted = known[name]
    try:
        return check_value(wanted.kind, value, name)
    except ValueError:
        also = "" if wanted.rule is None else ", or auto on the command line"
        raise ValueError(
            f"{name} of recipe {recipe} must be {wanted.described}{also}, got {value!r}; the "
            f"default is {wanted.default}"
        ) from None


def unknown(owner: str, name: str, known: Iterable[str]) -> ValueError:
    """The error on a name that is no hyper-parameter of `owner`, such as "recipe ring"."""
    from jaxgan.checks import closest

    names = list(known)
    return ValueError(
        f"{owner} has no hyper-parameter {name!r}.{closest(name, names)} It has "
        f"{', '.join(names) or 'none: write the GAN in Python, and use jaxgan.fit'}"
    )


def resolved(
    known: Mapping[str, HyperParameter], given: Given, shape: tuple[int, ...], batch_size: int
) -> Given:
    """Given values, with that of its rule in place of each "auto"."""
    values: Given = {}
    for name, value in given.items():
        rule = known[name].rule if name in known else None
        if not isinstance(value, str):
            values[name] = value
        elif rule is not None:
            values[name] = rule.value(shape, batch_size)
    return values

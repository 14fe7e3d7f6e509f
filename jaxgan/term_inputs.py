"""How a penalty is attached to a GAN: its weight, what it looks at, what it remembers."""

import dataclasses
import functools
import inspect
import math
import numbers
from collections.abc import Callable
from typing import get_args

import jax

from jaxgan.checks import check_choice
from jaxgan.critics import own_gradient
from jaxgan.types import Array, Coupled, Penalty, PenaltyInputs, PyTree, Schedule


def penalty(
    function: Callable[..., Array],
    weight: float | Schedule | None = None,
    *,
    gamma: float | Schedule | None = None,
    name: str | None = None,
    init: Callable[[], PyTree] | None = None,
    update: Callable[[PenaltyInputs], PyTree] | None = None,
    coupled: Coupled = "refuse",
) -> Penalty:
    """A penalty of `jaxgan.regularizers`, or one of your own, with its weight in the loss.

    Args:
      function: gives a scalar; its parameters without a default, and any others so called, are
        filled by name from `PenaltyInputs` (key, critic, fake_critic, real, fake, condition,
        real_output, fake_output, real_logits, fake_logits, index, memory, axis_name, pack). A
        function of `fake` and not of `real`, such as `r2`, is given `fake_critic` as its critic.
        Set its options with `functools.partial`.
      weight: factor in the loss, or a schedule of it, see `jaxgan.schedules`.
      gamma: given instead of weight, the factor is gamma / 2, as papers on R1 count; or a schedule.
      name: of the metric `penalty_<name>`, the unweighted value; the function's if not given.
      init: makes what the penalty remembers at first, if it asks for `memory`.
      update: gives what it remembers next.
      coupled: what a gradient penalty does with a discriminator whose samples see each other, as
        with batch norm: "refuse" it, take the "own_gradient" of each logit, or "allow" the gradient
        of the summed logits; see `jaxgan.types.Penalty`.
    Raises:
      ValueError: if not exactly one of weight and gamma is given, a parameter or coupled is
        unknown, or the function asks for a memory that nothing makes (for `lecam` use
        `lecam_penalty`).

    >>> from jaxgan.regularizers import r1
    >>> penalty(r1, gamma=10.0).weight
    5.0
    """
    if (weight is None) == (gamma is None):
        raise ValueError(f"give either weight or gamma, got weight={weight}, gamma={gamma}")
    _check_factor(weight=weight, gamma=gamma)
    factor = weight if gamma is None else _halved(gamma)
    assert factor is not None  # by the check
    check_choice(coupled=(coupled, get_args(Coupled)))
    parameters = inspect.signature(function).parameters.values()
    fields = [field.name for field in dataclasses.fields(PenaltyInputs)]
    set_already = function.keywords if isinstance(function, functools.partial) else {}
    known = [p.name for p in parameters if p.name in fields and p.name not in set_already]
    unknown = [p.name for p in parameters if p.name not in known and p.default is p.empty]
    if unknown:
        raise ValueError(f"penalty functions take {fields}, this asks for {unknown}")
    if "memory" in known and (init is None or update is None):
        raise ValueError("this penalty remembers: give init and update, or use lecam_penalty")
    if name is None:
        plain = function.func if isinstance(function, functools.partial) else function
        name = getattr(plain, "__name__", "penalty")

    # What looks at generated samples alone looks at them as the loss does.
    of_fake = "fake" in known and "real" not in known

    def value(inputs: PenaltyInputs) -> Array:
        critic = inputs.fake_critic if of_fake else inputs.critic
        fake_critic = inputs.fake_critic
        if coupled == "own_gradient":
            critic = own_gradient(critic, inputs.pack, inputs.axis_name)
            fake_critic = own_gradient(fake_critic, inputs.pack, inputs.axis_name)
        inputs = dataclasses.replace(inputs, critic=critic, fake_critic=fake_critic)
        return function(**{field: getattr(inputs, field) for field in known})

    return Penalty(name, value, factor, init, update, coupled)


def _check_factor(**factors: float | Schedule | None):
    for name, factor in factors.items():
        if factor is None or callable(factor) or isinstance(factor, jax.core.Tracer):
            continue
        if not isinstance(factor, numbers.Real | jax.Array) or not math.isfinite(factor):
            raise ValueError(f"{name} must be a finite number or a schedule, got {factor!r}")
        if name == "gamma" and factor < 0:
            raise ValueError(
                f"gamma must not be negative, got {factor}: the penalty is added to the loss"
            )


def _halved(gamma: float | Schedule) -> float | Schedule:
    return (lambda step: gamma(step) / 2) if callable(gamma) else gamma / 2

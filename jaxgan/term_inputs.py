"""How a function becomes a term of a player's loss: its parameter names say what it is given."""

import dataclasses
import functools
import inspect
import math
import numbers
from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgan.checks import check_positive, closest
from jaxgan.critics import Critic, mean_over_patches, own_gradient
from jaxgan.types import (
    Array,
    Coupled,
    DiscriminatorOutput,
    Params,
    Player,
    PyTree,
    Schedule,
    Term,
)


@dataclasses.dataclass(frozen=True)
class TermInputs:
    """Everything that a term of either player's loss may ask for, by the name of a parameter.

    What neither a loss nor a term asks for is not computed. Under `pmap`, arrays [batch, ...] hold
    the samples on this device, except where the global batch is named.

    Attributes:
      key: a PRNG key of this term's own.
      step: number of generator updates so far, int32 scalar.
      index: indices int32 [batch] of the samples in the global batch.
      axis_name: the mapped device axis, or None.
      pack: number of samples per logit.
      real: real samples [batch, ...], as the discriminator is shown them, see `GAN.real`.
      fake: generated samples [batch, ...]; in the generator's loss differentiable with respect to
        its parameters.
      condition: of the real and of the generated samples, or None.
      latents: from which `fake` was generated.
      drawn_latents: the latents before `GAN.latent_step`, else the same.
      real_output: the `DiscriminatorOutput` on `real`.
      fake_output: the `DiscriminatorOutput` on `fake`.
      real_logits: of the global batch.
      fake_logits: of the global batch.
      discriminate: `(x, condition=None) -> DiscriminatorOutput`, the present discriminator, with
        the dropout and augmentation that the loss drew for the real samples. If a term asks for
        `fake` but not for `real`, it is `fake_discriminate` instead. If condition is None, the
        batch's is used. x has at most as many samples as the batch.
      fake_discriminate: the same, with the dropout and augmentation of the generated samples.
      critic: `x -> logits [batch / pack]`, the mean logit of `discriminate` over patches.
      fake_critic: the mean logit of `fake_discriminate` over patches.
      generate: `(latents, condition=None) -> samples` of the present generator.
      params: both players' parameters; those of the other player are constants in a loss.
      state: what the term itself keeps, see `TermState`.
      coupled: the term's, see `jaxgan.types.Term`; not an input of functions.
    """

    key: Array
    step: Array
    index: Array
    axis_name: str | None
    pack: int
    real: PyTree
    fake: PyTree
    condition: PyTree
    latents: PyTree
    drawn_latents: PyTree
    real_output: DiscriminatorOutput
    fake_output: DiscriminatorOutput
    real_logits: Array
    fake_logits: Array
    discriminate: Callable[..., DiscriminatorOutput]
    fake_discriminate: Callable[..., DiscriminatorOutput]
    generate: Callable[..., PyTree]
    params: Params
    state: PyTree = None
    coupled: Coupled = "refuse"

    @property
    def critic(self) -> Critic:
        """The mean logit of `discriminate`."""
        return self._critic(self.discriminate)

    @property
    def fake_critic(self) -> Critic:
        """The mean logit of `fake_discriminate`."""
        return self._critic(self.fake_discriminate)

    def _critic(self, discriminate: Callable[..., DiscriminatorOutput]) -> Critic:
        def critic(x: PyTree) -> Array:
            return mean_over_patches(discriminate(x).logits)

        if self.coupled == "own_gradient":
            return own_gradient(critic, self.pack, self.axis_name)
        return critic


NAMES = (
    *(field.name for field in dataclasses.fields(TermInputs) if field.name != "coupled"),
    *("critic", "fake_critic"),
)
"""What a term may ask for."""


class TermState(NamedTuple):
    """What a term keeps from one update to the next.

    Attributes:
      init: returns the first state, a pytree of arrays.
      update: returns the next state; its parameter names say what it is given, as a term's do.
    """

    init: Callable[[], PyTree]
    update: Callable[..., PyTree]


def penalty(
    function: Callable[..., Array],
    weight: float | Schedule | None = None,
    *,
    gamma: float | Schedule | None = None,
    every: int = 1,
    state: TermState | None = None,
    name: str | None = None,
) -> Term:
    """A term of the discriminator's loss, from `jaxgan.regularizers` or of your own.

    Args:
      function: returns a scalar. Its parameters without a default, and any others with a name of
        `TermInputs`, are filled by name.
      weight: factor in the loss, or a schedule of it, see `jaxgan.schedules`.
      gamma: may be given instead of the weight, which is then gamma / 2, the convention of the
        papers on R1.
      every: compute the term in every n-th update of the discriminator, with n times the weight
        (lazy regularization). In the updates between, the metric repeats the last value.
      state: first state and its update, for a function with a parameter `state`.
      name: of the metric `penalty_NAME`, the unweighted value; by default the function's name.
    Raises:
      ValueError: if not exactly one of weight and gamma is given, every is not positive, or a
        parameter is unknown.
    Source: lazy regularization, Karras et al. 2020, section 3.1, https://arxiv.org/abs/1912.04958

    >>> from jaxgan.regularizers import r1
    >>> penalty(r1, gamma=10.0, every=16).weight
    5.0
    """
    if (weight is None) == (gamma is None):
        raise ValueError(
            f"give either weight or gamma, got weight={weight}, gamma={gamma}: penalty(r1, 5.0) "
            "and penalty(r1, gamma=10.0) are the same"
        )
    check_factor(weight=weight, gamma=gamma)
    factor = weight if gamma is None else _halved(gamma)
    assert factor is not None  # by the check
    return _term("discriminator", function, factor, every, state, name)


def generator_term(
    function: Callable[..., Array],
    weight: float | Schedule,
    *,
    every: int = 1,
    state: TermState | None = None,
    name: str | None = None,
) -> Term:
    """A term of the generator's loss, from `jaxgan.terms` or of your own.

    Args:
      function: as for `penalty`.
      weight: factor in the loss, or a schedule of it.
      every: compute the term in every n-th update of the generator, with n times the weight.
      state: first state and its update, for a function with a parameter `state`.
      name: of the metric `term_NAME`, the unweighted value; by default the function's name.
    Raises:
      ValueError: if the weight is not finite, every is not positive, or a parameter is unknown.

    >>> from jaxgan.terms import mean_absolute_error
    >>> generator_term(mean_absolute_error, 100.0, name="l1").name
    'l1'
    """
    check_factor(weight=weight)
    return _term("generator", function, weight, every, state, name)


def _term(
    player: Player,
    function: Callable[..., Array],
    weight: float | Schedule,
    every: int,
    state: TermState | None,
    name: str | None,
) -> Term:
    check_positive(every=every)
    asks_for_state, value = _filled_by_name(function)
    if asks_for_state and state is None:
        raise ValueError(
            f"{_name(function)} is stateful: pass state=TermState(init, update), or for lecam use "
            "jaxgan.regularizers.lecam_penalty"
        )
    init = None if state is None else state.init
    update = None if state is None else _filled_by_name(state.update)[1]
    return Term(name or _name(function), player, value, weight, every, init, update)


def _filled_by_name(function: Callable) -> tuple[bool, Callable[[TermInputs], PyTree]]:
    """Whether a function asks for `state`, and the function of `TermInputs` that it becomes.

    Raises:
      ValueError: if a parameter without a default is not one of `NAMES`.
    """
    if not callable(function):
        raise ValueError(
            f"a term needs a function, got {function!r}: pass one of jaxgan.regularizers or "
            "jaxgan.terms, such as regularizers.r1"
        )
    parameters = inspect.signature(function).parameters.values()
    set_already = function.keywords if isinstance(function, functools.partial) else {}
    known = [p.name for p in parameters if p.name in NAMES and p.name not in set_already]
    unknown = [p.name for p in parameters if p.name not in known and p.default is p.empty]
    if unknown:
        raise ValueError(
            f"{_name(function)} has a parameter {unknown[0]!r}, which no term is given."
            f"{closest(unknown[0], NAMES)} A term's parameters may be {', '.join(NAMES)}"
        )
    # A term of generated samples alone sees them as the loss does.
    of_fake = "fake" in known and "real" not in known

    def filled(inputs: TermInputs) -> PyTree:
        if of_fake:
            inputs = dataclasses.replace(inputs, discriminate=inputs.fake_discriminate)
        return function(**{name: getattr(inputs, name) for name in known})

    return "state" in known, filled


def _name(function: Callable) -> str:
    plain = function.func if isinstance(function, functools.partial) else function
    return getattr(plain, "__name__", "term")


def check_factor(**factors: float | Schedule | None):
    """Check the factors of a term, by name.

    Raises:
      ValueError: if one is neither a finite number nor a schedule nor None, or gamma is negative.
    """
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

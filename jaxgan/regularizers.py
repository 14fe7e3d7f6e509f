"""Penalties that keep a discriminator smooth: R1, R2, gradient penalties, consistency, LeCam.

A penalty is a plain function of a critic (a function from samples to logits [batch]) and samples;
`penalty` attaches it, with its weight, to a GAN. Every one is differentiable a second time, as
training needs. What is drawn depends on the key and on the global sample index only. For a packed
critic (`jaxgan.packed`), which returns one logit per `pack` neighbours, gradients are taken with
respect to a whole pack, and random numbers are drawn once per pack.

>>> import jax.numpy as jnp
>>> critic = lambda x: jnp.sum(x**2, axis=-1)  # gradient 2 x
>>> print(r1(critic, jnp.ones((4, 3))))  # |2 x|^2
12.0
"""

import dataclasses
import functools
import inspect
import math
import numbers
from collections.abc import Callable
from typing import NamedTuple, get_args

import jax
import jax.numpy as jnp

from jaxgan.checks import check_choice
from jaxgan.critics import Critic, critic_logits
from jaxgan.critics import own_gradient as own_gradient
from jaxgan.global_batch import mean_over_devices, sample_index, sample_keys
from jaxgan.transformations import weight_clipping as weight_clipping
from jaxgan.types import Array, Coupled, Penalty, PenaltyInputs, PyTree, Schedule

# --- Gradient penalties


def r1(critic: Critic, real: Array, *, pack: int = 1) -> Array:
    """Zero-centred gradient penalty on real data, E ||grad_x D(x)||^2.

    Args:
      critic: maps samples [batch, ...] to logits [batch / pack]; must treat samples independently,
        see `own_gradient` for critics that do not.
      real: real samples, float [batch, ...].
      pack: number of neighbouring samples per logit.
    Returns:
      float32 scalar, logits^2 per unit of x^2; multiply by gamma / 2.
    Raises:
      ValueError: if critic(real) is not floating or not of shape [batch / pack].
    Source: Mescheder et al. 2018, section 4.1, https://arxiv.org/abs/1801.04406
    """
    return jnp.mean(_squared_gradient_norms(critic, real, pack))


def r2(critic: Critic, fake: Array, *, pack: int = 1) -> Array:
    """Zero-centred gradient penalty on generated samples, E ||grad_x D(G(z))||^2.

    Args:
      critic: as in `r1`.
      fake: generated samples, float [batch, ...].
      pack: as in `r1`.
    Returns:
      float32 scalar, logits^2 per unit of x^2; multiply by gamma / 2.
    Raises:
      ValueError: if critic(fake) is not floating or not of shape [batch / pack].
    Source: Mescheder et al. 2018, section 4.1.
    """
    return jnp.mean(_squared_gradient_norms(critic, fake, pack))


def gradient_penalty(
    key: Array,
    critic: Critic,
    real: Array,
    fake: Array,
    *,
    target: float = 1.0,
    one_sided: bool = False,
    index: Array | None = None,
    pack: int = 1,
) -> Array:
    """Penalty of WGAN-GP on lines between real and fake, E (||grad_x D(x')|| - target)^2.

    x' = u x + (1 - u) G(z), one u ~ U(0, 1) a sample.

    Args:
      key: PRNG key of the mixing weights u.
      critic: as in `r1`.
      real: real samples, float [batch, ...].
      fake: generated samples of the same shape.
      target: gradient norm wanted, not negative.
      one_sided: penalise norms above the target only.
      index: global sample indices int [batch]; 0, 1, ... if not given.
      pack: as in `r1`.
    Returns:
      float32 scalar, (logits per unit of x)^2; multiply by lambda, 10 in the paper.
    Raises:
      ValueError: if the shapes of real and fake differ, critic(x') is not floating or not of shape
        [batch / pack], or the target is negative.
    Source: Gulrajani et al. 2017, equation 3, https://arxiv.org/abs/1704.00028; one-sided as in
      Petzka et al. 2018, https://arxiv.org/abs/1709.08894
    """
    if real.shape != fake.shape:
        raise ValueError(f"real and fake must have one shape, got {real.shape} and {fake.shape}")
    _check_not_negative(target=target)
    u = _one_per_logit(key, real, index, pack)
    x = (u * real + (1.0 - u) * fake).astype(real.dtype)
    return _norm_penalty(critic, x, pack, target, one_sided)


def dragan(
    key: Array,
    critic: Critic,
    real: Array,
    *,
    strength: float = 0.5,
    target: float = 1.0,
    index: Array | None = None,
    axis_name: str | None = None,
    pack: int = 1,
) -> Array:
    """Gradient penalty around the real data, E (||grad_x D(x')|| - target)^2.

    x' = x + a s std(x) n with n ~ U(0, 1) a value, a ~ U(0, 1) a sample, s the strength and
    std(x) over all values of the global batch, as in the authors' code.

    Args:
      key: PRNG key of n and a.
      critic: as in `r1`.
      real: real samples, float [batch, ...].
      strength: s, not negative.
      target: gradient norm wanted, not negative.
      index: global sample indices int [batch]; 0, 1, ... if not given.
      axis_name: mapped device axis over which the standard deviation is taken.
      pack: as in `r1`.
    Returns:
      float32 scalar, (logits per unit of x)^2; multiply by lambda.
    Raises:
      ValueError: if critic(x') is not floating or not of shape [batch / pack], or strength or
        target is negative.
    Source: Kodali et al. 2017, algorithm 1, https://arxiv.org/abs/1705.07215
    """
    _check_not_negative(strength=strength, target=target)
    noise_key, mix_key = jax.random.split(key)
    mean = mean_over_devices(jnp.mean(real), axis_name)
    deviation = jnp.sqrt(mean_over_devices(jnp.mean((real - mean) ** 2), axis_name))
    noise = jax.vmap(lambda k: jax.random.uniform(k, real.shape[1:], jnp.float32))(
        sample_keys(noise_key, _index_of(real, index))
    )
    a = _one_per_logit(mix_key, real, index, pack)
    x = real + a * strength * deviation * noise
    return _norm_penalty(critic, x.astype(real.dtype), pack, target, one_sided=False)


def _norm_penalty(critic: Critic, x: Array, pack: int, target: float, one_sided: bool) -> Array:
    squared = _squared_gradient_norms(critic, x, pack)
    # The square root has an infinite slope at 0, and infinity times zero is NaN.
    positive = squared > 0
    norm = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)
    excess = norm - target
    return jnp.mean((jax.nn.relu(excess) if one_sided else excess) ** 2)


def _squared_gradient_norms(critic: Critic, x: Array, pack: int) -> Array:
    """||grad_x D(x)||^2 per logit, by one gradient of the summed logits: samples are independent.

    Where a logit is that of a pack of neighbours, so is the gradient.
    """

    def summed(x):
        logits = critic_logits(critic, x, pack)
        return jnp.sum(logits.astype(jnp.float32)), logits

    gradient, logits = jax.grad(summed, has_aux=True)(x)
    return jnp.sum(gradient.astype(jnp.float32).reshape(len(logits), -1) ** 2, axis=1)


def _check_not_negative(**numbers: float):
    for name, number in numbers.items():
        if number < 0:
            raise ValueError(f"{name} must not be negative, got {number}")


def _index_of(x: Array, index: Array | None) -> Array:
    return sample_index(len(x)) if index is None else index


def _one_per_logit(key: Array, x: Array, index: Array | None, pack: int) -> Array:
    """U(0, 1) [batch, 1, ...]: one number per sample or pack, by the global index of its first."""
    keys = sample_keys(key, _index_of(x, index)[::pack])
    draws = jax.vmap(lambda key: jax.random.uniform(key, dtype=jnp.float32))(keys)
    return jnp.repeat(draws, pack).reshape(-1, *[1] * (x.ndim - 1))


# --- Consistency


def consistency(
    key: Array,
    critic: Critic,
    real: Array,
    *,
    transform: Callable[[Array, Array], Array],
    index: Array | None = None,
    pack: int = 1,
) -> Array:
    """Squared change of the logits under a change that keeps meaning, E (D(x) - D(T(x)))^2.

    Args:
      key: PRNG key of T.
      critic: as in `r1`.
      real: real samples, float [batch, ...].
      transform: T, from keys [batch], one a sample, and samples to samples of the same shape, for
        instance of `jaxgan.augment`; in the paper mirroring and shifts of images. For samples in
        another range than [-1, 1] it is `augment.in_range(transform, model_range)`.
      index: global sample indices int [batch]; 0, 1, ... if not given.
      pack: as in `r1`.
    Returns:
      float32 scalar, logits^2; multiply by lambda, 10 in the paper.
    Raises:
      ValueError: if transform(keys, x) is not of the shape of x, or critic(x) not floating or not
        of shape [batch / pack].
    Source: Zhang et al. 2020, equation 3, https://arxiv.org/abs/1910.12027
    """
    changed = transform(sample_keys(key, _index_of(real, index)), real)
    if changed.shape != real.shape:
        raise ValueError(f"transform must keep the shape {real.shape}, got {changed.shape}")
    both = [critic_logits(critic, x, pack).astype(jnp.float32) for x in (real, changed)]
    return _mean_square(both[0] - both[1])


def balanced_consistency(
    key: Array,
    critic: Critic,
    real: Array,
    fake: Array,
    *,
    transform: Callable[[Array, Array], Array],
    index: Array | None = None,
    pack: int = 1,
) -> Array:
    """`consistency` of real samples plus that of generated ones, with changes of their own.

    Source: Zhao et al. 2020, section 2.1, https://arxiv.org/abs/2002.04724 (lambda 10 for both)
    """
    real_key, fake_key = jax.random.split(key)
    of_one = functools.partial(
        consistency, critic=critic, transform=transform, index=index, pack=pack
    )
    return of_one(real_key, real=real) + of_one(fake_key, real=fake)


# --- LeCam


class LecamAverages(NamedTuple):
    """Running averages of the mean logits on real and on generated samples, float32 scalars."""

    real: Array
    fake: Array


def lecam(real_logits: Array, fake_logits: Array, memory: LecamAverages) -> Array:
    """Squared distance of each side's logits from the other side's running average.

    E (D(x) - a_F)^2 + E (D(G(z)) - a_R)^2

    Args:
      real_logits: logits on real samples.
      fake_logits: logits on generated samples.
      memory: the averages a_R and a_F, constants here.
    Returns:
      float32 scalar, logits^2; multiply by lambda.
    Source: Tseng et al. 2021, equation 5, https://arxiv.org/abs/2104.03310
    """
    memory = jax.lax.stop_gradient(memory)
    to_fake = _mean_square(real_logits.astype(jnp.float32) - memory.fake)
    to_real = _mean_square(fake_logits.astype(jnp.float32) - memory.real)
    return to_fake + to_real


def _mean_square(x: Array) -> Array:
    # Beyond 1e18 squares and their sum would leave float32.
    return jnp.sum(jnp.clip(x, -1e18, 1e18) ** 2 / x.size)


def lecam_penalty(weight: float | Schedule, decay: float = 0.99) -> Penalty:
    """The `lecam` penalty with the averages it remembers, which start at 0.

    Args:
      weight: lambda, 0.001 to 0.5 in the paper; or a schedule of it.
      decay: of the running averages, in [0, 1).
    Raises:
      ValueError: if decay is out of range.
    """
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay must lie in [0, 1), got {decay}")

    def update(inputs: PenaltyInputs) -> LecamAverages:
        logits = (inputs.real_logits, inputs.fake_logits)
        means = LecamAverages(*(jnp.mean(side.astype(jnp.float32)) for side in logits))
        means = jax.lax.stop_gradient(means)
        return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, inputs.memory, means)

    def init() -> LecamAverages:
        return LecamAverages(*jnp.zeros(2, jnp.float32))

    return penalty(lecam, weight, init=init, update=update)


# --- Attaching a penalty to a GAN


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
    """A penalty of this module, or one of your own, with its weight in the discriminator's loss.

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

"""Penalties that keep a discriminator smooth: R1, R2, gradient penalties, consistency, LeCam.

A penalty is a plain function of a critic (a function from samples to logits [batch]) and samples;
`penalty` attaches it, with its weight, to a GAN. Every one is differentiable a second time, as
training needs. What is drawn depends on the key and on the global sample index only. Of a critic
that judges packs of m neighbours, and gives logits [batch / m], it is the penalty on packs: on the
gradient by a whole pack, with one number drawn for each.

>>> import jax.numpy as jnp
>>> critic = lambda x: jnp.sum(x**2, axis=-1)  # gradient 2 x
>>> print(r1(critic, jnp.ones((4, 3))))  # |2 x|^2
12.0
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.global_batch import mean_over_devices, sample_index, sample_keys
from jaxgan.transformations import weight_clipping as weight_clipping
from jaxgan.types import Array, Penalty, PenaltyInputs, PyTree, Schedule

Critic = Callable[[Array], Array]


# --- Gradient penalties


def r1(critic: Critic, real: Array) -> Array:
    """Zero-centred gradient penalty on real data, E ||grad_x D(x)||^2.

    Args:
      critic: maps samples [batch, ...] to logits [batch]; must treat samples independently.
      real: real samples, float [batch, ...].
    Returns:
      float32 scalar, logits^2 per unit of x^2; multiply by gamma / 2.
    Raises:
      ValueError: if critic(real) is not of shape [batch].
    Source: Mescheder et al. 2018, section 4.1, https://arxiv.org/abs/1801.04406
    """
    return jnp.mean(_squared_gradient_norms(critic, real))


def r2(critic: Critic, fake: Array) -> Array:
    """Zero-centred gradient penalty on generated samples, E ||grad_x D(G(z))||^2.

    Args:
      critic: as in `r1`.
      fake: generated samples, float [batch, ...].
    Returns:
      float32 scalar, logits^2 per unit of x^2; multiply by gamma / 2.
    Raises:
      ValueError: if critic(fake) is not of shape [batch].
    Source: Mescheder et al. 2018, section 4.1.
    """
    return jnp.mean(_squared_gradient_norms(critic, fake))


def gradient_penalty(
    key: Array,
    critic: Critic,
    real: Array,
    fake: Array,
    *,
    target: float = 1.0,
    one_sided: bool = False,
    index: Array | None = None,
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
    Returns:
      float32 scalar, (logits per unit of x)^2; multiply by lambda, 10 in the paper.
    Raises:
      ValueError: if the shapes of real and fake differ, critic(x') is not of shape [batch], or
        the target is negative.
    Source: Gulrajani et al. 2017, equation 3, https://arxiv.org/abs/1704.00028; one-sided as in
      Petzka et al. 2018, https://arxiv.org/abs/1709.08894
    """
    if real.shape != fake.shape:
        raise ValueError(f"real and fake must have one shape, got {real.shape} and {fake.shape}")
    _check_not_negative(target=target)
    u = _one_a_logit(key, critic, real, index)
    x = (u * real + (1.0 - u) * fake).astype(real.dtype)
    return _norm_penalty(critic, x, target, one_sided)


def dragan(
    key: Array,
    critic: Critic,
    real: Array,
    *,
    strength: float = 0.5,
    target: float = 1.0,
    index: Array | None = None,
    axis_name: str | None = None,
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
      axis_name: mapped device axis over which the deviation is taken.
    Returns:
      float32 scalar, (logits per unit of x)^2; multiply by lambda.
    Raises:
      ValueError: if critic(x') is not of shape [batch], or strength or target is negative.
    Source: Kodali et al. 2017, algorithm 1, https://arxiv.org/abs/1705.07215
    """
    _check_not_negative(strength=strength, target=target)
    noise_key, mix_key = jax.random.split(key)
    mean = mean_over_devices(jnp.mean(real), axis_name)
    deviation = jnp.sqrt(mean_over_devices(jnp.mean((real - mean) ** 2), axis_name))
    noise = jax.vmap(lambda k: jax.random.uniform(k, real.shape[1:]))(
        sample_keys(noise_key, _index_of(real, index))
    )
    a = _one_a_logit(mix_key, critic, real, index)
    x = real + a * strength * deviation * noise
    return _norm_penalty(critic, x.astype(real.dtype), target, one_sided=False)


def _norm_penalty(critic: Critic, x: Array, target: float, one_sided: bool) -> Array:
    squared = _squared_gradient_norms(critic, x)
    # The square root has an infinite slope at 0, and infinity times zero is NaN.
    positive = squared > 0
    norm = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)
    excess = norm - target
    return jnp.mean((jax.nn.relu(excess) if one_sided else excess) ** 2)


def _squared_gradient_norms(critic: Critic, x: Array) -> Array:
    """||grad_x D(x)||^2, one a logit; one gradient of the summed logits, since samples are apart.

    Where a logit is that of a pack of neighbours, so is the gradient.
    """

    def summed(x):
        logits = _logits(critic, x)
        return jnp.sum(logits.astype(jnp.float32)), logits

    gradient, logits = jax.grad(summed, has_aux=True)(x)
    return jnp.sum(gradient.astype(jnp.float32).reshape(len(logits), -1) ** 2, axis=1)


def _logits(critic: Critic, x: Array) -> Array:
    logits = critic(x)
    if logits.ndim != 1 or not len(logits) or len(x) % len(logits):
        raise ValueError(f"critic must give logits of shape {x.shape[:1]}, got {logits.shape}")
    return logits


def _check_not_negative(**numbers: float):
    for name, number in numbers.items():
        if number < 0:
            raise ValueError(f"{name} must not be negative, got {number}")


def _index_of(x: Array, index: Array | None) -> Array:
    return sample_index(len(x)) if index is None else index


def _one_a_logit(key: Array, critic: Critic, x: Array, index: Array | None) -> Array:
    """U(0, 1) [batch, 1, ...]: one number a sample or pack, by the global index of the (first)."""
    logits = jax.eval_shape(lambda x: _logits(critic, x), x)
    size = len(x) // len(logits)
    draws = jax.vmap(jax.random.uniform)(sample_keys(key, _index_of(x, index)[::size]))
    return jnp.repeat(draws, size).reshape(-1, *[1] * (x.ndim - 1))


# --- Consistency


def consistency(
    key: Array,
    critic: Critic,
    real: Array,
    *,
    transform: Callable[[Array, Array], Array],
    index: Array | None = None,
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
    Returns:
      float32 scalar, logits^2; multiply by lambda, 10 in the paper.
    Raises:
      ValueError: if transform(keys, x) is not of the shape of x, or critic(x) not of [batch].
    Source: Zhang et al. 2020, equation 3, https://arxiv.org/abs/1910.12027
    """
    changed = transform(sample_keys(key, _index_of(real, index)), real)
    if changed.shape != real.shape:
        raise ValueError(f"transform must keep the shape {real.shape}, got {changed.shape}")
    both = [_logits(critic, x).astype(jnp.float32) for x in (real, changed)]
    return _mean_square(both[0] - both[1])


def balanced_consistency(
    key: Array,
    critic: Critic,
    real: Array,
    fake: Array,
    *,
    transform: Callable[[Array, Array], Array],
    index: Array | None = None,
) -> Array:
    """`consistency` of real samples plus that of generated ones, with changes of their own.

    Source: Zhao et al. 2020, section 2.1, https://arxiv.org/abs/2002.04724 (lambda 10 for both)
    """
    real_key, fake_key = jax.random.split(key)
    of_real = consistency(real_key, critic, real, transform=transform, index=index)
    return of_real + consistency(fake_key, critic, fake, transform=transform, index=index)


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
        return LecamAverages(jnp.zeros(()), jnp.zeros(()))

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
) -> Penalty:
    """A penalty of this module, or one of your own, with its weight in the discriminator's loss.

    Args:
      function: gives a scalar; its parameters without a default, and any others so called, are
        filled by name from `PenaltyInputs` (key, critic, fake_critic, real, fake, condition,
        real_output, fake_output, real_logits, fake_logits, index, memory, axis_name). A function
        of `fake` and not of `real`, such as `r2`, is given `fake_critic` as its critic. Set its
        options with `functools.partial`.
      weight: factor in the loss, or a schedule of it, see `jaxgan.schedules`.
      gamma: given instead of weight, the factor is gamma / 2, as papers on R1 count; or a schedule.
      name: of the metric `penalty_<name>`, the unweighted value; the function's if not given.
      init: makes what the penalty remembers at first, if it asks for `memory`.
      update: gives what it remembers next.
    Raises:
      ValueError: if not exactly one of weight and gamma is given, a parameter is unknown, or the
        function asks for a memory that nothing makes (for `lecam` use `lecam_penalty`).

    >>> penalty(r1, gamma=10.0).weight
    5.0
    """
    if weight is not None and gamma is None:
        factor = weight
    elif gamma is not None and weight is None:
        factor = _halved(gamma)
    else:
        raise ValueError(f"give either weight or gamma, got weight={weight}, gamma={gamma}")
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
        if of_fake:
            inputs = dataclasses.replace(inputs, critic=inputs.fake_critic)
        return function(**{field: getattr(inputs, field) for field in known})

    return Penalty(name, value, factor, init, update)


def _halved(gamma: float | Schedule) -> float | Schedule:
    return (lambda step: gamma(step) / 2) if callable(gamma) else gamma / 2

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

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.critics import Critic, critic_logits
from jaxgan.critics import own_gradient as own_gradient
from jaxgan.parallel.global_batch import mean_over_devices, sample_index, sample_keys
from jaxgan.term_inputs import penalty as penalty
from jaxgan.transformations import weight_clipping as weight_clipping
from jaxgan.types import Array, Penalty, PenaltyInputs, Schedule

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

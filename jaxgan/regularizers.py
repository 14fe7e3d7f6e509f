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

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.critics import Critic, critic_logits
from jaxgan.parallel.global_batch import mean_over_devices, sample_index, sample_keys
from jaxgan.term_inputs import TermState, penalty
from jaxgan.types import Array, Schedule, Term

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
    index: Array | None = None,
    pack: int = 1,
) -> Array:
    """Penalty of WGAN-GP on lines between real and fake, E (||grad_x D(x')|| - 1)^2.

    x' = u x + (1 - u) G(z), with one u ~ U(0, 1) per sample. See `make_gradient_penalty` for other
    targets than 1.

    Args:
      key: PRNG key of the mixing weights u.
      critic: as in `r1`.
      real: real samples, float [batch, ...].
      fake: generated samples of the same shape.
      index: global sample indices int [batch]; 0, 1, ... by default.
      pack: number of neighbouring samples per logit.
    Returns:
      float32 scalar, (logits per unit of x)^2; multiply by lambda, 10 in the paper.
    Raises:
      ValueError: if the shapes of real and fake differ, or critic(x') is not floating or not of
        shape [batch / pack].
    Source: Gulrajani et al. 2017, equation 3, https://arxiv.org/abs/1704.00028
    """
    return make_gradient_penalty()(key, critic, real, fake, index, pack)


def make_gradient_penalty(target: float = 1.0, one_sided: bool = False) -> Callable[..., Array]:
    """`gradient_penalty` with another target, E (||grad_x D(x')|| - target)^2.

    Args:
      target: the gradient norm wanted, not negative.
      one_sided: penalize norms above the target only, E max(0, ||grad_x D(x')|| - target)^2.
    Returns:
      A function with the arguments of `gradient_penalty`, to be attached like it:
      `penalty(make_gradient_penalty(one_sided=True), 10.0)`.
    Raises:
      ValueError: if the target is negative.
    Source: one-sided as in Petzka et al. 2018, https://arxiv.org/abs/1709.08894
    """
    _check_not_negative(target=target)

    def gradient_penalty(
        key: Array,
        critic: Critic,
        real: Array,
        fake: Array,
        index: Array | None = None,
        pack: int = 1,
    ) -> Array:
        if real.shape != fake.shape:
            raise ValueError(
                f"real and fake must have the same shape, got {real.shape} and {fake.shape}"
            )
        u = _one_per_logit(key, real, index, pack)
        x = (u * real + (1.0 - u) * fake).astype(real.dtype)
        return _norm_penalty(critic, x, pack, target, one_sided)

    return gradient_penalty


def dragan(
    key: Array,
    critic: Critic,
    real: Array,
    index: Array | None = None,
    axis_name: str | None = None,
    pack: int = 1,
) -> Array:
    """Gradient penalty around the real data, E (||grad_x D(x')|| - 1)^2.

    x' = x + a std(x) n / 2, with n ~ U(0, 1) per value and a ~ U(0, 1) per sample; std(x) is taken
    over all values of the global batch, as in the authors' code. See `make_dragan` for another
    strength than 1/2, or another target than 1.

    Args:
      key: PRNG key of n and a.
      critic: as in `r1`.
      real: real samples, float [batch, ...].
      index: global sample indices int [batch]; 0, 1, ... by default.
      axis_name: mapped device axis over which the standard deviation is taken.
      pack: number of neighbouring samples per logit.
    Returns:
      float32 scalar, (logits per unit of x)^2; multiply by lambda.
    Raises:
      ValueError: if critic(x') is not floating or not of shape [batch / pack].
    Source: Kodali et al. 2017, algorithm 1, https://arxiv.org/abs/1705.07215
    """
    return make_dragan()(key, critic, real, index, axis_name, pack)


def make_dragan(strength: float = 0.5, target: float = 1.0) -> Callable[..., Array]:
    """`dragan` with x' = x + a s std(x) n, and E (||grad_x D(x')|| - target)^2.

    Args:
      strength: s, not negative.
      target: the gradient norm wanted, not negative.
    Returns:
      A function with the arguments of `dragan`.
    Raises:
      ValueError: if strength or target is negative.
    """
    _check_not_negative(strength=strength, target=target)

    def dragan(
        key: Array,
        critic: Critic,
        real: Array,
        index: Array | None = None,
        axis_name: str | None = None,
        pack: int = 1,
    ) -> Array:
        noise_key, mix_key = jax.random.split(key)
        mean = mean_over_devices(jnp.mean(real), axis_name)
        std = jnp.sqrt(mean_over_devices(jnp.mean((real - mean) ** 2), axis_name))
        noise = jax.vmap(lambda k: jax.random.uniform(k, real.shape[1:], jnp.float32))(
            sample_keys(noise_key, _index_of(real, index))
        )
        a = _one_per_logit(mix_key, real, index, pack)
        x = real + a * strength * std * noise
        return _norm_penalty(critic, x.astype(real.dtype), pack, target, one_sided=False)

    return dragan


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


def make_consistency(transform: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Squared change of the logits under a change that keeps meaning, E (D(x) - D(T(x)))^2.

    Args:
      transform: T, from keys [batch], one per sample, and samples to samples of the same shape, for
        instance one of `jaxgan.augment`; in the paper mirroring and shifts of images. For samples
        in another range than [-1, 1] pass `augment.in_range(transform, model_range)`.
    Returns:
      A function of (key, critic, real, index=None, pack=1), which are as in `gradient_penalty`. It
      returns a float32 scalar, logits^2; multiply by lambda, 10 in the paper. It raises a
      ValueError if T changes the shape, or critic(x) is not floating or not of shape
      [batch / pack].
    Source: Zhang et al. 2020, equation 3, https://arxiv.org/abs/1910.12027
    """

    def consistency(
        key: Array, critic: Critic, real: Array, index: Array | None = None, pack: int = 1
    ) -> Array:
        changed = transform(sample_keys(key, _index_of(real, index)), real)
        if changed.shape != real.shape:
            raise ValueError(f"transform must keep the shape {real.shape}, got {changed.shape}")
        both = [critic_logits(critic, x, pack).astype(jnp.float32) for x in (real, changed)]
        return _mean_square(both[0] - both[1])

    return consistency


def make_balanced_consistency(transform: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Consistency of real samples plus that of generated ones, each with changes of its own.

    Args:
      transform: as for `make_consistency`.
    Returns:
      A function of (key, critic, real, fake, index=None, pack=1).
    Source: Zhao et al. 2020, section 2.1, https://arxiv.org/abs/2002.04724 (lambda 10 for both)
    """
    consistency = make_consistency(transform)

    def balanced_consistency(
        key: Array,
        critic: Critic,
        real: Array,
        fake: Array,
        index: Array | None = None,
        pack: int = 1,
    ) -> Array:
        real_key, fake_key = jax.random.split(key)
        of_real = consistency(real_key, critic, real, index, pack)
        return of_real + consistency(fake_key, critic, fake, index, pack)

    return balanced_consistency


# --- LeCam


class LecamAverages(NamedTuple):
    """Running averages of the mean logits on real and on generated samples, float32 scalars."""

    real: Array
    fake: Array


def lecam(real_logits: Array, fake_logits: Array, state: LecamAverages) -> Array:
    """Squared distance of each side's logits from the other side's running average.

    E (D(x) - a_F)^2 + E (D(G(z)) - a_R)^2

    Args:
      real_logits: logits on real samples.
      fake_logits: logits on generated samples.
      state: the averages a_R and a_F, constants here.
    Returns:
      float32 scalar, logits^2; multiply by lambda.
    Source: Tseng et al. 2021, equation 5, https://arxiv.org/abs/2104.03310
    """
    averages = jax.lax.stop_gradient(state)
    to_fake = _mean_square(real_logits.astype(jnp.float32) - averages.fake)
    to_real = _mean_square(fake_logits.astype(jnp.float32) - averages.real)
    return to_fake + to_real


def _mean_square(x: Array) -> Array:
    # Beyond 1e18 squares and their sum would leave float32.
    return jnp.sum(jnp.clip(x, -1e18, 1e18) ** 2 / x.size)


def lecam_penalty(weight: float | Schedule, decay: float = 0.99) -> Term:
    """The `lecam` penalty with its running averages, which start at 0.

    Args:
      weight: lambda, 0.001 to 0.5 in the paper; or a schedule of it.
      decay: of the running averages, in [0, 1).
    Raises:
      ValueError: if decay is out of range.
    """
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay must lie in [0, 1), got {decay}")

    def update(state: LecamAverages, real_logits: Array, fake_logits: Array) -> LecamAverages:
        logits = (real_logits, fake_logits)
        means = LecamAverages(*(jnp.mean(side.astype(jnp.float32)) for side in logits))
        means = jax.lax.stop_gradient(means)
        return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, state, means)

    def init() -> LecamAverages:
        return LecamAverages(*jnp.zeros(2, jnp.float32))

    return penalty(lecam, weight, state=TermState(init, update))

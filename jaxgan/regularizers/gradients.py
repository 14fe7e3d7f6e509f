"""Gradient penalties: R1, R2, those of WGAN-GP and DRAGAN.

>>> import jax.numpy as jnp
>>> critic = lambda x: jnp.sum(x**2, axis=-1)  # gradient 2 x
>>> print(r1(critic, jnp.ones((4, 3))))  # |2 x|^2
12.0
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.checks import check_one_array
from jaxgan.critics import Critic, critic_logits
from jaxgan.parallel.global_batch import mean_over_devices, sample_keys
from jaxgan.regularizers.draws import index_of, one_per_logit, per_sample
from jaxgan.types import Array, PyTree


def r1(critic: Critic, real: PyTree, *, pack: int = 1) -> Array:
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


def r2(critic: Critic, fake: PyTree, *, pack: int = 1) -> Array:
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


def r1_gamma(shape: Sequence[int], batch_size: int) -> float:
    """A first guess for the gamma of R1 on images, the heuristic of StyleGAN2-ADA.

    gamma = 0.0002 height width / batch size

    It is meant for images in [-1, 1], with StyleGAN2's networks and adaptive augmentation. On small
    images without augmentation it is too weak, see `.docs/hyper-parameters.md`.

    Args:
      shape: of one image, (height, width, channels).
      batch_size: of all devices together.
    Raises:
      ValueError: if shape is not that of an image.
    Source: Karras et al. 2020, https://arxiv.org/abs/2006.06676, and train.py of
      https://github.com/NVlabs/stylegan2-ada-pytorch

    >>> r1_gamma((256, 256, 3), 64)
    0.2048
    """
    if len(shape) != 3:
        raise ValueError(f"r1_gamma is for images [height, width, channels], got shape {shape}")
    return 0.0002 * (shape[0] * shape[1]) / batch_size


def gradient_penalty(
    key: Array,
    critic: Critic,
    real: PyTree,
    fake: PyTree,
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
        real: PyTree,
        fake: PyTree,
        index: Array | None = None,
        pack: int = 1,
    ) -> Array:
        shapes = [jax.tree.map(jnp.shape, tree) for tree in (real, fake)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"real and fake must have the same shape, got {shapes[0]} and {shapes[1]}"
            )
        numbers = one_per_logit(key, real, index, pack)

        def mixed(real: Array, fake: Array) -> Array:
            u = per_sample(numbers, real)
            return (u * real + (1.0 - u) * fake).astype(real.dtype)

        x = jax.tree.map(mixed, real, fake)
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
        check_one_array("dragan", real)
        noise_key, mix_key = jax.random.split(key)
        mean = mean_over_devices(jnp.mean(real), axis_name)
        std = jnp.sqrt(mean_over_devices(jnp.mean((real - mean) ** 2), axis_name))
        noise = jax.vmap(lambda k: jax.random.uniform(k, real.shape[1:], jnp.float32))(
            sample_keys(noise_key, index_of(real, index))
        )
        a = per_sample(one_per_logit(mix_key, real, index, pack), real)
        x = real + a * strength * std * noise
        return _norm_penalty(critic, x.astype(real.dtype), pack, target, one_sided=False)

    return dragan


def _norm_penalty(critic: Critic, x: PyTree, pack: int, target: float, one_sided: bool) -> Array:
    squared = _squared_gradient_norms(critic, x, pack)
    # The square root has an infinite slope at 0, and infinity times zero is NaN.
    positive = squared > 0
    norm = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)
    excess = norm - target
    return jnp.mean((jax.nn.relu(excess) if one_sided else excess) ** 2)


def _squared_gradient_norms(critic: Critic, x: PyTree, pack: int) -> Array:
    """||grad_x D(x)||^2 per logit, by one gradient of the summed logits: samples are independent.

    Where a logit is that of a pack of neighbours, so is the gradient.
    """

    def summed(x):
        logits = critic_logits(critic, x, pack)
        return jnp.sum(logits.astype(jnp.float32)), logits

    gradients, logits = jax.grad(summed, has_aux=True)(x)
    squares = [
        jnp.sum(gradient.astype(jnp.float32).reshape(len(logits), -1) ** 2, axis=1)
        for gradient in jax.tree.leaves(gradients)
    ]
    return functools.reduce(jnp.add, squares)


def _check_not_negative(**numbers: float):
    for name, number in numbers.items():
        if number < 0:
            raise ValueError(f"{name} must not be negative, got {number}")

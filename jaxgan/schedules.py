"""Schedules: functions from the number of updates made so far to a value.

Penalty weights and the EMA decay accept a schedule, which is called with `GANState.step`. Optax's
optimizers accept one too, but count their own updates: a discriminator with `n_critic` updates per
round reaches the end of its schedule `n_critic` times as early.

To schedule Adam's b2 as well as its learning rate, use
`optax.inject_hyperparams(optax.adam)(learning_rate, b1=0.0, b2=schedule)`.

>>> gamma = cosine(2.0, 0.2, 1000)
>>> [round(float(gamma(step)), 2) for step in (0, 500, 1000, 2000)]
[2.0, 1.1, 0.2, 0.2]
"""

import jax.numpy as jnp

from jaxgan.types import Array, Schedule


def value_at(value: float | Schedule, step: Array) -> Array | float:
    """The value of a schedule at a step; a number is returned as it is."""
    return value(step) if callable(value) else value


def cosine(start: float, end: float, steps: int) -> Schedule:
    """Cosine schedule from one value to another, constant afterwards.

    v(t) = start cos^2(pi t / 2) + end sin^2(pi t / 2),  t = min(step / steps, 1)

    R3GAN uses it for everything that changes during its burn-in. Its CIFAR-10 preset, with batch
    size 512 and a burn-in of 39,063 steps, schedules the learning rate (2e-4 to 5e-5), Adam's b2
    (0.9 to 0.99), the gamma of R1 and R2 (0.05 to 0.005; 2 to 0.2 for faces of 64 pixels) and the
    half-life of the EMA, see `half_life_decay`.

    Args:
      start: value at step 0; unlike in optax's cosine schedule, it may be 0.
      end: value from step `steps` on; unlike in optax's, it may be larger than `start`.
      steps: length of the schedule, positive.
    Returns:
      A schedule, `step -> float32 scalar`.
    Raises:
      ValueError: if steps is not positive.
    Source: Huang et al. 2024, https://arxiv.org/abs/2501.05441, and its code's training loop,
      https://github.com/brownvc/R3GAN
    """
    if not steps > 0:
        raise ValueError(f"steps must be positive, got {steps}")

    def schedule(step: Array | int) -> Array:
        t = jnp.minimum(jnp.asarray(step, jnp.float32) / steps, 1.0)
        # This form has no cancellation, so the small early values of a growing schedule are exact.
        return start * jnp.cos(jnp.pi / 2 * t) ** 2 + end * jnp.sin(jnp.pi / 2 * t) ** 2

    return schedule


def half_life_decay(half_life: float | Schedule) -> Schedule:
    """The EMA decay with a given half-life, 2^(-1 / half_life).

    Args:
      half_life: number of updates after which the weight of a past value has halved; not negative,
        or a schedule. At 0 the average equals the newest value. In R3GAN it grows by `cosine` from
        0 to 1/4 (CIFAR-10) or 1/40 (faces) of the burn-in.
    Returns:
      A schedule for `GAN.ema_decay`.
    Raises:
      ValueError: if half_life is a negative number.
    Source: the training loop of https://github.com/brownvc/R3GAN

    >>> print(half_life_decay(10.0)(0) ** 10)
    0.5
    """
    if not callable(half_life) and not half_life >= 0:
        raise ValueError(f"half_life must not be negative, got {half_life}")

    def schedule(step: Array | int) -> Array:
        # decay = 2^(-1 / h). For h < 0.01 it is 0 to float32 precision; the bound avoids 1 / 0.
        updates = jnp.maximum(jnp.asarray(value_at(half_life, jnp.asarray(step))), 0.01)
        return jnp.exp2(-1.0 / updates)

    return schedule

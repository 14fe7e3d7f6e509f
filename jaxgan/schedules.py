"""Numbers that change in training: plain functions of the count of updates made so far.

Penalty weights and the decay of the generator's average take one, called with `GANState.step`;
so do optax's optimizers, which count their own updates: a discriminator with `n_critic` turns a
round comes to the end of its schedule that much earlier.

Adam's b2 follows a schedule in `optax.inject_hyperparams(optax.adam)(rate, b1=0.0, b2=schedule)`.

>>> gamma = cosine(2.0, 0.2, 1000)
>>> [round(float(gamma(step)), 2) for step in (0, 500, 1000, 2000)]
[2.0, 1.1, 0.2, 0.2]
"""

import jax.numpy as jnp

from jaxgan.types import Array, Schedule


def value_at(value: float | Schedule, step: Array) -> Array | float:
    """A schedule's value at a step; a number is what it is at any step."""
    return value(step) if callable(value) else value


def cosine(start: float, end: float, steps: int) -> Schedule:
    """Half a cosine wave from a value to another, which then stays.

    v(t) = start cos^2(pi t / 2) + end sin^2(pi t / 2),  t = min(step / steps, 1)

    R3GAN takes it through a burn-in for everything: its CIFAR-10 preset, with batches of 512 and a
    burn-in of 39,063 steps, for the rate (2e-4 to 5e-5), Adam's b2 (.9 to .99), the gamma of R1
    and R2 (.05 to .005; 2 to .2 for faces of 64 pixels) and, see `half_life_decay`, the average.

    Args:
      start: value at step 0.
      end: value from step `steps` on; unlike optax's, it may be the larger, and start may be 0.
      steps: length, positive.
    Raises:
      ValueError: if steps is not positive.
    Source: Huang et al. 2024, https://arxiv.org/abs/2501.05441, and its code's training loop,
      https://github.com/brownvc/R3GAN
    """
    if not steps > 0:
        raise ValueError(f"steps must be positive, got {steps}")

    def schedule(step: Array | int) -> Array:
        t = jnp.minimum(jnp.asarray(step, jnp.float32) / steps, 1.0)
        # Nothing cancels in this form: early values of a growing schedule have all their digits.
        return start * jnp.cos(jnp.pi / 2 * t) ** 2 + end * jnp.sin(jnp.pi / 2 * t) ** 2

    return schedule


def half_life_decay(half_life: float | Schedule) -> Schedule:
    """The decay of an average that forgets half of the past in so many updates, 2^(-1 / half_life).

    Args:
      half_life: in updates, not negative, or a schedule of it; at 0 nothing is remembered. R3GAN's
        grows by `cosine` from 0 to a quarter of the burn-in (CIFAR-10), or a fortieth (faces).
    Raises:
      ValueError: if a half-life that is a number is negative.
    Source: the training loop of https://github.com/brownvc/R3GAN

    >>> print(half_life_decay(10.0)(0) ** 10)
    0.5
    """
    if not callable(half_life) and not half_life >= 0:
        raise ValueError(f"half_life must not be negative, got {half_life}")

    def schedule(step: Array | int) -> Array:
        # Half-lives below a hundredth all forget everything in one update, to float32.
        updates = jnp.maximum(jnp.asarray(value_at(half_life, jnp.asarray(step))), 0.01)
        return jnp.exp2(-1.0 / updates)

    return schedule

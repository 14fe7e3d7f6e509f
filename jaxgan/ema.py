"""Exponential moving average (EMA) of the generator, used for sampling and evaluation."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.types import Array, PyTree, Schedule


def ema_warmup(decay: float, step: Array) -> Array:
    """The decay with warm-up: min(decay, (1 + step) / (10 + step)).

    Early in training the EMA then spans about the last 10% of the updates, instead of keeping the
    initial parameters for 1 / (1 - decay) updates.

    Args:
      decay: final decay, in [0, 1).
      step: number of updates made before this one, int scalar.
    Returns:
      float32 scalar in [0, decay].

    >>> [round(float(ema_warmup(0.999, step)), 3) for step in (0, 90, 100_000)]
    [0.1, 0.91, 0.999]
    """
    step = jnp.asarray(step, jnp.float32)
    return jnp.minimum(decay, (1.0 + step) / (10.0 + step))


def decay_at(decay: float | Schedule, step: Array) -> Array:
    """The decay at update `step`: the value of a schedule, or a number with `ema_warmup`."""
    return decay(step) if callable(decay) else ema_warmup(decay, step)


def start_average(tree: PyTree) -> PyTree:
    """The initial EMA of a tree: a copy, with floating leaves in float32 or wider.

    In bfloat16 an average with a decay near 1 would never change.
    """

    def leaf(x):
        kind = jnp.result_type(x)
        if jnp.issubdtype(kind, jnp.floating):
            kind = jnp.promote_types(kind, jnp.float32)
        # A copy, since two references to one buffer cannot both be donated.
        return jnp.array(x, kind, copy=True)

    return jax.tree.map(leaf, tree)


def moving_average(average: PyTree, new: PyTree, decay: Array | float) -> PyTree:
    """Update the EMA: decay * average + (1 - decay) * new on floating leaves.

    Other leaves, such as counters, are taken from `new`.

    Args:
      average: the EMA so far.
      new: a tree of the same structure.
      decay: in [0, 1].
    Returns:
      A tree with the dtypes of `average`.
    """

    def leaf(average, new):
        if not jnp.issubdtype(jnp.result_type(new), jnp.floating):
            return new
        # average + (1 - decay) (new - average): equal values stay equal bit for bit. In float32,
        # since small changes would be lost in bfloat16.
        old, new = jnp.asarray(average, jnp.float32), jnp.asarray(new, jnp.float32)
        return (old + (1.0 - decay) * (new - old)).astype(jnp.result_type(average))

    return jax.tree.map(leaf, average, new)


# --- Power-function averages, which can be reconstructed after training


def power_exponent(sigma_rel: float) -> float:
    """The exponent gamma of an average whose relative width is sigma_rel.

    sigma_rel = ((gamma + 1) / ((gamma + 2)^2 (gamma + 3)))^(1/2)

    Args:
      sigma_rel: standard deviation of the weights over time, as a fraction of the training so far;
        in (0, 0.2886], such as 0.05 or 0.10.
    Returns:
      gamma, not negative; 0 weighs all updates alike.
    Raises:
      ValueError: if sigma_rel is not in that range.
    Source: Karras et al. 2024 (EDM2), section 3 and algorithm 2, https://arxiv.org/abs/2312.02696

    >>> round(power_exponent(0.10), 2), round(power_exponent(0.05), 2)
    (6.94, 16.97)
    """
    if not 0 < sigma_rel <= 12**-0.5:
        raise ValueError(
            f"sigma_rel must be above 0 and at most 12^-1/2 = 0.2886 (an equal mean of all "
            f"updates), got {sigma_rel}"
        )
    # With t = sigma_rel^-2: gamma^3 + 7 gamma^2 + (16 - t) gamma + 12 - t = 0
    t = float(sigma_rel) ** -2
    return max(0.0, float(np.roots([1.0, 7.0, 16.0 - t, 12.0 - t]).real.max()))


def power_decay(sigma_rel: float) -> Schedule:
    """The decay of an average whose width is always the same fraction of the training so far.

    decay_t = (1 - 1 / t)^(gamma + 1), where t counts the updates with this one

    The average then weighs update s by about s^gamma. The initial parameters have no weight.

    Args:
      sigma_rel: see `power_exponent`.
    Returns:
      A schedule for `GAN.ema_decay`.
    Raises:
      ValueError: if sigma_rel is out of range.
    Source: Karras et al. 2024 (EDM2), equation 127, https://arxiv.org/abs/2312.02696

    >>> [round(float(power_decay(0.10)(step)), 3) for step in (0, 1, 99)]
    [0.0, 0.004, 0.923]
    """
    exponent = power_exponent(sigma_rel) + 1.0

    def decay(step: Array) -> Array:
        t = jnp.asarray(step, jnp.float32) + 1.0
        # log1p keeps the digits of a decay near 1; t is bounded since 1 - 1 / t is 0 at first.
        later = jnp.exp(exponent * jnp.log1p(-1.0 / jnp.maximum(t, 2.0)))
        return jnp.where(t > 1.0, later, 0.0)

    return decay


class Profile(NamedTuple):
    """The place and the width of a power-function average in a training run.

    Attributes:
      step: number of updates when it was stored.
      sigma_rel: its relative width, see `power_exponent`.
    """

    step: float
    sigma_rel: float


def reconstruction_weights(stored: Sequence[Profile], wanted: Profile) -> np.ndarray:
    """Weights of stored averages whose sum is closest to a wanted average.

    Profile p(s) = (gamma + 1) / t (s / t)^gamma for s <= t, and 0 after t.  The weights w minimise
    integral (sum_i w_i p_i - p)^2 ds:
    A w = b,  A_ij = integral p_i p_j ds,  b_i = integral p_i p ds

    Args:
      stored: profiles of the stored averages, no two the same.
      wanted: profile of the wanted one, at a step not after the last of the stored ones.
    Returns:
      float64 [len(stored)], which sum to 1 and may be negative.
    Raises:
      ValueError: if there are no stored profiles, two are the same, a number is out of range, or
        the wanted step comes after all stored ones.
    Source: Karras et al. 2024 (EDM2), algorithm 3, https://arxiv.org/abs/2312.02696
    """
    if not stored or len(set(stored)) < len(stored):
        raise ValueError(f"stored must be different profiles, at least one, got {list(stored)}")
    if min(profile.step for profile in (*stored, wanted)) <= 0:
        raise ValueError("the steps of profiles must be positive")
    if wanted.step > max(profile.step for profile in stored):
        raise ValueError(
            f"the wanted average at step {wanted.step} comes after all stored ones: ask for one at "
            f"step {max(profile.step for profile in stored)} or before"
        )
    products = np.array([[_inner_product(p, q) for q in (*stored, wanted)] for p in stored])
    weights = np.linalg.solve(products[:, :-1], products[:, -1])
    return weights / weights.sum()


def reconstruct(averages: Sequence[PyTree], stored: Sequence[Profile], wanted: Profile) -> PyTree:
    """A power-function average that was not computed in training, from some that were.

    The authors keep averages of two widths, 0.05 and 0.10, at several steps. A GAN has one, the EMA
    generator, with `ema_decay=power_decay(0.05)`; a second one is a `moving_average` of the
    generator with a decay of its own. From snapshots of width 0.05 alone, at equal distances, an
    average of width 0.10 has weights that are off by 14% in total (20 snapshots) or 7% (40).

    Args:
      averages: trees of the same structure, one per stored profile.
      stored: their profiles.
      wanted: the profile of the result.
    Returns:
      The weighted sum, with the dtypes of the last tree; leaves that are not floats are its own.
    Raises:
      ValueError: if there is not one tree per profile, or see `reconstruction_weights`.
    Source: Karras et al. 2024 (EDM2), section 3.2, https://arxiv.org/abs/2312.02696
    """
    if len(averages) != len(stored):
        raise ValueError(f"got {len(averages)} averages for {len(stored)} stored profiles")
    weights = reconstruction_weights(stored, wanted)

    def leaf(*values):
        kind = jnp.result_type(values[-1])
        if not jnp.issubdtype(kind, jnp.floating):
            return values[-1]
        # In float64, since weights of different signs nearly cancel.
        parts = (w * np.asarray(x, np.float64) for w, x in zip(weights, values, strict=True))
        return jnp.asarray(sum(parts), kind)

    return jax.tree.map(leaf, *averages)


def _inner_product(p: Profile, q: Profile) -> float:
    # For t_p <= t_q:  integral = (gamma_p + 1) (gamma_q + 1) / (gamma_p + gamma_q + 1)
    #                             (t_p / t_q)^gamma_q / t_q
    first, last = sorted((p, q), key=lambda profile: profile.step)
    a, b = power_exponent(first.sigma_rel), power_exponent(last.sigma_rel)
    ratio = first.step / last.step
    return (a + 1) * (b + 1) / (a + b + 1) * ratio**b / last.step

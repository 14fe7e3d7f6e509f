"""Exponential moving average (EMA) of the generator, used for sampling and evaluation."""

import jax
import jax.numpy as jnp

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

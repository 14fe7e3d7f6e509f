"""Exponential moving average of the generator: what is sampled, evaluated and kept."""

import jax
import jax.numpy as jnp

from jaxgan.types import Array, PyTree, Schedule


def ema_warmup(decay: float, step: Array) -> Array:
    """The decay used at update `step`: min(decay, (1 + step) / (10 + step)).

    Early on the average then spans about the last tenth of training, instead of remembering the
    initial parameters for 1 / (1 - decay) updates.

    Args:
      decay: wanted in the long run, in [0, 1).
      step: updates made before this one, int scalar.
    Returns:
      float32 scalar in [0, decay].

    >>> [round(float(ema_warmup(0.999, step)), 3) for step in (0, 90, 100_000)]
    [0.1, 0.91, 0.999]
    """
    step = jnp.asarray(step, jnp.float32)
    return jnp.minimum(decay, (1.0 + step) / (10.0 + step))


def decay_at(decay: float | Schedule, step: Array) -> Array:
    """The decay used at update `step`: a schedule's own, or a number's after its warm-up."""
    return decay(step) if callable(decay) else ema_warmup(decay, step)


def start_average(tree: PyTree) -> PyTree:
    """A copy of a tree to average from, floating leaves in float32 at least.

    In bfloat16 an average with a decay near 1 would never move.
    """

    def leaf(x):
        kind = jnp.result_type(x)
        if jnp.issubdtype(kind, jnp.floating):
            kind = jnp.promote_types(kind, jnp.float32)
        # Copied: two names for one buffer cannot both be donated.
        return jnp.array(x, kind, copy=True)

    return jax.tree.map(leaf, tree)


def moving_average(average: PyTree, new: PyTree, decay: Array | float) -> PyTree:
    """The average moved towards new: decay * average + (1 - decay) * new on floating leaves.

    Other leaves (counters, say) are the new ones.

    Args:
      average: the average so far.
      new: a tree of the same structure.
      decay: in [0, 1].
    """

    def leaf(average, new):
        if not jnp.issubdtype(jnp.result_type(new), jnp.floating):
            return new
        # In this form a value that stays keeps every bit; in float32, or small moves would vanish.
        old, new = jnp.asarray(average, jnp.float32), jnp.asarray(new, jnp.float32)
        return (old + (1.0 - decay) * (new - old)).astype(jnp.result_type(average))

    return jax.tree.map(leaf, average, new)

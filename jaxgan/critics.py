"""Critics, functions from samples to logits, as penalties differentiate them.

Gradient penalties take one gradient of the summed logits for the gradients of all logits. That is
right only where no logit depends on another sample.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import sample_index
from jaxgan.types import Array

Critic = Callable[[Array], Array]


def mean_over_patches(logits: Array) -> Array:
    """Logits [batch] of maps [batch, height, width], weighted as in the losses."""
    if logits.ndim == 1:
        return logits
    return jnp.mean(logits.astype(jnp.float32), axis=tuple(range(1, logits.ndim)))


def critic_logits(critic: Critic, x: Array, pack: int = 1) -> Array:
    """The logits [batch / pack] of a critic.

    Raises:
      ValueError: if they are not floating, or of another shape.
    """
    logits = critic(x)
    if logits.shape != (len(x) // pack,) or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"critic must return floating logits of shape ({len(x) // pack},), got {logits.dtype} "
            f"of shape {logits.shape}; for a critic that judges packs give pack, the samples per "
            "logit"
        )
    return logits


def own_gradient(critic: Critic, pack: int = 1, axis_name: str | None = None) -> Critic:
    """A critic of the same values, in which each logit has a gradient by its own sample alone.

    With batch norm and other layers that look across samples, the gradient of the summed logits
    mixes the gradients of all logits. Here each logit comes from a pass in which all other samples
    are constants, so one call costs as many passes as the global batch has logits.

    Args:
      critic: maps samples [batch, ...] to logits [batch / pack].
      pack: number of neighbouring samples per logit.
      axis_name: mapped device axis over which the critic looks across samples.
    Returns:
      A critic for `r1`, `r2`, `gradient_penalty` and `dragan`. To use it in training, attach the
      penalty with `penalty(r1, gamma=10.0)._replace(coupled="own_gradient")`.

    >>> from jaxgan.regularizers import r1
    >>> critic = lambda x: x[:, 0] - jnp.mean(x)  # the summed logits are constant
    >>> x = jnp.arange(4.0)[:, None]
    >>> print(r1(critic, x), r1(own_gradient(critic), x))
    0.0 0.5625
    """

    def apart(x: Array) -> Array:
        devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
        place = sample_index(len(x) // pack, axis_name)

        def one_logit(number: Array) -> Array:
            here = place == number
            live = jnp.repeat(here, pack).reshape(-1, *[1] * (x.ndim - 1))
            logits = critic_logits(critic, jnp.where(live, x, jax.lax.stop_gradient(x)), pack)
            return jnp.where(here, logits, 0)

        return jnp.sum(jax.lax.map(one_logit, jnp.arange(devices * len(place))), axis=0)

    return apart

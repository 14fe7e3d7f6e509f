"""Critics: functions from samples to logits, which gradient penalties differentiate.

A gradient penalty uses the gradient of the summed logits as the gradient of each logit. That is
correct only if no logit depends on another sample.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parallel.global_batch import num_samples, sample_index
from jaxgan.types import Array, PyTree

Critic = Callable[[PyTree], Array]


def mean_over_patches(logits: Array) -> Array:
    """Logits [batch] of maps [batch, height, width], weighted as in the losses."""
    if logits.ndim == 1:
        return logits
    return jnp.mean(logits.astype(jnp.float32), axis=tuple(range(1, logits.ndim)))


def critic_logits(critic: Critic, x: PyTree, pack: int = 1) -> Array:
    """The logits [batch / pack] of a critic, checked.

    Raises:
      ValueError: if they are not floating-point or have another shape.
    """
    logits, count = critic(x), num_samples(x) // pack
    if logits.shape != (count,) or not jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"critic must return floating logits of shape ({count},), got {logits.dtype} of shape "
            f"{logits.shape}; for a packed critic pass pack=, the number of samples per logit"
        )
    return logits


def own_gradient(critic: Critic, pack: int = 1, axis_name: str | None = None) -> Critic:
    """A critic with the same values whose logits each depend on their own sample alone.

    With batch norm and other layers that look across samples, the gradient of the summed logits
    mixes the gradients of all logits. Here each logit is computed in its own forward pass, which
    treats all other samples as constants. One call therefore costs one pass per logit of the
    global batch.

    Args:
      critic: maps samples [batch, ...] to logits [batch / pack].
      pack: number of neighbouring samples per logit.
      axis_name: mapped device axis, if the critic looks across the samples of all devices.
    Returns:
      A critic for `r1`, `r2`, `gradient_penalty` and `dragan`. To use it in training, attach the
      penalty with `penalty(r1, gamma=10.0)._replace(coupled="own_gradient")`.

    >>> from jaxgan.regularizers import r1
    >>> critic = lambda x: x[:, 0] - jnp.mean(x)  # the summed logits are constant
    >>> x = jnp.arange(4.0)[:, None]
    >>> print(r1(critic, x), r1(own_gradient(critic), x))
    0.0 0.5625
    """

    def separated(x: PyTree) -> Array:
        devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
        index = sample_index(num_samples(x) // pack, axis_name)

        def one_logit(number: Array) -> Array:
            selected = index == number
            live = jnp.repeat(selected, pack)

            def alone(x: Array) -> Array:
                own = live.reshape(-1, *[1] * (x.ndim - 1))
                return jnp.where(own, x, jax.lax.stop_gradient(x))

            logits = critic_logits(critic, jax.tree.map(alone, x), pack)
            return jnp.where(selected, logits, 0)

        return jnp.sum(jax.lax.map(one_logit, jnp.arange(devices * len(index))), axis=0)

    return separated

"""Standing statistics: the batch statistics of many batches of samples of the final weights."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.caching import cached
from jaxgan.checks import check_key, check_positive
from jaxgan.parallel.global_batch import num_samples, sample_index
from jaxgan.standing import batch_statistics
from jaxgan.training.sampling import rows_from
from jaxgan.types import GAN, Array, PlayerState, PyTree, Weights

BATCH_SIZE = 64


def standing_statistics(
    key: Array,
    gan: GAN,
    weights: Weights | PlayerState,
    batches: int = 16,
    condition: PyTree = None,
) -> Weights:
    """A generator's weights with batch norm statistics averaged over batches of its own samples.

    Running averages of training mix statistics of earlier weights. To sample a training state with
    standing statistics, pass on

        state._replace(ema=jaxgan.standing_statistics(key, gan, generator_weights(state)))

    with `generator_weights` of `jaxgan.players`.

    Args:
      key: PRNG key of the batches.
      gan: the GAN.
      weights: of the generator.
      batches: number of batches of 64 samples, 16 in the author's code.
      condition: of all these samples, [64 batches, ...], for a conditional GAN; the author draws
        labels uniformly.
    Returns:
      The weights, with the mean of the batches' means and that of their variances in the collection
      "batch_stats".
    Raises:
      ValueError: if key is no PRNG key, batches is not positive, the generator has no batch
        statistics, or there are not as many conditions as samples.
    Source: Brock et al. 2019 (BigGAN), appendix on sampling, https://arxiv.org/abs/1809.11096, and
      the author's code, https://github.com/ajbrock/BigGAN-PyTorch
    """
    check_key(key)
    check_positive(batches=batches)
    needed = BATCH_SIZE * batches
    if condition is not None and num_samples(condition) != needed:
        raise ValueError(
            f"condition must hold {needed} rows for {batches} batches of {BATCH_SIZE} samples, "
            f"got {num_samples(condition)}"
        )
    run, plain = _compiled(gan), Weights(weights.params, weights.model_state)
    states = [
        run(key, plain, first, rows_from(condition, first, BATCH_SIZE))
        for first in range(0, needed, BATCH_SIZE)
    ]

    def mean(old: Array, *each: Array) -> Array:
        floating = jnp.issubdtype(old.dtype, jnp.floating)
        return sum(each[1:], each[0]) / len(each) if floating else old

    return Weights(weights.params, jax.tree.map(mean, weights.model_state, *states))


@cached
def _compiled(gan: GAN) -> Callable[..., PyTree]:
    @jax.jit
    def run(key: Array, weights: Weights, first: int, condition: PyTree) -> PyTree:
        return batch_statistics(key, gan, weights, first + sample_index(BATCH_SIZE), condition)

    return run

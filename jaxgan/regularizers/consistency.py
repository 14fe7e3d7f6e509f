"""Consistency: penalties on how much logits change under semantics-preserving transformations."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.checks import check_one_array
from jaxgan.critics import Critic, critic_logits
from jaxgan.parallel.global_batch import sample_keys
from jaxgan.regularizers.draws import index_of
from jaxgan.regularizers.logits import mean_square
from jaxgan.types import Array


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
        check_one_array("consistency", real)
        changed = transform(sample_keys(key, index_of(real, index)), real)
        if changed.shape != real.shape:
            raise ValueError(f"transform must keep the shape {real.shape}, got {changed.shape}")
        both = [critic_logits(critic, x, pack).astype(jnp.float32) for x in (real, changed)]
        return mean_square(both[0] - both[1])

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

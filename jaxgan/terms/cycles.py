"""Cycles between two domains, and samples that a translation leaves as they are (CycleGAN)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.terms.latents import mean_distance
from jaxgan.types import Array, PyTree


def cycle_consistency(
    generate: Callable[[PyTree, PyTree], PyTree], latents: PyTree, fake: PyTree, condition: PyTree
) -> Array:
    """Mean absolute error after a cycle, |F(G(a)) - a| + |G(F(b)) - b|.

    For a generator that takes a pair (a, b) of samples as its condition and returns (F(b), G(a)),
    with `jaxgan.latents.none`: its own samples are then the condition of the way back.

    Args:
      generate: `(latents, condition) -> (F(b), G(a))`.
      latents: of the generated samples.
      fake: generated samples (F(b), G(a)).
      condition: (a, b).
    Returns:
      float32 scalar, the sum over both domains, each a mean over samples and values; multiply by
      lambda, 10 in the paper.
    Raises:
      ValueError: if the condition is not a pair.
    Source: Zhu et al. 2017, equation 2, https://arxiv.org/abs/1703.10593
    """
    _check_pair("cycle_consistency", condition)
    return _sum_of_distances(generate(latents, fake), condition)


def identity_mapping(
    generate: Callable[[PyTree, PyTree], PyTree], latents: PyTree, condition: PyTree
) -> Array:
    """Mean absolute change of samples of the domain translated to, |F(a) - a| + |G(b) - b|.

    It keeps colours, which the adversarial loss and the cycles alone let change. The generator is
    that of `cycle_consistency`; both domains have samples of one shape.

    Args:
      generate: `(latents, condition) -> (F(b), G(a))`.
      latents: of the generated samples.
      condition: (a, b).
    Returns:
      float32 scalar, the sum over both domains, each a mean over samples and values; multiply by
      lambda / 2, 5 in the paper.
    Raises:
      ValueError: if the condition is not a pair, or its two parts differ in shape.
    Source: Zhu et al. 2017, section 5.2, https://arxiv.org/abs/1703.10593
    """
    _check_pair("identity_mapping", condition)
    a, b = condition
    shapes = [jax.tree.map(jnp.shape, each) for each in condition]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"identity_mapping needs samples of one shape in both domains, got {shapes[0]} and "
            f"{shapes[1]}: leave the term out"
        )
    return _sum_of_distances(generate(latents, (b, a)), condition)


def _check_pair(term: str, condition: PyTree):
    if not isinstance(condition, tuple) or len(condition) != 2:
        raise ValueError(
            f"{term} needs the condition (a, b), one batch of each domain, got "
            f"{type(condition).__name__}"
        )


def _sum_of_distances(made: PyTree, wanted: PyTree) -> Array:
    errors = [mean_distance(x, y) for x, y in zip(made, wanted, strict=True)]
    return errors[0] + errors[1]

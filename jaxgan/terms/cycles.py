"""Cycles: samples of one domain that come back from the other (CycleGAN)."""

from collections.abc import Callable

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
    if not isinstance(condition, tuple) or len(condition) != 2:
        raise ValueError(
            "cycle_consistency needs the condition (a, b), one batch of each domain, got "
            f"{type(condition).__name__}"
        )
    back = generate(latents, fake)
    errors = [mean_distance(x, y) for x, y in zip(back, condition, strict=True)]
    return errors[0] + errors[1]

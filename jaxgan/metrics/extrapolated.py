"""The Fréchet distance extrapolated to infinitely many generated samples."""

import warnings

import jax
import numpy as np

from jaxgan.metrics.checks import Features, check_features
from jaxgan.metrics.frechet import frechet_distance_of
from jaxgan.metrics.statistics import moments
from jaxgan.types import Array


def frechet_distance_infinity(
    key: Array, real: Features, fake: Features, num_points: int = 15, fewest: int | None = None
) -> float:
    """The Fréchet distance of infinitely many generated samples, estimated by a line in 1 / N.

    With N samples, the distance is too large by about c / N. So it is computed for random subsets
    of several sizes, and a line through the values is continued to 1 / N = 0. The bias from the
    number of real samples remains. On Inception features, it is the published FID_infinity.

    Args:
      key: PRNG key for drawing the subsets.
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
      num_points: the number of subset sizes, evenly spaced up to all samples.
      fewest: the smallest size; by default 5,000 or a tenth of the samples, if that is less. With
        fewer samples than features the line does not fit.
    Returns:
      The distance in squared units of the features, in float64; by chance it may be negative.
    Raises:
      ValueError: if the sets differ in their number of features, have non-finite values or fewer
        than two samples, or fewest or num_points does not leave two sizes.
    Source: Chong & Forsyth 2020, section 4, https://arxiv.org/abs/1911.07023, with random subsets
      of the samples as in the authors' code, https://github.com/mchong6/FID_IS_infinity
    """
    check_features(real, fake)
    num = len(fake)
    least = max(2, min(5000, num // 10)) if fewest is None else fewest
    if num_points < 2 or not 2 <= least < num:
        raise ValueError(
            "two sizes are needed: num_points must be 2 or more, and fewest from 2 to less than "
            f"{num}, the generated samples, got {num_points} and {least}"
        )
    sizes = np.linspace(least, num, num_points).astype(int)
    whole, values = moments(real), []
    with warnings.catch_warnings():
        warnings.simplefilter("once")  # rather than for each size
        for subset_key, size in zip(jax.random.split(key, num_points), sizes, strict=True):
            rows = np.asarray(jax.random.permutation(subset_key, num))[:size]
            values.append(frechet_distance_of(whole, moments(np.asarray(fake)[rows])))
    # FD_N = FD_infinity + slope / N
    return float(np.polyfit(1.0 / sizes, values, 1)[1])

"""How realistic each single sample is, by the distances between features."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.checks import Features, check_features
from jaxgan.metrics.neighbours import largest_ratios, squared_radii


def realism(real: Features, fake: Features, k: int = 3) -> np.ndarray:
    """Realism score of each generated sample.

    R(g) = max over real r of |r - NN_k(r)| / |g - r|, where NN_k(r) is the k-th nearest neighbour
    of r among the real samples. As in the paper, the half of the real samples that lie farthest
    from their neighbours takes no part, since the ball around an outlier covers too much.

    Args:
      real: features of real samples [num, features], floats.
      fake: features of generated samples [num, features], floats.
      k: the neighbour to which a ball reaches.
    Returns:
      float64 [num]. A sample within one of the balls has 1 or more, and an exact copy of a real
      sample infinity.
    Raises:
      ValueError: if k is not positive, the sets differ in their number of features, or a set has
        non-finite values, or k real samples or fewer.
    Source: Kynkäänniemi et al. 2019, equation 3 and section 5, https://arxiv.org/abs/1904.06991

    >>> realism(np.array([[0.0], [1.0], [2.0], [9.0]]), np.array([[4.0]]), k=1).tolist()
    [0.5]
    """
    if k < 1:
        raise ValueError(f"k must be positive, got {k}")
    check_features(real, fake, fewest=1)
    if len(real) <= k:
        raise ValueError(f"real must have more than k = {k} samples, got {len(real)}")
    with jax.enable_x64(True):
        x, y = (jnp.asarray(each).astype(float) for each in (real, fake))
        mean = jnp.mean(x, axis=0)[None]  # squares of large numbers would hide distances
        x, y = x - mean, y - mean
        squared = squared_radii(x, k)
        kept = squared <= jnp.median(squared)
        return np.asarray(largest_ratios(y, x[kept], squared[kept]))
